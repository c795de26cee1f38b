// live.test.mjs -- live streams of a real server with two workers: order, every way to end, and clients that are cut and come back.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import net from "node:net";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { openSession } from "../node/lib/h2.mjs";
import { ask, continues, counts, liveMetrics, open } from "../node/lib/reader.mjs";
import { start } from "../node/lib/program.mjs";
import { devCa, privateCache } from "../node/lib/tls.mjs";

const soon = (condition) => until(condition.toString(), condition);
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const tab = (name) => `datastar=${encodeURIComponent(JSON.stringify({ tabId: name }))}`;
const options = ["--workers", "2", "--metrics", "/metrics"];
const server = await start("live-server", options);
const publish = (topic, query = "", to = server, how) => ask(to, "POST", `/publish/${topic}${query ? `?${query}` : ""}`, how);

/** All streams are over, and each was told so once. */
async function allOver(to = server, how) {
  await soon(async () => (await liveMetrics(to, how)).streams === 0);
  const n = await counts(to, how);
  equal(n.over, n.opened, "disconnect, once for each");
}

async function checkOrder(to, how, openOne) {
  const clients = await Promise.all(upTo(24).map((i) => openOne(["a", "a,b", "c,k1,a", "k1,k2"][i % 4])));
  await Promise.all(["a", "b", "c", "k1", "k2"].map((topic) => publish(topic, "n=300", to, how)));
  await publish("a", "n=1&pad=60000", to, how);
  await Promise.all(["a", "b", "c", "k1", "k2"].map((topic) => publish(topic, "n=20", to, how)));
  const want = { a: 321, b: 320, c: 320, k1: 320, k2: 320 };
  for (const c of clients) {
    const topics = Object.keys(c.signals[0].view);
    const total = topics.reduce((sum, t) => sum + want[t], 1);
    await soon(() => c.events.length >= total);
    continues({}, c.signals);
    equal(c.events.length, total);
    c.cut();
  }
  await allOver(to, how);
}

await test("HTTP/1.1: what is published reaches all, in order", () => checkOrder(server, {}, (topics) => open(server, `/listen/${topics}`)));

await test("TLS and HTTP/2: likewise", async () => {
  const env = privateCache();
  const tls = await start("live-server", [...options, "--tls"], { env });
  const ca = devCa(env);
  await checkOrder(tls, { ca }, (topics) => open(tls, `/listen/${topics}`, { ca }));
  await tls.stop();
  const again = await start("live-server", [...options, "--tls"], { env });
  const sessions = await Promise.all(upTo(3).map(() => openSession(again.url, { ca })));
  let next = 0;
  await checkOrder(again, { ca }, (topics) => open(again, `/listen/${topics}`, { session: sessions[next++ % 3] }));
  sessions.forEach((s) => s.destroy());
  await again.stop();
});

await test("subscribing from a thread of the pool, while others publish", async () => {
  equal((await ask(server, "POST", "/flood?topics=la,lb&threads=2&pause=100")).status, 200);
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(upTo(8).map(() => open(server, "/late/la,lb")));
    await soon(() => clients.every((c) => c.events.length > 50));
    for (const c of clients) {
      // its view is older than what follows, or newer: but what follows has no hole
      const at = {};
      for (const s of c.signals.slice(1)) {
        ok(at[s.t] === undefined || s.n === at[s.t] + 1, `${s.t}: ${s.n} behind ${at[s.t]}`);
        at[s.t] = s.n;
      }
      const { view } = c.signals[0];
      for (const t of ["la", "lb"]) {
        const first = c.signals.find((s) => s.t === t);
        ok(first.n <= view[t] + 1, `${t}: ${first.n}, but the view has ${view[t]}`);
      }
      c.cut();
    }
  }
  await ask(server, "POST", "/calm");
  await allOver();
});

// ---- ends ----

