"""A caller who does everything that there is to do, through the API of a deployed stack."""

import json
import re
import struct
import zlib

import smoke

PASSWORD, OTHER_PASSWORD = smoke.SECRETS[:2]
READY_HASH = "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4"
SCHEMA = smoke.ROOT / "src/doors/graphql/schema.graphql"


class Caller:
    """A caller who does everything there is to do."""

    def __init__(self, stack, keys):
        self.stack, self.keys, self.called, self.fields, self.events = stack, keys, set(), set(), []

    def call(self, operation, wanted, method, path, body=None, keys=True, **headers):
        """One operation, which must answer so."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.stack.call(method, path, body, headers, self.keys if keys is True else keys)
        self.called.add(operation)
        if answer.status != wanted:
            raise smoke.Failure(f"{operation}: {method} {path} answered {answer.status}, not {wanted}: {answer.body[:400]!r}")
        return answer

    def graphql(self, field, query, wanted=None, **variables):
        """One field of the schema, which must answer without an error, or with this one."""
        answer = self.call("graphql", 200, "POST", "/graphql", {"query": query, "variables": variables}).json()
        self.fields.add(field)
        errors = [error["extensions"]["code"] for error in answer.get("errors", [])]
        if errors != ([wanted] if wanted else []):
            raise smoke.Failure(f"GraphQL {field}: {json.dumps(answer)[:600]}")
        return (answer.get("data") or {}).get(field)

    def upload(self, asked, file):
        """Sends a file as told: by PUT, or as a form."""
        if asked["method"] == "PUT":
            return self.stack.cloud.send("PUT", asked["url"], file, asked["headers"])
        mark = "-----------------------------roster"
        lines = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in asked["fields"].items()]
        lines.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="me.png"\r\nContent-Type: image/png\r\n\r\n')
        body = "".join(lines).encode() + file + f"\r\n--{mark}--\r\n".encode()
        return self.stack.cloud.send("POST", asked["url"], body, {"content-type": f"multipart/form-data; boundary={mark}"})

    def judged(self, look):
        """What became of an upload, once Avatars has looked at it."""
        smoke.wait_until(lambda: look()["state"].lower() != "pending", "the judge of pictures", seconds=60)
        return look()

    def told(self, user, number, kind):
        self.events.append(f"{user}/{number}/{kind}")


def rest(caller):
    """Every operation of openapi.json, on users who are gone at the end but one."""
    for name, path in [("health_live", "/health/live"), ("health_ready", "/health/ready"), ("get_openapi", "/openapi.json"),
                       ("get_password_policy", "/password-policy"), ("get_problem", "/problems/validation")]:
        caller.call(name, 200, "GET", path, keys=None)
    ada = {"userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "password": PASSWORD}
    created = caller.call("create_user", 201, "POST", "/users", ada, idempotency_key="one")
    user = created.json()["id"]
    if caller.call("create_user", 201, "POST", "/users", ada, idempotency_key="one").json()["id"] != user:
        raise smoke.Failure("a repeated create made another user")
    caller.told(user, 1, "created")
    caller.call("create_user", 409, "POST", "/users", ada)
    brought = {"userName": "grace", "firstName": "Grace", "lastName": "Hopper", "passwordHash": READY_HASH}
    kept = caller.call("create_user", 201, "POST", "/users", brought).json()["id"]
    caller.told(kept, 1, "created")

    here = f"/users/{user}"
    tag = caller.call("get_user", 200, "GET", here).headers["etag"]
    caller.call("get_user", 304, "GET", here, if_none_match=tag)
    caller.call("get_user", 200, "HEAD", here)
    caller.call("replace_user", 200, "PUT", here, {"userName": "ada", "firstName": "Augusta", "lastName": "Lovelace"}, if_match=tag)
    caller.told(user, 2, "updated")
    caller.call("replace_user", 412, "PUT", here, {"userName": "ada", "firstName": "A", "lastName": "L"}, if_match=tag)
    caller.call("patch_user", 200, "PATCH", here, {"userName": "countess"}, content_type="application/merge-patch+json")
    caller.told(user, 3, "renamed")
    caller.call("patch_user", 200, "PATCH", here, [{"op": "replace", "path": "/lastName", "value": "King"}],
              content_type="application/json-patch+json")
    caller.told(user, 4, "updated")
    caller.call("patch_user", 409, "PATCH", here, {"userName": "grace"}, content_type="application/merge-patch+json")

    for query in ("", "?sort=lastName", "?filter=userName%20sw%20%22co%22&sort=-userName", "?count=estimate"):
        found = caller.call("list_users", 200, "GET", f"/users{query}").json()["users"]
        if user not in [one["id"] for one in found]:
            raise smoke.Failure(f"the list {query} lacks a user")

    caller.call("verify_password", 200, "POST", "/users/verify-password", {"userName": "countess", "password": PASSWORD})
    caller.call("verify_password", 401, "POST", "/users/verify-password", {"userName": "countess", "password": "not it at all"})
    caller.call("change_password", 204, "PUT", f"{here}/password", {"newPassword": OTHER_PASSWORD})
    caller.told(user, 1, "password-changed")
    caller.call("verify_password", 200, "POST", "/users/verify-password", {"userName": "countess", "password": OTHER_PASSWORD})

    file = picture()
    for version, method in ((5, "PUT"), (6, "POST")):
        asked = caller.call("request_avatar_upload", 201, "POST", f"{here}/avatar-uploads",
                          {"contentType": "image/png", "contentLength": len(file), "method": method}).json()
        refused = caller.upload(asked, file + b"more")
        if refused.status < 400:
            raise smoke.Failure(f"a longer file than announced was taken by {method}")
        sent = caller.upload(asked, file)
        if sent.status not in (200, 201, 204):
            raise smoke.Failure(f"the upload by {method} answered {sent.status}: {sent.body[:300]!r}")
        look = f"{here}/avatar-uploads/{asked['uploadId']}"
        state = caller.judged(lambda: caller.call("get_avatar_upload", 200, "GET", look).json())
        if state["state"] != "attached":
            raise smoke.Failure(f"the upload by {method} is {state}")
        caller.told(user, version, "avatar-changed")
        for size in (64, 128, 256, 512):
            link = caller.call("get_avatar", 307, "GET", f"{here}/avatar?size={size}").headers["location"]
            shown = caller.stack.cloud.send("GET", link)
            if (shown.status, shown.headers["content-type"], shown.body[8:12]) != (200, "image/webp", b"WEBP"):
                raise smoke.Failure(f"the picture is {shown.status} {shown.headers['content-type']} {shown.body[:200]!r}")
    junk = b"not a picture at all, whatever it says"
    asked = caller.call("request_avatar_upload", 201, "POST", f"{here}/avatar-uploads",
                      {"contentType": "image/png", "contentLength": len(junk)}).json()
    caller.upload(asked, junk)
    state = caller.judged(lambda: caller.call("get_avatar_upload", 200, "GET", f"{here}/avatar-uploads/{asked['uploadId']}").json())
    if state["state"] != "rejected":
        raise smoke.Failure(f"junk is {state}")
    caller.call("delete_avatar", 204, "DELETE", f"{here}/avatar")
    caller.told(user, 7, "avatar-changed")
    caller.call("get_avatar", 404, "GET", f"{here}/avatar")
    caller.call("delete_user", 204, "DELETE", here)
    caller.told(user, 7, "deleted")
    caller.call("get_user", 404, "GET", here)
    # In local mode alone.
    caller.call("get_events", 404, "GET", "/events")
    described = json.loads((smoke.ROOT / "openapi.json").read_text("utf-8"))["paths"].values()
    missing = {operation["operationId"] for methods in described for operation in methods.values()} - caller.called
    if missing:
        raise smoke.Failure(f"not called: {', '.join(sorted(missing))}")
    return kept


def graphql(caller):
    """Every field of the schema, on a user who is gone at the end."""
    user = caller.graphql("createUser", "mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } } }", i={
        "userName": "edsger", "firstName": "Edsger", "lastName": "Dijkstra", "password": PASSWORD})["user"]["id"]
    caller.told(user, 1, "created")
    caller.graphql("user", "query($u: ID!) { user(id: $u) { userName avatar(size: PX_64) } }", u=user)
    caller.graphql("users", 'query { users(filter: "userName sw \\"eds\\"", sort: USER_NAME_ASC) { nodes { id } } }')
    caller.graphql("allUsers", "query { allUsers(first: 5) { userName } }")
    caller.graphql("updateUser", 'mutation($u: ID!) { updateUser(id: $u, input: {userName: "dijkstra"}) { user { version } } }', u=user)
    caller.told(user, 2, "renamed")
    caller.graphql("changePassword", "mutation($u: ID!, $p: String!) { changePassword(id: $u, input: {newPassword: $p}) { id } }",
                 u=user, p=OTHER_PASSWORD)
    caller.told(user, 1, "password-changed")
    verify = "mutation($i: VerifyPasswordInput!) { verifyPassword(input: $i) { user { id } } }"
    caller.graphql("verifyPassword", verify, i={"userName": "dijkstra", "password": OTHER_PASSWORD})
    caller.graphql("verifyPassword", verify, "invalid-credentials", i={"userName": "dijkstra", "password": PASSWORD})
    # Both doors know the same passwords, and the same pepper.
    caller.call("verify_password", 200, "POST", "/users/verify-password", {"userName": "dijkstra", "password": OTHER_PASSWORD})
    caller.call("change_password", 204, "PUT", f"/users/{user}/password", {"newPassword": PASSWORD})
    caller.told(user, 2, "password-changed")
    caller.graphql("verifyPassword", verify, i={"userName": "dijkstra", "password": PASSWORD})

    file = picture()
    ask = """mutation($u: ID!, $i: RequestAvatarUploadInput!) { requestAvatarUpload(id: $u, input: $i) {
             upload { uploadId method url headers { name value } formFields { name value } } } }"""
    look = "query($u: ID!, $o: ID!) { avatarUpload(userId: $u, uploadId: $o) { state reason { code } } }"
    for version, method in ((3, "PUT"), (4, "POST")):
        asked = caller.graphql("requestAvatarUpload", ask, u=user, i={
            "contentType": "image/png", "contentLength": len(file), "method": method})["upload"]
        asked |= {"headers": pairs(asked["headers"]), "fields": pairs(asked["formFields"])}
        caller.upload(asked, file)
        state = caller.judged(lambda: caller.graphql("avatarUpload", look, u=user, o=asked["uploadId"]))
        if state["state"] != "ATTACHED":
            raise smoke.Failure(f"the upload by {method} is {state}")
        caller.told(user, version, "avatar-changed")
    caller.graphql("deleteAvatar", "mutation($u: ID!) { deleteAvatar(id: $u) { id } }", u=user)
    caller.told(user, 5, "avatar-changed")
    asked = caller.graphql("requestAvatarUpload", ask, u=user, i={"contentType": "image/png", "contentLength": len(file)})["upload"]
    caller.upload(asked | {"headers": pairs(asked["headers"])}, file)
    caller.judged(lambda: caller.graphql("avatarUpload", look, u=user, o=asked["uploadId"]))
    caller.told(user, 6, "avatar-changed")
    caller.graphql("deleteUser", "mutation($u: ID!) { deleteUser(id: $u) { id } }", u=user)
    caller.told(user, 6, "deleted")
    fields = {field for kind in ("Query", "Mutation") for field in fields_of(kind)}
    if fields != caller.fields:
        raise smoke.Failure(f"the schema and this run differ: {sorted(fields ^ caller.fields)}")


def pairs(list):
    return {pair["name"]: pair["value"] for pair in list or []}


def fields_of(kind):
    """The fields of a type in the schema."""
    body = re.search(rf"^type {kind} {{\n(.*?)^}}", SCHEMA.read_text("utf-8"), re.DOTALL | re.MULTILINE).group(1)
    return re.findall(r"^\t(\w+)[(:]", body, re.MULTILINE)


def picture():
    """A red square, as a PNG."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xc8\x1e\x1e" * 120) * 120
    header = struct.pack(">IIBBBBB", 120, 120, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
