// Walks the console and the explorer in headless Chromium, as a person would. Started by scripts/console-check, which also stops
// and starts the server when this asks for it on standard output.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const { tools, chromium: executablePath, open, jwt, token, picture, screenshots, files } = JSON.parse(process.argv[2]);
const require = createRequire(join(tools, "packages.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "violet lanterns drift over Trieste";

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let [page, expected, began] = [null, [], Date.now()];

function check(isSo, what) {
  if (!isSo) throw new Error(what);
}

/** Waits until `probe` gives something true. */
async function until(probe, what, milliseconds = 15_000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    if (await probe().catch(() => false)) return;
  }
  throw new Error(`not in ${milliseconds / 1000} s: ${what}`);
}

/** A new tab; what it complains about, and whom it asks, is watched. */
async function tab(base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  page = await context.newPage();
  if (files) await page.route(`${base}/assets/*`, (route) => route.fulfill({ path: join(files, new URL(route.request().url()).pathname) }));
  const own = new Set([base, base.replace(/:\d+$/, "")]);
  page.on("console", (message) => {
    const text = `${message.text()} ${message.location().url}`;
    if (["error", "warning"].includes(message.type()) && !expected.some((known) => text.includes(known))) complaints.push(text);
  });
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!["blob:", "data:"].includes(protocol) && !own.has(`${protocol}//${hostname}`)) complaints.push(`asked ${request.url()}`);
  });
  return page;
}
const complaints = [];

/** One thing that a person does; `errors` are answers that the browser will tell of in its console, rightly. */
async function step(name, errors, work) {
  expected = errors;
  await work();
  check(complaints.length === 0, `${name}: ${complaints.join("\n")}`);
  console.log(`${String(Date.now() - began).padStart(6)} ms  ${name}`);
  began = Date.now();
}

/** No violation of any rule of axe-core, and no sideways scrolling. */
async function accessible(view) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(" | ")}`);
  check(violations.length === 0, `axe-core on ${view}:\n${told.join("\n")}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(over <= 0, `${view} is ${over} pixels too wide`);
}

