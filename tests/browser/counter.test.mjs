// counter.test.mjs -- the program of the README, clicked in a real browser with the real Datastar client.
// ctest: timeout=120 cost=28
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, picture, textIs } from "../node/lib/browser.mjs";

programPath("counter");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("counter", ["--datastar", client]);

const plus = (page) => page.getByRole("button", { name: "+1", exact: true });
const reset = (page) => page.getByRole("button", { name: "Reset", exact: true });

async function open(path = "/counter") {
  const page = await openPage(browser);
  await page.goto(server.url + path);
  await textIs(page, "h1", "0");
  return page;
}

const posts = (page) => page.seen.requests.filter((r) => r.method === "POST").map((r) => new URL(r.url).pathname);

await test("counts up, one patch of each kind per click, and back to zero", async () => {
  const page = await open();
  equal(await page.title(), "Counter");
  await textIs(page, "#history", "Last: —");
  for (const n of ["1", "2", "3"]) {
    await plus(page).click();
    await textIs(page, "h1", n);
    await textIs(page, "#history", "Last: +1");
  }
  await picture(page, "counter");
  await reset(page).click();
  await textIs(page, "h1", "0");
  await until("the console message", () => page.seen.console.some((m) => m.type === "log" && m.text === "Counter reset"));
  equal(posts(page), [...Array(3).fill("/counter/_event/increment"), "/counter/_event/reset"]);
  equal(page.seen.navigations, 1);
  // The script that logs takes itself away.
  await page.waitForFunction(() => document.querySelectorAll("body script").length === 0);
  page.clean();
});

await test("the history element is patched in place, and nothing else is", async () => {
  const page = await open();
  await page.evaluate(() => {
    document.querySelector("h1").mark = "kept";
    document.querySelector("#history").mark = "kept";
  });
  await plus(page).click();
  await textIs(page, "#history", "Last: +1");
  const marks = () => [document.querySelector("h1").mark, document.querySelector("#history").mark];
  equal(await page.evaluate(marks), ["kept", "kept"]); // outer mode morphs
  equal(await page.locator("#history").count(), 1);
  page.clean();
});

await test("two quick clicks leave a count that the server agreed to", async () => {
  const page = await open();
  // Within one turn of the page: the client cancels the first request and sends the same signals again.
  await page.evaluate(() => {
    const button = document.querySelector("button");
    button.click();
    button.click();
  });
  await textIs(page, "h1", "1");
  await until("two requests", () => posts(page).length === 2);
  await plus(page).click(); // the page still works
  await textIs(page, "h1", "2");
  page.clean();
});

await test("a hundred clicks, each waited for", async () => {
  const page = await open();
  await page.evaluate(async () => {
    const count = document.querySelector("h1");
    for (let n = 1; n <= 100; n++) {
      const changed = new Promise((resolve) => {
        const observer = new MutationObserver(() => count.textContent === String(n) && (observer.disconnect(), resolve()));
        observer.observe(count, { childList: true, characterData: true, subtree: true });
      });
      document.querySelector("button").click();
      await changed;
    }
  });
  await textIs(page, "h1", "100");
  equal(posts(page).length, 100);
  page.clean();
});

await test("works behind a trailing slash and with a query", async () => {
  for (const path of ["/counter/", "/counter?from=mail", "/counter/?a=1#part"]) {
    const page = await open(path);
    await plus(page).click();
    await textIs(page, "h1", "1");
    equal(posts(page), ["/counter/_event/increment"]);
    await leave(page);
  }
});

await test("two tabs do not know each other", async () => {
  const [a, b] = [await open(), await open()];
  await plus(a).click();
  await textIs(a, "h1", "1");
  await plus(a).click();
  await textIs(a, "h1", "2");
  await plus(b).click();
  await textIs(b, "h1", "1");
  a.clean();
  b.clean();
});

await test("everything comes from the app itself, the client too", async () => {
  const page = await open();
  await plus(page).click();
  await textIs(page, "h1", "1");
  const origins = new Set(page.seen.requests.map((r) => new URL(r.url).origin));
  equal([...origins], [server.url]);
  ok(page.seen.requests.some((r) => /\/_cstar\/datastar-[0-9a-f]{16}\.js$/.test(r.url)));
  page.clean();
});

await test("from the CDN: the page's integrity hash is that of the file", async () => {
  const plain = await start("counter");
  const page = await openPage(browser);
  let asked = 0;
  await page.context().route("https://cdn.jsdelivr.net/**", (route) => {
    asked++;
    return route.fulfill({ body: readFileSync(client), contentType: "text/javascript", headers: { "access-control-allow-origin": "*" } });
  });
  await page.goto(`${plain.url}/counter`);
  await plus(page).click();
  await textIs(page, "h1", "1");
  equal(asked, 1);
  await leave(page);
  await plain.stop();
});

await test("a server that has gone is an error in the page, not a hang", async () => {
  const other = await start("counter", ["--datastar", client]);
  const page = await openPage(browser);
  await page.goto(`${other.url}/counter`);
  await plus(page).click();
  await textIs(page, "h1", "1");
  await other.stop(); // the browser's idle connections must not keep it
  const failed = page.waitForEvent("requestfailed");
  await plus(page).click();
  await failed;
  await textIs(page, "h1", "1");
  await page.context().close();
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
