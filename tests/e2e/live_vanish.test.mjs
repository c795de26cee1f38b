// live_vanish.test.mjs -- clients of live streams that are gone without a word: their streams end about one ping later; and clients
// that only look as if they were gone: theirs do not.
// ctest: timeout=120 cost=34
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { equal, finish, ok, skip, test, until } from "../node/lib/check.mjs";
import { programPath, start } from "../node/lib/program.mjs";
import { counts, newId, openIs, openStream, publish } from "../node/lib/live.mjs";

programPath("live-pages");
if (spawnSync("python3", ["--version"]).error) {
  skip("python3 is not installed");
}
const server = await start("live-pages", ["--workers", "2", "--metrics", "/metrics"]);
const script = fileURLToPath(new URL("vanish.py", import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pings = 300; // ms of /brief

async function vanished() {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^cstar_clients_vanished_total (\d+)$/m.exec(text)[1]);
}

/** How many of its connections have much to send that their windows do not take. */
function unsent(of) {
  const port = `:${of.port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n").map((row) => row.trim().split(/[ :]+/));
  return rows.filter((row) => `:${row[2]}` === port && parseInt(row[6], 16) > 4096).length;
}

/** Clients in a process of their own: {says(word), vanish(), stop(), child}. */
function clients(path, n, ...more) {
  const child = spawn("python3", [script, server.host, String(server.port), path, String(n), ...more], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const says = (word) => until(`"${word}"`, () => said.includes(word));
  const exited = new Promise((resolve) => child.on("close", resolve));
  return {
    child,
    says,
    async vanish() {
      child.stdin.write("\n");
      await says("gone");
    },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

async function control() {
  const stream = openStream(server, { tabId: newId(), pageId: newId(), path: "/brief" });
  await stream.begun;
  return stream;
}

for (const chatty of [false, true]) {
  await test(`five clients vanish from streams that are ${chatty ? "written to" : "silent"}: they end, and no other`, async () => {
    const before = await vanished();
    const stays = await control();
    const five = clients("/brief", 5);
    await five.says("open");
    await openIs(server, 6);
    await five.vanish();
    for (let n = 0; (await counts(server)).open !== 1; n++) {
      ok(n < 1000);
      if (chatty) {
        await publish(server, n);
      }
      await sleep(20);
    }
    await sleep(5 * pings);
    equal((await counts(server)).open, 1);
    ok(!stays.ended);
    equal((await vanished()) - before, 5);
    stays.leave();
    await five.stop();
    await openIs(server, 0);
  });
}

await test("a client that is stopped has not vanished: its machine answers", async () => {
  const before = await vanished();
  const three = clients("/brief", 3);
  await three.says("open");
  await openIs(server, 3);
  three.child.kill("SIGSTOP");
  for (let n = 0; n < 10; n++) {
    await publish(server, n);
    await sleep(pings);
  }
  equal((await counts(server)).open, 3);
  equal(await vanished(), before);
  three.child.kill("SIGCONT");
  await three.stop();
  await openIs(server, 0);
});

await test("nor has one that does not read any more, with its window closed; but then it may vanish, too", async () => {
  const before = await vanished();
  const two = clients("/brief", 2, "closed");
  await two.says("open");
  await openIs(server, 2);
  const began = Date.now();
  for (let n = 0; unsent(server) < 2; n++) {
    ok(n < 2000);
    await publish(server, n);
  }
  await sleep(6 * pings);
  equal(unsent(server), 2);
  equal((await counts(server)).open, 2);
  equal(await vanished(), before);
  await two.vanish();
  // The kernel asks a closed window more and more rarely: each time after twice the time.
  const closed = (Date.now() - began) / 1000;
  await until("both to end", async () => (await counts(server)).open === 0, { seconds: 20 + 3 * closed });
  equal((await vanished()) - before, 2);
  await two.stop();
}, { seconds: 90 });

await test("closed, or reset: at once, and that is no vanishing", async () => {
  const before = await vanished();
  const three = clients("/page/1", 3); // whose ping is after 15 seconds
  await three.says("open");
  three.child.kill("SIGKILL");
  await openIs(server, 0);
  equal(await vanished(), before);
  await three.stop();
});

// ---- HTTP/2 -------------------------------------------------------------------------------------

const h2Client = `
import http2 from "node:http2";
const session = http2.connect(process.argv[1]);
const stream = session.request({ ":method": "POST", ":path": "/page/1", "content-type": "application/json" });
stream.on("data", () => console.log("open")).on("error", () => {});
session.on("error", () => {});
stream.end(JSON.stringify({ tabId: process.argv[2], pageId: process.argv[2] }));
`;

await test("HTTP/2: a client that hangs is asked, does not answer, and is gone; one that answers stays", async () => {
  const quick = await start("live-pages", ["--workers", "1", "--ping-interval", "1s", "--metrics", "/metrics"]);
  const children = [1, 2].map((n) => spawn(process.execPath, ["--input-type=module", "-e", h2Client, quick.url, `h2-${n}`], { stdio: ["ignore", "pipe", "inherit"] }));
  const [hangs, answers] = children;
  try {
    await openIs(quick, 2);
    hangs.kill("SIGSTOP");
    await openIs(quick, 1);
    await sleep(5000); // of silence, and pings
    equal((await counts(quick)).open, 1);
    answers.kill("SIGSTOP");
    await openIs(quick, 0);
  } finally {
    children.forEach((child) => child.kill("SIGKILL"));
  }
  await quick.stop();
});

await server.stop();
finish();
