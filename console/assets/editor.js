// One person: made, changed, given a password and a picture, deleted. What is typed is never lost to a failed save.
import { call, newKey, Problem, Unreachable } from "./api.js";
import { avatarField } from "./avatar.js";
import { confirmed, el, fullName, time, toast } from "./dom.js";
import { addRow, dropRow, known, refreshRow } from "./list.js";
import { passwordField } from "./password.js";
import { leave, NEW, openSheet } from "./sheet.js";

const NAMES = { firstName: "First name", lastName: "Last name", userName: "User name" };
const HINTS = { userName: "Unique, without regard to case." };

function nameFields(user) {
  const fields = {};
  for (const [name, label] of Object.entries(NAMES)) {
    const input = el("input", { id: `f-${name}`, name, value: user[name] ?? "", required: true, autocomplete: "off", spellcheck: false, "aria-describedby": `f-${name}-error` });
    if (name === "userName") input.setAttribute("autocapitalize", "none");
    const error = el("p", { id: `f-${name}-error`, class: "error", hidden: true });
    const hint = HINTS[name] && el("p", { class: "hint" }, HINTS[name]);
    fields[name] = { input, error, field: el("div", { class: "field" }, el("label", { for: `f-${name}` }, label), input, hint, error) };
    input.addEventListener("input", () => clear(fields[name]));
  }
  return fields;
}

function clear({ input, error }) {
  error.hidden = true;
  input.removeAttribute("aria-invalid");
}

function blame({ input, error }, text) {
  error.textContent = sentence(text);
  error.hidden = false;
  input.setAttribute("aria-invalid", "true");
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** Puts each thing that is wrong beside its field, and the rest above the buttons. */
function explain(error, form, fields, notice) {
  // Who has closed the sheet meanwhile does not see it there.
  if (!form.isConnected) return toast(`Not done. ${error.message}`);
  notice.replaceChildren();
  if (error instanceof Unreachable) {
    notice.append(el("strong", {}, "Not saved yet. "), `${error.message} What you typed is still here; save again in a moment.`);
  } else if (error instanceof Problem) {
    const left = error.errors.filter(({ pointer, detail, code }) => {
      const field = fields[pointer?.slice(2)];
      if (!field) return true;
      field.codes = [...(field.codes ?? []), code];
      const already = field.error.hidden ? "" : `${field.error.textContent} `;
      blame(field, already + sentence(detail));
      return false;
    });
    for (const field of Object.values(fields)) { field.refuse?.(field.codes ?? []); field.codes = []; }
    if (left.length || !error.errors.length) {
      notice.append(el("strong", {}, `${error.title}. `), ...(left.length ? left.map((one) => sentence(one.detail)) : [error.message]));
    }
    form.querySelector("[aria-invalid]")?.focus();
  } else {
    notice.append("Something went wrong in this page. Reload it, and try again.");
  }
  notice.hidden = !notice.hasChildNodes();
}

/** Does `work` with the form's buttons at rest, so that nothing is sent twice. */
function once(own, form, notice, fields, work) {
  for (const field of Object.values(fields)) clear(field);
  notice.hidden = true;
  const before = document.activeElement;
  form.inert = true;
  const wake = () => { form.inert = false; refocus(form, before); };
  return own.during(work().then(wake, (error) => { wake(); explain(error, form, fields, notice); }));
}

/** What is at rest loses the focus; it goes back to where it was, or, where that is gone, to the button that ends the form. */
function refocus(form, before) {
  if (![before, document.body].includes(document.activeElement)) return;
  (form.contains(before) && before.checkVisibility() ? before : form.querySelector("[type=submit]")).focus();
}

/** The sheet of somebody new. */
export function create() {
  const fields = nameFields({});
  const names = () => Object.keys(NAMES).map((name) => fields[name].input.value);
  fields.password = passwordField({ id: "f-password", label: "Password", names });
  fields.password.input.required = true;
  for (const name of Object.keys(NAMES)) fields[name].input.addEventListener("input", fields.password.judge);
  const notice = el("p", { class: "notice", role: "alert", hidden: true });
  const key = newKey();
  const own = openSheet(NEW);
  const form = el("form", { noValidate: true },
    ...Object.values(fields).map(({ field }) => field), notice,
    el("div", { class: "row foot" }, el("button", { type: "submit", class: "primary" }, "Create")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (missing(fields)) return;
    once(own, form, notice, fields, async () => {
      const body = Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, input.value]));
      // The key makes a second try safe after an answer that was lost; another body needs another key.
      const { body: user, etag } = await call("POST", "/users", { body, key: `${key}-${await mark(body)}` });
      addRow(user);
      toast(`${fullName(user)} was created.`);
      if (!own.isOpen()) return;
      own.id = user.id;
      history.replaceState(history.state, "", `#/people/${user.id}`);
      edit(own, user, etag);
    });
  });
  own.isChanged = () => Object.values(fields).some(({ input }) => input.value !== "");
  own.show("New person", form);
  fields.firstName.input.focus();
}

