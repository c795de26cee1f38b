// event_arg.test.mjs -- arguments of events as nobody's page sends them: none makes one event another, and no row is touched but the one.
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import { equal, finish, ok, test } from "../node/lib/check.mjs";
import { ask, closeSession, openSession } from "../node/lib/h2.mjs";
import { programPath, start } from "../node/lib/program.mjs";

programPath("tasks");
const server = await start("tasks", ["--workers", "2"]);

/** The path goes out as it is. */
const send = (method, path, body = method === "DELETE" ? "" : "{}") => new Promise((resolve, reject) => {
  const headers = { "datastar-request": "true", "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const request = http.request(server.url, { method, path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (piece) => (text += piece));
    response.on("end", () => resolve({ status: response.statusCode, body: text }));
  });
  request.on("error", reject);
  request.end(body);
});

const rows = async (path) => [...(await send("GET", path)).body.matchAll(/<li id='task-(\d+)'/g)].map((m) => Number(m[1]));
const said = (text) => `data: signals {"said":"${text}"}`;
const longest = "x".repeat(1024);

equal(await rows("/"), [1, 2, 3, 4]);

await test("what is no such argument is answered, and changes nothing", async () => {
  const bad = ["", "?", "?arg", "?arg=", "?arg=%00", "?arg=3%00", "?arg=%ff", "?arg=%2533", "?arg=3&arg=3", "?arg=+3", "?arg=%203", "?arg=3.0",
    "?arg=0x3", "?arg=3%2F..%2F4", "?arg=../3", "?arg=3:4", "?arg=18446744073709551619", "?arg=-9223372036854775809", "?ARG=3", "?arg[]=3",
    "?arg=3;arg=4", "?arg=%D9%A3", "?arg=1e0", `?arg=${longest}`, `?arg=${longest}3`, `?arg=${"%33".repeat(2000)}`];
  for (const query of bad) {
    for (const [method, event] of [["POST", "toggle"], ["GET", "toggle"], ["DELETE", "remove"]]) {
      const answer = await send(method, `/team/ds/task/${event}${query}`, method === "POST" ? "{}" : "");
      equal([query, answer.status, answer.body.includes("said")], [query, 200, false]);
    }
  }
  equal(await rows("/"), [1, 2, 3, 4]);
});

await test("a number that no row has says so", async () => {
  for (const n of ["0", "-3", "99", "9223372036854775807"]) {
    const answer = await send("DELETE", `/team/ds/task/remove?arg=${n}`);
    ok(answer.body.includes(said("It was gone already.")), answer.body);
    ok(answer.body.includes(`data: selector #task-${n}\n`), answer.body);
  }
  equal(await rows("/"), [1, 2, 3, 4]);
});

await test("an argument in the path is another event, which there is not", async () => {
  const paths = ["toggle/3", "toggle%2F3", "toggle%3Farg=3", "toggle%3Farg%3D3", "toggle:3", "toggle%00?arg=3", "Toggle?arg=3", "tog%67le/?x", "?arg=toggle"];
  for (const path of paths) {
    const { status } = await send("POST", `/team/ds/task/${path}`);
    ok(path === "tog%67le/?x" ? status === 200 : status === 404 || status === 400, `${path}: ${status}`);
  }
  equal((await send("POST", "/team/ds/task/remove?arg=3")).status, 405); // DELETE alone
  equal(await rows("/"), [1, 2, 3, 4]);
});

await test("and the right one does what it says, over both protocols", async () => {
  ok((await send("POST", "/team/ds/task/toggle?arg=%33")).body.includes(said("Done.")));
  equal(await rows("/done"), [3, 5]);
  const session = await openSession(server.url);
  const answer = await ask(session, { ":method": "DELETE", ":path": "/team/ds/task/remove?datastar=%7B%7D&arg=3", "datastar-request": "true" });
  ok(answer.body.includes(said("Removed.")), answer.body);
  await closeSession(session);
  equal(await rows("/done"), [5]);
});

await test("the server stops cleanly", () => server.stop());
finish();
