// process_log.test.mjs -- the access log of a real server: every request once, no signals, rotated under load, unread, closed.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { ask, closeSession, openSession } from "../node/lib/h2.mjs";
import { start } from "../node/lib/program.mjs";
import { devCa, privateCache, scratch } from "../node/lib/tls.mjs";
import { connect, exchange, head, post } from "../node/lib/wire.mjs";

const folder = scratch();
const increment = "/counter/_event/increment";
const up = post(increment, '{"count":41}');
const lines = (file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);
let files = 0;
const newFile = () => path.join(folder, `access-${++files}.log`);

await test("combined: a line per request, with what it was", async () => {
  const file = newFile();
  const server = await start("counter", ["--access-log", file]);
  await exchange(server.port, head("GET /counter?a=b", "Referer: http://r.test/?datastar=SECRET", 'User-Agent: a "b" \\ c'));
  await exchange(server.port, head("GET /nope"));
  await exchange(server.port, head("GET /healthz"));
  await exchange(server.port, up);
  await server.stop();
  const found = lines(file);
  equal(found.length, 3);
  const time = /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\]/.source;
  match(found[0], new RegExp(String.raw`^\S+ - - ${time} "GET /counter\?a=b HTTP/1\.1" 200 \d+ "http://r\.test/\?datastar=-" "a \\"b\\" \\\\ c"$`));
  match(found[1], new RegExp(`^\\S+ - - ${time} "GET /nope HTTP/1\\.1" 404 \\d+ "-" "-"$`));
  match(found[2], new RegExp(`^\\S+ - - ${time} "POST ${increment} HTTP/1\\.1" 200 \\d+ "-" "-"$`));
});

await test("json: every line is an object, by HTTP/2 and TLS too, and signals are in none", async () => {
  const file = newFile();
  const env = privateCache();
  const server = await start("counter", ["--tls", "--access-log", file, "--access-format", "json", "--hsts", "600"], { env });
  const session = await openSession(server.url, { ca: devCa(env) });
  const spellings = ["datastar", "%64atastar", "d%61t%61st%61r", "a=1&datastar"];
  for (const name of spellings) {
    const answer = await ask(session, { ":path": `/counter?${name}=SECRET${encodeURIComponent('{"count":1}')}&z=1` });
    equal(answer.headers[":status"] ?? answer.status, 200);
    equal(answer.headers["strict-transport-security"], "max-age=600");
  }
  await ask(session, { ":path": "/counter", "user-agent": "\u00ff\u00fe\"\\" });
  await closeSession(session);
  await server.stop();
  const found = lines(file).map((line) => JSON.parse(line));
  equal(found.length, spellings.length + 1);
  ok(!readFileSync(file, "utf8").includes("SECRET"));
  spellings.forEach((name, i) => equal(found[i].target, `/counter?${name}=-&z=1`));
  for (const entry of found) {
    equal([entry.method, entry.protocol, entry.status, entry.tls], ["GET", "HTTP/2.0", 200, true]);
    ok(Number.isInteger(entry.duration_us) && entry.bytes > 100, JSON.stringify(entry));
    ok(Math.abs(Date.parse(entry.time) - Date.now()) < 60000, entry.time);
  }
});

await test("lines arrive while connections stay open, and when the last one has gone", async () => {
  const file = newFile();
  const server = await start("counter", ["--workers", "2", "--access-log", file]);
  const all = await Promise.all(Array.from({ length: 8 }, () => connect(server.port)));
  for (const c of all) {
    equal((await c.send(up).response()).status, 200);
  }
  await until("eight lines", () => lines(file).length === 8);
  for (const c of all) {
    equal((await c.send(up).response()).status, 200);
    c.vanish();
  }
  await until("sixteen lines", () => lines(file).length === 16);
  await server.stop();
});

await test("a client that leaves before it is answered is a line too", async () => {
  const file = newFile();
  const server = await start("counter", ["--access-log", file, "--access-format=common"]);
  const c = await connect(server.port);
  c.send(head(`POST ${increment}`, "Content-Length: 100", "Expect: 100-continue"));
  equal((await c.response()).status, 100);
  c.vanish();
  await until("the line", () => lines(file).length === 1);
  match(lines(file)[0], /HTTP\/1\.1" 499 0$/);
  await server.stop();
});

await test("renamed under load: SIGHUP opens a new file, and no line is lost", async () => {
  const file = newFile();
  const server = await start("counter", ["--workers", "2", "--access-log", file, "--access-format", "common"]);
  const conns = await Promise.all(Array.from({ length: 8 }, () => connect(server.port)));
  let answered = 0;
  let going = true;
  const hammers = conns.map(async (c) => {
    while (going) {
      c.send(up.repeat(10));
      for (let n = 0; n < 10; n++) {
        equal((await c.response()).status, 200);
        answered++;
      }
    }
  });
  const old = [];
  for (let round = 1; round <= 10; round++) {
    const before = answered;
    await until("more requests", () => answered > before + 200);
    old.push(`${file}.${round}`);
    renameSync(file, old.at(-1));
    server.signal("SIGHUP");
    await until("a new file", () => existsSync(file));
  }
  going = false;
  await Promise.all(hammers);
  conns.forEach((c) => c.vanish());
  await server.stop();
  const found = [...old, file].flatMap(lines);
  equal(found.length, answered);
  ok(found.every((line) => line.includes(`"POST ${increment} HTTP/1.1" 200 `)));
  match(server.stderr, /info: the access log was opened again/);
});

await test("standard output: mixed with what the server says; nobody has to read it", async () => {
  const server = await start("counter", ["--workers", "1", "--access-log", "-"]);
  equal((await exchange(server.port, up)).status, 200);
  await until("the line", () => server.stdout.includes(`"POST ${increment} HTTP/1.1" 200`));
  server.child.stdout.pause();
  const c = await connect(server.port);
  for (let n = 0; n < 6000; n += 50) { // some 600 KiB: more than the pipe and the server keep
    c.send(up.repeat(50));
    for (let i = 0; i < 50; i++) {
      equal((await c.response()).status, 200);
    }
  }
  await until("a word about it", () => /access log: \d+ lines were lost: it is not read/.test(server.stderr));
  server.child.stdout.destroy(); // and now nobody can
  equal((await c.send(up).response()).status, 200);
  c.vanish();
  equal((await exchange(server.port, up)).status, 200);
  await server.stop();
});

await test("a log in a file that is opened for appending by others too", async () => {
  const file = newFile();
  writeFileSync(file, "before\n");
  const server = await start("hello", ["--access-log", file]);
  equal((await exchange(server.port, head("GET /"))).status, 200);
  await until("the line", () => lines(file).length === 2);
  writeFileSync(file, ""); // copytruncate
  equal((await exchange(server.port, head("GET /"))).status, 200);
  await server.stop();
  equal(lines(file).length, 1);
  match(lines(file)[0], /"GET \/ HTTP/);
});

finish();
