// splice.test.mjs -- one gzip encoder's bytes in the streams of three pages that join at different times, in a real browser with
// the real Datastar client: every patch arrives in every page, once, in order.
//
// The server is tests/programs/live-gzip, over HTTP/1.1 and then over HTTP/2.
// ctest: timeout=240 cost=29
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openBrowser, openPage, textIs } from "../node/lib/browser.mjs";
import { needGzip } from "../node/lib/splice.mjs";
import { devFile, keyHash, privateCache } from "../node/lib/tls.mjs";

programPath("live-gzip");
needGzip();
const datastar = ["--datastar", datastarClient(), "--metrics", "/metrics"];
const env = privateCache();
const servers = {
  "HTTP/1.1": await start("live-gzip", [...datastar, "--workers", "1"]),
  "HTTP/2": await start("live-gzip", [...datastar, "--workers", "2", "--tls"], { env }),
};
const browser = await openBrowser({ args: [`--ignore-certificate-errors-spki-list=${keyHash(readFileSync(devFile(env, "leaf.pem")))}`] });
const EVENTS = 3000; // the last page joins before the 900th

// Each patch as the client reads it off the stream, and each one that reached the signals.
const watch = () => {
  window.got = [];
  window.applied = [];
  document.addEventListener("datastar-fetch", (e) => {
    if (e.detail.type === "datastar-patch-signals") {
      window.got.push(JSON.parse(e.detail.argsRaw.signals));
    }
  });
  document.addEventListener("datastar-signal-patch", (e) => e.detail.n && window.applied.push(e.detail.n));
};

async function pagesOf(server) {
  const context = { pages: [], expected: [], sent: 0 };
  const count = (page) => page.evaluate(() => window.got.length);
  const first = await openPage(browser); // asks the server from inside its page: the certificate is trusted there
  await first.goto(`${server.url}/quiet/orders`);
  const ask = (method, path) => first.evaluate(async ([m, p]) => (await fetch(p, { method: m })).text(), [method, path]);

  context.publish = async (n) => {
    for (let i = 0; i < n; i++) {
      const k = ++context.sent;
      const signals = { n: k, bid: (k * 7919) % 10007, load: (k % 97) / 100 };
      context.expected.forEach((list) => list.push(signals));
    }
    await ask("POST", `/publish/${n}`);
  };
  // For one page only, between the others: its stream is out of step until the next key frame.
  context.tell = async (i) => {
    context.expected[i].push({ own: context.sent });
    await ask("POST", `/tell/p${i}/${context.sent}`);
  };
  context.halt = (i) => ask("POST", `/halt/p${i}`);
  context.arrived = () => until("what was sent to be in the pages", async () => {
    const counts = await Promise.all(context.pages.map(count));
    return counts.every((n, i) => n === context.expected[i].length);
  }, { seconds: 60 });
  context.join = async () => {
    const page = await openPage(browser);
    await page.addInitScript(watch);
    await page.goto(`${server.url}/page/p${context.pages.length}`);
    await until("its stream", async () => (await count(page)) !== 0);
    context.pages.push(page);
    context.expected.push([{ joined: context.sent }]);
  };
  context.frames = async () => Object.fromEntries(Array.from(
    (await ask("GET", "/metrics")).matchAll(/^cstar_live_gzip_frames_total\{bytes="(\w+)"\} (\d+)$/gm), (m) => [m[1], Number(m[2])]));
  context.close = async () => {
    first.clean();
    for (const page of [first, ...context.pages]) {
      await page.context().close();
    }
  };
  return context;
}

for (const [name, server] of Object.entries(servers)) {
  const context = await pagesOf(server);
  const { pages, expected } = context;

  await test(`${name}: three pages, joined at events 0, 313 and 777`, async () => {
    await context.join();
    await context.publish(313);
    await context.arrived();
    await context.join();
    await context.publish(464);
    await context.join();
    for (let round = 0; context.sent < EVENTS; round++) {
      await context.publish(Math.min(EVENTS - context.sent, 1 + (context.sent % 50)));
      if (round % 4 === 0) {
        await context.tell((round / 4) % 3);
      }
    }
    await context.arrived();
  }, { seconds: 100 });

  await test(`${name}: each page has had each patch from its joining on, once, in order`, async () => {
    for (const [i, page] of pages.entries()) {
      ok(expected[i].length > 2000, String(expected[i].length));
      equal(await page.evaluate(() => window.got), expected[i]);
      equal(await page.evaluate(() => window.applied), expected[i].map((s) => s.n).filter(Boolean));
      await textIs(page, "#n", String(EVENTS));
      await textIs(page, "#own", String(expected[i].filter((s) => s.own).at(-1).own));
    }
  });

  await test(`${name}: it was gzip, and most of it was shared`, async () => {
    const { shared, alone } = await context.frames();
    ok(shared > 3 * alone && alone > 10, `${shared} shared, ${alone} alone`);
    if (process.env.VERBOSE) {
      console.log({ shared, alone });
    }
  });

  await test(`${name}: the clean end is one to the browser too: no error`, async () => {
    for (const [i, page] of pages.entries()) {
      const finished = () => page.evaluate(() => performance.getEntriesByType("resource").some((e) => e.name.includes("/page/") && e.responseEnd > 0));
      await context.halt(i);
      await until("the browser to see the end", finished);
      page.clean();
    }
  });
  await context.close();
  await server.stop();
}
await browser.close();
finish();
