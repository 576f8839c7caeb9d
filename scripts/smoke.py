"""What the smoke runs share: servers that end with the run, and every event with what it must answer."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

# The user that every path in events/ names; a run puts the one in its place that create_user made.
EVENT_USER = "01980000-0000-7000-8000-000000000001"
# The same of an upload, and of what requestAvatarUpload made.
EVENT_UPLOAD = "01980000-0000-7000-8000-00000000000a"
# Nothing a server prints may hold these.
SECRETS = ["correct horse battery staple", "violet lanterns drift over Trieste", "$argon2"]

# In an order that works on one user. What only a signed-in caller may do is refused where nobody has signed in.
OPERATIONS = {
    "create_user": 201,
    "get_user": 200,
    "head_user": 200,
    "list_users": 200,
    "replace_user": 200,
    "patch_user": 200,
    "patch_user_json_patch": 200,
    "verify_password": 200,
    "change_password": 204,
    "get_password_policy": 200,
    "health_live": 200,
    "get_problem": 200,
    "get_openapi": 200,
    "delete_user": 204,
}
# The root fields of GraphQL, likewise; each answers 200 and no error.
FIELDS = [
    "createUser", "user", "users", "allUsers", "updateUser", "verifyPassword", "changePassword", "requestAvatarUpload",
    "avatarUpload", "deleteAvatar", "deleteUser",
]
PUBLIC = {"get_password_policy", "health_live", "get_problem", "get_openapi"}
DOORS = ["http-api", "http-api-stage", "rest-api", "function-url", "alb", "graphql"]
UNAUTHENTICATED_DOORS = {"alb"}


class Failure(Exception):
    """A check that did not hold, said in one line."""


def operations(door):
    """The events of a door, in an order that works on one user."""
    return FIELDS if door == "graphql" else list(OPERATIONS)


def expected(door, operation):
    """The status that this event must get from a function with ROSTER_AUTH=iam."""
    if door == "graphql":
        return 200
    if door in UNAUTHENTICATED_DOORS and operation not in PUBLIC:
        return 401
    return OPERATIONS[operation]


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def http(method, url, body=None, headers=None, seconds=10):
    """One request: status, headers, body."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def wait_until(check, what, seconds=30, process=None):
    """Calls `check` until it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise Failure(f"{what}: the process ended with {process.returncode}")
        try:
            if check():
                return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.02)
    raise Failure(f"{what}: not within {seconds} s")


class Server:
    """A process with a log file, ended by its id when the `with` block ends."""

    def __init__(self, name, arguments, environment, log):
        self.name, self.log = name, Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {"PATH": os.environ.get("PATH", ""), **environment}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [str(a) for a in arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if kind is not None:
            print(f"--- the end of what {self.name} printed ({self.log})\n{self.text()[-3000:]}", file=sys.stderr)

    def text(self):
        return self.log.read_text(errors="replace")


def refuse_secrets(server):
    """Fails if the server printed a password or a hash."""
    for secret in SECRETS:
        if secret in server.text():
            raise Failure(f"{server.name} printed {secret!r}: {server.log}")


def serve(roster, logs, name="engines", arguments=("--memory",), environment=None, ports=None):
    """Starts `roster serve` on free ports, with `url`, `dynamodb` and `s3` set to where it listens."""
    api, dynamodb, s3 = ports or free_ports(3)
    server = Server(
        f"roster serve ({name})",
        [roster, "serve", "--listen", f"127.0.0.1:{api}", "--dynamodb-listen", f"127.0.0.1:{dynamodb}",
         "--s3-listen", f"127.0.0.1:{s3}", *arguments],
        environment or {},
        logs / f"{name}.log",
    )
    server.url, server.dynamodb, server.s3 = (f"http://127.0.0.1:{port}" for port in (api, dynamodb, s3))
    try:
        wait_until(lambda: http("GET", f"{server.url}/health/live")[0] == 200, server.name, process=server.process)
    except Failure as failure:
        server.__exit__(type(failure), failure, None)
        raise
    return server


def function_environment(dynamodb, s3):
    """The variables of a function that works on the engines."""
    return {
        "ROSTER_TABLE": "roster",
        "ROSTER_BUCKET": "roster-avatars",
        "ROSTER_AUTH": "iam",
        "ROSTER_LOG": "INFO",
        "ROSTER_LOG_FORMAT": "json",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_S3": s3,
    }


def body_of(answer):
    body = answer.get("body") or ""
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def judge(door, operation, answer):
    """What is wrong with the answer, or None."""
    wanted = expected(door, operation)
    if answer.get("statusCode") != wanted:
        return f"{wanted} expected, got {json.dumps(answer)[:400]}"
    headers = answer.get("headers") or {}
    headers |= {name: values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
    headers = {name.lower(): value for name, value in headers.items()}
    body = body_of(answer)
    if operation == "head_user" or wanted == 204:
        return f"a body where none belongs: {body[:100]!r}" if body else None
    kind = "application/problem+json" if wanted >= 400 else "json"
    if kind not in headers.get("content-type", ""):
        return f"content-type {headers.get('content-type')!r}, wanted {kind}"
    try:
        read = json.loads(body)
    except ValueError as error:
        return f"a body that is not JSON ({error}): {body[:100]!r}"
    if door == "graphql" and ("errors" in read or not read["data"][operation]):
        return f"not what was asked for: {body[:400]!r}"
    if wanted == 201 and headers.get("location", "").split("/")[-2:-1] != ["users"]:
        return f"location {headers.get('location')!r}"
    return None


def run_door(door, invoke):
    """Hands every event of one door to `invoke(operation, event)`, and prints a row for each: (passed, failed)."""
    passed = failed = 0
    user, upload = EVENT_USER, EVENT_UPLOAD
    present, known = {path.stem for path in (EVENTS / door).glob("*.json")}, operations(door)
    if present != set(known):
        raise Failure(f"events/{door} and the operations of this run differ: {sorted(present ^ set(known))}")
    for operation in known:
        event = (EVENTS / door / f"{operation}.json").read_text("utf-8")
        event = json.loads(event.replace(EVENT_USER, user).replace(EVENT_UPLOAD, upload))
        start = time.monotonic()
        answer = invoke(operation, event)
        milliseconds = (time.monotonic() - start) * 1000
        wrong = judge(door, operation, answer)
        print(f"{door:15} {operation:22} {answer.get('statusCode', '-'):>5} {milliseconds:9.1f} ms  {wrong or 'ok'}", flush=True)
        passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
        if wrong:
            continue
        if operation == "requestAvatarUpload":
            upload = json.loads(body_of(answer))["data"][operation]["upload"]["uploadId"]
        if operation == "createUser":
            user = json.loads(body_of(answer))["data"][operation]["user"]["id"]
        if operation == "create_user" and answer.get("statusCode") == 201:
            user = json.loads(body_of(answer))["id"]
            if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", user):
                raise Failure(f"create_user answered the id {user!r}")
    return passed, failed


def finish(run):
    """Runs `run`, and turns a Failure into one line and exit status 1; who is told to end ends its servers first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run()
    except Failure as failure:
        sys.exit(f"{Path(sys.argv[0]).name}: {failure}")
