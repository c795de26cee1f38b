// static.test.mjs -- files as responses: what is served, what is refused, and what happens to a file meanwhile.
// ctest: timeout=120 labels=threads
//
// The program is tests/programs/file-server. Each folder is mounted twice: as the kernel has it, and (/walk-...) as if
// there were no openat2(). Whatever the table says holds for both. Over real sockets: Node's, and curl --path-as-is.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { launch, root as source, start } from "../node/lib/program.mjs";
import { connect, exchange, head } from "../node/lib/wire.mjs";

// ---- the folder ---------------------------------------------------------------------------------

const outside = fs.mkdtempSync(path.join(os.tmpdir(), "cstar-files-"));
process.on("exit", () => fs.rmSync(outside, { recursive: true, force: true }));
const root = path.join(outside, "root");
const at = (name) => path.join(root, name);
const secret = "SECRET: nobody may read this";
const write = (name, text) => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), text);
};
const link = (name, target) => fs.symlinkSync(target, at(name));
const big = Buffer.alloc(1 << 20);
for (let i = 0; i < big.length; i += 4) {
  big.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
}
const style = "body { margin: 0 }\n".repeat(100);
const long = "n".repeat(255);

write("index.html", "<!doctype html>root\n");
write("a.txt", "a\n");
write("empty.txt", "");
write("sp ace.txt", "space\n");
write("ünï/東京.txt", "unicode\n");
write("%2e%2e", "a file with an odd name\n");
write("a+b.txt", "plus\n");
write("it's&(that)=1;.txt", "marks\n");
write(long, "long\n");
write("a\\b.txt", secret);
write("c:d.txt", secret);
write("end.", secret);
write("end ", secret);
write("bell\x07", secret);
write(".env", secret);
write(".git/config", secret);
write("dir/index.html", "<!doctype html>dir\n");
write("dir/b.txt", "b\n");
write("dir/deep/er/c.txt", "c\n");
write("dir/.htpasswd", secret);
write("noindex/x.txt", "x\n");
write("indexdir/index.html/x.txt", "x\n");
write("../secret.txt", secret);
write("../root-evil/secret.txt", secret);
write("unreadable.txt", secret);
fs.chmodSync(at("unreadable.txt"), 0);
write("big.bin", big);
write("app.css", style);
link("in.txt", "a.txt");
link("chain.txt", "in.txt");
link("to-dir", "dir");
link("dir/up.txt", "../a.txt");
link("dir/deep/far.txt", "../../noindex/../dir/./b.txt");
link("through.txt", "to-dir/deep/er/../../b.txt");
link("out.txt", "../secret.txt");
link("out-dir", "..");
link("out-and-in.txt", "../root/a.txt");
link("dir/out.txt", "deep/../../../secret.txt");
link("absolute.txt", at("a.txt"));
link("etc", "/etc");
link("loop", "loop");
link("ping", "pong");
link("pong", "ping");
link("dangling", "nothing");
link("proc", "/proc/self/root/etc/passwd");
link("0", "a.txt");
for (let i = 1; i <= 45; i++) {
  link(String(i), String(i - 1));
}
equal(spawnSync("mkfifo", [at("fifo")]).status, 0);
const unix = net.createServer();
await new Promise((resolve) => unix.listen(at("socket"), resolve));
const isRoot = process.getuid() === 0; // whom no file is unreadable to

const server = await start("file-server", [], { env: { FILES_ROOT: root } });
const { port } = server;
const get = (target, ...fields) => exchange(port, head(`GET ${target}`, ...fields));
const idle = server.fds();

// ---- the table ----------------------------------------------------------------------------------

