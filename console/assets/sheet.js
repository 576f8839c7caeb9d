// The sheet over the list: whose it is, and how it closes. An answer may come when another sheet is open: it acts on its own alone.
import { $, confirmed, el, placeToasts, topDialog } from "./dom.js";

/** Stands for the id of somebody who has none yet. */
export const NEW = "new";

const sheet = $("#sheet");
let open = null;

/** Opens the sheet of somebody in the place of any other; whoever fills it sets `isChanged`, `hear` and `gone`. */
export function openSheet(id) {
  const heading = el("h2", { id: "sheet-title", tabIndex: -1, autofocus: true });
  const own = {
    id,
    heading,
    isChanged: () => false,
    isOpen: () => open === own,
    shut: () => { if (open === own) shut(); },
    /** Takes the place of what the sheet shows. */
    show: (title, ...content) => { if (open === own) show(heading, title, content); },
    /** Does a deed of one's own; news of this person waits for its end, for it most likely tells of just that. */
    during: (deed) => (own.deed = Promise.all([own.deed, deed])),
  };
  open = own;
  return own;
}

function show(heading, title, content) {
  heading.textContent = title;
  const close = el("button", { type: "button", class: "quiet icon close", "aria-label": "Close", onclick: () => leave() }, "×");
  sheet.replaceChildren(el("div", { class: "head" }, heading, close), ...content);
  if (!sheet.open) sheet.showModal();
  // What had the focus may just have gone.
  if (!sheet.contains(document.activeElement)) heading.focus();
  placeToasts();
}

/** Closes, unless there is something typed that the person wants to keep. */
export async function leave() {
  const own = open;
  if (own?.isChanged() && !(await confirmed("Leave without saving?", "What you typed will be gone.", "Leave"))) return;
  own?.shut();
}

/** Goes back to the list that it was opened from, which closes the sheet; or closes it, where the address led here at once. */
function shut() {
  open = null;
  if (history.state?.isFromList) return history.back();
  if (location.hash.length > 1) history.replaceState(null, "", location.pathname + location.search);
  sheet.close();
}

/** Closes it where the address is the list's already. */
export function closeSheet() {
  open = null;
  sheet.close();
}

/** Whether something typed would be lost; asks then, in the place that it would be lost in. */
export function keepsTyped() {
  if (!open?.isChanged()) return false;
  history.pushState({ isFromList: true }, "", open.id === NEW ? "#/new" : `#/people/${open.id}`);
  leave();
  return true;
}
addEventListener("beforeunload", (event) => { if (open?.isChanged()) event.preventDefault(); });

// A browser lets a page refuse to close a dialog only so often; but a key belongs to the page, as often as it is pressed.
addEventListener("keydown", (event) => {
  const dialog = topDialog();
  if (event.key !== "Escape" || event.isComposing || !dialog) return;
  event.preventDefault();
  if (dialog === sheet) leave();
  else dialog.close();
});
sheet.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
sheet.addEventListener("click", (event) => { if (event.target === sheet) leave(); });
sheet.addEventListener("close", () => {
  // The news of it comes later; by then another may be shown.
  if (sheet.open) return;
  if (open?.isChanged()) {
    // Closed by other means than a key, and unasked.
    sheet.showModal();
    return leave();
  }
  if (open) shut();
  placeToasts();
  sheet.replaceChildren();
  dispatchEvent(new Event("sheetclosed"));
});

const at = (id) => (open?.id === id ? open : null);

/** Whose sheet is open. */
export const openId = () => open?.id ?? null;

/** The end of what is being done to this person here. */
export const ownDeeds = (id) => at(id)?.deed;

/** The version that the sheet shows of this person; none where it shows somebody else. */
export const openVersion = (id) => at(id)?.version?.();

/** A change made elsewhere, to the person in the sheet. */
export const hear = (user, etag) => at(user.id)?.hear?.(user, etag);
export const hearGone = (id) => at(id)?.gone?.();
