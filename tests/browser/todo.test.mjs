// todo.test.mjs -- one list, two browsers: what one changes the other sees, filtered, sorted and paged in its own way, and without asking.
// ctest: timeout=120 cost=26
//
// SCREENSHOTS=DIR node tests/browser/todo.test.mjs   leaves pictures of the example in DIR.
//
// SPDX-License-Identifier: MIT
import path from "node:path";
import { equal, finish, ok, test } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openLine } from "../node/lib/line.mjs";
import { fits, leave, openBrowser, openPage, picture, textIs, textsAre, withoutStream } from "../node/lib/browser.mjs";
import { scratch } from "../node/lib/tls.mjs";

programPath("todo");
const env = { TODO_DB: path.join(scratch(), "todo.db") };
const args = ["--datastar", datastarClient(), "--workers", "2"];
let server = await start("todo", args, { env });
const browser = await openBrowser();

const connected = (page) => page.waitForResponse((r) => r.request().method() === "POST" && new URL(r.url()).pathname === "/" && r.status() === 200, { timeout: 20000 }); // its stream

async function open(options = {}, url = server.url) {
  const page = await openPage(browser, options);
  const there = connected(page);
  await page.goto(url);
  await there;
  return page;
}

/** Clicks, and waits until the server knows: two events on two connections may overtake each other. */
async function choose(page, name) {
  const shown = page.waitForResponse((r) => r.url().endsWith("/_event/show") && r.status() === 200);
  await button(page, name).click();
  await shown;
}

const titlesAre = (page, wanted) => textsAre(page, "#list li span", wanted);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const row = (page, title) => page.locator("#list li", { hasText: title });
const add = async (page, title) => {
  await page.getByLabel("A new thing").fill(title);
  await page.keyboard.press("Enter");
};
const asked = (page) => page.seen.requests.filter((r) => r.url.endsWith("/_event/show")).length;

const first = ["Write to the timber yard", "Sort the screws", "Fix the lamp", "Sweep the workshop", "Measure the window", "Oil the hinges", "Sand, twice", "Find the other clamp"];
const rest = ["Glue the drawer", "Plane the table top", "Order beeswax", "Sharpen the saw"];

await test("filter, order, search and page are the tab's own", async () => {
  const one = await open();
  const two = await open({ colorScheme: "dark" });
  await titlesAre(one, first);
  await button(one, "Next").click();
  await titlesAre(one, rest);
  await textIs(one, "#page", "2 of 2");
  equal(await button(one, "Next").isDisabled(), true);
  await titlesAre(two, first);
  await button(two, "Done").click();
  await titlesAre(two, ["Measure the window", "Find the other clamp", "Order beeswax"]);
  equal(await button(two, "Done").getAttribute("aria-pressed"), "true");
  await two.getByLabel("Order", { exact: true }).selectOption("title");
  await titlesAre(two, ["Find the other clamp", "Measure the window", "Order beeswax"]);
  await picture(one, "todo-light");
  await picture(two, "todo-dark");
  await button(two, "All").click();
  await two.getByLabel("Search").fill("THE W");
  await titlesAre(two, ["Measure the window", "Sweep the workshop"]);
  await two.getByLabel("Search").fill("%");
  await textIs(two, "#list .none", "Nothing here.");
  for (const page of [one, two]) {
    await leave(page);
  }
});

await test("a tick is seen under the pointer too", async () => {
  const page = await open();
  const tick = row(page, "Measure the window").getByRole("checkbox", { checked: true });
  await tick.hover();
  const [ink, ground] = await tick.evaluate((e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]);
  ok(ink !== ground, ink);
  await leave(page);
});

