// upload.test.mjs -- uploads by curl and by raw sockets, over HTTP/1.1 and HTTP/2, plain and TLS, and clients that leave.
// ctest: timeout=120 labels=threads
//
// What each byte of a multipart body does is tested in tests/unit. Here: kernel, loop, flow control, descriptors.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import path from "node:path";
import { equal, finish, match, ok, skip, test, until } from "../node/lib/check.mjs";
import { start } from "../node/lib/program.mjs";
import { privateCache, scratch } from "../node/lib/tls.mjs";
import { connect } from "../node/lib/wire.mjs";

const folder = scratch();
const temporary = path.join(folder, "tmp");
mkdirSync(temporary);
const server = await start("upload", ["--workers", "2"], { env: { TMPDIR: temporary } });
const secure = await start("upload", ["--tls", "--workers", "1"], { env: { ...privateCache(), TMPDIR: temporary } });

const curl = (...args) => spawnSync("curl", ["-sS", "--max-time", "30", ...args], { encoding: "utf8" });
if (curl("--version").status !== 0) {
  skip("curl is not installed");
}

const table = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
const crc = (bytes) => ((~bytes.reduce((sum, byte) => table[(sum ^ byte) & 255] ^ (sum >>> 8), 0xffffffff)) >>> 0).toString(16).padStart(8, "0");

function make(name, bytes) {
  const content = randomBytes(bytes);
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return { file, line: `file: ${name} application/octet-stream ${bytes} ${crc(content)}\n`, sum: `${bytes} ${crc(content)}\n` };
}

/** The status of a POST that is answered before it is whole, over HTTP/2. Not by curl: before version 8 it takes the reset that
 * follows such an answer (RFC 9113 8.1) for the answer's failure, now and then. */
function refusedStatus(url, type, body) {
  return new Promise((resolve, reject) => {
    const session = http2.connect(url, { rejectUnauthorized: false }).on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": "/files", "content-type": type });
    stream.on("response", (headers) => resolve(headers[":status"]));
    stream.on("error", reject).on("close", () => session.destroy()).resume();
    body(stream);
  });
}

const files = [make("empty.bin", 0), make("one.bin", 1), make("odd.bin", 65537), make("ten.bin", 10_000_000)];
const large = make("large.bin", 33 << 20);
const ways = [
  ["HTTP/1.1", server, []],
  ["HTTP/1.1, chunked", server, ["-H", "Transfer-Encoding: chunked"]],
  ["HTTP/1.1, without 100-continue", server, ["-H", "Expect:"]],
  ["HTTP/2 by prior knowledge", server, ["--http2-prior-knowledge"]],
  ["HTTP/1.1 over TLS", secure, ["-k", "--http1.1"]],
  ["HTTP/2 over TLS", secure, ["-k", "--http2"]],
];
const fdsBefore = [server.fds(), secure.fds()];

for (const [way, where, options] of ways) {
  await test(`${way}: files of 0 B, 1 B, 64 KiB + 1, 10 MB arrive as they were sent`, async () => {
    for (const { file, line, sum } of files) {
      const answer = curl("-f", ...options, "-F", "note=héllo", "-F", `file=@${file}`, `${where.url}/files`);
      equal([answer.stdout, answer.status], [`note = héllo\n${line}`, 0]);
      equal(curl("-f", ...options, "-F", `file=@${file}`, `${where.url}/stream`).stdout, sum);
    }
  }, { seconds: 60 });
  await test(`${way}: many files in one form`, async () => {
    const many = Array.from({ length: 90 }, () => ["-F", `file=@${files[1].file}`]).flat();
    equal(curl("-f", ...options, ...many, `${where.url}/files`).stdout, files[1].line.repeat(90));
  });
  await test(`${way}: too many parts, and too large: 413, and the next request works`, async () => {
    const many = Array.from({ length: 101 }, () => ["-F", "a=1"]).flat();
    if (way.startsWith("HTTP/2")) {
      const multipart = "multipart/form-data; boundary=B";
      const part = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n";
      equal(await refusedStatus(where.url, multipart, (stream) => stream.end(`${part}\r\n`.repeat(101))), 413);
      equal(await refusedStatus(where.url, multipart, (stream) => (stream.write(part), createReadStream(large.file).pipe(stream))), 413);
    } else {
      const status = ["-o", "/dev/null", "-w", "%{http_code}"];
      equal(curl(...options, ...status, ...many, `${where.url}/files`).stdout, "413");
      equal(curl(...options, ...status, "-F", `file=@${large.file}`, `${where.url}/files`).stdout, "413");
    }
    match(curl("-f", ...options, "-F", "a=1", `${where.url}/files`).stdout, /^a = 1\n$/);
  }, { seconds: 60 });
}

