// soak.test.mjs -- live streams in numbers, with a client in C (tests/programs/soak-client) that reads faster than the server sends: streams
// that come and go while publishers go at full speed; readers that stall for ever; people who go from page to page. The client checks
// every event; this asks the server, which must have nothing left afterwards.
// ctest: timeout=180 labels=threads serial
//
//   SOAK_SECONDS  of streams that come and go (3)      SOAK_STREAMS  at a time (200)
//   SOAK_CROWD    readers, of which 1 % stall (200)     SOAK_TURNS   without and with them, each (2)     SOAK_TURN  seconds of each (0.5)
//   SOAK_USERS    who navigate (100)                    SOAK_ROUNDS  of five pages (3)
//
// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import { equal, finish, ok, skip, test, until } from "../node/lib/check.mjs";
import { counts as pageCounts } from "../node/lib/live.mjs";
import { ask, counts, liveMetrics } from "../node/lib/reader.mjs";
import { launch, start } from "../node/lib/program.mjs";

if (os.platform() !== "linux") {
  skip("the client wants epoll");
}
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const soon = (condition, seconds = 30) => until(condition.toString(), condition, { seconds });
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const options = ["--workers", "2", "--metrics", "/metrics"];
const env = { LIVE_SERVER_PUBLISHERS: "2" };

/** Runs the client to its end. @return what it found, and the most memory that the server had meanwhile (KiB). */
async function client(server, mode, args, seconds) {
  const program = launch("soak-client", [mode, String(server.port), ...args.map(String)], { env: process.env.SEED ? { SEED: process.env.SEED } : {} });
  let peak = 0;
  const look = setInterval(() => (peak = Math.max(peak, server.statusOf("VmRSS"))), 100);
  await program.ended({ seconds }).finally(() => clearInterval(look));
  return { ...JSON.parse(program.stdout), peak };
}

/** Streams, topics, tabs, mail and descriptors are back. */
async function nothingLeft(server, fds) {
  await soon(async () => {
    const m = await liveMetrics(server);
    return m.streams === 0 && m.mailbox_bytes === 0 && m.topics === 0; // topics that are kept: for two seconds more
  });
  equal((await liveMetrics(server)).tabs, 0);
  await soon(() => server.fds() <= fds);
}

/** A number of what was poured. */
async function poured(server) {
  const { body } = await ask(server, "GET", "/poured");
  return Object.fromEntries([...body.matchAll(/^(\w+) (\d+)$/gm)].map(([, name, n]) => [name, Number(n)]));
}

function say(what, facts) {
  console.log(`${what}: ${Object.entries(facts).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")}`);
}

/** Seconds that the server has computed: user and system time, in hundredths, are the 12th and 13th behind its name. */
const cpu = (server) => {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Streams of HTTP/2 beside the others: four connections with many each, killed and begun anew. */
function multiplex(server, streams) {
  const all = new Set();
  let over = false;
  let begun = 0;
  const more = () => {
    if (over) {
      return;
    }
    begun++;
    const one = spawn("nghttp", ["-n", "-m", String(streams), `${server.url}/hear/a0,e0,m0?waiting=50000000`, "--no-dep"], { stdio: "ignore" });
    all.add(one);
    one.on("error", () => all.delete(one)); // it is not installed
    one.on("exit", () => all.delete(one) && setTimeout(more, 50));
  };
  upTo(4).forEach(more);
  const timer = setInterval(() => [...all][0]?.kill("SIGKILL"), 700);
  return async () => {
    over = true;
    clearInterval(timer);
    all.forEach((one) => one.kill("SIGKILL"));
    await soon(() => all.size === 0);
    return begun;
  };
}

const seconds = number("SOAK_SECONDS", 3);

await test(`${seconds} s of streams that come and go, while publishers go as fast as they may`, async () => {
  const streams = number("SOAK_STREAMS", 200);
  // What waits is little, so that who joins need not wait for long either.
  const server = await start("live-server", [...options, "--max-published", "65536"], { env });
  const fds = server.fds();
  const before = server.statusOf("VmRSS");
  const stop = multiplex(server, Math.min(50, streams / 20));
  const found = await client(server, "lives", ["-n", streams, "-s", seconds], seconds + 300).finally(stop);
  const sessions = await stop();
  const m = await liveMetrics(server);
  await nothingLeft(server, fds);
  const n = await counts(server);
  equal(n.over, n.opened, "each was told of its end, once");
  const p = await poured(server);
  equal([p.failed, p.returned], [0, p.lent], "each message that was lent came back");
  ok(p.refused > 0, "publishers were stopped by nothing but the server");
  equal([m.refused_total, p.published >= m.published_total], [p.refused, true]);
  ok(found.most === streams && found.events > streams, JSON.stringify(found));
  if (!server.sanitized) { // far from the budgets of all; a stream's connection takes some
    ok(found.peak - before < 32 * streams + 32768, `${found.peak - before} KiB more`);
  }
  say(`${streams} streams, ${seconds} s`, { ...found, sessions, delivered: m.delivered_total, coalesced: m.coalesced_total, dropped: m.dropped_total,
    cut_by_server: m.slow_cut_total, server_cpu: cpu(server), before, end: server.statusOf("VmRSS") });
  await server.stop("SIGTERM"); // LeakSanitizer has its say here
}, { seconds: seconds + 360 });

await test("a server that is stopped while all of that goes on", async () => {
  const server = await start("live-server", [...options, "--max-published", "65536"], { env });
  const program = launch("soak-client", ["lives", String(server.port), "-n", "100", "-s", "1000"]);
  await soon(async () => (await liveMetrics(server)).delivered_total > 10000);
  await server.stop("SIGTERM");
  equal(await program.exited, 1, "its streams are ended, and it expects that of none");
});

await test("readers that stall for ever: the others miss nothing, and are not later", async () => {
  const crowd = number("SOAK_CROWD", 200);
  const turns = number("SOAK_TURNS", 2);
  const turn = number("SOAK_TURN", 0.5);
  const server = await start("live-server", options, { env });
  const fds = server.fds();
  const before = server.statusOf("VmRSS");
  const found = await client(server, "latency", ["-n", crowd, "-s", turn, "-r", turns], 60 + turns * turn * 10);
  const m = await liveMetrics(server);
  await nothingLeft(server, fds);
  ok(m.dropped_total > 0, "some dropped what they did not take");
  ok(crowd <= 100 || m.slow_cut_total > 0, "others were cut for it");
  const grown = found.peak - before;
  if (!server.sanitized) { // all streams' budgets, which none but the stalled ones' use; and 64 KiB for each stream's connection and the like
    ok(grown < 64 * Math.ceil(crowd / 100) + 16 * crowd + 16384, `${grown} KiB more`);
  }
  say(`${crowd} readers`, { ...found, grown_kib: grown });
  await server.stop("SIGTERM");
}, { seconds: 120 + number("SOAK_TURNS", 2) * number("SOAK_TURN", 0.5) * 10 });

await test("people who go from page to page: one stream for each tab, and none when they leave", async () => {
  const users = number("SOAK_USERS", 100);
  const server = await start("live-pages", options);
  const fds = server.fds();
  const found = await client(server, "users", ["-n", users, "-r", number("SOAK_ROUNDS", 3)], 300);
  await nothingLeft(server, fds);
  const n = await pageCounts(server);
  equal([n.open, n.ends], [0, n.starts]);
  ok(found.ended > users, "old streams were ended by the server");
  say(`${users} users`, found);
  await server.stop("SIGTERM");
}, { seconds: 360 });

finish();
