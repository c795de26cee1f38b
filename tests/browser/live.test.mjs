// live.test.mjs -- one stream for each tab, with the real client: tabs that navigate, that are many, that were duplicated; streams
// that end for good, and streams that are refused. What is counted is what the server has.
// ctest: timeout=240 cost=76
//
// SPDX-License-Identifier: MIT
import { equal, finish, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openBrowser, openPage, pageUntil, textIs } from "../node/lib/browser.mjs";
import { allHear, counts, openIs, publish, servedBy } from "../node/lib/live.mjs";

programPath("live-pages");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("live-pages", ["--datastar", client, "--workers", "2", "--metrics", "/metrics"]);
const idle = server.fds();
let numbers = 100;
const next = () => ++numbers;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (page, css) => page.locator(css).textContent();
const stored = (page) => page.evaluate(() => sessionStorage.tabId);

async function open(path = "/page/1", context) {
  const page = context ? await context.newPage() : await openPage(browser);
  await page.goto(server.url + path);
  await servedBy(page, server);
  return page;
}

// As a browser duplicates a tab: the new one has a copy of the session storage.
async function duplicate(page) {
  const opened = page.context().waitForEvent("page");
  await page.evaluate(() => void window.open(location.href));
  const copy = await opened;
  copy.setDefaultTimeout(10000);
  await servedBy(copy, server);
  return copy;
}

// No stream begins for as long as several retries would take. (The client waits at most 1.5 s.)
async function staysPut(ms = 6000) {
  const before = await counts(server);
  await sleep(ms);
  const after = await counts(server);
  equal([after.starts, after.open], [before.starts, before.open]);
}

async function gone(...contexts) {
  await Promise.all(contexts.map((c) => c.close()));
  await openIs(server, 0);
}

// ---- no zombies ---------------------------------------------------------------------------------

await test("five pages in a row in one tab: one stream is left, and none when it is closed", async () => {
  const page = await open();
  for (let n = 2; n <= 5; n++) {
    await page.locator(`#to${n}`).click();
    await page.waitForURL(`**/page/${n}`);
    await servedBy(page, server);
  }
  await openIs(server, 1);
  const { starts, ends } = await counts(server);
  equal([starts, ends], [5, 4]);
  await allHear(server, [page], next());
  await gone(page.context());
});

await test("five pages that nobody waits for: one stream is left", async () => {
  const page = await open();
  for (let n = 2; n <= 5; n++) {
    await page.goto(`${server.url}/page/${n}`, { waitUntil: "commit" });
  }
  await servedBy(page, server);
  await openIs(server, 1);
  await allHear(server, [page], next());
  page.clean();
  await gone(page.context());
});

await test("back and forward: one stream, and the page that is shown hears", async () => {
  const page = await open();
  await page.locator("#to2").click();
  await page.waitForURL("**/page/2");
  await servedBy(page, server);
  for (const go of ["goBack", "goForward", "goBack"]) {
    await page[go]();
    await servedBy(page, server);
    await openIs(server, 1);
    const n = next();
    await until("the page to hear", async () => {
      await publish(server, n);
      return (await text(page, "#n")) === String(n);
    });
  }
  await openIs(server, 1);
  await gone(page.context());
});

await test("three tabs: three streams; ten people who click through five pages: ten", async () => {
  const first = await open();
  const tabs = [first, await open("/page/2", first.context()), await open("/page/3", first.context())];
  await openIs(server, 3);
  equal(new Set(await Promise.all(tabs.map(stored))).size, 3);
  await allHear(server, tabs, next());
  await gone(first.context());

  const people = [];
  for (let n = 0; n < 10; n++) {
    people.push(await open());
  }
  await Promise.all(people.map(async (page, i) => {
    for (let n = 2; n <= 5; n++) {
      await page.goto(`${server.url}/page/${n}`, { waitUntil: (i + n) % 2 ? "commit" : "load" });
    }
    await servedBy(page, server);
  }));
  await openIs(server, 10);
  await allHear(server, people, next());
  await gone(...people.map((page) => page.context()));
}, { seconds: 90 });

// ---- duplicated tabs ----------------------------------------------------------------------------

await test("a duplicated tab: both live, each with an id of its own, and nobody is evicted again", async () => {
  const before = await counts(server);
  const page = await open();
  const copy = await duplicate(page);
  await until("two tabs", async () => (await stored(page)) !== (await stored(copy)));
  await openIs(server, 2);
  await allHear(server, [page, copy], next());
  for (const p of [page, copy]) {
    equal(await text(p, "#tab"), await stored(p));
  }
  equal((await counts(server)).starts - before.starts, 3); // the one, the other, and the one again
  await staysPut();
  await allHear(server, [page, copy], next());

  // each one's events reach its own stream, and no other
  await page.locator("#tell").click();
  await textIs(page, "#told", "1");
  await copy.locator("#tell").click();
  await textIs(copy, "#told", "1");
  await copy.locator("#tell").click();
  await textIs(copy, "#told", "2");
  await textIs(page, "#told", "1");

  // the one that was split goes on as a tab like any other: it navigates, it is loaded again
  const id = await stored(page);
  await page.locator("#to3").click();
  await page.waitForURL("**/page/3");
  await servedBy(page, server);
  equal(await stored(page), id);
  await page.reload();
  await servedBy(page, server);
  equal(await stored(page), id);
  await openIs(server, 2);
  await allHear(server, [page, copy], next());
  await staysPut(3000);
  page.clean();
  await gone(page.context());
}, { seconds: 60 });

await test("a tab that is duplicated twice, and a duplicate that is duplicated: four live tabs", async () => {
  const page = await open();
  const copy = await duplicate(page);
  const again = await duplicate(page);
  const deeper = await duplicate(copy);
  const all = [page, copy, again, deeper];
  await until("four ids", async () => new Set(await Promise.all(all.map(stored))).size === 4, { seconds: 20 });
  await openIs(server, 4);
  await allHear(server, all, next());
  await staysPut();
  await allHear(server, all, next());
  await gone(page.context());
}, { seconds: 60 });

// ---- the end ------------------------------------------------------------------------------------

await test("a stream that was halted does not come back, and the page can be left", async () => {
  const page = await openPage(browser);
  const before = await counts(server);
  await page.goto(`${server.url}/halt`);
  await servedBy(page, server);
  await openIs(server, 0);
  await sleep(5000);
  equal((await counts(server)).starts - before.starts, 1);
  await page.locator("#to2").click();
  await page.waitForURL("**/page/2");
  await servedBy(page, server);
  await allHear(server, [page], next());
  page.clean();
  await gone(page.context());
});

await test("the browser gone, every stream and connection is", async () => {
  await browser.close();
  await openIs(server, 0);
  await until("the descriptors to be closed", () => server.fds() <= idle);
  await server.stop();
});
finish();
