// mixed.test.mjs -- everything at once against one process with two workers: HTTP/2, HTTP/1.1, uploads, slow clients, vanishing ones.
// ctest: timeout=120 labels=threads serial
//
// Equal rounds. After each, descriptors are exactly back. The first may leave behind what is allocated once, and which worker gets how
// much is chance: so memory has to come to rest, which is a round that adds at most 2 MiB; what leaks by request or connection adds more
// in every round. SOAK_SECONDS (5) is the length of the first two rounds together, over TLS and then in clear; `make soak` takes 30.
// h2load and wrk take part where they are installed.
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { equal, finish, ok, test } from "../node/lib/check.mjs";
import { answerOf, openSession } from "../node/lib/h2.mjs";
import { alphabet, dial, dialRaw, fdsBack, leave, secured, served, startLimits, takeHead, upload } from "../node/lib/trouble.mjs";
import { head } from "../node/lib/wire.mjs";

const seconds = Number(process.env.SOAK_SECONDS ?? 5);
ok(seconds > 0, "SOAK_SECONDS should be a number of seconds");
const have = (name) => !spawnSync(name, ["--version"]).error;
const tools = ["h2load", "wrk"].filter((name) => have(name) || console.log(`SKIPPED: ${name}'s part, since it is not installed`));

// Long enough for a decent client on a machine that has twenty things to do, short enough to cut the others in a long round.
const ms = String(Math.max(3000, Math.round(seconds * 150)));
const short = ["--header-ms", ms, "--body-ms", ms, "--idle-ms", ms, "--write-ms", ms];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** A load program for `s` seconds; gives its output. */
function loaded(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    child.on("close", () => children.delete(child));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (status) => (status === 0 ? resolve(said) : reject(new Error(`${command}: ${status}: ${said}`))));
  });
}

async function byH2load(server, s) {
  const said = await loaded("h2load", ["-t1", "-c8", "-m8", "-D", String(s), `${server.url}/big/2000`, `${server.url}/quick`]);
  const [, done, failed, errored] = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(said).map(Number);
  ok(done > 0 && failed === 0 && errored === 0, said);
  return done;
}

async function byWrk(server, s) {
  const said = await loaded("wrk", ["-t1", "-c16", `-d${s}s`, `${server.url}/big/5000`]);
  ok(!/Non-2xx|Socket errors/.test(said), said);
  return Number(/(\d+) requests in/.exec(said)[1]);
}

/** What the clients of this process do, each over and over until the round ends. What they count is answers that were right. */
const clients = {
  async decent(server) {
    const c = await dial(server);
    for (const n of [5, 50000, 1]) {
      const answer = await c.send(head(`GET /big/${n}`)).response();
      ok(answer.status === 200 && answer.body === alphabet(n));
    }
    c.vanish();
  },
  async uploader(server) {
    const c = await dial(server);
    const { body, answer } = upload(300000);
    equal((await c.send(takeHead(body.length)).send(body).response()).body, answer);
    c.vanish();
  },
  async h2(server) {
    const raw = await dialRaw(server);
    const socket = server.ca ? await secured(server, raw, ["h2"]) : raw;
    const session = await openSession(server.url, { createConnection: () => socket });
    const streams = Array.from({ length: 20 }, () => session.request({ ":path": "/big/30000" }));
    const left = streams.splice(0, 5);
    left.forEach((stream) => (stream.on("error", () => {}), stream.close(8))); // cancelled
    for (const answer of await Promise.all(streams.map(answerOf))) {
      ok(answer.body === alphabet(30000));
    }
    leave(raw, false);
    await session.gone;
  },
  async vanisher(server) {
    const whole = [head("GET /quick"), takeHead(100000) + "x".repeat(50000), head("GET /big/3000000"), head("GET /quick").repeat(20)];
    for (const [n, bytes] of whole.entries()) {
      const c = await dial(server);
      await new Promise((resolve) => c.socket.write(bytes.slice(0, Math.ceil((bytes.length * (n + 1)) / 4)), resolve));
      leave(c.raw, n % 2 === 0);
    }
  },
  async slowHead(server) { // until it is cut
    const c = await dial(server);
    c.send("GET /quick HTTP/1.1\r\nX-Slow: ");
    while (!c.over && !server.over) {
      c.send("x");
      await pause(100);
    }
    ok(server.over || /^HTTP\/1\.1 408 /.test(c.input.toString("latin1")), "not cut");
    leave(c.raw, true);
  },
  async slowReader(server) { // until it is cut, which nobody tells it while it does not read
    const c = await dial(server);
    c.socket.pause();
    c.send(head("GET /big/8000000"));
    for (let n = 0; n < 100 && !server.over; n++) {
      await pause(100);
    }
    leave(c.raw, true);
  },
  async stopper(server) { // in the handshake, or before any byte
    const socket = await dialRaw(server);
    socket.write(server.ca ? Buffer.from([0x16, 3, 1, 2, 0, 1]) : "GE");
    await pause(300);
    leave(socket, false);
  },
};

async function round(server, s) {
  server.over = false;
  const counts = {};
  const repeat = async (name) => {
    while (!server.over) {
      const began = Date.now();
      await clients[name](server).catch((error) => {
        throw new Error(`${name}, ${Date.now() - began} ms after it began: ${error.message}`);
      });
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  const timer = setTimeout(() => (server.over = true), s * 1000);
  const all = Object.keys(clients).flatMap((name) => [repeat(name), repeat(name)]);
  if (tools.includes("h2load")) {
    all.push(byH2load(server, s).then((n) => (counts.h2load = n)));
  }
  if (tools.includes("wrk")) {
    all.push(byWrk(server, s).then((n) => (counts.wrk = n)));
  }
  try {
    await Promise.all(all);
  } finally {
    clearTimeout(timer);
    server.over = true;
  }
  await fdsBack(server);
  return counts;
}

for (const tls of [true, false]) {
  const how = tls ? "over TLS" : "in clear";
  const server = await startLimits(short, { tls, workers: 2 });
  const s = Math.max(1, Math.round(seconds / 2));
  let first;

  await test(`${how}: ${s} s of everything at once: every decent client is served, and every descriptor is given back`, async () => {
    const counts = await round(server, s);
    Object.keys(clients).forEach((name) => ok(counts[name] > 0, `${name} never came to an end`));
    first = server.statusOf("VmRSS");
    if (process.env.VERBOSE) {
      console.log(how, JSON.stringify(counts), `${first} kB`);
    }
  }, { seconds: s + 40 });

  await test(`${how}: the same again, and memory comes to rest`, async () => {
    const resident = [first];
    for (let n = 0; n < 5; n++) {
      const counts = await round(server, s);
      resident.push(server.statusOf("VmRSS"));
      const growth = resident.at(-1) - resident.at(-2);
      if (process.env.VERBOSE) {
        console.log(how, JSON.stringify(counts), `${growth} kB more`);
      }
      if (growth <= (server.sanitized ? 50000 : 2048)) {
        return;
      }
    }
    throw new Error(`the resident set grows by every round: ${resident.join(", ")} kB`);
  }, { seconds: 5 * (s + 20) });

  await test(`${how}: it serves, and stops cleanly`, async () => {
    await served(server);
    await server.stop("SIGTERM");
  });
}
finish();
