// A browser as a person has it, for the walks: headless Chromium, with an eye on what it complains about and whom it asks.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const task = JSON.parse(process.argv[2]);
const require = createRequire(join(task.tools, "packages.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: task.chromium,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let [expected, began] = [[], Date.now()];
const complaints = [];
/** The tab that is looked at. */
export let page = null;

export function check(isSo, what) {
  if (!isSo) throw new Error(what);
}

/** Waits until `probe` gives something true. */
export async function until(probe, what, milliseconds = 15_000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    if (await probe().catch(() => false)) return;
  }
  throw new Error(`not in ${milliseconds / 1000} s: ${what}`);
}

/** A new tab; what it complains about, and whom it asks, is watched. */
export async function tab(base, options = {}) {
  await page?.context().close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  page = await context.newPage();
  if (task.files) await page.route(`${base}/assets/*`, (route) => route.fulfill({ path: join(task.files, new URL(route.request().url()).pathname) }));
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
}

/** One thing that a person does; `errors` are answers that the browser will tell of in its console, rightly. */
export async function step(name, errors, work) {
  expected = errors;
  await work();
  check(complaints.length === 0, `${name}: ${complaints.join("\n")}`);
  console.log(`${String(Date.now() - began).padStart(6)} ms  ${name}`);
  began = Date.now();
}

/** No violation of any rule of axe-core, and no sideways scrolling. */
export async function accessible(view) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(" | ")}`);
  check(violations.length === 0, `axe-core on ${view}:\n${told.join("\n")}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(over <= 0, `${view} is ${over} pixels too wide`);
}

export async function shot(name) {
  if (task.screenshots) await page.screenshot({ path: join(task.screenshots, `${name}.png`) });
}

export async function api(method, path, body, base = task.open) {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const answer = await fetch(base + path, { method, headers: body ? { "content-type": type } : {}, body: body && JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

/** Has scripts/console-check do something: stop the server, start it, bring people in. */
export async function ask(what) {
  console.log(`@${what}`);
  await answers.next();
}

export const text = (selector) => page.locator(selector).textContent();

/** Walks; ends the process with what went wrong. */
export async function run(...walks) {
  try {
    for (const walk of walks) await walk();
  } catch (error) {
    await shot("failed");
    console.error(error);
    if (complaints.length) console.error(complaints.join("\n"));
    process.exitCode = 1;
  }
  await browser.close();
  process.exit();
}