// [path, what it gives]: a number is a status, a text a body with 200, "> path" a redirect to it.
const refused = 404;
const paths = [
  // plain
  ["/a.txt", "a\n"], ["/dir/b.txt", "b\n"], ["/dir/deep/er/c.txt", "c\n"], ["/empty.txt", ""],
  ["/sp%20ace.txt", "space\n"], ["/%61%2e%74xt", "a\n"], ["/a.txt?x=1", "a\n"], ["/a.txt?../../secret.txt", "a\n"],
  ["/%C3%BCn%C3%AF/%E6%9D%B1%E4%BA%AC.txt", "unicode\n"], ["/a+b.txt", "plus\n"], ["/a%2Bb.txt", "plus\n"],
  ["/it's&(that)=1;.txt", "marks\n"], [`/${long}`, "long\n"], ["/unreadable.txt", isRoot ? secret : refused],
  ["/own", "a route of its own"], ["/own/", "a route of its own"],
  // folders
  ["", "> /"], ["/", "<!doctype html>root\n"], ["/index.html", "<!doctype html>root\n"], ["/dir", "> /dir/"],
  ["/dir/", "<!doctype html>dir\n"], ["/dir?q=1", "> /dir/?q=1"], ["/%64ir", "> /%64ir/"], ["/noindex", "> /noindex/"],
  ["/noindex/", refused], ["/indexdir/", refused], ["/a.txt/", refused], ["/a.txt/b", refused], ["/nothing", refused], ["/nothing/", refused],
  ["?x", "> /?x"],
  // up and out
  ["/..", refused], ["/../", refused], ["/../secret.txt", refused], ["/../../../../../../etc/passwd", refused],
  ["/dir/../a.txt", refused], ["/dir/..", refused], ["/./a.txt", refused], ["/.", refused], ["/dir/.", refused],
  ["/%2e%2e/secret.txt", refused], ["/%2E%2E/secret.txt", refused], ["/.%2e/secret.txt", refused], ["/%2e./secret.txt", refused],
  ["/..%2fsecret.txt", refused], ["/%2e%2e%2fsecret.txt", refused], ["/dir%2fb.txt", refused], ["/%2fetc/passwd", refused],
  ["/%252e%252e/secret.txt", refused], ["/%252e%252e", "a file with an odd name\n"], ["/%25252e%25252e", refused],
  ["/..%252fsecret.txt", refused], ["/%c0%ae%c0%ae/secret.txt", refused], ["/%e0%80%ae%e0%80%ae/secret.txt", refused],
  ["/..%c0%af../secret.txt", refused], ["/%uff0e%uff0e/secret.txt", refused], ["/.../secret.txt", refused], ["/..;/secret.txt", refused],
  ["/..%00/secret.txt", refused], ["-evil/secret.txt", refused],
  // separators and odd bytes
  ["/..\\secret.txt", refused], ["/..%5csecret.txt", refused], ["/a\\b.txt", refused], ["/a%5Cb.txt", refused], ["/dir\\b.txt", refused],
  ["//a.txt", refused], ["//", refused], ["/dir//b.txt", refused], ["/dir//", refused], ["//etc/passwd", refused], ["/%2f%2fetc", refused],
  ["/a.txt%00", refused], ["/a.txt%00.html", refused], ["/%00", refused], ["/a.txt%0a", refused], ["/a.txt%0d%0aX:%20y", refused],
  ["/bell%07", refused], ["/c:d.txt", refused], ["/c%3ad.txt", refused], ["/a.txt::$DATA", refused], ["/end.", refused], ["/a.txt.", refused],
  ["/end%20", refused], ["/a.txt%20", refused], ["/%", refused], ["/%2", refused], ["/%zz", refused], ["/a.txt%", refused], ["/%ff", refused],
  ["/%ED%A0%80", refused], ["/A.TXT", refused], ["/~root", refused], ["/$HOME", refused], ["/*", refused],
  // hidden
  ["/.env", refused], ["/%2eenv", refused], ["/.git/config", refused], ["/dir/.htpasswd", refused], ["/.git/", refused], ["/.git", refused],
  // long
  [`/${"n".repeat(256)}`, refused], [`/${"x/".repeat(500)}x`, refused], [`/${"x".repeat(4000)}`, refused], [`/${"%2e%2e/".repeat(300)}`, refused],
  [`/${"dir/".repeat(40)}a.txt`, refused],
  // no regular files
  ["/fifo", refused], ["/socket", refused], ["/fifo/", refused],
  // links lead nowhere unless they may
  ["/in.txt", refused, "a\n"], ["/chain.txt", refused, "a\n"], ["/to-dir/", refused, "<!doctype html>dir\n"], ["/to-dir", refused, "> /to-dir/"],
  ["/to-dir/b.txt", refused, "b\n"], ["/dir/up.txt", refused, "a\n"], ["/to-dir/up.txt", refused, "a\n"],
  ["/dir/deep/far.txt", refused, "b\n"], ["/through.txt", refused, "b\n"], ["/40", refused], ["/39", refused, "a\n"],
  // and out they never lead
  ["/out.txt", refused], ["/out-dir", refused], ["/out-dir/", refused], ["/out-dir/secret.txt", refused], ["/out-and-in.txt", refused],
  ["/dir/out.txt", refused], ["/absolute.txt", refused], ["/etc/passwd", refused], ["/etc", refused], ["/loop", refused], ["/loop/x", refused],
  ["/ping", refused], ["/45", refused], ["/dangling", refused], ["/proc", refused],
];