async function shot(name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

async function api(method, path, body, base = open) {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const answer = await fetch(base + path, { method, headers: body ? { "content-type": type } : {}, body: body && JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

async function ask(what) {
  console.log(`@${what}`);
  await answers.next();
}

const text = (selector) => page.locator(selector).textContent();
const save = () => page.locator("#sheet form").first().locator('button[type="submit"]').click();
async function said(words) {
  await until(async () => (await text("#toasts")).includes(words), `the words "${words}"`);
  await page.evaluate(() => document.querySelector("#toasts").replaceChildren());
}
const rows = () => page.locator("#rows tr").count();

async function walk() {
  await tab(open);
  await step("an empty directory says what to do", [], async () => {
    await page.goto(`${open}/`);
    await until(async () => (await text("#empty")).includes("Nobody here yet"), "the empty state");
    await accessible("the empty list");
    await shot("empty");
  });

  await step("a weak password is told while it is typed, and on saving", ["422"], async () => {
    await page.keyboard.press("n");
    await page.fill("#f-firstName", "Ada");
    await page.fill("#f-lastName", "Lovelace");
    await page.fill("#f-userName", "ada");
    await page.fill("#f-password", "lovelace");
    const state = (code) => page.getAttribute(`#f-password-rules [data-code="${code}"]`, "data-state");
    check((await state("too_short")) === "kept" && (await state("like_name")) === "broken", "the rules judge");
    await accessible("a new person");
    await shot("password");
    await save();
    await until(async () => (await state("too_common")) === "broken", "the directory's own verdict");
    check((await page.inputValue("#f-firstName")) === "Ada", "what was typed is kept");
  });

  let id;
  await step("a person is created", [], async () => {
    await page.fill("#f-password", PASSWORD);
    await save();
    await said("Ada Lovelace was created");
    id = new URL(page.url()).hash.split("/").pop();
    check((await api("GET", `/users/${id}`)).userName === "ada", "she is in the directory");
    await accessible("a person");
  });

  await step("a picture is dropped, cropped, sent to S3 and shown", [], async () => {
    const data = readFileSync(picture).toString("base64");
    const dropped = await page.evaluateHandle(async (base64) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], "ada.png", { type: "image/png" }));
      return transfer;
    }, data);
    await page.dispatchEvent(".avatar", "drop", { dataTransfer: dropped });
    await page.waitForSelector(".stage");
    await page.locator("#zoom").fill("1.4");
    await page.locator(".stage").press("ArrowRight");
    await accessible("the crop");
    await shot("crop");
    let bars = 0;
    await page.exposeFunction("sawBar", () => { bars += 1; });
    await page.evaluate(() => new MutationObserver(() => document.querySelector("progress") && globalThis.sawBar()).observe(document.querySelector(".avatar"), { childList: true, subtree: true }));
    await page.getByText("Use this picture").click();
    await said("The picture was saved");
    check(bars > 0, "a progress bar is shown");
    const isSeen = (where) => page.locator(`${where} img`).evaluate((img) => img.complete && img.naturalWidth === 256);
    await until(() => isSeen("#sheet .face"), "the picture in the sheet");
    await page.keyboard.press("Escape");
    await until(() => isSeen(`tr[data-id="${id}"] .face`), "the picture in the list");
  });

  await step("a file that is no picture is refused kindly", [], async () => {
    await page.click(`a[data-id="${id}"]`);
    await page.setInputFiles("#picture", { name: "notes.png", mimeType: "image/png", buffer: Buffer.from("not a picture") });
    await until(async () => (await text(".avatar .error")).includes("cannot be read as a picture"), "the reason");
  });

  await step("an edit is saved", [], async () => {
    await page.fill("#f-lastName", "King");
    await save();
    await said("Saved.");
    check((await api("GET", `/users/${id}`)).lastName === "King", "it is in the directory");
    check((await text(`a[data-id="${id}"]`)) === "Ada King", "it is in the list");
  });

  await step("a conflicting edit is told kindly: theirs and mine", ["412"], async () => {
    await page.fill("#f-lastName", "Byron");
    await page.fill("#f-firstName", "Augusta");
    await api("PATCH", `/users/${id}`, { lastName: "Noel", userName: "ada.noel" });
    await save();
    await page.waitForSelector(".meet:not([hidden])");
    const told = await text(".meet");
    check(told.includes("Byron") && told.includes("Noel") && told.includes("Augusta"), `theirs and mine: ${told}`);
    await accessible("a conflict");
    await shot("conflict");
    await page.locator('.meet input[value="Noel"]').check();
    await page.getByText("Save my choice").click();
    await said("Saved.");
    const now = await api("GET", `/users/${id}`);
    check(`${now.firstName} ${now.lastName} ${now.userName}` === "Augusta Noel ada.noel", JSON.stringify(now));
  });

  await step("a typed name survives a storage that does not answer", ["503"], async () => {
    await page.route(`**/users/${id}`, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", headers: { "retry-after": "1" }, body: '{"type":"/problems/unavailable","status":503}' }), { times: 1 });
    await page.fill("#f-firstName", "Ada");
    await save();
    await until(async () => (await text("#sheet form .notice >> nth=0")).includes("still here"), "the words");
    check((await page.inputValue("#f-firstName")) === "Ada", "what was typed is kept");
    await until(() => page.locator("#trouble").isHidden(), "the end of the trouble");
    await save();
    await until(async () => (await api("GET", `/users/${id}`)).firstName === "Ada", "the second try");
  });

  await step("a password is changed", ["422"], async () => {
    await page.click("summary");
    await page.fill("#p-new", "12345678");
    await page.getByText("Change password").click();
    await until(() => page.locator("#p-new-error").isVisible(), "the reason");
    await accessible("the password part");
    await page.fill("#p-new", "basil herons count slow trams");
    await page.fill("#p-current", PASSWORD);
    await page.getByText("Change password").click();
    await said("The password was changed");
    await page.keyboard.press("Escape");
    await until(() => page.locator("#sheet").isHidden(), "the sheet is closed");
  });

  await step("a taken user name is told at its field", ["409"], async () => {
    await page.keyboard.press("n");
    for (const [name, value] of Object.entries({ firstName: "Other", lastName: "Ada", userName: "ADA.noel", password: PASSWORD })) await page.fill(`#f-${name}`, value);
    await save();
    await until(async () => (await text("#f-userName-error")).includes("another user name"), "the reason");
    await page.keyboard.press("Escape");
    await page.click("#confirm .danger");
    await until(() => page.locator("#sheet").isHidden(), "the sheet is closed");
  });

  await step("500 people scroll in, page by page, each once", [], async () => {
    await ask("import");
    await page.reload();
    await until(async () => (await rows()) >= 50, "the first page");
    check((await rows()) < 500, "not all at once");
    await accessible("the list");
    await shot("light");
    for (let turn = 0; turn < 60 && (await rows()) < 501; turn += 1) {
      await page.mouse.wheel(0, 4000);
      await page.waitForTimeout(150);
    }
    check((await rows()) === 501, `${await rows()} rows`);
    check((await text("#count")) === "501 people", await text("#count"));
    const ids = await page.locator("#rows tr").evaluateAll((all) => new Set(all.map((row) => row.dataset.id)).size);
    check(ids === 501, `${ids} different people`);
  });

  await step("search finds as you type, and says so when nobody is found", [], async () => {
    await page.evaluate(() => scrollTo(0, 0));
    await page.keyboard.press("/");
    await page.locator("#search").pressSequentially("noel", { delay: 40 });
    await until(async () => (await text("#count")) === "1 person", "one person");
    await page.keyboard.press("ArrowDown");
    check((await page.evaluate(() => document.activeElement.textContent)) === "Ada Noel", "the arrow key goes to her");
    await page.fill("#search", 'nobody "at\\all');
    await until(() => page.locator("#empty").isVisible(), "the words");
    await accessible("nobody found");
    await shot("nobody");
    await page.getByText("Show everyone").click();
    await until(async () => (await rows()) >= 50, "everyone");
  });

  await step("the order can be chosen", [], async () => {
    await page.getByRole("button", { name: "Created" }).click();
    await page.getByRole("button", { name: "Created" }).click();
    await page.waitForSelector('th[data-sort="createdAt"][aria-sort="descending"]');
    const [newest] = (await api("GET", "/users?sort=-createdAt&limit=1")).users;
    await until(async () => (await page.locator("#rows tr").first().getAttribute("data-id")) === newest.id, "the newest first");
    await page.selectOption("#sort", "lastName");
  });

  await step("somebody is deleted, but not before that was confirmed", [], async () => {
    await page.fill("#search", "ada.noel");
    await until(async () => (await text("#count")) === "1 person", "her alone");
    await page.click(`a[data-id="${id}"]`);
    await page.getByText("Delete …").click();
    await accessible("the question");
    await shot("delete");
    await page.locator("#confirm").getByText("Cancel").click();
    check((await api("GET", `/users/${id}`)).userName === "ada.noel", "Cancel cancels");
    await page.getByText("Delete …").click();
    await page.click("#confirm .danger");
    await said("was deleted");
    check((await api("GET", `/users/${id}`)).status === 404, "she is gone");
    check((await page.locator(`tr[data-id="${id}"]`).count()) === 0, "and not in the list");
    await page.fill("#search", "");
  });

  const described = await api("GET", "/openapi.json");
  if (described.paths["/events"]) {
    await step("a change made elsewhere is seen without asking", [], async () => {
      await until(() => page.locator("#live").isVisible(), "the line is open");
      const first = await page.locator("#rows tr").first().getAttribute("data-id");
      await api("PATCH", `/users/${first}`, { firstName: "Elsewhere" });
      await until(async () => (await text(`a[data-id="${first}"]`)).startsWith("Elsewhere"), "the new name");
    });
  } else console.log("           (live changes were not tried: this server has no /events)");

  await step("a directory that is down is told kindly, and found again", ["Failed to load resource", "net::ERR", "503"], async () => {
    await ask("stop");
    await page.fill("#search", "x");
    await until(() => page.locator("#trouble").isVisible(), "the words");
    await until(async () => (await text("#end")).includes("Try again"), "a button to try again");
    await accessible("the trouble");
    await shot("offline");
    await ask("start");
    await until(() => page.locator("#trouble").isHidden(), "the end of it");
    await page.fill("#search", "");
    await until(async () => (await rows()) >= 50, "the list");
  });

  for (const [name, options] of [["dark", { colorScheme: "dark" }], ["narrow", { viewport: { width: 360, height: 740 }, hasTouch: true }]]) {
    await step(`${name}: list, person, new person`, [], async () => {
      await page.context().close();
      await tab(open, options);
      await page.goto(`${open}/`);
      await until(async () => (await rows()) >= 50, "the list");
      await accessible(`the list, ${name}`);
      await shot(name);
      await page.locator("a.name").first().click();
      await page.waitForSelector("#f-lastName");
      await accessible(`a person, ${name}`);
      await shot(`${name}-person`);
      await page.keyboard.press("Escape");
      await until(() => page.locator("#sheet").isHidden(), "the sheet is closed");
      await page.click("#new");
      await page.fill("#f-password", "short");
      await accessible(`a new person, ${name}`);
      await shot(`${name}-new`);
    });
  }
  await page.context().close();
}

async function explore(base, bearer) {
  await tab(base);
  await step(`the explorer tries an operation${bearer ? " with a token" : ""}, and asks nobody else`, [], async () => {
    await page.goto(`${base}/docs`);
    await page.waitForSelector("#operations-users-list_users");
    if (bearer) {
      await page.click(".btn.authorize");
      const scheme = page.locator(".modal-ux .auth-container", { hasText: "(http, Bearer)" });
      await scheme.locator("input").fill(bearer);
      await scheme.locator(".btn.authorize").click();
      await page.locator(".modal-ux .btn-done").first().click();
    }
    const operation = page.locator("#operations-passwords-get_password_policy, #operations-users-list_users").last();
    await page.locator("#operations-users-list_users .opblock-summary-control").click();
    await page.locator("#operations-users-list_users input[placeholder]").first().waitFor();
    for (const input of await page.locator("#operations-users-list_users .parameters input").all()) await input.fill("");
    await page.locator("#operations-users-list_users .execute").click();
    await page.waitForSelector("#operations-users-list_users .live-responses-table");
    const status = await page.locator("#operations-users-list_users .live-responses-table .response-col_status").last().textContent();
    check(status.includes("200"), `the answer was ${status}`);
    await shot(bearer ? "explorer-token" : "explorer");
    check(await operation.isVisible(), "the operations are there");
  });
  await page.context().close();
}

async function signIn() {
  await tab(jwt);
  await step("where tokens are asked for, the console asks too", ["401"], async () => {
    await page.goto(`${jwt}/`);
    await page.waitForSelector("#token[open]");
    await accessible("the token");
    await shot("token");
    await page.fill("#token-value", token);
    await page.getByText("Continue").click();
    await until(async () => (await text("#empty")).includes("Nobody here yet"), "the list");
  });
  await page.context().close();
}

try {
  await walk();
  await explore(open, null);
  await signIn();
  await explore(jwt, token);
} catch (error) {
  await shot("failed");
  console.error(error);
  if (complaints.length) console.error(complaints.join("\n"));
  process.exitCode = 1;
}
await browser.close();
process.exit();
