// live_crowd.test.mjs -- many live streams: readers that stall, publishers that are faster than the workers, and a soak of streams that
// come and go. Afterwards nothing is left.
// ctest: timeout=240 labels=threads serial
//
//   SOAK_SECONDS  of the soak (3)      SOAK_STREAMS  at a time (300)      SOAK_PAUSE  of its publishers, in us (3000)
//   CROWD  readers, of which 1 % stall (300)
//
// SPDX-License-Identifier: MIT
import net from "node:net";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { ask, continues, counts, liveMetrics, open } from "../node/lib/reader.mjs";
import { start } from "../node/lib/program.mjs";

const soon = (condition, seconds = 30) => until(condition.toString(), condition, { seconds });
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const seconds = number("SOAK_SECONDS", 3);
const crowd = number("CROWD", 300);
const options = ["--workers", "2", "--metrics", "/metrics"];

/** A subscriber that is cheap: it counts events, and notes when each of /publish came if asked. @param quiet  it does not even count. */
function subscriber(server, target, { stalls = false, quiet = false, latencies } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1", () => socket.write(`GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`));
    const one = { socket, events: 0 };
    let rest = Buffer.alloc(0);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
    if (stalls) {
      socket.pause();
      resolve(one);
      return;
    }
    socket.on("data", (data) => {
      resolve(one);
      if (quiet) {
        return;
      }
      const all = Buffer.concat([rest, data]); // what is looked for may be torn
      for (let at = -1; (at = all.indexOf('"n":', at + 1)) >= 0; one.events++) {
        latencies?.push(performance.now());
      }
      rest = all.subarray(Math.max(0, all.length - 3));
    });
  });
}

const leave = (all) => all.forEach((one) => one.socket.destroy());

/** Everything is back: streams, topics, tabs, mail, descriptors. @param topics  that keep something. */
async function nothingLeft(server, fds, topics = 0) {
  await soon(async () => (await liveMetrics(server)).streams === 0);
  const n = await counts(server);
  equal(n.over, n.opened, "each was told of its end once");
  await soon(async () => (await liveMetrics(server)).mailbox_bytes === 0);
  const m = await liveMetrics(server);
  equal([m.topics, m.tabs, m.mailbox_bytes], [topics, 0, 0]);
  await soon(() => server.fds() <= fds);
}

await test(`${crowd} readers, of which 1 % stall`, async () => {
  const server = await start("live-server", options);
  const fds = server.fds();
  const spread = {};
  for (const stalls of [false, true]) {
    const latencies = [];
    const slow = stalls ? await Promise.all(upTo(Math.ceil(crowd / 100)).map((i) =>
      subscriber(server, `/listen/a,big?waiting=65536${i % 2 ? "&drop=1" : ""}`, { stalls: true }))) : [];
    const quick = await Promise.all(upTo(crowd).map(() => subscriber(server, "/listen/a", { latencies })));
    const before = await liveMetrics(server);
    equal(before.streams, crowd + slow.length);
    if (stalls) { // their sockets are full: all that follows waits for them, and publishing does not
      for (let i = 0; i < 300 && (await liveMetrics(server)).dropped_total === before.dropped_total; i++) {
        await ask(server, "POST", "/publish/big?n=10&pad=60000");
      }
      ok((await liveMetrics(server)).dropped_total > before.dropped_total);
    }
    const memory = server.statusOf("VmRSS");
    const times = [];
    for (let i = 1; i <= 40; i++) {
      const began = performance.now();
      equal((await ask(server, "POST", "/publish/a?n=1&pad=1000")).body, "1");
      await soon(() => latencies.length === i * crowd);
      times.push(...latencies.slice((i - 1) * crowd).map((t) => t - began));
    }
    for (let i = 1; i <= 10; i++) {
      equal((await ask(server, "POST", "/publish/a?n=100&pad=1000")).body, "100");
      await soon(() => quick.every((one) => one.events === 40 + 100 * i));
    }
    const grown = server.statusOf("VmRSS") - memory;
    const after = await liveMetrics(server);
    equal(after.refused_total, 0);
    equal(after.streams, crowd + Math.floor(slow.length / 2), "who drops stays; who does not was cut");
    equal(after.slow_cut_total, Math.ceil(slow.length / 2));
    if (!server.sanitized) {
      ok(grown < 64 * slow.length + 16384, `${grown} KiB more, for ${slow.length} budgets of 64`);
    }
    times.sort((x, y) => x - y);
    spread[stalls ? "with" : "without"] = times[Math.floor(times.length * 0.99)].toFixed(2);
    leave([...quick, ...slow]);
    await nothingLeft(server, fds);
  }
  console.log(`p99 of ${crowd} readers: ${spread.without} ms without stalled ones, ${spread.with} ms with`);
  await server.stop();
}, { seconds: 100 });

