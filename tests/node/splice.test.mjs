// splice.test.mjs -- spliced gzip streams against two decoders that are not ours to choose: Node's, and gzip itself.
// Both check the trailer: length and checksum of all that was sent, whatever was shared of it.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { gunzipSync } from "node:zlib";
import { equal, finish, ok, test } from "./lib/check.mjs";
import { startRig } from "./lib/splice.mjs";

let seed = 5;
const dice = (sides) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed >>> 8) % sides;
};
const framed = (signals) => `event: datastar-patch-signals\ndata: signals ${JSON.stringify(signals)}\n\n`;

// Sixteen places for streams, which open and close at random: each one's bytes, and the text that it should say.
async function randomRun(events) {
  const rig = startRig();
  const done = [];
  const open = new Map();
  const kinds = { head: 0, shared: 0, alone: 0, tail: 0 };
  const begin = (id) => {
    const stream = { bytes: [], text: "" };
    open.set(id, stream);
    rig.open(id, (bytes, kind) => {
      stream.bytes.push(Buffer.from(bytes));
      kinds[kind]++;
    });
  };
  const end = (id) => {
    rig.close(id);
    done.push(open.get(id));
    open.delete(id);
  };
  for (let n = 0; n < events; n++) {
    const id = dice(16);
    const what = dice(12);
    if (what < 2) {
      open.has(id) ? dice(4) === 0 && end(id) : begin(id);
    } else if (what === 2 && open.has(id)) {
      const own = { own: n };
      rig.own(id, own);
      open.get(id).text += framed(own);
    }
    const dropped = dice(8) === 0 ? dice(16) : -1;
    if (dropped >= 0) {
      rig.drop(dropped);
    }
    const signals = { n, bid: 1000 + dice(9000), name: "é".repeat(dice(4)) };
    rig.event(signals);
    open.forEach((stream, at) => at !== dropped && (stream.text += framed(signals)));
  }
  [...open.keys()].forEach(end);
  await rig.end();
  return { done, kinds };
}

await test("hundreds of streams that join, miss, get something else and leave: gunzip of Node", async () => {
  const { done, kinds } = await randomRun(6000);
  ok(done.length > 100, `${done.length} streams`);
  ok(kinds.shared > 10000 && kinds.alone > 10000, JSON.stringify(kinds));
  equal(kinds.head, done.length);
  equal(kinds.tail, done.length);
  for (const { bytes, text } of done) {
    equal(gunzipSync(Buffer.concat(bytes)).toString(), text);
  }
});

await test("gzip -t and gzip -dc", async () => {
  const { done } = await randomRun(400);
  const streams = done.filter((s) => s.bytes.length > 2);
  ok(streams.length > 5, `${streams.length} streams`);
  for (const { bytes, text } of streams) {
    const input = Buffer.concat(bytes);
    equal(spawnSync("gzip", ["-t"], { input }).status, 0);
    equal(spawnSync("gzip", ["-dc"], { input }).stdout.toString(), text);
    input[input.length - 6] ^= 1; // its checksum: the test can fail
    equal(spawnSync("gzip", ["-t"], { input }).status, 1);
  }
});

await test("an empty stream is one too", async () => {
  const rig = startRig();
  const bytes = [];
  rig.open(0, (piece) => bytes.push(Buffer.from(piece)));
  rig.close(0);
  await rig.end();
  equal(gunzipSync(Buffer.concat(bytes)).length, 0);
});
finish();
