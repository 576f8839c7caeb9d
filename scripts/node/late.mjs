// What a person expects of an answer that comes late, of somebody else who works on the same person, and of the focus: nothing
// that is typed is lost or passed over, and nothing happens to a sheet that an answer is not for.
import { api, check, page, step, tab, task, text, until } from "./browser.mjs";

const PASSWORD = "violet lanterns drift over Trieste";
const name = (id) => page.locator(`a[data-id="${id}"]`);
const hash = () => new URL(page.url()).hash;
const isShut = () => page.locator("#sheet").isHidden();
const said = (words) => until(async () => (await text("#toasts")).includes(words), `the words "${words}"`);
const save = () => page.getByText("Save", { exact: true }).click();
const now = (id) => api("GET", `/users/${id}`);
const elsewhere = (id, change) => api("PATCH", `/users/${id}`, change);

/** Two new people, alone in the list. */
let turn = 0;
async function two() {
  turn += 1;
  const made = [];
  for (const firstName of ["Anna", "Bela"]) {
    const userName = `${firstName.toLowerCase()}.${turn}`;
    made.push((await api("POST", "/users", { firstName, lastName: `Tarrant${turn}`, userName, password: PASSWORD })).id);
  }
  await page.goto("about:blank");
  await page.goto(`${task.open}/?q=tarrant${turn}`);
  await until(async () => (await text("#count")) === "2 people", "both");
  await until(() => page.locator("#live").isVisible(), "the line is open");
  return made;
}

async function look(id) {
  await name(id).click();
  await page.waitForSelector("#f-lastName");
}

async function leave() {
  await page.keyboard.press("Escape");
  if (await page.locator("#confirm").isVisible()) await page.locator("#confirm").getByText("Leave", { exact: true }).click();
  await until(isShut, "the end of the sheet");
}

/** Keeps back the next answer to this until the function is called that this gives; `first` is done before it is asked for. */
async function hold(method, pattern, first = () => {}) {
  let free;
  const gate = new Promise((done) => { free = done; });
  let isTaken = false;
  await page.route(pattern, async (route) => {
    if (isTaken || route.request().method() !== method) return route.fallback();
    isTaken = true;
    await first();
    const response = await route.fetch();
    answer.isHeld = true;
    await gate;
    await route.fulfill({ response });
  });
  const answer = async () => {
    const answered = page.waitForResponse((response) => pattern.test(response.url()) && response.request().method() === method);
    free();
    await answered;
    await page.unroute(pattern);
  };
  return answer;
}

/** All that has happened so far has been told to the page. */
async function told(id) {
  const firstName = `Bela${Math.random()}`;
  await elsewhere(id, { firstName });
  await until(async () => (await name(id).textContent()).startsWith(firstName), "the news");
}

async function typeWhole() {
  const typed = { firstName: "Late", lastName: "Comer", userName: `late.${turn}`, password: PASSWORD };
  for (const [field, value] of Object.entries(typed)) await page.fill(`#f-${field}`, value);
}

async function remove() {
  await page.getByText("Delete …").click();
  await page.click("#confirm .danger");
}

async function sendPicture() {
  await page.setInputFiles("#picture", task.picture);
  await page.getByText("Use this picture").click();
}

/** What was typed into the sheet of this person stands there as it did. */
async function stands(id, typed) {
  await page.waitForTimeout(100);
  check(hash() === `#/people/${id}`, `the address is ${hash()}`);
  check((await text("#sheet-title")) === `Bela Tarrant${turn}`, `the sheet of ${await text("#sheet-title")}`);
  check((await page.inputValue("#f-lastName")) === typed, `typed, and now: ${await page.inputValue("#f-lastName")}`);
}

