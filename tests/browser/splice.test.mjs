// splice.test.mjs -- one gzip encoder's bytes in the streams of three pages that join at different times, in a real browser with
// the real Datastar client: every signals patch arrives in every page, once, in order.
//
// The bytes are made by tests/programs/splice-rig; a server of Node's puts them into responses.
// ctest: timeout=180
//
// SPDX-License-Identifier: MIT
import { createReadStream } from "node:fs";
import http from "node:http";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath } from "../node/lib/program.mjs";
import { openBrowser, openPage, textIs } from "../node/lib/browser.mjs";
import { startRig } from "../node/lib/splice.mjs";

programPath("splice-rig");
const client = datastarClient();
const EVENTS = 3000; // the last page joins before the 900th

const html = `<!doctype html><meta charset="utf-8"><title>splice</title>
<script>
  window.got = [];     // each patch as the client reads it off the stream
  window.applied = []; // each one that reached the signals
  document.addEventListener("datastar-fetch", (e) => {
    if (e.detail.type === "datastar-patch-signals") got.push(JSON.parse(e.detail.argsRaw.signals));
  });
  document.addEventListener("datastar-signal-patch", (e) => {
    if (e.detail.n) applied.push(e.detail.n);
  });
</script>
<script type="module" src="/datastar.js"></script>
<main data-signals="{n: 0, own: 0}" data-init="@get('/events')"><p id="n" data-text="$n"></p><p id="own" data-text="$own"></p></main>`;

const rig = startRig();
const kinds = []; // of each stream: how many pieces of each kind
const bytesOf = [];
let streams = 0;
let ended = 0;

function openStream(request, response) {
  const id = streams++;
  kinds[id] = { head: 0, shared: 0, alone: 0, tail: 0 };
  bytesOf[id] = 0;
  ok(/\bgzip\b/.test(request.headers["accept-encoding"]));
  response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip", "cache-control": "no-cache" });
  rig.open(id, (bytes, kind) => {
    kinds[id][kind]++;
    bytesOf[id] += bytes.length;
    response.write(Buffer.from(bytes));
    if (kind === "tail") {
      response.end(() => ended++);
    }
  });
}

const server = http.createServer((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  if (path === "/events") {
    openStream(request, response);
  } else if (path === "/datastar.js") {
    response.writeHead(200, { "content-type": "text/javascript" });
    createReadStream(client).pipe(response);
  } else {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(html);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;
const browser = await openBrowser();

const pages = [];
let sent = 0;
let plain = 0;
const expected = [[], [], []]; // per page

function publish(count) {
  for (let i = 0; i < count; i++) {
    const signals = { n: ++sent, bid: (sent * 7919) % 10007, load: (sent % 97) / 100 };
    plain += JSON.stringify(signals).length + 47;
    rig.event(signals);
    expected.slice(0, streams).forEach((list) => list.push(signals));
  }
}

// Something for one page only, between the others: it throws its stream out of step until the next key frame.
function tell(id) {
  const signals = { own: sent };
  rig.own(id, signals);
  expected[id].push(signals);
}

const count = (page) => page.evaluate(() => window.got.length);
const arrived = () => until("what was sent to be in the pages", async () => {
  const counts = await Promise.all(pages.map(count));
  return counts.every((n, i) => n === expected[i].length);
}, { seconds: 60 });

async function join() {
  const before = streams;
  const page = await openPage(browser);
  await page.goto(url);
  await until("its stream", () => streams > before);
  pages.push(page);
}

await test("three pages, joined at events 0, 313 and 777", async () => {
  await join();
  publish(313);
  await arrived();
  await join();
  publish(464); // still on their way to the first two when the third one comes
  await join();
  for (let round = 0; sent < EVENTS; round++) {
    publish(Math.min(EVENTS - sent, 1 + (sent % 50)));
    if (round % 4 === 0) {
      tell((round / 4) % 3);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await arrived();
}, { seconds: 120 });

await test("each page has had each patch from its joining on, once, in order", async () => {
  for (const [i, page] of pages.entries()) {
    ok(expected[i].length > 2000, String(expected[i].length));
    equal(await page.evaluate(() => window.got), expected[i]);
    const numbers = expected[i].map((s) => s.n).filter(Boolean);
    equal(await page.evaluate(() => window.applied), numbers);
    await textIs(page, "#n", String(EVENTS));
    await textIs(page, "#own", String(expected[i].filter((s) => s.own).at(-1).own));
  }
});

await test("most of it was shared, and small", () => {
  for (const [i, k] of kinds.entries()) {
    ok(k.shared > 1000 && k.alone > 50, `page ${i}: ${JSON.stringify(k)}`);
  }
  ok(bytesOf[0] < plain * 0.6, `${bytesOf[0]} of ${plain}`);
  if (process.env.VERBOSE) {
    console.log(kinds, bytesOf, plain);
  }
});

await test("the clean end is one to the browser too: no error, no second request", async () => {
  [0, 1, 2].forEach((id) => rig.close(id));
  await until("the ends", () => ended === 3);
  const finished = (page) => page.evaluate(() => performance.getEntriesByType("resource").some((e) => e.name.includes("/events") && e.responseEnd > 0));
  for (const page of pages) {
    await until("the browser to see the end", () => finished(page));
    page.clean();
  }
  equal(streams, 3);
  await rig.end();
});
await browser.close();
server.close();
finish();
