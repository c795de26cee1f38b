// h2.test.mjs -- a real browser over HTTP/2 with TLS: what browsers speak to a server without a proxy in front.
// ctest: timeout=120
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, picture, textIs } from "../node/lib/browser.mjs";
import { devFile, keyHash, privateCache } from "../node/lib/tls.mjs";

programPath("demo");
const client = datastarClient();
const env = privateCache();
const counter = await start("counter", ["--tls", "--datastar", client], { env });
const demo = await start("demo", ["--tls", "--datastar", client], { env });
const h1 = await start("counter", ["--tls", "--no-http2", "--datastar", client], { env });
// This one key is trusted, as if a person had told the browser to trust the CA; no other is.
const browser = await openBrowser({ args: [`--ignore-certificate-errors-spki-list=${keyHash(readFileSync(devFile(env, "leaf.pem")))}`] });

const protocols = (page) => page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((entry) => !entry.name.endsWith("/favicon.ico")).map((entry) => entry.nextHopProtocol));
const button = (page, name) => page.getByRole("button", { name, exact: true });

await test("the counter over h2: page, client and events", async () => {
  const page = await openPage(browser);
  await page.goto(`${counter.url}/counter`);
  equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  await textIs(page, "h1", "0");
  for (const n of ["1", "2", "3"]) {
    await button(page, "+1").click();
    await textIs(page, "h1", n);
  }
  await textIs(page, "#history", "Last: +1");
  await button(page, "Reset").click();
  await textIs(page, "h1", "0");
  const all = await protocols(page);
  ok(all.length >= 6, String(all)); // the page, the client, four events
  equal([...new Set(all)], ["h2"]);
  equal(await page.evaluate(() => isSecureContext), true);
  await picture(page, "counter-h2");
  await leave(page);
});

await test("forty events at once from one page: every one is answered, none for another", async () => {
  const page = await openPage(browser);
  await page.goto(`${counter.url}/counter`);
  const counts = await page.evaluate(() => Promise.all(Array.from({ length: 40 }, async (_, n) => {
    const answer = await fetch("/counter/_event/increment", { method: "POST", body: JSON.stringify({ count: n * 100 }) });
    return Number(/"count":(\d+)/.exec(await answer.text())[1]);
  })));
  equal(counts, Array.from({ length: 40 }, (_, n) => n * 100 + 1));
  equal([...new Set(await protocols(page))], ["h2"]);
  await leave(page);
});

await test("requests that the page takes back: the connection goes on", async () => {
  const page = await openPage(browser);
  await page.goto(`${counter.url}/counter`);
  await page.evaluate(async () => {
    for (let n = 0; n < 50; n++) {
      const abort = new AbortController();
      const asked = fetch("/counter/_event/increment", { method: "POST", body: "{}", signal: abort.signal }).catch(() => {});
      abort.abort();
      await asked;
    }
  });
  await button(page, "+1").click();
  await textIs(page, "h1", "1");
  await leave(page);
});

await test("the demo over h2", async () => {
  const page = await openPage(browser);
  await page.goto(demo.url);
  equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
  await textIs(page, "#count", "0");
  await page.click("#add");
  await textIs(page, "#count", "1");
  await page.click("#add");
  await textIs(page, "#count", "2");
  await page.click("#subtract");
  await textIs(page, "#count", "1");
  await until("its trail", async () => (await page.locator("#trail li").allTextContents())[0] === "2 → 1 one down");
  equal([...new Set(await protocols(page))], ["h2"]);
  await picture(page, "demo-h2");
  await leave(page);
});

await test("without HTTP/2 the same page comes by HTTP/1.1", async () => {
  const page = await openPage(browser);
  await page.goto(`${h1.url}/counter`);
  equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "http/1.1");
  await button(page, "+1").click();
  await textIs(page, "h1", "1");
  await leave(page);
});

await test("a restart of the server: the page goes on over a new connection", async () => {
  const first = await start("counter", ["--tls", "--datastar", client], { env });
  const page = await openPage(browser);
  await page.goto(`${first.url}/counter`);
  await button(page, "+1").click();
  await textIs(page, "h1", "1");
  await first.stop("SIGTERM"); // GOAWAY; the browser's idle connection does not keep it
  const again = await start("counter", ["--tls", "--datastar", client, "--listen", `127.0.0.1:${first.port}`], { env });
  await button(page, "+1").click();
  await textIs(page, "h1", "2");
  await leave(page);
  await again.stop();
});

await browser.close();
await test("the servers stop cleanly", async () => {
  await Promise.all([counter, demo, h1].map((server) => server.stop()));
});
finish();
