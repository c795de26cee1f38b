// responses.test.mjs -- content coding, streams, redirects and error pages, by clients that others wrote.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import http from "node:http";
import net from "node:net";
import zlib from "node:zlib";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { start } from "../node/lib/program.mjs";

const server = await start("responses", ["--workers", "2"]);
const text = "all work and no play makes a dull text. ".repeat(1000);

// The response with its body still to come.
const open = (path, headers = {}, method = "GET") => new Promise((resolve, reject) => {
  http.request({ host: "127.0.0.1", port: server.port, path, headers, method, agent: false }, resolve).on("error", reject).end();
});

async function bytes(stream) {
  const parts = [];
  for await (const part of stream) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function get(path, headers) {
  const answer = await open(path, headers);
  return { status: answer.statusCode, headers: answer.headers, body: await bytes(answer) };
}

// Node 18 has no zstd.
const unzstd = (body) => spawnSync("zstd", ["-dc"], { input: body, maxBuffer: 1 << 26 }).stdout;
const decoders = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };
if (spawnSync("zstd", ["--version"]).status === 0) {
  decoders.zstd = unzstd;
}

// ---- whole responses ----------------------------------------------------------------------------

await test("each coding is what others decode", async () => {
  for (const [coding, decode] of Object.entries(decoders)) {
    const { headers, body } = await get("/text", { "accept-encoding": coding });
    equal([headers["content-encoding"], headers.vary], [coding, "accept-encoding"]);
    equal(Number(headers["content-length"]), body.length);
    ok(body.length < 2000, `${coding}: ${body.length} bytes`);
    equal(decode(body).toString(), text);
  }
  const plain = await get("/text");
  equal([plain.headers["content-encoding"], plain.headers.vary, plain.body.toString()], [undefined, "accept-encoding", text]);
  const secret = await get("/secret", { "accept-encoding": "gzip" });
  equal([secret.headers["content-encoding"], secret.headers.vary, secret.body.toString()], [undefined, undefined, text]);
});

await test("curl --compressed", async () => {
  const curl = spawnSync("curl", ["-sS", "--compressed", "-D", "-", `${server.url}/text`], { encoding: "utf8" });
  equal([curl.status, curl.stderr], [0, ""]);
  match(curl.stdout, /\r\ncontent-encoding: (br|gzip|zstd)\r\n/);
  ok(curl.stdout.endsWith(`\r\n\r\n${text}`), "the text");
});

await test("redirects, and none that leads elsewhere", async () => {
  const there = await get("/go?to=/text");
  equal([there.status, there.headers.location, there.body.length], [302, "/text", 0]);
  const elsewhere = await get("/go?to=https://evil.example/");
  equal([elsewhere.status, elsewhere.headers.location], [500, undefined]);
});

await test("an error page is HTML for who asks for it", async () => {
  equal((await get("/fail")).body.toString(), "Forbidden");
  const page = await get("/fail", { accept: "text/html,*/*;q=0.8" });
  equal([page.status, page.headers["content-type"]], [403, "text/html; charset=utf-8"]);
  match(page.body.toString(), /<h1>403<\/h1><p>Forbidden<\/p>/);
  const datastar = await get("/fail", { accept: "text/event-stream, text/html, application/json", "datastar-request": "true" });
  equal(datastar.body.toString(), "Forbidden");
});

// ---- streams ------------------------------------------------------------------------------------

const row = (i) => `${String(i).padStart(10, "0")},${"a row of a table".padEnd(52)}\n`;

await test("a stream of rows, plain and coded, whole and in order", async () => {
  const expected = Array.from({ length: 20000 }, (_, i) => row(i)).join("");
  for (const coding of ["identity", ...Object.keys(decoders)]) {
    const { headers, body } = await get("/rows?n=20000", { "accept-encoding": coding });
    equal(headers["transfer-encoding"], "chunked");
    ok((decoders[coding]?.(body) ?? body).toString() === expected, coding);
    ok(coding === "identity" || body.length < expected.length / 8, `${coding}: ${body.length} bytes`);
  }
});

await test("50 MB for a slow reader cost no memory", async () => {
  const rows = 50_000_000 / 64;
  await get("/rows?n=100000");
  const before = server.statusOf("VmRSS");
  let most = 0;
  let length = 0;
  const socket = net.connect({ port: server.port, host: "127.0.0.1", highWaterMark: 65536 });
  socket.write(`GET /rows?n=${rows} HTTP/1.0\r\n\r\n`);
  for await (const part of socket) {
    length += part.length;
    most = Math.max(most, server.statusOf("VmRSS"));
    await new Promise((resolve) => setImmediate(resolve));
  }
  ok(length > 50_000_000 && length < 50_001_000, `${length} bytes`);
  ok(server.sanitized || most - before < 4096, `${before} KiB before, ${most} KiB at most`);
});

await test("a reader that takes nothing is not waited for by others, and its leaving is noticed", async () => {
  const ended = async () => JSON.parse((await get("/ended")).body).ended;
  const before = await ended();
  const socket = net.connect({ port: server.port, host: "127.0.0.1" });
  socket.pause();
  socket.write("GET /rows?n=1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  const stream = await open("/gate");
  equal((await get("/text")).body.length, text.length);
  socket.destroy();
  stream.destroy();
  await until("both to be done", async () => await ended() === before + 2);
});

await test("each event can be read before the next is written", async () => {
  const streams = { identity: null, gzip: zlib.createGunzip, br: zlib.createBrotliDecompress };
  for (const [coding, decoder] of Object.entries(streams)) {
    const answer = await open("/gate", { "accept-encoding": coding });
    const { date, connection, "keep-alive": _, "transfer-encoding": framing, ...headers } = answer.headers;
    equal([headers["content-type"], headers["cache-control"], headers["x-accel-buffering"]], ["text/event-stream", "no-cache, no-transform", "no"]);
    equal([headers["content-encoding"], headers.vary], [coding === "identity" ? undefined : coding, "accept-encoding"]);
    const events = decoder === null ? answer : answer.pipe(decoder());
    let read = "";
    events.on("error", () => {}).on("data", (part) => (read += part));
    const last = () => Number(/"opened":(\d+)}\n\n$/.exec(read)?.[1]);
    await until("the first event", () => last() >= 0);
    for (let n = last() + 1, end = n + 3; n < end; n++) {
      await get("/text"); // the server is alive, and nothing comes by itself
      equal(last(), n - 1);
      equal((await bytes(await open("/open", {}, "POST"))).length, 0);
      await until(`event ${n}`, () => last() === n);
    }
    answer.destroy();
  }
});

await test("a stream of a handler on the pool", async () => {
  const { body } = await get("/pool");
  equal(body.toString(), [1, 2, 3].map((n) => `event: datastar-patch-signals\ndata: signals {"n":${n}}\n\n`).join(""));
});

await test("over HTTP/2, with flow control", async () => {
  const curl = spawnSync("curl", ["-sS", "--http2-prior-knowledge", "--compressed", `${server.url}/rows?n=20000`], { encoding: "utf8", maxBuffer: 1 << 26 });
  equal([curl.status, curl.stderr, curl.stdout.length], [0, "", 64 * 20000]);
  ok(curl.stdout.endsWith(row(19999)), "the last row");
  const three = spawnSync("curl", ["-sS", "--http2-prior-knowledge", `${server.url}/pool`], { encoding: "utf8" });
  match(three.stdout, /"n":1.*"n":2.*"n":3}\n\n$/s);
});

await server.stop();
finish();
