#!/usr/bin/env node
// Creates a user, gives it a picture, changes it, finds it, and deletes it; with fetch, as in every browser and in Node.js.
//
//   examples/javascript.mjs [http://127.0.0.1:8000]        with TOKEN set where the server asks for one
import { readFile } from "node:fs/promises";

const api = process.argv[2] ?? "http://127.0.0.1:8000";

/** What the directory said no to, and why (RFC 9457). */
class Problem extends Error {
  constructor(status, body) {
    super(`${status} ${body.title}: ${body.detail}`);
    Object.assign(this, { status, slug: body.type?.split("/").pop(), errors: body.errors ?? [] });
  }
}

/** Calls, and gives the body and the ETag of the answer. */
async function call(method, path, body, headers = {}) {
  const answer = await fetch(api + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(process.env.TOKEN ? { authorization: `Bearer ${process.env.TOKEN}` } : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const read = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Problem(answer.status, read);
  return { body: read, etag: answer.headers.get("etag") };
}

/** Every user that a list finds, page by page. */
async function* users(words) {
  for (let cursor = null; ;) {
    const { body } = await call("GET", `/users?${new URLSearchParams({ ...words, ...(cursor ? { cursor } : {}) })}`);
    yield* body.users;
    cursor = body.nextCursor;
    if (cursor === null) return;
  }
}

/** Sends a file straight to S3, and waits until it is the user's picture. */
async function sendPicture(id, file, contentType) {
  const { body: asked } = await call("POST", `/users/${id}/avatar-uploads`, { contentType, contentLength: file.byteLength });
  const sent = await fetch(asked.url, { method: asked.method, headers: { "content-type": contentType }, body: file });
  if (!sent.ok) throw new Error(`S3 answered ${sent.status}`);
  for (let turn = 0; turn < 100; turn += 1) {
    const { body: upload } = await call("GET", `/users/${id}/avatar-uploads/${asked.uploadId}`);
    if (upload.state === "attached") return;
    if (upload.state === "rejected") throw new Error(upload.reason.detail);
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error("nobody has looked at the picture");
}

const userName = `ada-${crypto.randomUUID().slice(0, 8)}`;
// The key makes it safe to send this again when the answer was lost.
const key = { "idempotency-key": crypto.randomUUID() };
const { body: ada } = await call("POST", "/users", { userName, firstName: "Ada", lastName: "Lovelace", password: "correct horse battery staple" }, key);
console.log("created", ada.id);

await sendPicture(ada.id, await readFile(new URL("../postman/pixel.gif", import.meta.url)), "image/gif");
const { body: seen, etag } = await call("GET", `/users/${ada.id}`);
console.log("the picture is at", new URL(seen.avatar).pathname);

// If-Match: only if nobody else has changed it since.
const merge = { "content-type": "application/merge-patch+json", "if-match": etag };
await call("PATCH", `/users/${ada.id}`, { lastName: "King" }, merge);
try {
  await call("PATCH", `/users/${ada.id}`, { lastName: "Byron" }, merge);
} catch (problem) {
  console.log("a second change of the same version was refused:", problem.slug);
}

const found = [];
for await (const user of users({ filter: `userName eq "${userName}"`, limit: 1 })) found.push(user.id);
if (found.join() !== ada.id) throw new Error(`found ${found}`);
await call("DELETE", `/users/${ada.id}`);
console.log("found and deleted");