function outcome(answer, prefix) {
  ok(!answer.body.includes("SECRET") || isRoot, `${prefix}: the secret is out`);
  if (answer.status === 308) {
    return `> ${answer.headers.location.slice(prefix.length)}`;
  }
  return answer.status === 200 ? answer.body : answer.status;
}

ok(paths.length >= 60, "the table is too short");
for (const [column, mount] of [[1, "plain"], [1, "walk-plain"], [2, "links"], [2, "walk-links"]]) {
  const expected = (row) => {
    const value = column === 2 && row.length > 2 ? row[2] : row[1];
    return value === "a route of its own" && mount !== "plain" ? refused : value;
  };

  await test(`${mount}: every path of the table, over a raw socket`, async () => {
    const wrong = [];
    for (const row of paths) {
      const got = outcome(await get(`/${mount}${row[0]}`), `/${mount}`);
      if (got !== expected(row)) {
        wrong.push(`${row[0].slice(0, 80)}: ${JSON.stringify(got)}, expected ${JSON.stringify(expected(row))}`);
      }
    }
    equal(wrong, []);
  });

  await test(`${mount}: the same by curl`, () => {
    const rows = paths.filter(([name]) => !/[\\*[\]{}]/.test(name));
    const args = rows.flatMap(([name]) => ["-o", "/dev/null", `http://127.0.0.1:${port}/${mount}${name}`]);
    const curl = spawnSync("curl", ["-sS", "--path-as-is", "-g", "-w", "%{http_code}\n", ...args], { encoding: "utf8" });
    equal([curl.status, curl.stderr], [0, ""]);
    const status = (value) => typeof value === "number" ? value : value.startsWith("> ") ? 308 : 200;
    equal(curl.stdout.trim().split("\n").map(Number), rows.map((row) => status(expected(row))));
  });
}

await test("hidden files where they are allowed; without an index a folder has no path", async () => {
  for (const mount of ["hidden", "walk-hidden"]) {
    equal((await get(`/${mount}/.env`)).body, secret);
    equal((await get(`/${mount}/.git/config`)).body, secret);
    for (const name of ["/..", "/.", "/dir/", "/.git/../.env", "/%2e%2e/secret.txt", "/out.txt"]) {
      equal((await get(`/${mount}${name}`)).status, 404, name);
    }
  }
});

await test("bytes that no path has are refused before it is looked at", async () => {
  for (const bad of ["/plain/a\0.txt", "/plain/a .txt", "/plain/a\x7f.txt", "/plain/\x01", "plain/a.txt", "\\plain\\a.txt"]) {
    equal((await get(bad)).status, 400, JSON.stringify(bad));
  }
});

await test("other methods: 405", async () => {
  const answer = await exchange(port, head("POST /plain/a.txt", "Content-Length: 0"));
  equal([answer.status, answer.headers.allow], [405, "GET, HEAD"]);
});

// ---- what an answer says ------------------------------------------------------------------------

const pick = ({ status, headers, body }, ...names) => [status, ...names.map((name) => headers[name]), body];

