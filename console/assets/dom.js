// Small things to build pages with. Nothing here takes HTML: text is text.

/** Makes an element. Properties that begin with "on" listen; `class`, `for`, aria-* and data-* are attributes. */
export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !key.includes("-") && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (selector, root = document) => root.querySelector(selector);

const toasts = document.querySelector("#toasts");

/** The dialog that lies above all else. */
export const topDialog = () => [...document.querySelectorAll("dialog[open]")].pop();

/** Puts the passing words where they can be seen and heard: what lies beneath an open dialog is neither. */
export function placeToasts() {
  (topDialog() ?? document.body).append(toasts);
}

/** Says something in passing, aloud for screen readers too. */
export function toast(text) {
  placeToasts();
  const note = el("p", { class: "toast" }, text);
  toasts.append(note);
  setTimeout(() => note.remove(), 5000);
}

/** Waits. */
export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });
const distance = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A time as people say it, with the exact one on hover. */
export function time(text) {
  const then = new Date(text);
  const seconds = (then - Date.now()) / 1000;
  const [amount, unit] = Math.abs(seconds) < 60 ? [0, "minute"] : Math.abs(seconds) < 3600 ? [seconds / 60, "minute"]
    : Math.abs(seconds) < 86400 ? [seconds / 3600, "hour"] : [seconds / 86400, "day"];
  const near = Math.abs(seconds) < 60 ? "just now" : distance.format(Math.round(amount), unit);
  return el("time", { dateTime: text, title: exact.format(then) }, Math.abs(seconds) < 6 * 86400 ? near : day.format(then));
}

/** Asks before something that cannot be undone. */
export function confirmed(title, text, verb) {
  // Each question in a dialog of its own: the news that one was closed comes later, when the next may be open already.
  const dialog = $("#confirm").cloneNode();
  dialog.open = false;
  $("#confirm").replaceWith(dialog);
  const answer = (value) => () => dialog.close(value);
  dialog.replaceChildren(
    el("h2", { id: "confirm-title" }, title),
    el("p", { id: "confirm-text" }, text),
    el("div", { class: "row" },
      el("button", { type: "button", class: "quiet", onclick: answer("no"), autofocus: true }, "Cancel"),
      el("button", { type: "button", class: "danger", onclick: answer("yes") }, verb)),
  );
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

/** A person's picture, or initials on a colour of their own. */
export function face(user, large = false) {
  const box = el("span", { class: `face tint-${parseInt(user.id?.slice(-4) ?? "0", 16) % 6}${large ? " large" : ""}`, "aria-hidden": "true" });
  const initials = [user.firstName, user.lastName].map((name) => [...(name ?? "")][0] ?? "").join("").toUpperCase();
  box.append(initials || "·");
  if (user.avatar) {
    const picture = el("img", { src: user.avatar, alt: "", loading: "lazy", decoding: "async", width: large ? 112 : 40, height: large ? 112 : 40 });
    // A link that has run out, or a picture that is gone: the initials stay.
    picture.addEventListener("error", () => picture.remove(), { once: true });
    box.append(picture);
  }
  return box;
}

export const fullName = (user) => `${user.firstName} ${user.lastName}`;