await test("each way to end is told once", async () => {
  const before = await counts(server);
  const c = await Promise.all(upTo(6).map(() => open(server, "/listen/end?grace=200")));
  c[0].cut();
  c[1].response.socket.resetAndDestroy?.();
  c[1].cut();
  await soon(async () => (await counts(server)).over === before.over + 2);
  await ask(server, "POST", "/tell/end?text=halt");
  equal(await Promise.all(c.slice(2).map((one) => one.ended)), ["clean", "clean", "clean", "clean"]);
  await allOver();
  // replaced, and replaced again
  const first = await open(server, `/listen/end?scope=s&${tab("t")}`);
  const second = await open(server, `/listen/end?scope=s&${tab("t")}`);
  equal(await first.ended, "clean");
  const late = await open(server, `/late/end?scope=s&${tab("t")}`);
  equal(await second.ended, "clean");
  equal((await liveMetrics(server)).tabs, 1);
  late.cut();
  await allOver();
  equal((await liveMetrics(server)).tabs, 0);
  equal((await counts(server)).opened, before.opened + 9);
});

await test("many claim one tab at once: one lives", async () => {
  const clients = await Promise.all(upTo(40).map((i) => open(server, `/${i % 2 ? "late" : "listen"}/end?scope=m&${tab("t")}`)));
  await soon(() => clients.filter((c) => c.how === undefined).length === 1);
  await soon(async () => (await liveMetrics(server)).streams === 1);
  clients.forEach((c) => c.cut());
  await allOver();
});

/** A client that never reads. */
function stalled(target) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1", () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`);
      socket.pause();
      resolve(socket);
    });
    socket.on("error", reject);
  });
}

await test("a client that takes nothing is cut: for its budget, or for not taking the end", async () => {
  const before = await liveMetrics(server);
  const sockets = [await stalled("/listen/fat"), await stalled(`/listen/fat?scope=f&grace=100&waiting=1000000000&${tab("f")}`)];
  await soon(async () => (await liveMetrics(server)).streams === 2);
  for (let i = 0; i < 100 && (await liveMetrics(server)).streams === 2; i++) {
    await publish("fat", "n=40&pad=60000");
  }
  const after = await liveMetrics(server);
  equal(after.slow_cut_total, before.slow_cut_total + 1);
  equal(after.streams, 1);
  const next = await open(server, `/listen/fat?scope=f&${tab("f")}`); // the other one gets its grace
  await soon(async () => (await liveMetrics(server)).streams === 1);
  next.cut();
  await allOver();
  sockets.forEach((s) => s.destroy());
});

/** Bytes that sockets have not taken. */
async function stuckBytes() {
  return Number(/^cstar_queue_bytes (\d+)$/m.exec((await ask(server, "GET", "/metrics")).body)[1]);
}

await test("nor has one its connection for long that has all but the end, and takes nothing", async () => {
  const socket = await stalled(`/listen/last?scope=l&grace=100&${tab("l")}`);
  await soon(async () => (await liveMetrics(server)).streams === 1);
  while ((await stuckBytes()) === 0) {
    await publish("last", "n=1&pad=60000");
  }
  const next = await open(server, `/listen/last?scope=l&${tab("l")}`);
  await soon(async () => (await stuckBytes()) === 0); // long before its write timeout
  equal((await liveMetrics(server)).streams, 1);
  next.cut();
  await allOver();
  socket.destroy();
});

await test("HTTP/2: a stream whose window stays closed is reset, and its connection lives", async () => {
  const session = await openSession(server.url);
  const slow = session.request({ ":path": `/listen/window?scope=w&grace=100&${tab("w")}`, "datastar-request": "true" });
  const reset = new Promise((resolve) => slow.on("error", () => {}).on("close", () => resolve(slow.rstCode)));
  await soon(async () => (await liveMetrics(server)).streams === 1);
  await publish("window", "n=3&pad=60000"); // its window has 64 KiB
  const next = await open(server, `/listen/window?scope=w&${tab("w")}`, { session });
  equal(await reset, 2);
  await publish("window", "n=1");
  await soon(() => next.events.length === 2);
  next.cut();
  await allOver();
  session.destroy();
});

