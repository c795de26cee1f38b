// live_first.test.mjs -- live streams whose first view is much more than may wait for a slow client, and streams that have ended and
// whose client has not taken the end: over HTTP/1.1, TLS and HTTP/2. ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { equal, finish, test, until } from "../node/lib/check.mjs";
import { openSession } from "../node/lib/h2.mjs";
import { start } from "../node/lib/program.mjs";
import { ask, counts, liveMetrics, open } from "../node/lib/reader.mjs";
import { devCa, privateCache } from "../node/lib/tls.mjs";

const MB = 1000 * 1000;
const tab = (name) => `datastar=${encodeURIComponent(JSON.stringify({ tabId: name }))}`;
const server = await start("live-server", ["--workers", "2", "--metrics", "/metrics"]);
const soon = (what, condition) => until(what, condition, { seconds: 30 });

/** The view comes whole, and what is published behind it. */
async function check(to, how, target, bytes) {
  const c = await open(to, `${target}&first=${bytes}`, how);
  await soon(`${bytes} bytes and the view`, () => c.events.length === 2);
  equal(c.signals[0].first.length, bytes);
  equal((await ask(to, "POST", "/publish/f?n=3", how)).status, 200);
  await soon("what is published", () => c.events.length === 5);
  equal(c.how, undefined);
  c.cut();
}

async function checkAll(to, how) {
  for (const bytes of [300 * 1000, 2 * MB, 5 * MB]) {
    await check(to, how, "/listen/f?waiting=1000", bytes);
  }
  await check(to, how, "/late/f?waiting=1000", 2 * MB); // from a thread of the pool
  equal((await liveMetrics(to, how)).slow_cut_total, 0);
}

await test("HTTP/1.1: a first view of 2 MB, and of 5", () => checkAll(server, {}));

await test("HTTP/2: likewise", async () => {
  const session = await openSession(server.url);
  await checkAll(server, { session });
  session.destroy();
});

await test("HTTP/2: ten at once, which are more than a connection may have waiting", async () => {
  const session = await openSession(server.url);
  const all = await Promise.all(Array.from({ length: 10 }, () => open(server, `/late/f?first=${2 * MB}`, { session })));
  await soon("all of them", () => all.every((c) => c.events.length === 2));
  all.forEach((c) => equal(c.signals[0].first.length, 2 * MB));
  session.destroy();
});

await test("TLS: likewise", async () => {
  const env = privateCache();
  const tls = await start("live-server", ["--metrics", "/metrics", "--tls"], { env });
  const ca = devCa(env);
  await checkAll(tls, { ca });
  const session = await openSession(tls.url, { ca });
  await check(tls, { ca, session }, "/listen/f?waiting=1000", 2 * MB);
  session.destroy();
  await tls.stop();
});

/** It does not read: all that the kernel does not take waits in front of its end, for a minute. */
async function checkEnded(how, name) {
  const owned = async () => JSON.parse((await ask(server, "GET", `/owned/${name}/t`)).body).owned;
  const before = (await counts(server)).over;
  const c = await open(server, `/listen/${name}?scope=${name}&grace=60000&waiting=${50 * MB}&${tab("t")}`, how);
  c.response.pause();
  equal((await ask(server, "POST", `/publish/${name}?n=120&pad=131000`)).status, 200);
  equal(await owned(), true);
  equal((await ask(server, "POST", `/tell/${name}?text=halt`)).status, 200);
  await soon("it has ended", async () => !(await owned()));
  equal((await counts(server)).over, before); // it lingers
  const next = await open(server, `/listen/${name}?scope=${name}&${tab("t")}`);
  equal(await owned(), true);
  c.response.resume();
  equal(await c.ended, "clean");
  await soon("it is over", async () => (await counts(server)).over === before + 1);
  equal(await owned(), true); // the next one's
  equal(next.how, undefined);
  next.cut();
  await soon("both are over", async () => (await counts(server)).over === before + 2);
}

await test("HTTP/1.1: a stream that has ended is nobody's, also while its client has not taken the end", () => checkEnded({}, "one"));

await test("HTTP/2: likewise", async () => {
  const session = await openSession(server.url);
  await checkEnded({ session }, "two");
  session.destroy();
});

await test("all of them are over", async () => {
  await soon("all are over", async () => (await liveMetrics(server)).streams === 0);
  const n = await counts(server);
  equal(n.over, n.opened);
});

await server.stop();
finish();
