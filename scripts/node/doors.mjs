// The pages beside the console: the explorer of the API, GraphiQL, signing in, and the console from another origin.
import { readFileSync } from "node:fs";
import { accessible, check, page, shot, step, tab, task, text, until } from "./browser.mjs";

export async function explore(base, bearer) {
  await tab(base);
  await step(`the explorer tries an operation${bearer ? " with a token" : ""}, and asks nobody else`, [], async () => {
    await page.goto(`${base}/docs`);
    await page.waitForSelector("#operations-users-list_users");
    await shot("explorer-top");
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
}

export async function signIn() {
  await tab(task.jwt);
  await step("where tokens are asked for, the console asks too", ["401"], async () => {
    await page.goto(`${task.jwt}/`);
    await page.waitForSelector("#token[open]");
    await accessible("the token");
    await shot("token");
    await page.fill("#token-value", task.token);
    await page.getByText("Continue").click();
    await until(async () => (await text("#empty")).includes("Nobody here yet"), "the list");
  });
}

export async function graphiql() {
  await tab(task.open);
  await step("GraphiQL runs an operation, knows the schema, and asks nobody else", [], async () => {
    await page.goto(`${task.open}/graphql`);
    await page.waitForSelector(".graphiql-execute-button");
    await page.click(".graphiql-execute-button");
    await page.locator('[role="menuitem"]', { hasText: "Newest" }).click();
    await until(async () => (await text(".result-window")).includes('"nodes"'), "the answer");
    await page.click('button[aria-label="Show Documentation Explorer"]');
    await until(async () => (await text(".graphiql-doc-explorer")).includes("Mutation"), "the schema");
    await shot("graphiql");
  });
}

export async function elsewhere() {
  await tab(task.elsewhere);
  await step("from another origin, with a token, where If-Match is demanded: create, picture, conflict, delete", ["401", "412"], async () => {
    await page.goto(`${task.elsewhere}/`);
    await page.fill("#token-value", task.token);
    await page.getByText("Continue").click();
    await until(async () => (await text("#empty")).includes("Nobody here yet"), "the list");
    check((await page.getAttribute("#docs", "href")) === `${task.jwt}/openapi.json`, "the link to the description");
    await page.getByText("Add a person").click();
    for (const [name, value] of Object.entries({ firstName: "Ada", lastName: "Lovelace", userName: "ada", password: "violet lanterns drift over Trieste" })) {
      await page.fill(`#f-${name}`, value);
    }
    await page.getByText("Create", { exact: true }).click();
    await until(async () => (await text("#sheet-title")) === "Ada Lovelace", "she is there");
    await page.setInputFiles("#picture", { name: "ada.png", mimeType: "image/png", buffer: readFileSync(task.picture) });
    await page.getByText("Use this picture").click();
    await until(() => page.locator("#sheet .face img").evaluate((img) => img.naturalWidth === 256), "the picture from S3");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.click("#confirm .danger");
    await until(() => page.getByText("Add a picture").isVisible(), "initials again");
    const path = `/users/${new URL(page.url()).hash.split("/").pop()}`;
    const answer = await fetch(task.jwt + path, {
      method: "PATCH", body: '{"lastName":"Noel"}',
      headers: { authorization: `Bearer ${task.token}`, "content-type": "application/merge-patch+json", "if-match": "*" },
    });
    check(answer.ok, `the other change: ${answer.status}`);
    await page.fill("#f-lastName", "King");
    await page.getByText("Save", { exact: true }).click();
    await page.waitForSelector(".meet:not([hidden])");
    await page.getByText("Save my choice").click();
    await until(async () => (await text("#sheet-title")) === "Ada King", "my choice");
    await page.getByText("Delete …").click();
    await page.click("#confirm .danger");
    await until(() => page.locator("#empty").isVisible(), "nobody is left");
  });
}
