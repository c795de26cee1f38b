// listen.test.mjs -- Unix sockets, sockets that systemd passes, few descriptors: real programs and real clients.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { launch, run } from "../node/lib/program.mjs";
import { connect, head, post } from "../node/lib/wire.mjs";

const up = post("/counter/_event/increment", '{"count":41}');
const folder = mkdtempSync(path.join(os.tmpdir(), "cstar-listen-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const get = (options) => new Promise((resolve, reject) => {
  http.get({ path: "/", agent: false, ...options }, (res) => {
    let body = "";
    res.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => resolve({ status: res.statusCode, body }));
  }).on("error", reject);
});

// ---- Unix sockets -------------------------------------------------------------------------------

await test("a Unix socket: served to Node and curl, with its mode, and gone with the program", async () => {
  const file = path.join(folder, "app.sock");
  const server = await launch("hello", ["--workers", "2", "--listen", `unix:${file},mode=0600`]).listening();
  equal(server.url, `unix:${file}`);
  equal(statSync(file).mode & 0o777, 0o600);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get({ socketPath: file })));
  ok(answers.every((a) => a.status === 200));
  const curl = spawnSync("curl", ["-s", "-o", "-", "-w", "%{http_code}", "--unix-socket", file, "http://x/"], { encoding: "utf8" });
  if (!curl.error) {
    match(curl.stdout, /200$/);
  }
  await server.stop("SIGTERM");
  ok(!existsSync(file));
});

await test("a Unix socket: a killed program's file is replaced, a living one's and an ordinary file are not", async () => {
  const file = path.join(folder, "again.sock");
  const first = await launch("hello", ["--listen", `unix:${file}`]).listening();
  const refused = run("hello", ["--listen", `unix:${file}`]);
  equal(refused.status, 1);
  match(refused.stderr, /another server listens there/);
  first.signal("SIGKILL");
  await first.exited;
  ok(existsSync(file));
  const second = await launch("hello", ["--listen", `unix:${file}`]).listening();
  equal((await get({ socketPath: file })).status, 200);
  await second.stop();
  writeFileSync(file, "mine");
  const third = run("hello", ["--listen", `unix:${file}`]);
  equal(third.status, 1);
  match(third.stderr, /no socket/);
  ok(existsSync(file));
});

// ---- systemd ------------------------------------------------------------------------------------

await test("systemd-socket-activate passes a socket, which stays when the program ends", async () => {
  if (spawnSync("systemd-socket-activate", ["--version"]).error) {
    console.log("not run: systemd-socket-activate is not installed");
    return;
  }
  const file = path.join(folder, "passed.sock");
  for (const address of ["systemd", "systemd:web", "fd:3"]) {
    const under = ["systemd-socket-activate", "--listen", file, "--fdname=web"];
    const server = launch("hello", ["--workers", "2", "--listen", address], { under });
    const listening = server.listening();
    // the file is there before anybody listens; the first connection starts the server
    const first = await until("the socket", () => get({ socketPath: file }).catch(() => null));
    equal(first.status, 200);
    await listening;
    equal(server.socketPath, file);
    await server.stop("SIGTERM");
    ok(existsSync(file)); // the manager's
    rmSync(file);
  }
});

await test("an address of systemd's without systemd exits with 1 and says so", () => {
  const { status, stderr } = run("hello", ["--listen", "systemd"]);
  equal(status, 1);
  match(stderr, /systemd has passed no socket/);
});

// ---- few descriptors ----------------------------------------------------------------------------

await test("with sixty descriptors two hundred clients are all served", async () => {
  const under = ["sh", "-c", 'ulimit -n 60 && exec "$@"', "sh"];
  const server = await launch("counter", ["--workers", "2", "--listen", "127.0.0.1:0"], { under }).listening();
  const clients = await Promise.all(Array.from({ length: 200 }, () => connect(server.port)));
  await Promise.all(clients.map(async (c) => {
    equal((await c.send(up).response()).status, 200); // idle then: it makes room for the next
    ok(server.fds() <= 60);
  }));
  equal(server.stderr.includes("Too many open files"), false); // it stays below by itself
  clients.forEach((c) => c.vanish());
  await server.stop();
});

await test("with no idle connection to close the rest wait in the kernel, then get their turn", async () => {
  const under = ["sh", "-c", 'ulimit -n 60 && exec "$@"', "sh"];
  const server = await launch("counter", ["--workers", "1", "--listen", "127.0.0.1:0"], { under }).listening();
  const busy = await Promise.all(Array.from({ length: 30 }, () => connect(server.port)));
  for (const c of busy) { // half of 60: all places
    c.send(head("POST /counter/_event/increment", "Content-Length: 12", "Expect: 100-continue"));
    equal((await c.response()).status, 100);
  }
  const waiting = await Promise.all(Array.from({ length: 30 }, () => connect(server.port)));
  waiting.forEach((c) => c.send(up));
  await until("the line in the log", () => server.stderr.includes("all 30 connections are in use"));
  for (const c of busy) { // those inside are served
    equal((await c.send('{"count":41}').response()).status, 200);
  }
  for (const c of waiting) {
    equal((await c.response()).status, 200);
  }
  [...busy, ...waiting].forEach((c) => c.vanish());
  await server.stop();
  equal(server.stderr.match(/connections are in use/g).length, 1);
});

// ---- stopping -----------------------------------------------------------------------------------

await test("nothing listens after a stop that a second signal has cut short", async () => {
  const file = path.join(folder, "cut.sock");
  const server = await launch("counter", ["--workers", "2", "--listen", `unix:${file}`]).listening();
  const stuck = net.connect(file);
  const gone = new Promise((resolve) => stuck.on("close", resolve).on("error", () => {}));
  stuck.write(head("POST /counter/_event/increment", "Content-Length: 12", "Expect: 100-continue"));
  await new Promise((resolve) => stuck.once("data", resolve));
  server.signal("SIGTERM");
  await until("its file to go", () => !existsSync(file)); // with the listeners, before the connections
  equal(server.status, undefined);
  server.signal("SIGTERM");
  await gone;
  await server.ended();
});

finish();