await test("a file: its type, version and length; HEAD the same without the body", async () => {
  const answer = await get("/plain/dir/index.html");
  const { date, etag, "last-modified": modified, ...headers } = answer.headers;
  equal(headers, {
    "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff", "accept-ranges": "bytes",
    "referrer-policy": "same-origin", "cache-control": "no-cache", "content-length": "19",
  });
  match(etag, /^"[0-9a-f]{16}"$/);
  equal(modified, new Date(Math.floor(fs.statSync(at("dir/index.html")).mtimeMs / 1000) * 1000).toUTCString());
  for (const name of ["dir/index.html", "big.bin", "empty.txt"]) {
    const [full, bare] = [await get(`/plain/${name}`), await exchange(port, head(`HEAD /plain/${name}`), "HEAD")];
    delete full.headers.date;
    delete bare.headers.date;
    equal([bare.status, bare.headers, bare.body], [200, full.headers, ""]);
  }
});

await test("types by name; Cache-Control as the mount has it", async () => {
  equal((await get("/plain/app.css")).headers["content-type"], "text/css; charset=utf-8");
  equal((await get("/plain/big.bin")).headers["content-type"], "application/octet-stream");
  equal((await get("/packed/app.css")).headers["cache-control"], "public, max-age=60");
  equal((await get("/spa/app.css")).headers["cache-control"], undefined);
});

/** The bytes of a body. */
async function bytes(target, ...fields) {
  const c = await connect(port);
  c.send(head(`GET ${target}`, ...fields));
  const answer = await c.responseHead();
  answer.body = Buffer.from(await c.bytes(Number(answer.headers["content-length"])));
  c.vanish();
  return answer;
}

await test("a megabyte, whole and unharmed, also over HTTP/2", async () => {
  ok((await bytes("/plain/big.bin")).body.equals(big));
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":path": "/plain/big.bin" });
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  session.close();
  ok(Buffer.concat(chunks).equals(big));
});

await test("conditional requests", async () => {
  const { etag, "last-modified": modified } = (await get("/plain/app.css")).headers;
  const later = new Date(Date.parse(modified) + 1000).toUTCString();
  const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
  const cases = [
    [304, `If-None-Match: ${etag}`], [304, `If-None-Match: "x", W/${etag}`], [304, "If-None-Match: *"], [200, 'If-None-Match: "x"'],
    [304, `If-Modified-Since: ${modified}`], [304, `If-Modified-Since: ${later}`], [200, `If-Modified-Since: ${earlier}`],
    [200, `If-Modified-Since: ${modified}`, 'If-None-Match: "x"'], [200, "If-Modified-Since: yesterday"],
    [200, `If-Match: ${etag}`], [412, 'If-Match: "x"'], [412, `If-Match: W/${etag}`], [412, `If-Unmodified-Since: ${earlier}`],
    [304, `If-None-Match: ${etag}`, "Range: bytes=0-1"],
  ];
  for (const [status, ...fields] of cases) {
    const answer = await get("/plain/app.css", ...fields);
    equal(answer.status, status, fields.join());
    if (status === 304) {
      const { date, ...headers } = answer.headers;
      equal(headers, { etag, "last-modified": modified, "cache-control": "no-cache", vary: "accept-encoding" }); /* as its 200 */
    }
  }
});

await test("one range: 206, 416, If-Range", async () => {
  const { etag, "last-modified": modified } = (await get("/plain/big.bin")).headers;
  const n = big.length;
  for (const [range, first, last, ...fields] of [
    ["0-0", 0, 0], ["5-9", 5, 9], [`${n - 3}-`, n - 3, n - 1], ["-7", n - 7, n - 1], [`0-${n * 2}`, 0, n - 1], ["100-600000", 100, 600000],
    ["5-9", 5, 9, `If-Range: ${etag}`], ["5-9", 5, 9, `If-Range: ${modified}`],
  ]) {
    const answer = await bytes("/plain/big.bin", `Range: bytes=${range}`, ...fields);
    equal([answer.status, answer.headers["content-range"]], [206, `bytes ${first}-${last}/${n}`], range);
    equal(answer.headers.etag, etag);
    ok(answer.body.equals(big.subarray(first, last + 1)), range);
  }
  for (const field of ["bytes=0-1,5-9", "lines=1-2", "bytes=9-5", "bytes=x"]) {
    ok((await bytes("/plain/big.bin", `Range: ${field}`)).body.equals(big), field);
  }
  ok((await bytes("/plain/big.bin", "Range: bytes=5-9", 'If-Range: "x"')).body.equals(big));
  for (const range of [`${n}-`, "-0"]) {
    const answer = await get("/plain/big.bin", `Range: bytes=${range}`);
    equal([answer.status, answer.headers["content-range"], answer.headers.etag], [416, `bytes */${n}`, undefined], range);
  }
  equal((await get("/plain/empty.txt", "Range: bytes=0-")).status, 416);
  equal((await exchange(port, head("HEAD /plain/big.bin", "Range: bytes=0-1"), "HEAD")).status, 200);
});