await test("forms: urlencoded by curl, to a route and to a page's event", async () => {
  equal(curl("-f", "--data-urlencode", "a=x y&z", "-d", "b=", `${server.url}/files`).stdout, "a = x y&z\nb = \n");
  match(curl("-f", "-d", "title=", `${server.url}/_event/send`).stdout, /What shall it be called\?/);
  match(curl("-f", "-F", "title=T", "-F", `files=@${files[1].file}`, `${server.url}/_event/send`).stdout,
    /<b>one\.bin<\/b><span>1 B<\/span><span>application\/octet-stream<\/span>/);
  equal(curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "a=%FF", `${server.url}/files`).stdout, "400");
});

await test("a file name is data: no path, no markup", async () => {
  const evil = curl("-f", "-F", "title=<i>T</i>", "-F", `files=@${files[1].file};filename=../../<img src=x>.png`, `${server.url}/_event/send`).stdout;
  ok(!evil.includes("<img") && !evil.includes("..") && !evil.includes("<i>"), evil);
});

await test("malformed boundaries and bodies are answered 400", async () => {
  const cases = [
    ["multipart/form-data", "--B--\r\n"],
    ["multipart/form-data; boundary=", "x"],
    [`multipart/form-data; boundary=${"x".repeat(71)}`, "x"],
    ["multipart/form-data; boundary=B", "--C\r\n\r\n"],
    ["multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B"],
    ["multipart/form-data; boundary=B; boundary=C", "--B--\r\n"],
  ];
  for (const [type, body] of cases) {
    const args = ["-o", "/dev/null", "-w", "%{http_code}", "-H", `Content-Type: ${type}`, "--data-binary", body];
    equal([type, body, curl(...args, `${server.url}/files`).stdout], [type, body, "400"]);
    equal(await refusedStatus(server.url, type, (stream) => stream.end(body)), 400);
  }
});

const announce = (length, more = "") => `POST /files HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\n${more}Content-Length: ${length}\r\n\r\n`;

await test("what is announced as too large is refused before 100-continue", async () => {
  const socket = await connect(server.port);
  socket.send(announce(65 << 20, "Expect: 100-continue\r\n"));
  equal((await socket.responseHead()).status, 413);
  socket.vanish();
});

await test("clients that leave in the middle of a file leave nothing behind", async () => {
  const part = `--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n${"x".repeat(100_000)}`;
  const sockets = [];
  for (let n = 0; n < 20; n++) {
    const socket = await connect(server.port);
    socket.send(announce(5_000_000) + part);
    sockets.push(socket);
  }
  await until("the temporary files", () => server.fds() >= fdsBefore[0] + 40);
  equal(readdirSync(temporary), []); // they have no names
  for (const socket of sockets) {
    socket.vanish();
  }
  await until("the descriptors back", () => server.fds() === fdsBefore[0]);
});

await test("the same over HTTP/2: by a reset, and by a connection that goes", async () => {
  const before = server.fds();
  const part = `--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n${"x".repeat(10_000)}`;
  for (const leave of [(session, streams) => streams.forEach((stream) => stream.close()), (session) => session.destroy()]) {
    const session = http2.connect(server.url).on("error", () => {});
    const streams = Array.from({ length: 10 }, () => session.request({ ":method": "POST", ":path": "/files", "content-type": "multipart/form-data; boundary=B" }));
    streams.forEach((stream) => stream.on("error", () => {}).write(part));
    await until("the temporary files", () => server.fds() >= before + 11);
    leave(session, streams);
    await until("the descriptors back", () => server.fds() <= before + 1);
    session.destroy();
    await until("the connection gone", () => server.fds() === before);
  }
});

await test("in the end every descriptor is back, and no file is left", async () => {
  await until("the descriptors back", () => server.fds() === fdsBefore[0] && secure.fds() === fdsBefore[1]);
  equal(readdirSync(temporary), []);
});

await test("the servers stop cleanly", async () => {
  await server.stop();
  await secure.stop();
});
finish();