async function mark(body) {
  let sum = 5381;
  for (const c of JSON.stringify(body)) sum = (sum * 33 + c.codePointAt(0)) >>> 0;
  return sum.toString(16);
}

function missing(fields) {
  const empty = Object.values(fields).filter(({ input }) => input.required && input.value.trim() === "");
  for (const field of empty) blame(field, "This is needed");
  empty[0]?.input.focus();
  return empty.length > 0;
}

/** Opens somebody by id. */
export async function openPerson(id) {
  const guess = known(id);
  const own = openSheet(id);
  own.show(guess ? fullName(guess) : "…", el("p", { class: "hint", role: "status" }, "Loading …"));
  try {
    const { body, etag } = await call("GET", `/users/${id}`);
    if (own.isOpen()) edit(own, body, etag);
  } catch (error) {
    const isGone = error instanceof Problem && error.status === 404;
    if (isGone) dropRow(id);
    own.show(isGone ? "Nobody here" : "Not loaded",
      el("p", {}, isGone ? "This person is not in the directory any more." : error.message),
      el("div", { class: "row start" }, isGone
        ? el("button", { type: "button", class: "quiet", onclick: () => leave() }, "Back to the list")
        : el("button", { type: "button", class: "quiet", onclick: () => openPerson(id) }, "Try again")));
  }
}

