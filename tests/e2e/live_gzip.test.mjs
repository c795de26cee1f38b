// live_gzip.test.mjs -- streams whose clients take gzip, on a real server: Node's fetch and http2, and curl, decode what they are sent.
// ctest: timeout=120
//
// The program is tests/programs/live-gzip: all its streams have one topic, and each one a topic of its own.
//
// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import http from "node:http";
import http2 from "node:http2";
import zlib from "node:zlib";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { closeSession, openSession } from "../node/lib/h2.mjs";
import { programPath, start } from "../node/lib/program.mjs";
import { needGzip } from "../node/lib/splice.mjs";
import { devCa, privateCache } from "../node/lib/tls.mjs";
import { request } from "../node/lib/wire.mjs";

programPath("live-gzip");
needGzip();
const server = await start("live-gzip", ["--workers", "2", "--metrics", "/metrics"]);
const order = async (path, to = server) => equal((await request(to.port, { method: "POST", path })).status, 200);
let published = 0;
const publish = async (count, kind = "publish") => {
  await order(`/${kind}/${count}`);
  published += count;
};

// How many frames went out by either kind of bytes.
async function frames() {
  const { body } = await request(server.port, { path: "/metrics" });
  const of = (kind) => Number(new RegExp(`^cstar_live_gzip_frames_total\\{bytes="${kind}"\\} (\\d+)$`, "m").exec(body)[1]);
  return { shared: of("shared"), alone: of("alone") };
}

// A stream by fetch, which undoes the coding. `text` grows; `done` is its end, or its failure.
async function openByFetch(id, headers = {}) {
  const answer = await fetch(`${server.url}/page/${id}`, { method: "POST", body: "{}", headers });
  const stream = { id, text: "", coding: answer.headers.get("content-encoding"), vary: answer.headers.get("vary") };
  const decoder = new TextDecoder();
  stream.done = (async () => {
    for await (const bytes of answer.body) {
      stream.text += decoder.decode(bytes, { stream: true });
    }
  })();
  stream.done.catch(() => {});
  await until("its first event", () => /"joined":\d+/.test(stream.text));
  stream.joined = Number(/"joined":(\d+)/.exec(stream.text)[1]);
  return stream;
}

// The numbers of all patches that a stream has had, from either kind.
const numbers = (text) => Array.from(text.matchAll(/"n":(\d+),|<p id='n'>(\d+): /g), (m) => Number(m[1] ?? m[2]));
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + 1 + i);
const isAt = (stream, n) => until(`stream ${stream.id} to be at ${n}`, () => numbers(stream.text).at(-1) === n);

async function end(stream) {
  await order(`/halt/${stream.id}`);
  await stream.done; // fetch fails if the trailer is wrong or missing
}

await test("fetch: streams that join at different times have everything from there on, and end cleanly", async () => {
  const before = await frames();
  const streams = [];
  for (let i = 0; i < 6; i++) {
    streams.push(await openByFetch(`f${i}`));
    await publish(1 + 7 * i);
  }
  await publish(30, "cards");
  await publish(200);
  for (const stream of streams) {
    await isAt(stream, published);
    equal([stream.coding, stream.vary], ["gzip", "accept-encoding"]);
    equal(numbers(stream.text), range(stream.joined, published));
  }
  const after = await frames();
  ok(after.shared - before.shared > 6 * 200, JSON.stringify(after));
  ok(after.alone - before.alone < 6 * 30, JSON.stringify(after));
  for (const stream of streams) {
    await end(stream);
  }
});

await test("fetch: what one of them is told in between reaches that one only, and nothing is lost", async () => {
  const streams = [await openByFetch("t0"), await openByFetch("t1"), await openByFetch("t2")];
  const told = [[], [], []];
  for (let round = 0; round < 60; round++) {
    await publish(1 + (round % 5));
    if (round % 3 === 0) {
      await order(`/tell/t${round % 2}/${round}`);
      told[round % 2].push(round);
    }
  }
  for (const [i, stream] of streams.entries()) {
    await isAt(stream, published);
    equal(numbers(stream.text), range(stream.joined, published));
    await until("what it was told", () => told[i].length === 0 || stream.text.includes(`{"own":${told[i].at(-1)}}`));
    equal(Array.from(stream.text.matchAll(/\{"own":(\d+)\}/g), (m) => Number(m[1])), told[i]);
    await end(stream);
  }
});

// curl, ended by the server: its text, and status 0 only if the coding was whole.
async function curl(args, orders) {
  const child = spawn("curl", ["-sSN", "--max-time", "20", "-X", "POST", "-d", "{}", ...args]);
  let text = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (some) => (text += some));
  child.stderr.setEncoding("utf8").on("data", (some) => (complaints += some));
  const status = new Promise((resolve) => child.on("close", resolve).on("error", () => resolve("no curl")));
  await until("curl's first event", () => text.includes('"joined"'));
  await orders();
  equal([await status, complaints], [0, ""]);
  return text;
}

