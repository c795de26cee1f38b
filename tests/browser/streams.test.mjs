// streams.test.mjs -- event streams that stay open, in a real browser over HTTP/2: seven on one page, where HTTP/1.1 would allow six.
// ctest: timeout=120
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, pageUntil, textIs } from "../node/lib/browser.mjs";
import { devFile, keyHash, privateCache } from "../node/lib/tls.mjs";

programPath("streams");
const env = privateCache();
const server = await start("streams", ["--tls", "--datastar", datastarClient(), "--workers", "1"], { env });
// This one key is trusted, as if a person had told the browser to trust the CA; no other is.
const browser = await openBrowser({ args: [`--ignore-certificate-errors-spki-list=${keyHash(readFileSync(devFile(env, "leaf.pem")))}`] });
const fds = server.fds();

// The numbers of the page; all seven of them past `least`?
const numbers = (page) => page.evaluate(() => Array.from(document.querySelectorAll("main p"), (p) => Number(p.textContent)));
const allPast = (page, least) => pageUntil(page, `seven streams past ${least}`, (n) => {
  const found = Array.from(document.querySelectorAll("main p"), (p) => Number(p.textContent));
  return found.length === 7 && found.every((x) => x > n);
}, least);
const openStreams = (page) => page.evaluate(async () => Number(await (await fetch("/open")).text()));

await test("seven streams of one page tick at once, over h2, and an eighth request is answered beside them", async () => {
  const page = await openPage(browser);
  await page.goto(server.url);
  equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  await allPast(page, 3);
  equal(await openStreams(page), 7);
  const before = await numbers(page);
  await allPast(page, Math.max(...before)); // every one of them goes on
  const protocols = await page.evaluate(async () => {
    await fetch("/open");
    return performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/open")).map((e) => e.nextHopProtocol);
  });
  ok(protocols.length > 0 && protocols.every((p) => p === "h2"), String(protocols));
  ok(server.fds() <= fds + 2, `${server.fds() - fds} connections`); // all on one, but for what the browser opens to be ready
  await leave(page);
});

await test("three pages of seven streams, and none left when their pages are", async () => {
  const pages = [];
  for (let n = 0; n < 3; n++) {
    const page = await openPage(browser);
    await page.goto(server.url);
    pages.push(page);
  }
  for (const page of pages) {
    await allPast(page, 2);
    await textIs(page, "title", await page.title());
  }
  equal(await openStreams(pages[2]), 21);
  await pages[0].context().close();
  await pages[1].context().close();
  await until("the streams of two pages to end", async () => (await openStreams(pages[2])) === 7);
  const before = await numbers(pages[2]);
  await allPast(pages[2], Math.max(...before));
  pages[2].clean();
  await pages[2].context().close();
});

await test("the browser gone, every connection is", async () => {
  await browser.close();
  await until("the descriptors to be closed", () => server.fds() <= fds);
  await server.stop();
});
finish();
