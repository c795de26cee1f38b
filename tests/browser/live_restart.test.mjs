// live_restart.test.mjs -- a server is replaced while pages with the real client listen to it: stopped, killed, away for a while.
// Every tab has a stream of the new one afterwards, whatever it was doing, and they do not all come at once.
// ctest: timeout=300 cost=76
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, launch, programPath, start } from "../node/lib/program.mjs";
import { openBrowser, openPage, pageUntil, textIs } from "../node/lib/browser.mjs";
import { devFile, keyHash, privateCache } from "../node/lib/tls.mjs";
import { allHear, counts, followStream, newId, openIs, publish, servedBy } from "../node/lib/live.mjs";

programPath("live-pages");
const args = ["--datastar", datastarClient(), "--workers", "2"];
const browser = await openBrowser();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let numbers = 0;

/** The next server on the port of the last one: as soon as that does not listen any more. */
const startOn = (port, env = {}, options = args) =>
  until("the port to be free", () => launch("live-pages", ["--listen", `127.0.0.1:${port}`, ...options], { env }).listening().catch(() => null));

async function openTab(server, path, context) {
  const page = context ? await context.newPage() : await openPage(browser);
  await page.goto(server.url + path);
  await servedBy(page, server);
  return page;
}

const hide = (page) => page.evaluate(() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
  document.dispatchEvent(new Event("visibilitychange"));
});

// As the browser does with a tab that was in the background for long: no timer runs in it.
async function freeze(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  return () => session.send("Page.setWebLifecycleState", { state: "active" });
}

// Tabs in every state; `rest` are those of whom nothing more is to be expected than that they live.
async function openTabs(server) {
  const plain = await openTab(server, "/page/1");
  const second = await openTab(server, "/page/2", plain.context());
  const hidden = await openTab(server, "/page/3");
  await hide(hidden);
  const busy = await openTab(server, "/slow");
  const opened = busy.context().waitForEvent("page");
  await busy.evaluate(() => void window.open(location.href)); // the session storage is copied
  const copy = await opened;
  await until("the duplicate to be split", async () =>
    (await busy.evaluate(() => sessionStorage.tabId)) !== (await copy.evaluate(() => sessionStorage.tabId)));
  return { busy, all: [plain, second, hidden, busy, copy], contexts: [plain, hidden, busy].map((page) => page.context()) };
}

const close = (tabs) => Promise.all(tabs.contexts.map((context) => context.close()));

// The duplicated tabs come with the id that both began with, and are split again: only when that has been done there are `n` streams.
// @param most  if others may be there, too
async function allLive(pages, server, n, most = n) {
  for (const page of pages) {
    await servedBy(page, server, 40);
  }
  const enough = (open) => open >= n && open <= most;
  await until(`${n} to ${most} streams`, async () => enough((await counts(server)).open), { seconds: 40 });
  // Again and again: a duplicate may be about to be replaced, and what is published then has no replay.
  const number = ++numbers;
  const again = setInterval(() => publish(server, number).catch(() => {}), 500);
  try {
    await allHear(server, pages, number);
  } finally {
    clearInterval(again);
  }
}

// Their first streams of a server, over time.
function spread(arrivals) {
  const times = [...arrivals].sort((a, b) => a - b);
  return times[times.length - 1] - times[0];
}

// ---- handing over -------------------------------------------------------------------------------

await test("SIGTERM with an event under way, and the next server while the old one drains: all tabs are there", async () => {
  const old = await start("live-pages", args);
  const tabs = await openTabs(old);
  const followers = Array.from({ length: 40 }, () => followStream(old, { tabId: newId(), pageId: newId() }));
  await openIs(old, 45);
  await setMs(tabs.busy, 3000);
  await tabs.busy.locator("#wait").click();
  await until("the event to be under way", async () => (await counts(old)).waiting === 1);
  old.signal("SIGTERM");
  const server = await startOn(old.port);
  await textIs(tabs.busy, "#waited", "1"); // the old one has finished it
  await old.ended();
  await allLive(tabs.all, server, 45);

  // each was told another time, and so they came one after the other
  const told = followers.map((f) => f.told.at(-1));
  ok(told.every((ms) => ms >= 200 && ms < 3000), String(told));
  ok(new Set(told).size > 20, `${new Set(told).size} different times`);
  ok(spread((await counts(server)).arrivals) > 100);
  followers.forEach((f) => f.leave());
  await close(tabs);
  await openIs(server, 0);
  await server.stop();
}, { seconds: 90 });

// The signal that the event reads.
async function setMs(page, ms) {
  await page.evaluate((value) => {
    const main = document.querySelector("main");
    const helper = document.createElement("i");
    helper.setAttribute("data-init", `$ms = ${value}`);
    main.append(helper);
  }, ms);
  await pageUntil(page, "the signal", () => document.querySelector("#ms")?.textContent !== "0");
}

// ---- away for a while ---------------------------------------------------------------------------