await test("curl --compressed: the same text as without", async () => {
  const from = published;
  const orders = (id) => async () => {
    await publish(40);
    await order(`/tell/${id}/1`);
    await publish(10, "cards");
    await order(`/halt/${id}`);
  };
  const zipped = await curl(["--compressed", `${server.url}/page/c1`], orders("c1"));
  equal(numbers(zipped), range(from, from + 50));
  const plain = await curl([`${server.url}/page/c2`], orders("c2"));
  equal(numbers(plain), range(from + 50, from + 100));
  equal(zipped.replace(/\d+|[a-z]+ /g, ""), plain.replace(/\d+|[a-z]+ /g, ""));
});

await test("a slow reader gets all of it when it goes on", async () => {
  const answer = await fetch(`${server.url}/page/slow`, { method: "POST", body: "{}" });
  const before = published;
  await publish(300, "cards"); // nobody reads
  await order("/tell/slow/1");
  await publish(20);
  await order("/halt/slow");
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of answer.body) {
    text += decoder.decode(bytes, { stream: true });
  }
  equal(numbers(text), range(before, published));
  ok(text.includes('{"own":1}'));
});

// What the head of a stream's answer says.
function headOf(port, path, accept) {
  const headers = accept === undefined ? {} : { "accept-encoding": accept };
  return new Promise((resolve, reject) => {
    const asked = http.request({ port, host: "127.0.0.1", method: "POST", path, headers }, (answer) => {
      resolve([answer.headers["content-encoding"], answer.headers.vary]);
      asked.destroy();
    });
    asked.on("error", reject);
    asked.end("{}");
  });
}

await test("who gets it: as Accept-Encoding says, unless the app says no", async () => {
  const cases = [
    ["gzip", "gzip"], ["gzip, deflate, br, zstd", "gzip"], ["br;q=1, gzip;q=0.5", "gzip"], ["*", "gzip"], ["x-gzip", "gzip"],
    ["br, zstd", undefined], ["gzip;q=0", undefined], ["identity, gzip;q=0.5", undefined], ["gzip;q=2", undefined], [undefined, undefined],
  ];
  for (const [accept, coding] of cases) {
    equal(await headOf(server.port, "/page/h", accept), [coding, "accept-encoding"], accept);
  }
  equal(await headOf(server.port, "/quiet/h", "gzip"), [undefined, undefined]);
  for (const [flags, vary] of [[["--no-compress"], undefined], [["--compress-memory", "1000"], "accept-encoding"]]) {
    const other = await start("live-gzip", flags);
    equal(await headOf(other.port, "/page/h", "gzip"), [undefined, vary], flags.join(" "));
    await other.stop();
  }
});

// Streams of one HTTP/2 connection.
function openByH2(session, id) {
  const stream = { id, text: "" };
  const asked = session.request({ ":method": "POST", ":path": `/page/${id}`, "accept-encoding": "gzip" });
  asked.on("response", (headers) => (stream.coding = headers["content-encoding"]));
  const gunzip = zlib.createGunzip().setEncoding("utf8").on("data", (text) => (stream.text += text));
  stream.done = new Promise((resolve, reject) => {
    gunzip.on("end", resolve).on("error", reject);
    asked.on("error", reject);
  });
  stream.done.catch(() => {});
  asked.pipe(gunzip);
  asked.end("{}");
  return stream;
}

await test("HTTP/2 over TLS: twenty streams of one connection", async () => {
  const env = privateCache();
  const secure = await start("live-gzip", ["--tls", "--workers", "1"], { env });
  const session = await openSession(secure.url, { ca: devCa(env) });
  const tell = (path) => new Promise((resolve, reject) => {
    const asked = session.request({ ":method": "POST", ":path": path });
    asked.on("error", reject).on("end", resolve).resume();
    asked.end();
  });
  equal(session.alpnProtocol, "h2");
  const streams = [];
  for (let i = 0; i < 20; i++) {
    streams.push(openByH2(session, `s${i}`));
    await until("its first event", () => streams[i].text.includes('"joined"'));
    await tell(`/publish/${i}`);
  }
  await tell("/cards/50");
  for (const [i, stream] of streams.entries()) {
    await isAt(stream, 240);
    equal(stream.coding, "gzip");
    equal(numbers(stream.text), range((i * (i - 1)) / 2, 240));
    await tell(`/halt/${stream.id}`);
    await stream.done;
  }
  await closeSession(session);
  equal(session.goaways.filter((code) => code !== http2.constants.NGHTTP2_NO_ERROR), []);
  await secure.stop();
});

await test("a server that stops ends them cleanly: the last bytes are a trailer", async () => {
  const stream = await openByFetch("last");
  await publish(3);
  await isAt(stream, published);
  await server.stop();
  await stream.done;
});

finish();