await test("what one changes the other sees in its own view, and asks nobody for it", async () => {
  const one = await open();
  const two = await open();
  await choose(two, "Open");
  await two.getByLabel("Order", { exact: true }).selectOption("title");
  const open9 = ["Fix the lamp", "Glue the drawer", "Oil the hinges", "Plane the table top", "Sand, twice", "Sharpen the saw", "Sort the screws", "Sweep the workshop"];
  await titlesAre(two, open9);
  await button(two, "Next").click();
  await titlesAre(two, ["Write to the timber yard"]);
  await two.getByLabel("A new thing").pressSequentially("Half a thou"); // is being typed
  const before = asked(two);

  await add(one, "Buy <b>varnish</b>");
  await titlesAre(one, ["Buy <b>varnish</b>", ...first.slice(0, 7)]);
  await titlesAre(two, ["Sweep the workshop", "Write to the timber yard"]);
  await row(one, "Sort the screws").getByRole("checkbox").click();
  await titlesAre(two, ["Write to the timber yard"]);
  await textIs(two, "#open", "9 open");
  await row(one, "Write to the timber yard").getByRole("button", { name: /Remove/ }).click();
  await titlesAre(two, ["Buy <b>varnish</b>", ...open9.filter((t) => t !== "Sort the screws")]); // its page is gone: the last one
  await textIs(two, "#page", "1 of 1");

  equal(await two.getByLabel("A new thing").inputValue(), "Half a thou");
  equal(await two.getByLabel("A new thing").evaluate((e) => e === document.activeElement), true);
  equal(await two.getByLabel("Order", { exact: true }).inputValue(), "title");
  equal(await button(two, "Open").getAttribute("aria-pressed"), "true");
  equal(asked(two), before);
  await two.keyboard.type("ght");
  await two.keyboard.press("Enter");
  await titlesAre(one, ["Half a thought", "Buy <b>varnish</b>", ...first.slice(1, 7)]);
  equal(await two.getByLabel("A new thing").inputValue(), "");

  await button(one, "Clear done").click();
  await titlesAre(one, ["Half a thought", "Buy <b>varnish</b>", "Fix the lamp", "Sweep the workshop", "Oil the hinges", "Sand, twice", "Glue the drawer", "Plane the table top"]);
  await add(one, "  ");
  await textIs(one, ".said", "A thing has 1 to 80 letters.");
  for (const page of [one, two]) {
    await leave(page);
  }
});

await test("both change the same thing at once", async () => {
  const pages = [await open(), await open()];
  for (const page of pages) {
    await button(page, "Open").click();
  }
  const count = async (page) => Number((await page.locator("#open").textContent()).split(" ")[0]);
  const n = await count(pages[0]);
  // what the other one is about to click may go away at any time: so no click that waits for it to be there
  const buttons = await Promise.all(pages.map((page) => row(page, "Fix the lamp").getByRole("button", { name: /Remove/ }).elementHandle()));
  await Promise.all(buttons.map((handle) => handle.evaluate((element) => element.click())));
  for (const page of pages) {
    await textIs(page, "#open", `${n - 1} open`);
    equal(await row(page, "Fix the lamp").count(), 0);
  }
  for (const page of pages) {
    await leave(page);
  }
});

await test("a tab that was cut off comes back with its own filter and what has changed", async () => {
  const line = await openLine(server);
  const one = await open();
  const two = await open({ expected: /./ }, line.url);
  await choose(two, "Open");
  await two.getByLabel("Search").fill("the");
  await titlesAre(two, ["Sweep the workshop", "Oil the hinges", "Glue the drawer", "Plane the table top", "Sharpen the saw"]);
  const before = asked(two);
  line.cut();
  await row(one, "Oil the hinges").getByRole("checkbox").click();
  await one.locator("#list .done", { hasText: "Oil the hinges" }).waitFor();
  const back = connected(two);
  line.mend();
  await back;
  await titlesAre(two, ["Sweep the workshop", "Glue the drawer", "Plane the table top", "Sharpen the saw"]);
  equal(await button(two, "Open").getAttribute("aria-pressed"), "true");
  equal(asked(two), before, "the server knows what the tab said last");
  await leave(one);
  await two.context().close();
  line.close();
});

await test("without a stream events answer with the list", async () => {
  const page = await openPage(browser);
  await withoutStream(page, `${server.url}/`);
  await page.goto(server.url);
  await button(page, "Done").click();
  await titlesAre(page, ["Oil the hinges"]);
  await row(page, "Oil the hinges").getByRole("checkbox").click();
  await textIs(page, "#list .none", "Nothing here.");
  await page.context().close();
});

await test("the list outlives the server", async () => {
  await server.stop();
  server = await start("todo", args, { env });
  const page = await open({ viewport: { width: 360, height: 740 } });
  await titlesAre(page, ["Half a thought", "Buy <b>varnish</b>", "Sweep the workshop", "Oil the hinges", "Sand, twice", "Glue the drawer", "Plane the table top", "Sharpen the saw"]);
  await picture(page, "todo-small");
  await fits(page);
  await leave(page);
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