await test("precompressed neighbours", async () => {
  const encoders = { br: zlib.brotliCompressSync, gz: zlib.gzipSync };
  for (const [suffix, encode] of Object.entries(encoders)) {
    write(`app.css.${suffix}`, encode(style));
  }
  write("app.css.zst", "as good as zstd");
  write("sub.css", "new\n");
  write("sub.css.gz", zlib.gzipSync("old\n"));
  fs.utimesSync(at("sub.css.gz"), 1e9, 1e9);
  link("a.txt.gz", "../secret.txt");
  fs.mkdirSync(at("a.txt.br"));
  const tags = new Set();
  for (const [accept, coding] of [
    ["gzip, br, zstd", "br"], ["gzip", "gzip"], ["zstd, gzip", "zstd"], ["gzip;q=1, br;q=0.5", "gzip"], ["br;q=0, gzip;q=0", undefined],
    ["identity, gzip;q=0.5", undefined], ["deflate", undefined], ["", undefined], ["*", "br"],
  ]) {
    const answer = await bytes("/packed/app.css", `Accept-Encoding: ${accept}`);
    equal(pick(answer, "content-encoding", "vary", "content-type").slice(0, 4), [200, coding, "accept-encoding", "text/css; charset=utf-8"], accept);
    tags.add(answer.headers.etag);
    const decoded = { br: zlib.brotliDecompressSync, gzip: zlib.gunzipSync }[coding]?.(answer.body) ?? answer.body;
    equal(decoded.toString(), coding === "zstd" ? "as good as zstd" : style);
    equal((await get("/packed/app.css", `Accept-Encoding: ${accept}`, `If-None-Match: ${answer.headers.etag}`)).status, 304);
  }
  equal(tags.size, 4);
  const part = await bytes("/packed/app.css", "Accept-Encoding: gzip", "Range: bytes=0-1");
  equal([part.status, part.headers["content-encoding"], part.body.toString("hex")], [206, "gzip", "1f8b"]);
  for (const name of ["sub.css", "a.txt", "dir/b.txt"]) { // too old; a link out and a folder; none
    const answer = await bytes(`/packed/${name}`, "Accept-Encoding: br, gzip, zstd");
    equal([answer.status, answer.headers["content-encoding"], answer.headers.vary], [200, undefined, "accept-encoding"]);
    equal(answer.body.toString(), fs.readFileSync(at(name), "utf8"));
  }
  equal((await get("/packed/app.css.gz")).headers["content-type"], "application/gzip");
  // none beside it, but it may be coded on the way
  equal((await get("/plain/app.css", "Accept-Encoding: identity")).headers.vary, "accept-encoding");
  equal((await get("/plain/big.bin", "Accept-Encoding: br")).headers.vary, undefined);
});

await test("the fallback: for people, not for scripts; never for a bad path", async () => {
  const html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
  const page = await get("/spa/users/7", html);
  equal(pick(page, "content-type", "vary"), [200, "text/html; charset=utf-8", "accept", "<!doctype html>root\n"]);
  equal((await get("/spa/a.txt", html)).body, "a\n");
  equal((await get("/spa/users/7", "Accept: */*")).status, 404);
  equal((await get("/spa/users/7")).status, 404);
  for (const bad of ["/..", "/.env", "/a%00", "//"]) {
    equal((await get(`/spa${bad}`, html)).status, 404);
  }
});

// ---- one file -----------------------------------------------------------------------------------