/** The sheet of somebody who is there. */
function edit(own, user, etag) {
  const fields = nameFields(user);
  const notice = el("p", { class: "notice", role: "alert", hidden: true });
  const news = el("p", { class: "notice", role: "status", hidden: true }, "Somebody has just changed this person. When you save, you can choose what to keep.");
  const meet = el("div", { class: "meet", hidden: true });
  const facts = el("p", { class: "facts" });
  const avatar = avatarField(user, etag, (now, tag) => follow(now, tag));
  // What a deletion names, for it does not go by what is typed.
  let seen = etag;
  const value = (name) => fields[name].input.value;
  const changes = () => Object.fromEntries(Object.keys(NAMES).filter((name) => value(name) !== user[name]).map((name) => [name, value(name)]));

  /** Takes the person as they are now; what is typed stays, unless it is to go. */
  function adopt(now, tag, isWhole) {
    if (now.version < user.version) return;
    const typed = changes();
    [user, etag, seen] = [now, tag, tag];
    news.hidden = true;
    for (const name of Object.keys(NAMES)) if (isWhole || !(name in typed)) fields[name].input.value = now[name];
    own.heading.textContent = fullName(now);
    facts.replaceChildren("Changed ", time(now.updatedAt), ", created ", time(now.createdAt), `. Version ${now.version}.`);
    refreshRow(now);
  }

  /** Takes the person as they are now, but not where somebody else wrote what is typed over here: a save must not pass over that. */
  function follow(now, tag) {
    avatar.show(now, tag);
    const isMet = Object.keys(changes()).some((name) => ![user[name], value(name)].includes(now[name]));
    if (!isMet) return adopt(now, tag, false);
    news.hidden = false;
    refreshRow(now);
  }

  async function save(event) {
    event?.preventDefault();
    const body = changes();
    if (missing(fields)) return;
    if (Object.keys(body).length === 0) return toast("There is nothing to save.");
    await once(own, form, notice, fields, async () => {
      try {
        const { body: now, etag: tag } = await call("PATCH", `/users/${user.id}`, { body, type: "application/merge-patch+json", ifMatch: etag });
        meet.hidden = true;
        adopt(now, tag, true);
        avatar.show(now, tag);
        toast("Saved.");
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return gone();
        if (!(error instanceof Problem) || error.status !== 412 || !own.isOpen()) throw error;
        await reconcile(body);
      }
    });
  }

  /** Somebody else was faster: shows theirs and mine, field by field. */
  async function reconcile(mine) {
    const { body: theirs, etag: tag } = await call("GET", `/users/${user.id}`);
    const both = Object.keys(mine).filter((name) => theirs[name] !== mine[name]);
    const rows = both.map((name) => {
      const choice = (label, text, isChosen) => el("label", {}, el("input", { type: "radio", name: `meet-${name}`, value: text, checked: isChosen }), el("span", {}, el("b", {}, label), text));
      return el("fieldset", {}, el("legend", {}, NAMES[name]), choice("Mine", mine[name], true), choice("Theirs", theirs[name], false));
    });
    const use = async () => {
      for (const name of both) fields[name].input.value = meet.querySelector(`input[name="meet-${name}"]:checked`).value;
      part();
      if (Object.keys(changes()).length) await save();
      else toast("Theirs was kept.");
    };
    const part = () => { meet.hidden = true; refocus(form, meet.contains(document.activeElement) ? document.activeElement : null); };
    adopt(theirs, tag, false);
    avatar.show(theirs, tag);
    for (const name of both) fields[name].input.value = mine[name];
    if (both.length === 0) {
      toast("Somebody else has saved the very same.");
      return;
    }
    meet.replaceChildren(
      el("h3", {}, "Somebody changed this person meanwhile"),
      el("p", {}, "Nothing is lost. Choose what to keep:"), ...rows,
      el("div", { class: "row start" },
        el("button", { type: "button", class: "primary", onclick: use }, "Save my choice"),
        el("button", { type: "button", class: "quiet", onclick: () => { part(); adopt(user, etag, true); } }, "Keep theirs")));
    notice.hidden = true;
    meet.hidden = false;
    form.inert = false;
    meet.querySelector("input").focus();
    meet.scrollIntoView({ block: "center" });
  }

  function gone() {
    dropRow(user.id);
    own.isChanged = () => false;
    own.hear = own.gone = null;
    if (!own.isOpen()) return toast(`${fullName(user)} is not in the directory any more.`);
    own.show("Nobody here", el("p", {}, "Somebody has deleted this person meanwhile."),
      el("div", { class: "row start" }, el("button", { type: "button", class: "quiet", onclick: () => leave() }, "Back to the list")));
  }

  async function remove() {
    const text = `${fullName(user)} (${user.userName}) loses the profile, the password and the picture. This cannot be undone.`;
    // What is asked about, whatever comes while it is asked.
    const named = seen;
    if (!(await confirmed(`Delete ${fullName(user)}?`, text, "Delete"))) return;
    await once(own, form, notice, fields, async () => {
      try {
        await call("DELETE", `/users/${user.id}`, { ifMatch: named });
      } catch (error) {
        if (!(error instanceof Problem) || ![404, 412].includes(error.status)) throw error;
        if (error.status === 412) return notDeleted();
      }
      dropRow(user.id);
      toast(`${fullName(user)} was deleted.`);
      own.shut();
    });
  }

  async function notDeleted() {
    const { body: now, etag: tag } = await call("GET", `/users/${user.id}`);
    follow(now, tag);
    seen = tag;
    const words = `Somebody changed this person meanwhile, who is now ${fullName(now)} (${now.userName}). Look at it, and delete again if you still want to.`;
    if (!own.isOpen()) return toast(`Not deleted. ${words}`);
    notice.replaceChildren(el("strong", {}, "Not deleted. "), words);
    notice.hidden = false;
  }

  const form = el("form", { noValidate: true },
    ...Object.values(fields).map(({ field }) => field), meet, notice, news,
    el("div", { class: "row foot" },
      el("button", { type: "submit", class: "primary" }, "Save"),
      el("button", { type: "button", class: "quiet warn", onclick: remove }, "Delete …")));
  form.addEventListener("submit", save);

  own.isChanged = () => Object.keys(changes()).length > 0;
  own.version = () => user.version;
  own.hear = (now, tag) => { if (now.version > user.version) follow(now, tag); };
  own.gone = gone;
  own.show(fullName(user), avatar.place, form, passwordPart(own, user), facts);
  adopt(user, etag, true);
}

function passwordPart(own, user) {
  const current = el("input", { id: "p-current", type: "password", autocomplete: "current-password", "aria-describedby": "p-current-hint p-current-error" });
  const error = el("p", { id: "p-current-error", class: "error", hidden: true });
  const fields = {
    currentPassword: { input: current, error, field: el("div", { class: "field" }, el("label", { for: "p-current" }, "Current password"), current, el("p", { id: "p-current-hint", class: "hint" }, "Administrators may leave it out."), error) },
    newPassword: passwordField({ id: "p-new", label: "New password", names: () => Object.keys(NAMES).map((name) => user[name]) }),
  };
  fields.newPassword.input.required = true;
  const notice = el("p", { class: "notice", role: "alert", hidden: true });
  const form = el("form", { noValidate: true }, ...Object.values(fields).map(({ field }) => field), notice,
    el("div", { class: "row" }, el("button", { type: "submit", class: "primary" }, "Change password")));
  const part = el("details", { class: "part" }, el("summary", {}, "Password"), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (missing(fields)) return;
    once(own, form, notice, fields, async () => {
      const body = { newPassword: fields.newPassword.input.value };
      if (current.value) body.currentPassword = current.value;
      await call("PUT", `/users/${user.id}/password`, { body });
      form.reset();
      fields.newPassword.judge();
      part.open = false;
      part.firstElementChild.focus();
      toast("The password was changed.");
    });
  });
  return part;
}