for (const how of process.env.SOAK_SECONDS ? ["SIGTERM", "SIGKILL"] : ["SIGKILL"]) {
  await test(`${how}, and three seconds without a server: all tabs come back`, async () => {
    const old = await start("live-pages", args);
    const tabs = await openTabs(old);
    const frozen = await openTab(old, "/page/4");
    const thaw = await freeze(frozen);
    const followers = Array.from({ length: 40 }, () => followStream(old, { tabId: newId(), pageId: newId() }));
    await openIs(old, 46);
    old.signal(how);
    await old.exited;
    await sleep(3000);
    const server = await startOn(old.port);
    await allLive(tabs.all, server, 45, 46); // a busy browser may be late to freeze
    await thaw();
    await allLive([...tabs.all, frozen], server, 46);
    ok(spread((await counts(server)).arrivals) > 100);

    // and again, while some have just come
    server.signal(how);
    await server.exited;
    const third = await startOn(old.port);
    await allLive([...tabs.all, frozen], third, 46);
    followers.forEach((f) => f.leave());
    await close(tabs);
    await frozen.context().close();
    await openIs(third, 0);
    await third.stop();
  }, { seconds: 120 });
}

await test("an event that is cut by a kill is sent again by the client, and the page goes on", async () => {
  const old = await start("live-pages", args);
  const page = await openTab(old, "/slow");
  await setMs(page, 2000);
  await page.locator("#wait").click();
  await until("the event to be under way", async () => (await counts(old)).waiting === 1);
  old.signal("SIGKILL");
  await old.exited;
  const server = await startOn(old.port);
  await servedBy(page, server);
  await textIs(page, "#waited", "1");
  await allHear(server, [page], ++numbers);
  await page.context().close();
  await server.stop();
}, { seconds: 60 });

// ---- HTTP/2 -------------------------------------------------------------------------------------

await test("HTTPS: ten tabs on one connection come back after SIGTERM, and after a kill", async () => {
  const env = privateCache();
  const tls = [...args, "--tls"];
  let server = await start("live-pages", tls, { env });
  const trusting = await openBrowser({ args: [`--ignore-certificate-errors-spki-list=${keyHash(readFileSync(devFile(env, "leaf.pem")))}`] });
  const context = (await openPage(trusting)).context();
  const tabs = await Promise.all(Array.from({ length: 10 }, (_, n) => openTab(server, n === 9 ? "/slow" : `/page/${(n % 5) + 1}`, context)));
  equal(await tabs[0].evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  await allLive(tabs, server, 10);
  for (const how of ["SIGTERM", "SIGKILL"]) {
    server.signal(how);
    await server.exited;
    server = await startOn(server.port, env, tls);
    await allLive(tabs, server, 10);
  }
  await trusting.close();
  await openIs(server, 0);
  await server.stop();
}, { seconds: 120 });

// ---- who may not come back ----------------------------------------------------------------------

const loads = (page) => page.locator("#load").textContent();

await test("the new server does not know the session: the page loads itself again, once, and lives", async () => {
  const policy = "default-src 'none'; script-src 'nonce-{}' 'unsafe-eval'; connect-src 'self'"; // no script of ours would run
  const env = () => ({ LIVE_PAGES_SECRET: newId() + newId(), LIVE_PAGES_CSP: policy });
  const old = await start("live-pages", args, { env: env() });
  const page = await openTab(old, "/page/1");
  const first = await loads(page);
  const id = await page.evaluate(() => sessionStorage.tabId);
  await old.stop("SIGTERM");
  const server = await startOn(old.port, env());
  await servedBy(page, server);
  const second = await loads(page);
  ok(second !== first);
  equal(await page.evaluate(() => sessionStorage.tabId), id);
  await allHear(server, [page], ++numbers);
  await page.locator("#tell").click(); // its events have the new token
  await textIs(page, "#told", "1");
  equal((await counts(server)).starts, 1);
  await page.context().close();
  await server.stop();
});

for (const status of [401, 403]) {
  await test(`a stream that is refused with ${status} after a restart: one load of the page, and no more`, async () => {
    const old = await start("live-pages", args);
    const page = await openTab(old, "/private");
    const first = await loads(page);
    await old.stop("SIGTERM");
    const server = await startOn(old.port, { LIVE_PAGES_REFUSE: String(status) });
    await page.waitForFunction((was) => document.querySelector("#load")?.textContent > "" && document.querySelector("#load").textContent !== was, first);
    const second = await loads(page);
    // it is refused, and asks again, later and later: as any page that is refused from the beginning
    await until("it to ask again", async () => (await counts(server)).refused >= 4, { seconds: 20 });
    equal(await loads(page), second);
    equal((await counts(server)).starts, 0);
    // and has its stream when it may
    await server.stop("SIGTERM");
    const third = await startOn(old.port);
    await servedBy(page, third, 40);
    equal(await loads(page), second);
    await page.context().close();
    await third.stop();
  }, { seconds: 90 });
}

await browser.close();
finish();