await test("a handler's file: found, missing, a folder, a fifo, conditional, by POST, on a thread of the pool", async () => {
  equal(pick(await get("/file?name=a.txt"), "content-type", "cache-control", "content-disposition"),
    [200, "text/plain; charset=utf-8", undefined, undefined, "a\n"]);
  for (const name of ["nothing", "dir", "fifo", "a.txt/b", "socket"]) {
    equal((await get(`/file?name=${name}`)).status, 404, name);
  }
  const { etag } = (await get("/file?name=big.bin")).headers;
  equal((await get("/file?name=big.bin", `If-None-Match: ${etag}`)).status, 304);
  equal((await bytes("/file?name=big.bin", "Range: bytes=-2")).body, big.subarray(-2));
  equal((await exchange(port, head("POST /file?name=a.txt", "Content-Length: 0"))).body, "a\n");
  equal((await get("/blocking?name=a.txt")).body, "a\n");
  equal((await get("/blocking?name=nothing")).status, 404);
  ok((await bytes("/blocking?name=big.bin")).body.equals(big));
});

await test("a download's name cannot break out of its header", async () => {
  const named = async (name) => (await get(`/download?name=a.txt&as=${encodeURIComponent(name)}`)).headers;
  const plain = await named("Report 7.pdf");
  equal([plain["content-type"], plain["cache-control"]], ["application/pdf", "private"]);
  equal(plain["content-disposition"], "attachment; filename=\"Report 7.pdf\"; filename*=UTF-8''Report%207.pdf");
  equal((await named('a"; x="\\b\r\nSet-Cookie: c/../d%41.txt'))["content-disposition"],
    "attachment; filename=\"a_; x=__b__Set-Cookie: c_.._d_41.txt\"; " +
    "filename*=UTF-8''a%22%3B%20x%3D%22_b__Set-Cookie%3A%20c_.._d%2541.txt");
  equal((await named("naïve 東.txt"))["content-disposition"],
    "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E6%9D%B1.txt");
  equal((await get("/download?name=a.txt&as=x.bin&type=text/css")).headers["content-type"], "text/css");
  equal((await get("/download?name=a.txt&as=x.bin&type=a%0d%0ab:c")).status, 500);
});

// ---- assets -------------------------------------------------------------------------------------

const assets = path.join(source, "tests/programs/file-server/assets");
const asset = (name) => fs.readFileSync(path.join(assets, name));
const version = (name) => createHash("sha256").update(asset(name)).digest("hex").slice(0, 16);

await test("embedded assets: their bytes, types, folders", async () => {
  for (const [name, type] of [["all.bin", "application/octet-stream"], ["css/app.css", "text/css; charset=utf-8"],
    ["empty.txt", "text/plain; charset=utf-8"], ["with%20space.txt", "text/plain; charset=utf-8"], ["docs/index.html", "text/html; charset=utf-8"]]) {
    const answer = await bytes(`/embedded/${name}`);
    ok(answer.body.equals(asset(decodeURIComponent(name))), name);
    equal([answer.status, answer.headers["content-type"], answer.headers.etag, answer.headers["last-modified"], answer.headers["cache-control"]],
      [200, type, `"${version(decodeURIComponent(name))}"`, undefined, "public, max-age=5"]);
  }
  equal((await get("/embedded/docs/")).body, asset("docs/index.html").toString());
  equal((await get("/embedded/docs")).headers.location, "/embedded/docs/");
  for (const name of ["", "css", "css/", "nothing", "css/nothing", "css/app.css/", "../main.c", "CSS/app.css", "docs/index.html/index.html"]) {
    equal((await get(`/embedded/${name}`)).status, 404, name);
  }
  equal((await bytes("/embedded/css/app.css", "Range: bytes=0-9")).body, asset("css/app.css").subarray(0, 10));
});

await test("embedded assets with a fallback and without an index", async () => {
  const docs = asset("docs/index.html").toString();
  const html = "Accept: text/html";
  equal(pick(await get("/embedded-spa/any/where", html), "vary", "cache-control"), [200, "accept", "no-cache", docs]);
  equal((await get("/embedded-spa/", html)).status, 404); // no name at all
  equal((await get("/embedded-spa/any/where")).status, 404);
  equal((await get("/embedded-spa/docs")).status, 404);
});

