// Walks the console, the explorer and GraphiQL in headless Chromium, as a person would. Started by scripts/console-check, which also
// stops and starts the server when this asks for it on standard output.
import { readFileSync } from "node:fs";
import { accessible, api, ask, check, page, run, shot, step, tab, task, text, until } from "./browser.mjs";
import { elsewhere, explore, graphiql, signIn } from "./doors.mjs";
import { habits } from "./habits.mjs";
import { late } from "./late.mjs";

const { open, jwt, token, picture } = task;
const PASSWORD = "violet lanterns drift over Trieste";

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
    for (const lastName of ["Byron", "Lovelace"]) {
      await api("PATCH", `/users/${id}`, { lastName });
      await until(async () => (await text("#sheet-title")) === `Ada ${lastName}`, "a change made elsewhere");
      check(await page.locator(".stage").isVisible(), "it does not end the crop");
    }
    let bars = 0;
    await page.exposeFunction("sawBar", () => { bars += 1; });
    await page.evaluate(() => new MutationObserver(() => document.querySelector("progress") && globalThis.sawBar()).observe(document.querySelector(".avatar"), { childList: true, subtree: true }));
    await page.getByText("Use this picture").click();
    await said("The picture was saved");
    check(bars > 0, "a progress bar is shown");
    check((await page.evaluate(() => document.activeElement.textContent)) === "Change picture", "the focus goes on from there");
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
}

await run(walk, habits, late, () => explore(open, null), graphiql, signIn, elsewhere, () => explore(jwt, token));
