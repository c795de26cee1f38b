// options.test.mjs -- what the flags promise, of a whole program: the way to https, limits on connections, another user.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import net from "node:net";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { start } from "../node/lib/program.mjs";
import { devCa, privateCache } from "../node/lib/tls.mjs";
import { connect, connectTls, exchange, head } from "../node/lib/wire.mjs";

// ---- --redirect ---------------------------------------------------------------------------------

const env = privateCache();
const both = await start("hello", ["--tls", "--redirect", "127.0.0.1:0"], { env });
await until("both addresses", () => both.stdout.match(/listening on/g)?.length === 2);
const plain = Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(both.stdout)[1]);

await test("http leads to the same place by https: 301 for reading, 308 for the rest", async () => {
  for (const [method, status] of [["GET", 301], ["HEAD", 301], ["POST", 308], ["PUT", 308], ["DELETE", 308]]) {
    const answer = await exchange(plain, `${method} /a/b%2F?c=d&e HTTP/1.1\r\nHost: localhost:${plain}\r\n\r\n`, method);
    equal([answer.status, answer.headers.location], [status, `https://localhost:${both.port}/a/b%2F?c=d&e`], method);
  }
});

await test("a host that is none gets no redirect", async () => {
  for (const request of ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]) {
    const answer = await exchange(plain, request);
    equal([answer.status, answer.headers.location], [400, undefined], request);
  }
});

await test("nothing of the app is served there, and the other port is https", async () => {
  equal((await exchange(plain, head("GET /healthz"))).status, 301);
  const c = await connectTls(both.port, { ca: devCa(env) });
  equal((await c.send(head("GET /healthz")).response()).status, 200);
  c.vanish();
});

await test("it stops with both", () => both.stop());

// ---- connections --------------------------------------------------------------------------------

await test("--max-per-address: one more is reset, and when one has gone there is room", async () => {
  const server = await start("hello", ["--workers", "2", "--max-per-address", "3"]);
  const kept = [];
  for (let i = 0; i < 3; i++) {
    const c = await connect(server.port);
    equal((await c.send(head("GET /")).response()).status, 200);
    kept.push(c);
  }
  for (let i = 0; i < 5; i++) {
    const refused = await new Promise((resolve) => {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("error", (error) => resolve(error.code)).on("close", () => resolve("closed")).on("data", () => resolve("served"));
      socket.write(head("GET /"));
    });
    ok(["ECONNRESET", "EPIPE", "closed"].includes(refused), refused);
  }
  equal((await kept[0].send(head("GET /")).response()).status, 200);
  kept[1].vanish();
  await until("room for another", async () => {
    const c = await connect(server.port).catch(() => null); // a reset, perhaps as early as that
    const answer = await c?.send(head("GET /")).response().catch(() => null);
    c?.vanish();
    return answer?.status === 200;
  });
  match(server.stderr, /more than 3 connections/);
  await server.stop();
});

await test("--max-connections: an idle one makes room, a busy one does not", async () => {
  const server = await start("hello", ["--workers", "1", "--max-connections", "3"]);
  const idle = await connect(server.port);
  equal((await idle.send(head("GET /")).response()).status, 200);
  const busy = [];
  for (let i = 0; i < 2; i++) {
    const c = await connect(server.port);
    c.send("GET / HTTP/1.1\r\n"); // the rest of its head is still to come
    busy.push(c);
  }
  const newcomer = await connect(server.port);
  equal((await newcomer.send(head("GET /")).response()).status, 200);
  await until("the idle one's end", () => idle.over);
  for (const c of busy) {
    equal((await c.send("Host: x\r\n\r\n").response()).status, 200);
  }
  await server.stop();
});

// ---- who it is ----------------------------------------------------------------------------------

await test("--user: another user serves, for good; without the right to it, an error", async () => {
  const root = process.getuid() === 0;
  if (!root) {
    await start("hello", ["--user", "nobody"]).then(
      () => ok(false, "it served"),
      (error) => match(error.message, /user/),
    );
    return;
  }
  const server = await start("hello", ["--user", "nobody"]);
  equal((await exchange(server.port, head("GET /"))).status, 200);
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const ids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(status).slice(1);
  ok(ids.every((id) => id !== "0" && id === ids[0]), ids.join(" "));
  equal(/^Groups:\s*(.*)$/m.exec(status)[1].split(/\s+/).includes("0"), false);
  await server.stop();
});

finish();