await test("embedded assets are compressed once; each coding has its own tag", async () => {
  for (const [coding, decode] of [["br", zlib.brotliDecompressSync], ["gzip", zlib.gunzipSync]]) {
    const answer = await bytes("/embedded/css/app.css", `Accept-Encoding: ${coding}`);
    equal([answer.headers["content-encoding"], answer.headers.vary, answer.headers.etag],
      [coding, "accept-encoding", `"${version("css/app.css")}-${coding}"`]);
    ok(answer.body.length < asset("css/app.css").length / 2 && decode(answer.body).equals(asset("css/app.css")));
    equal((await get("/embedded/css/app.css", `Accept-Encoding: ${coding}`, `If-None-Match: ${answer.headers.etag}`)).status, 304);
  }
  const { headers } = await bytes("/embedded/all.bin", "Accept-Encoding: br");
  equal([headers["content-encoding"], headers.vary], [undefined, undefined]);
});

await test("a path with the hash is for ever, another hash is not", async () => {
  const [css, space, nothing] = (await get("/paths")).body.trim().split("\n");
  equal([css, space, nothing], [`/embedded/css/app.css?v=${version("css/app.css")}`,
    `/embedded/with%20space.txt?v=${version("with space.txt")}`, "/embedded/nothing.css"]);
  const control = async (target) => (await bytes(target)).headers["cache-control"];
  equal(await control(css), "public, max-age=31536000, immutable");
  equal(await control(space), "public, max-age=31536000, immutable");
  equal(await control("/embedded/css/app.css?v=0123456789abcdef"), "public, max-age=5");
  equal(await control(`${css}0`), "public, max-age=5");
});

// ---- a file that changes meanwhile --------------------------------------------------------------

const huge = Buffer.alloc(8 << 20, "0123456789abcdef");

/** Asks for a file, reads its head, lets `change` happen, reads the rest as it comes. */
async function meanwhile(change) {
  write("changing.bin", huge);
  const c = await connect(port);
  c.socket.pause();
  c.send(head("GET /plain/changing.bin"));
  c.socket.resume();
  const { status, headers } = await c.responseHead();
  c.socket.pause();
  equal([status, headers["content-length"]], [200, String(huge.length)]);
  change();
  c.socket.resume();
  await until("the end", () => c.over || c.input.length === huge.length);
  const body = Buffer.from(c.input);
  c.vanish();
  return body;
}

await test("a file replaced while it is sent: the old one, whole", async () => {
  const body = await meanwhile(() => {
    write("new.bin", "new\n");
    fs.renameSync(at("new.bin"), at("changing.bin"));
  });
  ok(body.equals(huge));
  equal((await get("/plain/changing.bin")).body, "new\n");
});

await test("a file cut short while it is sent: never a whole answer of other bytes", async () => {
  const body = await meanwhile(() => fs.truncateSync(at("changing.bin"), 1000));
  // what the kernel still had to send may show the cut already: a part, and the client sees that it is one
  ok(body.length < huge.length || body.equals(huge));
  equal((await get("/plain/changing.bin")).headers["content-length"], "1000");
});

await test("a file that changes gets another tag; a deleted one is 404", async () => {
  write("version.txt", "one\n");
  const first = (await get("/plain/version.txt")).headers.etag;
  write("version.txt", "two, longer\n");
  const second = await get("/plain/version.txt", `If-None-Match: ${first}`);
  equal([second.status, second.body, second.headers.etag !== first], [200, "two, longer\n", true]);
  fs.unlinkSync(at("version.txt"));
  equal((await get("/plain/version.txt")).status, 404);
});

await test("clients that leave in the middle of a file leave no descriptor behind", async () => {
  for (let i = 0; i < 20; i++) {
    const c = await connect(port);
    c.send(head("GET /plain/big.bin") + head("GET /packed/app.css", "Accept-Encoding: br") + head("GET /plain/fifo"));
    await c.responseHead();
    c.vanish({ reset: i % 2 === 0 });
  }
  // a sanitizer that has matched a suppression keeps two pipes to its symbolizer; each client would be one at least
  await until("the descriptors to be closed", () => server.fds() <= idle + 2);
});

await test("a folder that is not there: it does not start, and says its name", async () => {
  const program = launch("file-server", ["--listen", "127.0.0.1:0"], { env: { FILES_ROOT: at("no such folder") } });
  equal(await program.exited, 1);
  match(program.stderr, /no such folder: No such file or directory/);
});

await server.stop();
unix.close();
finish();
