"""What schemathesis cannot know: passwords that nobody guesses, so that its users are really created."""

import uuid

import schemathesis

STRONG = "violet lanterns drift over Trieste"
NAMES = {"userName", "firstName", "lastName"}


@schemathesis.hook
def map_body(context, body):
    """Gives bodies of the right shape a name and a password that the rules take; what is of the wrong shape goes as it is."""
    if context.operation.definition.raw.get("operationId") != "create_user" or not isinstance(body, dict):
        return body
    has_shape = NAMES <= set(body) <= {*NAMES, "password", "passwordHash"}
    if has_shape and all(isinstance(value, str) and 1 <= len(value) <= 255 for value in body.values()):
        return {"userName": f"u{uuid.uuid4().hex[:12]}", "firstName": "Ada", "lastName": "Lovelace", "password": STRONG}
    return body
