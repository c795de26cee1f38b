// view.test.mjs -- views: how often they are rendered when a thousand look at them.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { start } from "../node/lib/program.mjs";
import { connect, post, request } from "../node/lib/wire.mjs";

const minMs = 50;
const server = await start("view-server", ["--workers", "2"]);
const counts = async () => JSON.parse((await request(server.port, { path: "/counts" })).body);
const set = (n) => request(server.port, { path: `/set/${n}` });

// A stream; `values` is what it was shown so far.
async function look(path) {
  const c = await connect(server.port);
  c.send(post(path, "{}"));
  return Object.assign(c, { values: () => [...c.input.toString("latin1").matchAll(/value (\d+)\./g)].map((m) => Number(m[1])) });
}

async function lookers(n, path) {
  const all = [];
  for (let i = 0; i < n; i += 100) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(100, n - i) }, () => look(path)))));
  }
  return all;
}

const shown = (all, value) => until(`all have seen ${value}`, () => all.every((c) => c.values().at(-1) === value));

await test("a thousand who come see it, and it is rendered once", async () => {
  const all = await lookers(1000, "/board");
  await shown(all, 0);
  equal((await counts()).board, 1);
  equal((await counts()).open, 1000);

  // Many changes: the last is shown to all, and the renderings are as many as the time allows, not more.
  const began = Date.now();
  for (let i = 61; i <= 100; i++) {
    await set(i);
  }
  await shown(all, 100);
  const { board } = await counts();
  ok(board >= 2 && board <= 2 + (Date.now() - began) / minMs + 1, `${board} renderings in ${Date.now() - began} ms`);
  const sent = all[0].values();
  ok(sent.length <= board, `${sent.length} patches of ${board} renderings`);
  for (const c of all) {
    ok(c.values().every((v, i, list) => i === 0 || v > list[i - 1]), `in order: ${c.values()}`);
  }

  // The same again is rendered and not sent.
  await set(100);
  await until("it is rendered again", async () => (await counts()).board === board + 1);
  await set(101);
  await shown(all, 101);
  for (const c of all) {
    equal(c.values().filter((v) => v === 100).length, 1);
  }

  // Nobody is there: nothing is rendered. Who comes then sees the newest.
  all.forEach((c) => c.socket.destroy());
  await until("all have gone", async () => (await counts()).open === 0);
  const before = (await counts()).board;
  for (let i = 102; i <= 110; i++) {
    await set(i);
  }
  const [late] = await lookers(1, "/board");
  await shown([late], 110);
  equal(late.values().length, 1);
  equal((await counts()).board, before + 1);
  late.socket.destroy();
});

await test("one that is slow to render is rendered on the pool, one at a time, and ends right", async () => {
  const all = await lookers(50, "/report");
  await shown(all, 110);
  for (let i = 200; i < 260; i++) {
    await set(i);
  }
  await shown(all, 259);
  ok((await counts()).report <= 62, "not more than there were changes");
  all.forEach((c) => c.socket.destroy());
});

await test("a server that stops waits for a rendering that is under way", async () => {
  const [c] = await lookers(1, "/report");
  await shown([c], 259);
  await set(300);
  const stopped = server.stop();
  await until("its stream has ended", () => c.over);
  c.socket.destroy();
  await stopped;
});

await finish();
