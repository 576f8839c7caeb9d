// What a person expects without being told: that the address and the back button work, that the keyboard is enough, that typing
// fast does no harm, that motion can be switched off. On the directory of 500 people that the first walk leaves.
import { api, check, page, step, tab, task, text, until } from "./browser.mjs";

const PASSWORD = "violet lanterns drift over Trieste";
const isOpen = () => page.locator("#sheet").isVisible();
const isShut = () => page.locator("#sheet").isHidden();
const hash = () => new URL(page.url()).hash;
const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());

/** Goes on with the Tab key until it is there. */
async function tabTo(label, most = 30) {
  for (let turn = 0; turn < most; turn += 1) {
    if ((await focused()) === label) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not lead to "${label}", but to "${await focused()}"`);
}

export async function habits() {
  await tab(task.open);
  await step("back closes a person, forward opens them again, and no entry is wasted", [], async () => {
    await page.goto(`${task.open}/docs`);
    await page.goto(`${task.open}/`);
    await until(() => page.locator("a.name").first().isVisible(), "the list");
    const first = page.locator("a.name").first();
    for (const close of [() => page.goBack(), () => page.keyboard.press("Escape"), () => page.click(".close")]) {
      await first.click();
      await until(isOpen, "the sheet");
      await close();
      await until(isShut, "the end of the sheet");
      check(hash() === "" && (await first.evaluate((link) => link === document.activeElement)), "the focus is where it was");
    }
    await page.goForward();
    await page.waitForSelector("#f-lastName");
    await page.keyboard.press("Escape");
    await until(isShut, "the end of the sheet");
    await page.goBack();
    check(new URL(page.url()).pathname === "/docs", "one step back leaves the console");
    await page.goForward();
    await until(() => page.locator("a.name").first().isVisible(), "the list");
  });

  await step("an address that names a person opens them, and what was typed is asked for before it goes", [], async () => {
    const [someone] = (await api("GET", "/users?sort=lastName&limit=1")).users;
    await page.goto(`${task.open}/#/people/${someone.id}`);
    await page.reload();
    await page.waitForSelector("#f-lastName");
    check((await page.inputValue("#f-lastName")) === someone.lastName, "it is them");
    await page.keyboard.press("Escape");
    await until(isShut, "the end of the sheet");
    await page.locator("a.name").first().click();
    await page.fill("#f-lastName", "Typed");
    for (const [answer, isLeft] of [["Cancel", false], ["Leave", true]]) {
      await page.goBack();
      await page.locator("#confirm").getByText(answer, { exact: true }).click();
      await until(isLeft ? isShut : isOpen, answer);
      if (!isLeft) check((await page.inputValue("#f-lastName")) === "Typed" && hash().startsWith("#/people/"), "it is kept");
    }
    check(hash() === "", "the list's address");
    check((await api("GET", `/users/${someone.id}`)).lastName === someone.lastName, "nothing was saved");
  });

  await step("a search is in the address, and typing fast asks seldom", [], async () => {
    let asked = 0;
    const count = (request) => { if (request.url().includes("filter=")) asked += 1; };
    page.on("request", count);
    const [someone] = (await api("GET", "/users?sort=-userName&limit=1")).users;
    await page.locator("#search").pressSequentially(someone.userName, { delay: 15 });
    await until(async () => (await text("#count")) === "1 person", "one person");
    check(asked <= 2, `${someone.userName.length} letters made ${asked} requests`);
    page.off("request", count);
    check(new URL(page.url()).searchParams.get("q") === someone.userName, page.url());
    await page.reload();
    await until(async () => (await text("#count")) === "1 person", "the same after a reload");
    check((await page.inputValue("#search")) === someone.userName, "it is in its field");
  });

  await step("a slow answer to what was typed before is not shown", ["net::ERR_ABORTED"], async () => {
    const isSlow = (url) => url.pathname === "/users" && url.search.includes("slow");
    let answered = null;
    await page.route(isSlow, async (route) => {
      await new Promise((done) => setTimeout(done, 700));
      answered = await route.continue().then(() => "late", () => "given up");
    });
    const started = page.waitForRequest((request) => isSlow(new URL(request.url())));
    await page.fill("#search", "slow");
    await started;
    await page.fill("#search", "");
    await until(async () => (await text("#count")).startsWith("First"), "everybody");
    await until(async () => answered !== null, "the late answer");
    check((await text("#count")).startsWith("First"), "everybody is still there");
    check(!page.url().includes("?"), "no search is left in the address");
  });

  await step("the keyboard alone creates, finds, changes and deletes", [], async () => {
    await page.goto(`${task.open}/`);
    await until(() => page.locator("a.name").first().isVisible(), "the list");
    await page.keyboard.press("Tab");
    check((await focused()) === "Skip to the list", "the first stop");
    await page.keyboard.press("Enter");
    check((await page.evaluate(() => document.activeElement.id)) === "people", "the list is reached at once");
    await page.keyboard.press("n");
    for (const value of ["Quenby", "Oxthorne", "quenby", PASSWORD]) {
      await page.keyboard.type(value);
      await page.keyboard.press("Tab");
    }
    await tabTo("Create");
    await page.keyboard.press("Enter");
    await until(async () => (await text("#sheet-title")) === "Quenby Oxthorne", "she is there");
    await page.keyboard.press("Escape");
    await until(isShut, "the end of the sheet");
    await page.keyboard.press("/");
    await page.keyboard.type("quenby oxthorne");
    await until(async () => (await text("#count")) === "1 person", "one person");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#f-lastName");
    check(await page.evaluate(() => document.querySelector("#sheet").contains(document.activeElement)), "the focus is in the sheet");
    for (let turn = 0; turn < 20 && (await page.evaluate(() => document.activeElement.id)) !== "f-lastName"; turn += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Murray");
    await page.keyboard.press("Enter");
    await until(async () => (await text("#sheet-title")) === "Quenby Murray", "it is saved");
    await tabTo("Delete …");
    await page.keyboard.press("Enter");
    check((await focused()) === "Cancel", "the harmless answer has the focus");
    await page.keyboard.press("Escape");
    check((await isOpen()) && (await focused()) === "Delete …", "back where it was asked");
    // Closed and asked again within one breath, as quick fingers on a slow machine do.
    await page.evaluate(() => {
      const button = document.activeElement;
      button.click();
      document.querySelector("#confirm").close();
      button.click();
    });
    await tabTo("Delete");
    await page.keyboard.press("Enter");
    await until(isShut, "the end of the sheet");
    check((await page.evaluate(() => document.activeElement !== document.body)), "the focus is somewhere");
    check((await api("GET", '/users?filter=userName%20eq%20"quenby"')).users.length === 0, "she is gone");
  });

  for (const motion of ["reduce", "no-preference"]) {
    await step(`motion: ${motion}`, [], async () => {
      await page.emulateMedia({ reducedMotion: motion });
      await page.goto(`${task.open}/`);
      await until(() => page.locator("a.name").first().isVisible(), "the list");
      await page.locator("a.name").first().click();
      const names = await page.locator("#sheet").evaluate((sheet) => getComputedStyle(sheet).animationName);
      check((names === "none") === (motion === "reduce"), `${motion}: ${names}`);
    });
  }
}
