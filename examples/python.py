#!/usr/bin/env python3
"""Creates a user, gives it a picture, changes it, finds it, and deletes it; with nothing but the standard library.

    examples/python.py [http://127.0.0.1:8000]        with TOKEN set where the server asks for one
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path


class Problem(Exception):
    """What the directory said no to, and why (RFC 9457)."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body.get('title')}: {body.get('detail')} {body.get('errors', '')}")
        self.status, self.slug, self.errors = status, body.get("type", "").rsplit("/", 1)[-1], body.get("errors", [])


class Roster:
    """A directory."""

    def __init__(self, url, token=None):
        self.url, self.token = url.rstrip("/"), token

    def call(self, method, path, body=None, **headers):
        """Calls, and gives the body and the headers of the answer."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers.setdefault("content-type", "application/json")
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null"), answer.headers
        except urllib.error.HTTPError as answer:
            raise Problem(answer.code, json.loads(answer.read() or "{}")) from None

    def users(self, **words):
        """Every user that a list finds, page by page."""
        while True:
            page, _ = self.call("GET", "/users?" + urllib.parse.urlencode(words))
            yield from page["users"]
            if page["nextCursor"] is None:
                return
            words["cursor"] = page["nextCursor"]

    def send_picture(self, user_id, path, content_type):
        """Sends a file straight to S3, and waits until it is the user's picture."""
        file = Path(path).read_bytes()
        announced = {"contentType": content_type, "contentLength": len(file)}
        asked, _ = self.call("POST", f"/users/{user_id}/avatar-uploads", announced)
        request = urllib.request.Request(asked["url"], data=file, method=asked["method"], headers=asked["headers"])
        urllib.request.urlopen(request, timeout=60).close()
        for _ in range(100):
            upload, _ = self.call("GET", f"/users/{user_id}/avatar-uploads/{asked['uploadId']}")
            if upload["state"] == "attached":
                return
            if upload["state"] == "rejected":
                raise ValueError(upload["reason"]["detail"])
            time.sleep(0.2)
        raise TimeoutError("nobody has looked at the picture")


def main():
    roster = Roster(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", os.environ.get("TOKEN"))
    name = f"ada-{uuid.uuid4().hex[:8]}"
    new = {"userName": name, "firstName": "Ada", "lastName": "Lovelace", "password": "correct horse battery staple"}
    # The key makes it safe to send this again when the answer was lost.
    key = str(uuid.uuid4())
    ada, _ = roster.call("POST", "/users", new, idempotency_key=key)
    again, _ = roster.call("POST", "/users", new, idempotency_key=key)
    assert again["id"] == ada["id"]
    print("created", ada["id"])

    roster.send_picture(ada["id"], Path(__file__).parent.parent / "postman/pixel.gif", "image/gif")
    ada, headers = roster.call("GET", f"/users/{ada['id']}")
    print("the picture is at", urllib.parse.urlparse(ada["avatar"]).path)

    # If-Match: only if nobody else has changed it since.
    patch = {"if_match": headers["etag"], "content_type": "application/merge-patch+json"}
    ada, _ = roster.call("PATCH", f"/users/{ada['id']}", {"lastName": "King"}, **patch)
    try:
        roster.call("PATCH", f"/users/{ada['id']}", {"lastName": "Byron"}, **patch)
    except Problem as problem:
        print("a second change of the same version was refused:", problem.slug)

    found = [user["id"] for user in roster.users(filter=f'userName eq "{name}"', limit=1)]
    assert found == [ada["id"]], found
    roster.call("DELETE", f"/users/{ada['id']}")
    print("found and deleted")


if __name__ == "__main__":
    main()
