// The list: found as you type, in order, a page at a time by cursor.
import { call, filterFor, Problem, Unreachable } from "./api.js";
import { $, el, face, fullName, time } from "./dom.js";

const PAGE = 50;
const KEPT = "roster.sort";
const SORTS = ["lastName", "-lastName", "userName", "-userName", "createdAt", "-createdAt"];

export const list = { query: "", sort: sortKept(), cursor: null, done: false, busy: false, ask: null };

const rows = new Map();

function sortKept() {
  const kept = localStorage.getItem(KEPT);
  return SORTS.includes(kept) ? kept : "lastName";
}

/** Starts anew, from the top. */
export function restart() {
  list.ask?.abort();
  list.ask = new AbortController();
  Object.assign(list, { cursor: null, done: false, busy: false });
  $("#fresh").hidden = true;
  localStorage.setItem(KEPT, list.sort);
  const words = list.query ? `?${new URLSearchParams({ q: list.query })}` : "";
  if (location.search !== words) history.replaceState(history.state, "", location.pathname + words + location.hash);
  $("#sort").value = list.sort;
  for (const head of document.querySelectorAll("th[data-sort]")) {
    const way = list.sort === head.dataset.sort ? "ascending" : list.sort === `-${head.dataset.sort}` ? "descending" : null;
    if (way) head.setAttribute("aria-sort", way);
    else head.removeAttribute("aria-sort");
  }
  return more(true);
}

/** Fetches pages until the end of the list is out of sight. */
export async function more(isFirst = false) {
  if (list.busy || list.done) return;
  const { signal } = list.ask;
  list.busy = true;
  $("#people").setAttribute("aria-busy", "true");
  try {
    do {
      const words = new URLSearchParams({ limit: PAGE, sort: list.sort });
      const filter = filterFor(list.query);
      if (filter) words.set("filter", filter);
      if (list.cursor) words.set("cursor", list.cursor);
      $("#end").replaceChildren(el("span", { class: "busy" }, list.query ? "Searching …" : "Loading …"));
      const { body } = await call("GET", `/users?${words}`, { signal });
      if (signal.aborted) return;
      if (isFirst) {
        wipe();
        isFirst = false;
      }
      for (const user of body.users) put(user);
      list.cursor = body.nextCursor;
      list.done = body.nextCursor === null;
      tell();
      await new Promise(requestAnimationFrame);
    } while (!list.done && !signal.aborted && isEndInSight());
    $("#end").replaceChildren();
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    // A cursor whose time is over: from the top once more.
    if (error instanceof Problem && error.slug === "invalid-cursor") return void restart();
    if (isFirst) wipe();
    fail(error);
  } finally {
    if (!signal.aborted) {
      list.busy = false;
      $("#people").removeAttribute("aria-busy");
    }
  }
}

/** Takes away what was found for something else. */
function wipe() {
  rows.clear();
  $("#rows").replaceChildren();
  $("#count").textContent = "";
  for (const part of ["#table", "#empty", ".sort"]) $(part).hidden = true;
}

export function isEndInSight() {
  return $("#end").getBoundingClientRect().top < innerHeight + 600;
}

function fail(error) {
  const again = el("button", { type: "button", class: "quiet", onclick: () => (rows.size ? more() : restart()) }, "Try again");
  const words = error instanceof Unreachable ? "The list could not be read." : error.message;
  $("#end").replaceChildren(el("p", {}, words), again);
}

function put(user) {
  const row = rowOf(user);
  const before = rows.get(user.id)?.row;
  const isFocused = before?.contains(document.activeElement);
  if (before) before.replaceWith(row);
  else $("#rows").append(row);
  rows.set(user.id, { user, row });
  if (isFocused) $("a.name", row).focus({ preventScroll: true });
}

function rowOf(user) {
  const open = el("a", { href: `#/people/${user.id}`, class: "name", "data-id": user.id }, fullName(user));
  return el("tr", { "data-id": user.id },
    el("td", { class: "who" }, face(user), el("div", {}, open, el("span", { class: "narrow at" }, user.userName))),
    el("td", { class: "at" }, user.userName),
    el("td", { class: "when" }, time(user.createdAt)));
}

function tell() {
  const { size } = rows;
  const people = size === 1 ? "person" : "people";
  $("#count").textContent = size === 0 ? "" : list.done ? `${size} ${people}` : `First ${size} people`;
  for (const part of ["#table", ".sort"]) $(part).hidden = size === 0;
  const empty = $("#empty");
  empty.hidden = size > 0 || !list.done;
  if (empty.hidden) return;
  if (list.query) {
    empty.replaceChildren(
      el("h2", {}, "Nobody by that name"),
      el("p", {}, "No first name, last name or user name has ", el("q", {}, list.query), " in it."),
      el("button", { type: "button", class: "quiet", onclick: clearSearch }, "Show everyone"));
  } else {
    empty.replaceChildren(
      el("img", { src: "assets/icon.svg", alt: "", width: 44, height: 44 }),
      el("h2", {}, "Nobody here yet"),
      el("p", {}, "Add the first person, or bring a file of people along with ", el("code", {}, "roster import"), "."),
      el("button", { type: "button", class: "primary", onclick: () => $("#new").click() }, "Add a person"));
  }
}

export function clearSearch() {
  $("#search").value = "";
  list.query = "";
  restart();
  $("#search").focus();
}

/** Shows a person as they are now, if they are in the list. */
export function refreshRow(user, isMarked = true) {
  const known = rows.get(user.id);
  if (!known) return false;
  // A late answer tells of what was.
  if (known.user.version > user.version) return true;
  put(user);
  if (isMarked) rows.get(user.id).row.classList.add("marked");
  return true;
}

/** Puts somebody new on top until the list is read again. */
export function addRow(user) {
  if (refreshRow(user)) return;
  const row = rowOf(user);
  row.classList.add("marked");
  $("#rows").prepend(row);
  rows.set(user.id, { user, row });
  tell();
}

export function dropRow(id) {
  const row = rows.get(id)?.row;
  const isFocused = row?.contains(document.activeElement);
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  row?.remove();
  if (rows.delete(id)) tell();
  if (isFocused) (beside ? $("a.name", beside) : $("#people")).focus({ preventScroll: true });
}

export const known = (id) => rows.get(id)?.user;
