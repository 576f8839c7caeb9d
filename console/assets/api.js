// The directory's API: one function that calls, and two ways in which a call can fail.

const base = document.querySelector('meta[name="roster-api"]').content.replace(/\/+$/, "");
const KEPT = "roster.token";

/** The API said no, and why (RFC 9457). */
export class Problem extends Error {
  constructor(status, body, headers) {
    super(body.detail ?? body.title ?? `The answer was ${status}.`);
    this.status = status;
    this.slug = (body.type ?? "").split("/").pop();
    this.title = body.title ?? "Something went wrong";
    this.errors = body.errors ?? [];
    this.requestId = body.requestId;
    this.retryAfter = Number(headers.get("retry-after")) || null;
  }
}

/** The API did not answer, or one of the things that it needs did not. */
export class Unreachable extends Error {}

export const hasToken = () => Boolean(sessionStorage.getItem(KEPT));
export const forgetToken = () => sessionStorage.removeItem(KEPT);
export const keepToken = (token) => sessionStorage.setItem(KEPT, token);

/** What the token says that its bearer may do; null without a token, or with one that cannot be read. */
export function scopes() {
  try {
    const [, claims] = sessionStorage.getItem(KEPT).split(".");
    return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).scope.split(" ");
  } catch {
    return null;
  }
}

/** Asks for a token; set by whoever can show a dialog. */
export const signIn = { ask: async () => false };

export function headersFor(more = {}) {
  const token = sessionStorage.getItem(KEPT);
  return { ...more, ...(token ? { authorization: `Bearer ${token}` } : {}) };
}

export const address = (path) => `${base}${path}`;

/** Calls, and gives `{ body, etag }`. */
export async function call(method, path, { body, type = "application/json", ifMatch, key, signal } = {}) {
  const headers = headersFor({ accept: "application/json, application/problem+json" });
  if (body !== undefined) headers["content-type"] = type;
  if (ifMatch) headers["if-match"] = ifMatch;
  if (key) headers["idempotency-key"] = key;
  let answer;
  try {
    answer = await fetch(address(path), { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    announce(false);
    throw new Unreachable("The directory did not answer.");
  }
  const read = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if ([502, 503, 504].includes(answer.status)) {
    announce(false);
    throw new Unreachable("The directory's storage did not answer.");
  }
  announce(true);
  if (answer.ok) return { body: read, etag: answer.headers.get("etag") };
  const problem = new Problem(answer.status, read, answer.headers);
  if (problem.slug === "unauthenticated" && (await signIn.ask(hasToken()))) {
    return call(method, path, { body, type, ifMatch, key, signal });
  }
  throw problem;
}

let wasReachable = true;

function announce(isReachable) {
  if (isReachable !== wasReachable) {
    wasReachable = isReachable;
    dispatchEvent(new CustomEvent("reach", { detail: isReachable }));
  }
}

/** A new key, so that sending a create twice makes one person. */
export const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** An RFC 7644 filter: each word is in one of the names. */
export function filterFor(text) {
  const words = text.trim().split(/\s+/).filter(Boolean).slice(0, 6);
  const anywhere = (word) => `(${["userName", "firstName", "lastName"].map((name) => `${name} co ${JSON.stringify(word)}`).join(" or ")})`;
  return words.map(anywhere).join(" and ");
}