async function sheets() {
  await step("late: who was created does not take the place of another sheet", [], async () => {
    const [, other] = await two();
    await page.keyboard.press("n");
    await typeWhole();
    const free = await hold("POST", /\/users$/);
    await page.getByText("Create", { exact: true }).click();
    await leave();
    await look(other);
    await page.fill("#f-lastName", "Typed");
    await free();
    await said("Late Comer was created");
    await stands(other, "Typed");
  });

  await step("late: a save is told of, and changes no other sheet", [], async () => {
    const [one, other] = await two();
    await look(one);
    await page.fill("#f-lastName", "Saved");
    const free = await hold("PATCH", /\/users\//);
    await save();
    await leave();
    await look(other);
    await page.fill("#f-lastName", "Typed");
    await free();
    await said("Saved.");
    check((await name(one).textContent()) === "Anna Saved", "the list has it");
    await stands(other, "Typed");
  });

  await step("late: a save is told of where no sheet is open", [], async () => {
    const [one] = await two();
    await look(one);
    await page.fill("#f-lastName", "Saved");
    const free = await hold("PATCH", /\/users\//);
    await save();
    await leave();
    await free();
    await said("Saved.");
  });

  await step("late: a save of somebody who is gone, and a deletion, leave another sheet alone", ["404"], async () => {
    for (const [deed, words] of [["PATCH", "is not in the directory"], ["DELETE", "was deleted"]]) {
      const [one, other] = await two();
      await look(one);
      const free = await hold(deed, /\/users\//, () => (deed === "PATCH" ? api("DELETE", `/users/${one}`) : null));
      if (deed === "PATCH") {
        await page.fill("#f-lastName", "Saved");
        await save();
      } else {
        await remove();
      }
      await leave();
      await look(other);
      await page.fill("#f-lastName", "Typed");
      await free();
      await said(words);
      await stands(other, "Typed");
    }
  });

  await step("late: the first answer to who is opened twice takes nothing that is typed", [], async () => {
    const [, other] = await two();
    const free = await hold("GET", new RegExp(`/users/${other}$`));
    await name(other).click();
    await leave();
    await look(other);
    await page.fill("#f-lastName", "Typed");
    await free();
    await stands(other, "Typed");
  });

  await step("late: a picture is told of, and changes no other sheet", [], async () => {
    const [one, other] = await two();
    await look(one);
    const free = await hold("GET", /\/avatar-uploads\//);
    await sendPicture();
    await until(async () => (await text(".avatar")).includes("Looking at it"), "the upload");
    await leave();
    await look(other);
    await page.fill("#f-lastName", "Typed");
    await free();
    await said("The picture was saved");
    await stands(other, "Typed");
  });
}

async function others() {
  await step("a new picture does not make a save pass over somebody else's change", ["412"], async () => {
    const [one] = await two();
    await look(one);
    await page.fill("#f-lastName", "Mine");
    const free = await hold("GET", /\/avatar-uploads\//);
    await sendPicture();
    await until(async () => (await now(one)).avatar, "the picture in the directory");
    await elsewhere(one, { lastName: "Theirs" });
    await free();
    await said("The picture was saved");
    await save();
    await page.waitForSelector(".meet:not([hidden])");
    check((await now(one)).lastName === "Theirs", "nothing is passed over");
    await page.getByText("Save my choice").click();
    await said("Saved.");
    check((await now(one)).lastName === "Mine", "my choice");
  });

  await step("nor does a deletion that was refused; asked for again, it is done", ["412"], async () => {
    const [one] = await two();
    await look(one);
    const refused = async (lastName) => {
      await page.fill("#f-lastName", "Mine");
      const free = await hold("DELETE", /\/users\//, () => elsewhere(one, { lastName }));
      await remove();
      await free();
      await until(async () => (await text("#sheet form .notice >> nth=0")).includes(`who is now Anna ${lastName}`), "the words");
    };
    await refused("Theirs");
    await save();
    await page.waitForSelector(".meet:not([hidden])");
    check((await now(one)).lastName === "Theirs", "nothing is passed over");
    check((await page.evaluate(() => document.activeElement.name)) === "meet-lastName", "the focus is on the choice");
    await page.getByText("Keep theirs").click();
    check((await page.evaluate(() => document.activeElement.textContent)) === "Save", "the focus goes on from there");
    await refused("Others");
    await remove();
    await said("was deleted");
    check((await now(one)).status === 404, "gone");
  });

  await step("a picture is not removed from a person whom somebody changed meanwhile, but when asked again", ["412"], async () => {
    const [one] = await two();
    await look(one);
    await sendPicture();
    await said("The picture was saved");
    await page.fill("#f-lastName", "Mine");
    const free = await hold("DELETE", /\/avatar$/, () => elsewhere(one, { lastName: "Theirs" }));
    const clear = async () => {
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.click("#confirm .danger");
    };
    await clear();
    await free();
    await until(async () => (await text(".avatar .error")).includes("Not removed"), "the words");
    check((await now(one)).avatar, "it is kept");
    await clear();
    await until(async () => !(await now(one)).avatar, "the removal");
    await until(() => page.getByText("Add a picture").isVisible(), "the sheet has none");
    check((await page.inputValue("#f-lastName")) === "Mine", "what was typed is kept");
  });

  await step("a question is about what it was asked of: what comes meanwhile is not passed over", ["412"], async () => {
    const [one] = await two();
    await look(one);
    await sendPicture();
    await said("The picture was saved");
    for (const [button, lastName, words] of [["Delete …", "Theirs", "Not deleted"], ["Remove", "Others", "Not removed"]]) {
      await page.getByRole("button", { name: button, exact: true }).click();
      await elsewhere(one, { lastName });
      await until(async () => (await text("#sheet-title")) === `Anna ${lastName}`, "the change");
      await page.click("#confirm .danger");
      await until(async () => (await text("#sheet")).includes(words), words);
    }
    check((await now(one)).avatar, "both are kept");
  });

  await step("a change made elsewhere is taken in beside what is typed, and told of where it meets that", ["412"], async () => {
    const [one] = await two();
    await look(one);
    await page.fill("#f-lastName", "Mine");
    const isTold = () => page.getByText("Somebody has just changed this person").isVisible();
    await elsewhere(one, { firstName: "Anne" });
    await until(async () => (await page.inputValue("#f-firstName")) === "Anne", "the first name");
    check(!(await isTold()) && (await page.inputValue("#f-lastName")) === "Mine", "what is typed is met by nothing");
    await elsewhere(one, { lastName: "Theirs" });
    await until(isTold, "the words");
    await save();
    await page.getByText("Save my choice").click();
    await said("Saved.");
    check(!(await isTold()) && (await now(one)).lastName === "Mine", "that is over");
  });

  await step("what comes late does not show what was", [], async () => {
    const [one, other] = await two();
    await look(one);
    const free = await hold("GET", new RegExp(`/users/${one}$`));
    await elsewhere(one, { lastName: "Older" });
    await until(async () => free.isHeld, "the older");
    await elsewhere(one, { lastName: "Newer" });
    await until(async () => (await text("#sheet-title")) === "Anna Newer", "the newer");
    await free();
    await told(other);
    check((await text("#sheet-title")) === "Anna Newer" && (await name(one).textContent()) === "Anna Newer", "it stays");
  });

  await step("one's own picture, save and deletion are not told as somebody else's", [], async () => {
    const [one, other] = await two();
    const seen = () => page.locator("#sheet").innerText();
    await page.keyboard.press("n");
    await typeWhole();
    let free = await hold("POST", /\/users$/);
    await page.getByText("Create", { exact: true }).click();
    await until(async () => (await api("GET", `/users?filter=userName%20eq%20"late.${turn}"`)).users.length, "them in the directory");
    await told(other);
    await free();
    await said("was created");
    check(await page.locator("#fresh").isHidden(), "the list has what one made");
    await leave();
    await look(one);
    await page.fill("#f-lastName", "Mine");
    free = await hold("GET", /\/avatar-uploads\//);
    await sendPicture();
    await until(async () => (await now(one)).avatar, "the picture in the directory");
    await told(other);
    await free();
    await said("The picture was saved");
    check(!(await seen()).includes("Somebody"), await seen());
    free = await hold("PATCH", /\/users\//);
    await save();
    await until(async () => (await now(one)).lastName === "Mine", "the save in the directory");
    await told(other);
    check(!(await seen()).includes("Somebody"), await seen());
    await free();
    await said("Saved.");
    check(!(await seen()).includes("Somebody"), await seen());
    free = await hold("DELETE", /\/users\//);
    await remove();
    await until(async () => (await now(one)).status === 404, "the deletion in the directory");
    await told(other);
    check(!(await seen()).includes("Somebody"), await seen());
    await free();
    await until(isShut, "the end of the sheet");
  });
}

async function keys() {
  await step("the focus stays where it is when the list changes, and when something is saved", [], async () => {
    const [one, other] = await two();
    await name(one).focus();
    await elsewhere(one, { firstName: "Anne" });
    await until(async () => (await name(one).textContent()).startsWith("Anne"), "the news");
    const focused = () => page.evaluate(() => document.activeElement.dataset.id ?? document.activeElement.id);
    check((await focused()) === one, `on ${await focused()}`);
    await look(one);
    await page.fill("#f-lastName", "Saved");
    const free = await hold("PATCH", /\/users\//);
    await page.keyboard.press("Enter");
    await until(async () => (await now(one)).lastName === "Saved", "the save in the directory");
    await page.waitForTimeout(100);
    await free();
    await said("Saved.");
    check((await focused()) === "f-lastName", `on ${await focused()}`);
    await leave();
    check((await focused()) === one, `on ${await focused()}`);
    await api("DELETE", `/users/${one}`);
    await until(async () => (await name(one).count()) === 0, "the news");
    check((await focused()) === other, `on ${await focused()}`);
  });

  await step("Escape asks before what is typed goes, as often as it is pressed", [], async () => {
    const [one] = await two();
    for (const open of [() => page.keyboard.press("n"), () => look(one)]) {
      await open();
      const address = hash();
      await page.focus("#f-firstName");
      await page.keyboard.type("Typed");
      for (let press = 0; press < 8; press += 1) {
        await page.keyboard.press("Escape");
        await page.waitForTimeout(50);
        check((await page.locator("#confirm").isVisible()) === (press % 2 === 0), `press ${press + 1}: the question`);
        check(!(await isShut()) && (await page.inputValue("#f-firstName")).includes("Typed"), `press ${press + 1}: what is typed`);
      }
      check(hash() === address, hash());
      await leave();
      check(hash() === "", hash());
    }
  });

  await step("nor does a browser that closes the sheet by itself take what is typed, or leave the address", [], async () => {
    const [one] = await two();
    const close = () => page.evaluate(() => document.querySelector("#sheet").close());
    await look(one);
    await page.fill("#f-firstName", "Typed");
    await close();
    await page.locator("#confirm").getByText("Cancel").click();
    check((await page.inputValue("#f-firstName")) === "Typed", "what is typed");
    await page.fill("#f-firstName", "Anna");
    await close();
    await until(isShut, "the end of the sheet");
    await until(async () => hash() === "", "the list's address");
  });
}

export async function late() {
  await tab(task.open);
  await sheets();
  await others();
  await keys();
}
