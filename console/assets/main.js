// The page: what the address, the keyboard, the search and the directory's events make of it.
import { address, call, forgetToken, hasToken, keepToken, Problem, signIn } from "./api.js";
import { $ } from "./dom.js";
import { create, openPerson } from "./editor.js";
import { listen } from "./events.js";
import { clearSearch, dropRow, isEndInSight, known, list, more, refreshRow, restart } from "./list.js";
import { closeSheet, hear, hearGone, keepsTyped, NEW, openId, openVersion, ownDeeds } from "./sheet.js";

// ------------------------------------------------------------------------------------------------------ where

/** What the address searches for. */
const searched = () => (new URLSearchParams(location.search).get("q") ?? "").trim().slice(0, 100);

/** Shows what the address says: a search, and perhaps a sheet over it. */
function route() {
  if (searched() !== list.query) {
    $("#search").value = list.query = searched();
    restart();
  }
  const wanted = location.hash === "#/new" ? NEW : location.hash.match(/^#\/people\/([0-9a-f-]{36})$/)?.[1];
  if ((wanted && wanted === openId()) || keepsTyped()) return;
  if (wanted === NEW) create();
  else if (wanted) openPerson(wanted);
  else closeSheet();
}
addEventListener("popstate", route);

let opener = null;
/** Opens a sheet over the list; closing it goes back. */
function go(hash, from) {
  opener = from;
  history.pushState({ isFromList: true }, "", hash);
  route();
}
addEventListener("sheetclosed", () => {
  const link = opener && document.querySelector(`a[data-id="${opener}"]`);
  (link ?? $("#new")).focus({ preventScroll: true });
});

// A row is as good as its name to click on.
$("#rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (!row || getSelection().toString() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(`#/people/${row.dataset.id}`, row.dataset.id);
});
$("#new").addEventListener("click", () => go("#/new", null));

// ------------------------------------------------------------------------------------------------------ search and order

let pause = null;
$("#search").addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(() => {
    if (list.query === event.target.value.trim()) return;
    list.query = event.target.value.trim();
    restart();
  }, 150);
});

$("#sort").addEventListener("change", (event) => { list.sort = event.target.value; restart(); });
for (const head of document.querySelectorAll("th[data-sort]")) {
  head.firstElementChild.addEventListener("click", () => {
    list.sort = list.sort === head.dataset.sort ? `-${head.dataset.sort}` : head.dataset.sort;
    restart();
  });
}
$("#fresh").addEventListener("click", () => { scrollTo({ top: 0 }); restart(); });
new IntersectionObserver(() => { if (list.ask && isEndInSight()) more(); }, { rootMargin: "600px" }).observe($("#end"));

// ------------------------------------------------------------------------------------------------------ keys

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "Escape" && event.target.id === "search" && event.target.value) return clearSearch();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (isTyping && event.target.id !== "search") return;
    const links = [...document.querySelectorAll("a.name")];
    const next = links[links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) { event.preventDefault(); next.focus(); next.scrollIntoView({ block: "nearest" }); }
    return;
  }
  if (isTyping) return;
  const deed = { "/": () => $("#search").select(), n: () => $("#new").click(), "?": () => $("#keys").showModal() }[event.key];
  if (deed) { event.preventDefault(); deed(); }
});
$("#help").addEventListener("click", () => $("#keys").showModal());

// A file that is dropped beside its place must not take the page's.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

// ------------------------------------------------------------------------------------------------------ light and dark

const THEMES = { system: ["◐", "Theme: as the system"], light: ["○", "Theme: light"], dark: ["●", "Theme: dark"] };
function dress(theme) {
  const name = theme in THEMES ? theme : "system";
  document.documentElement.dataset.theme = name;
  localStorage.setItem("roster.theme", name);
  [$("#theme").textContent] = THEMES[name];
  $("#theme").setAttribute("aria-label", THEMES[name][1]);
  $("#theme").title = THEMES[name][1];
}
$("#theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  dress(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length]);
});
dress(localStorage.getItem("roster.theme"));

// ------------------------------------------------------------------------------------------------------ sign in

let asked = null;
signIn.ask = (wasRefused) => {
  asked ??= new Promise((done) => {
    const dialog = $("#token");
    $("#token-text").textContent = wasRefused
      ? "The token is not good, or not any more. Give another; it is kept until you close this tab."
      : "This directory asks for a token. It is kept until you close this tab.";
    $("#token-value").value = "";
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      const token = $("#token-value").value.trim();
      asked = null;
      if (token) keepToken(token);
      $("#leave").hidden = !hasToken();
      done(Boolean(token));
    }, { once: true });
  });
  return asked;
};
$("#leave").hidden = !hasToken();
$("#leave").addEventListener("click", () => { forgetToken(); location.reload(); });

// ------------------------------------------------------------------------------------------------------ out of reach

let knock = null;
addEventListener("reach", ({ detail: isReachable }) => {
  const trouble = $("#trouble");
  trouble.hidden = isReachable;
  clearInterval(knock);
  if (isReachable) {
    if (!list.done) restart();
    return;
  }
  trouble.textContent = "The directory cannot be reached right now. Nothing you typed is lost; this page keeps trying.";
  knock = setInterval(() => call("GET", "/users?limit=1").catch(() => {}), 3000);
});

// ------------------------------------------------------------------------------------------------------ live

const heard = async ({ type, data }) => {
  const { id, version } = data.user;
  await ownDeeds(type === "user.created" ? NEW : id);
  if (type === "user.deleted") {
    dropRow(id);
    hearGone(id);
    return;
  }
  const before = known(id);
  if (!before && openId() !== id) {
    if (type === "user.created") $("#fresh").hidden = false;
    return;
  }
  if ((before?.version ?? version) >= version && (openVersion(id) ?? version) >= version) return;
  try {
    const { body, etag } = await call("GET", `/users/${id}`);
    refreshRow(body);
    hear(body, etag);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) dropRow(id);
  }
};

// The explorer and GraphiQL are the local server's; elsewhere there is the description itself.
if (address("")) {
  $("#docs").href = address("/openapi.json");
  $("#graphql").hidden = true;
}

$("#search").value = list.query = searched();
restart().then(() => listen(heard, (isLive) => { $("#live").hidden = !isLive; }));
route();
