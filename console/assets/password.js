// The password rules as the directory tells them. What this page can judge is judged while you type; the rest on saving.
import { el } from "./dom.js";
import { call } from "./api.js";

let policy = null;

const length = (text) => [...text].length;

const likeNames = (text, names) => {
  const plain = (word) => word.toLowerCase().normalize("NFKD").replace(/[^\p{L}\p{N}]/gu, "");
  const password = plain(text);
  const backwards = [...password].reverse().join("");
  return names.map(plain).some((name) => length(name) >= 3 && (password.includes(name) || backwards.includes(name)));
};

/** By the code of a rule: whether a password keeps it. A rule that is not here is judged by the directory alone. */
const judges = {
  too_short: (text) => length(text) >= policy.minLength,
  too_long: (text) => length(text) <= policy.maxLength,
  invalid_characters: (text) => !/\p{Cc}/u.test(text),
  all_digits: (text) => !/^\p{N}+$/u.test(text),
  like_name: (text, names) => !likeNames(text, names),
};

/** A password field with its rules below it; `names` gives the person's names at the time. */
export function passwordField({ id, label, names, autocomplete = "new-password" }) {
  const input = el("input", { id, type: "password", autocomplete, maxLength: 1024, "aria-describedby": `${id}-rules ${id}-error` });
  const shown = el("button", { type: "button", class: "quiet inside", "aria-pressed": "false", onclick: () => {
    const isShown = input.type === "password";
    input.type = isShown ? "text" : "password";
    shown.setAttribute("aria-pressed", String(isShown));
  } }, "Show");
  const error = el("p", { id: `${id}-error`, class: "error", hidden: true });
  const rules = el("ul", { id: `${id}-rules`, class: "rules" });
  const field = el("div", { class: "field" }, el("label", { for: id }, label), el("div", { class: "with" }, input, shown), error, rules);
  let refused = new Set();

  const judge = () => {
    for (const item of rules.children) {
      const judged = judges[item.dataset.code];
      const isRefused = refused.has(item.dataset.code);
      const state = input.value === "" ? "open" : isRefused ? "broken" : !judged ? "later" : judged(input.value, names()) ? "kept" : "broken";
      item.dataset.state = state;
      item.querySelector(".hidden").textContent = { open: "", later: " (checked on saving)", kept: " (kept)", broken: " (not kept)" }[state];
    }
  };
  input.addEventListener("input", () => { refused = new Set(); judge(); });

  const show = () => {
    rules.replaceChildren(...policy.rules.map((rule) => el("li", { "data-code": rule.code }, rule.detail, el("span", { class: "hidden" }))));
    judge();
  };
  if (policy) show();
  else call("GET", "/password-policy").then(({ body }) => { policy = body; show(); }).catch(() => rules.remove());

  return { field, input, error, judge, refuse: (codes) => { refused = new Set(codes); judge(); } };
}