await test("a client that vanished is noticed by a ping or at once", async () => {
  const c = await open(server, "/listen/quiet?ping=100&every=30");
  await soon(() => c.signals.filter((s) => s.tick).length > 3);
  const quiet = await open(server, "/listen/quiet?ping=50");
  await soon(() => quiet.comments > 2);
  c.cut();
  quiet.cut();
  await allOver();
});

// ---- clients that are cut and come back ----

/** One that is cut at random bytes, again and again; every event once, in order. @return how often it resumed. */
async function cutOften(target, cuts, dice, session) {
  const at = {};
  let lastId = "";
  let resumed = 0;
  for (let i = 0; i < cuts; i++) {
    const c = await open(server, `${target}?waiting=100000000`, { lastId, after: dice() % (i % 5 === 0 ? 300 : 6000), session });
    await c.ended;
    equal(c.status, 200);
    if (lastId && c.events.length) {
      ok(!c.signals[0].view, "nothing was forgotten: no view");
      resumed++;
    }
    continues(at, c.signals);
    lastId = c.lastId;
  }
  return resumed;
}

function diceOf(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 12;
  };
}

await test("cut at random bytes, 320 times: each event once, in order", async () => {
  // a little behind one another, so that topics are published to between subscriptions
  await ask(server, "POST", `/flood?topics=k5,k6,k7&threads=2&pause=${server.sanitized ? 5000 : 300}`);
  const session = await openSession(server.url); // HTTP/2: its streams are cut, one by one
  const seed = Number(process.env.SEED ?? Date.now() % 1000000);
  try {
    const resumed = await Promise.all([
      ...["/listen/k5", "/listen/k5,k6", "/listen/k7,k5,k6", "/listen/k5,k7"].map((target, i) => cutOften(target, 40, diceOf(seed + i))),
      ...["/late/k6,k7", "/late/k5,k6,k7"].map((target, i) => cutLate(target, 40, diceOf(seed + 10 + i))),
      ...["/listen/k6", "/listen/k5,k6,k7"].map((target, i) => cutOften(target, 40, diceOf(seed + 20 + i), session)),
    ]);
    ok(resumed.reduce((a, b) => a + b) > 100, `${resumed}`);
  } catch (error) {
    error.message += ` (SEED=${seed})`;
    throw error;
  } finally {
    await ask(server, "POST", "/calm");
    session.destroy();
  }
  await allOver();
}, { seconds: 90 });

/** Likewise; its first view is made while others publish, and says nothing. */
async function cutLate(target, cuts, dice) {
  const at = {};
  let lastId = "";
  let resumed = 0;
  for (let i = 0; i < cuts; i++) {
    const c = await open(server, `${target}?waiting=100000000`, { lastId, after: dice() % 6000 });
    await c.ended;
    const signals = c.signals.filter((s) => !s.view);
    if (lastId && c.events.length) {
      equal(signals.length, c.events.length, "no view");
      resumed++;
    }
    for (const s of signals) {
      at[s.t] ??= s.n - 1;
    }
    continues(at, signals);
    lastId = c.lastId;
  }
  return resumed;
}

await test("who missed more than its budget gets it all", async () => {
  const first = await open(server, "/listen/k8?waiting=10000");
  await publish("k8");
  await soon(() => first.events.length === 2);
  first.cut();
  await publish("k8", "n=2000&pad=1000");
  const again = await open(server, "/listen/k8?waiting=10000", { lastId: first.lastId });
  await soon(() => again.events.length === 2000);
  continues({ k8: 1 }, again.signals);
  again.cut();
  await allOver();
});

await test("an id of another run, or no id at all, gets a view", async () => {
  for (const lastId of ["00000000-000000000001", "nonsense", "7"]) {
    const c = await open(server, "/listen/k8", { lastId });
    await soon(() => c.events.length === 1);
    ok(c.signals[0].view);
    c.cut();
  }
  await allOver();
});

await test("a server that stops ends its streams cleanly", async () => {
  const clients = await Promise.all(upTo(20).map((i) => open(server, `/${i % 3 ? "listen" : "late"}/end`)));
  const stopped = server.stop();
  equal(await Promise.all(clients.map((c) => c.ended)), upTo(20).map(() => "clean"));
  await stopped;
});

finish();