await test("a flood is refused, and nothing of what was not is lost", async () => {
  const server = await start("live-server", ["--workers", "1", "--metrics", "/metrics", "--max-published", "20000"]);
  const fds = server.fds();
  const clients = await Promise.all(upTo(20).map(() => open(server, "/listen/a,b?waiting=100000000")));
  const floods = ["a", "b", "a", "b"].map((topic) => ask(server, "POST", `/publish/${topic}?n=4000`));
  const sums = (await Promise.all(floods)).map((answer) => Number(answer.body));
  const n = await counts(server);
  ok(n.refused > 0, "faster than the worker");
  equal([n.failed, n.published, n.published + n.refused], [0, sums.reduce((x, y) => x + y), 16000]);
  await soon(async () => (await liveMetrics(server)).mailbox_bytes === 0);
  equal((await liveMetrics(server)).refused_total, n.refused);
  equal((await ask(server, "POST", "/publish/a")).body, "1"); // it has recovered
  await soon(() => clients.every((c) => c.events.length === n.published + 2), 60);
  for (const c of clients) {
    continues({}, c.signals);
    c.cut();
  }
  await nothingLeft(server, fds);
  await server.stop();
}, { seconds: 100 });

await test(`${seconds} s of streams that come and go, while publishers go at full speed`, async () => {
  const server = await start("live-server", options);
  const most = number("SOAK_STREAMS", 300);
  const topics = ["a", "b", "c", "k1", "k2"];
  const tab = (i) => `datastar=${encodeURIComponent(JSON.stringify({ tabId: `t${i % (most / 4)}` }))}`;
  const targets = [
    () => "/listen/a,b",
    () => "/listen/a,k1?waiting=50000&drop=1",
    (i) => `/listen/c?scope=s&${tab(i)}`,
    (i) => `/late/k1,k2,c?scope=u&${tab(i)}`,
    () => "/listen/b?every=20&ping=50",
  ];
  await ask(server, "POST", `/publish/k1`);
  await ask(server, "POST", `/publish/k2`);
  const fds = server.fds();
  await ask(server, "POST", `/flood?topics=${topics}&threads=2&pause=${number("SOAK_PAUSE", 3000)}`);
  const all = new Set();
  const end = Date.now() + seconds * 1000;
  let opened = 0;
  let peak = 0;
  const join = async () => {
    const one = await subscriber(server, targets[opened % targets.length](opened++), { stalls: opened % 50 === 0, quiet: true }).catch(() => null);
    if (one) {
      all.add(one);
      one.socket.once("close", () => all.delete(one));
    }
  };
  while (Date.now() < end) {
    await Promise.all(upTo(Math.min(250, most - all.size)).map(join));
    peak = Math.max(peak, all.size);
    const some = [...all];
    for (let i = 0; i < Math.min(some.length / 20, 40); i++) {
      some[(i * 7919 + opened) % some.length].socket.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await ask(server, "POST", "/calm");
  const m = await liveMetrics(server);
  leave(all);
  ok(m.delivered_total > 1000 && opened > most && peak > most / 2, `${m.delivered_total} delivered, ${opened} streams, ${peak} at a time`);
  await nothingLeft(server, fds, 2);
  const n = await counts(server);
  equal(n.failed, 0);
  console.log(`${n.opened} streams, ${peak} at a time, ${n.published} published, ${m.delivered_total} delivered, ${m.slow_cut_total} cut, ` +
    `${n.refused} refused; ${server.statusOf("VmRSS")} KiB at the end`);
  await server.stop(); // LeakSanitizer has its say here
}, { seconds: seconds + 100 });

finish();
