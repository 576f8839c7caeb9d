"""What schemathesis cannot know: passwords that nobody guesses, so that its users are really created."""

import uuid

import schemathesis

STRONG = "violet lanterns drift over Trieste"


@schemathesis.hook
def map_body(context, body):
    """Gives most well-formed bodies a password and a name that the rules take; the rest goes as generated."""
    operation = context.operation.definition.raw.get("operationId")
    if operation != "create_user" or not isinstance(body, dict):
        return body
    names = ("userName", "firstName", "lastName")
    is_plain = set(body) == {*names, "password"} and all(isinstance(value, str) for value in body.values())
    if is_plain and len(body["password"]) >= 8 and all(1 <= len(body[name]) <= 255 for name in names):
        return {"userName": f"u{uuid.uuid4().hex[:12]}", "firstName": "Ada", "lastName": "Lovelace", "password": STRONG}
    return body
