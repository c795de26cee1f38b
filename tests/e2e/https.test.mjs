// https.test.mjs -- the example programs over TLS: certificates made and given, reloads, and clients that do it wrong.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { X509Certificate, randomBytes } from "node:crypto";
import { appendFileSync, copyFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { answerOf, ask, closeSession, openSession } from "../node/lib/h2.mjs";
import { datastarClient, launch, run, start } from "../node/lib/program.mjs";
import { clientHello, devCa, devFile, makeCert, privateCache, scratch } from "../node/lib/tls.mjs";
import { connect, connectTls, head, post } from "../node/lib/wire.mjs";

const client = datastarClient();
const env = privateCache();
const folder = scratch();
const server = await start("counter", ["--tls", "--datastar", client], { env });
const { port } = server;
const ca = devCa(env);
const increment = "/counter/_event/increment";
const up = post(increment, '{"count":41}');

const secure = (options) => connectTls(port, { ca, ...options });

function isUp(answer, count = 42) {
  equal([answer.status, /"count":(\d+)/.exec(answer.body)?.[1]], [200, String(count)]);
}

/** A request on a connection of its own. */
async function fetchTls(to = port, options = { ca }, bytes = up) {
  const c = await connectTls(to, options);
  const answer = await c.send(bytes).response();
  c.vanish();
  return answer;
}

async function peerSerial(to, options = {}) {
  const c = await connectTls(to, { rejectUnauthorized: false, ...options });
  const { serialNumber, subject } = c.socket.getPeerCertificate();
  c.vanish();
  return options.servername ? [serialNumber, subject.CN] : serialNumber;
}

const serialOf = (file) => new X509Certificate(readFileSync(file)).serialNumber;

// A handshake that never ends, in silence and in drops: both run while the others do. See the end.
const hello = await clientHello();
const stalled = await connect(port);
stalled.send(hello.subarray(0, 100));
const dripping = await connect(port);
const stalledSince = Date.now();
let dripped = 0;
const drip = setInterval(() => dripping.send(hello.subarray(dripped, ++dripped)), 200); // too slow by far

// ---- the certificate for development ------------------------------------------------------------

await test("--tls: says https, that it is for development, and where the CA is", () => {
  match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  match(server.stderr, /for development only/);
  ok(server.stderr.includes(devFile(env, "ca.pem")), server.stderr);
});

await test("made files: keys for their owner alone, in a folder of their owner alone", () => {
  const mode = (file) => (statSync(file).mode & 0o777).toString(8);
  equal(mode(devFile(env, ".")), "700");
  equal([mode(devFile(env, "ca-key.pem")), mode(devFile(env, "leaf-key.pem"))], ["600", "600"]);
  for (const name of readdirSync(devFile(env, "."))) {
    equal(statSync(devFile(env, name)).mode & 0o022, 0, name);
    ok(!name.endsWith(".new"), name);
  }
  const leaf = new X509Certificate(readFileSync(devFile(env, "leaf.pem")));
  const root = new X509Certificate(ca);
  equal([leaf.ca, root.ca, leaf.verify(root.publicKey), leaf.checkIssued(root)], [false, true, true, true]);
  equal([leaf.checkHost("localhost"), leaf.checkIP("127.0.0.1"), leaf.checkIP("::1")], ["localhost", "127.0.0.1", "::1"]);
  equal([leaf.checkHost("example.com"), leaf.checkIP("192.0.2.1")], [undefined, undefined]);
});

await test("the second start takes the same files; another host is added to the leaf, by the same CA", async () => {
  const files = ["ca.pem", "ca-key.pem", "leaf.pem", "leaf-key.pem"].map((name) => devFile(env, name));
  const before = files.map((file) => readFileSync(file, "utf8"));
  const again = await start("hello", ["--tls"], { env });
  equal(files.map((file) => readFileSync(file, "utf8")), before);
  await again.stop();
  const other = await launch("hello", ["--tls", "--listen", "127.0.0.2:0"], { env }).listening();
  const after = files.map((file) => readFileSync(file, "utf8"));
  equal([after[0], after[1], after[3]], [before[0], before[1], before[3]]);
  const leaf = new X509Certificate(after[2]);
  equal([leaf.checkIP("127.0.0.2"), leaf.checkIP("127.0.0.1")], ["127.0.0.2", "127.0.0.1"]);
  equal((await fetchTls(other.port, { ca, host: "127.0.0.2" }, head("GET /"))).status, 200);
  await other.stop();
});

await test("two servers that start at once agree on one CA", async () => {
  const fresh = privateCache();
  const both = await Promise.all([1, 2, 3].map(() => start("hello", ["--tls", "--workers", "1"], { env: fresh })));
  for (const one of both) {
    equal((await fetchTls(one.port, { ca: devCa(fresh) }, head("GET /"))).status, 200);
  }
  await Promise.all(both.map((one) => one.stop()));
});

await test("CSTAR_TLS in the environment does the same", async () => {
  const other = await start("hello", ["--workers", "1"], { env: { ...env, CSTAR_TLS: "yes" } });
  match(other.url, /^https:/);
  await other.stop();
});

await test("a cache folder that can't be had: exit 1, and it is named", () => {
  const file = path.join(folder, "no-folder");
  writeFileSync(file, "");
  const { status, stdout, stderr } = run("hello", ["--tls", "--listen", "127.0.0.1:0"], { env: { ...env, XDG_CACHE_HOME: file } });
  equal([status, stdout], [1, ""]);
  ok(stderr.includes("no-folder"), stderr);
});

// ---- what a client sees -------------------------------------------------------------------------

await test("HTTP/1.1 over TLS: events and pages, one connection for many", async () => {
  const c = await secure({ servername: "localhost" });
  equal(c.socket.authorized, true);
  for (let n = 0; n < 50; n++) {
    isUp(await c.send(post(increment, `{"count":${n}}`)).response(), n + 1);
  }
  c.send(up.repeat(200));
  for (let n = 0; n < 200; n++) {
    isUp(await c.response());
  }
  match((await c.send(head("GET /counter")).response()).body, /<\/html>\n$/);
  c.send(head("GET /counter", "Connection: close"));
  equal((await c.response()).headers.connection, "close");
  await c.closed();
});

await test("ALPN: h2 and http/1.1 as the client can; what is unknown to us is not chosen", async () => {
  const cases = [[["h2", "http/1.1"], "h2"], [["http/1.1", "h2"], "h2"], [["h2"], "h2"], [["http/1.1"], "http/1.1"], [undefined, false]];
  for (const [ALPNProtocols, expected] of cases) {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
      const c = await secure({ ALPNProtocols, maxVersion });
      equal([c.socket.alpnProtocol, c.socket.getProtocol()], [expected, maxVersion], String(ALPNProtocols));
      c.vanish();
    }
  }
});

await test("--no-http2: neither by ALPN nor by its preface", async () => {
  const plain = await start("counter", ["--tls", "--no-http2", "--workers", "1"], { env });
  const c = await connectTls(plain.port, { ca, ALPNProtocols: ["h2", "http/1.1"] });
  equal(c.socket.alpnProtocol, "http/1.1");
  isUp(await c.send(up).response());
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  equal((await c.send(preface).response()).status, 505);
  await c.closed();
  await plain.stop();
});

await test("TLS 1.0 and 1.1 are refused, with the alert that says so", async () => {
  for (const version of ["TLSv1", "TLSv1.1"]) {
    const error = await secure({ minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" }).then(() => null, (e) => e);
    match(error?.code ?? "it was accepted", /ALERT_PROTOCOL_VERSION/);
  }
});

for (const version of ["TLSv1.2", "TLSv1.3"]) {
  await test(`${version}: sessions are taken up again, by any worker, and after a reload`, async () => {
    const limit = { minVersion: version, maxVersion: version, ca, servername: "localhost" };
    const c = await connectTls(port, limit);
    equal(c.socket.isSessionReused(), false);
    const session = new Promise((resolve) => c.socket.once("session", resolve));
    isUp(await c.send(up).response());
    const ticket = version === "TLSv1.2" ? c.socket.getSession() : await session;
    c.vanish();
    const again = async () => {
      const next = await connectTls(port, { ...limit, session: ticket });
      isUp(await next.send(up).response());
      equal([next.socket.isSessionReused(), next.socket.getProtocol()], [true, version]);
      next.vanish();
    };
    for (let n = 0; n < 8; n++) {
      await again();
    }
    const loads = () => server.stderr.split("were loaded again").length;
    const before = loads();
    server.signal("SIGHUP");
    await until("the reload", () => loads() > before);
    await again();
  });
}

// What the server writes while nobody reads: more than sockets hold.
await test("a slow reader gets all of it, in order, while others are served", async () => {
  const page = (await fetchTls(port, { ca }, head("GET /counter"))).body;
  const [, file] = /src='([^']+)'/.exec(page);
  const expected = readFileSync(client, "utf8");
  const c = await secure();
  c.socket.pause();
  const count = 600; // about 20 MB
  c.send(head(`GET ${file}`).repeat(count) + up);
  isUp(await fetchTls());
  c.socket.resume();
  for (let n = 0; n < count; n++) {
    const { body } = await c.response();
    ok(body === expected, `answer ${n}`);
  }
  isUp(await c.response());
  c.vanish();
});

await test("a large body, and one in small records", async () => {
  const c = await secure();
  isUp(await c.send(post(increment, `{"count":41,"x":"${"x".repeat(900000)}"}`)).response());
  for (const byte of Buffer.from(up)) {
    await new Promise((resolve) => c.socket.write(Buffer.of(byte), resolve));
  }
  isUp(await c.response());
  c.vanish();
});

// ---- curl ---------------------------------------------------------------------------------------

const curl = (...args) => spawnSync("curl", ["-sS", "--max-time", "10", "--cacert", devFile(env, "ca.pem"), ...args], { encoding: "utf8" });
const curlVersion = curl("--version").stdout ?? "";

if (!/ SSL\b/.test(curlVersion)) {
  console.log("curl is not installed, or has no TLS: its tests did not run");
} else {
  const protocols = [["--http1.1", "1.1"]];
  if (/\bHTTP2\b/.test(curlVersion)) {
    protocols.push(["--http2", "2"]);
  } else {
    console.log("this curl has no HTTP/2: that part did not run");
  }
  for (const [protocol, spoken] of protocols) {
    for (const limit of [["--tlsv1.3"], ["--tls-max", "1.2"]]) {
      await test(`curl ${protocol} ${limit.join(" ")}: a page, an event, both on one connection`, () => {
        const url = `https://127.0.0.1:${port}`;
        const got = curl("-v", "-f", protocol, ...limit, "-w", "%{http_version} %{ssl_verify_result} %{num_connects}\n", "-d", '{"count":41}', `${url}${increment}`,
          "--next", "-sS", "-f", protocol, ...limit, "--cacert", devFile(env, "ca.pem"), "-w", "%{http_version} %{num_connects}\n", `${url}/counter`);
        equal(got.status, 0, got.stderr);
        match(got.stdout, /"count":42/);
        ok(got.stdout.includes(`${spoken} 0 1\n`) && got.stdout.endsWith(`</html>\n${spoken} 0\n`), got.stdout);
        match(got.stderr, limit.includes("1.2") ? /SSL connection using TLSv1\.2/ : /SSL connection using TLSv1\.3/);
      });
    }
  }
  await test("curl verifies: localhost, 127.0.0.1 and ::1 are the certificate's, another name is not", () => {
    const ask = (name, ...args) => curl("-f", "--connect-to", `${name}:${port}:127.0.0.1:${port}`, "-o", "/dev/null", ...args, `https://${name}:${port}/counter`);
    for (const name of ["localhost", "127.0.0.1", "[::1]"]) {
      const got = ask(name);
      equal(got.status, 0, `${name}: ${got.stderr}`);
    }
    equal([ask("other.test").status, ask("192.0.2.1").status], [60, 60]);
    const distrust = spawnSync("curl", ["-sS", "--max-time", "10", `https://127.0.0.1:${port}/counter`], { encoding: "utf8" });
    equal(distrust.status, 60, distrust.stderr);
  });
  await test("curl: TLS 1.1 is refused", () => {
    const got = curl("--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", `https://127.0.0.1:${port}/counter`);
    equal(got.status, 35, got.stderr);
  });
}

await test("the end of a connection is said (close_notify), so that nobody can cut an answer unseen", () => {
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const got = spawnSync("openssl", ["s_client", "-quiet", version, "-CAfile", devFile(env, "ca.pem"), "-connect", `127.0.0.1:${port}`],
      { encoding: "utf8", input: head("GET /counter", "Connection: close"), timeout: 10000 });
    if (got.error?.code === "ENOENT") {
      return console.log("openssl is not installed: that part did not run");
    }
    equal(got.status, 0, got.stderr);
    match(got.stdout, /<\/html>\n$/);
    ok(!/unexpected eof|errno/.test(got.stderr), got.stderr);
  }
});

// ---- certificates that are given ----------------------------------------------------------------

const [a, b, c2] = [makeCert(folder, "a.test"), makeCert(folder, "b.test"), makeCert(folder, "a.test", { file: "a2" })];

await test("SNI: of two certificates each name gets its own; an unknown name or none gets the first", async () => {
  const two = await start("counter", ["--cert", `${a.cert},${b.cert}`, "--key", `${a.key},${b.key}`]);
  const [ofA, ofB] = [serialOf(a.cert), serialOf(b.cert)];
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
    equal(await peerSerial(two.port, { servername: "a.test", maxVersion }), [ofA, "a.test"]);
    equal(await peerSerial(two.port, { servername: "b.test", maxVersion }), [ofB, "b.test"]);
    equal(await peerSerial(two.port, { servername: "B.TEST", maxVersion }), [ofB, "b.test"]);
    equal(await peerSerial(two.port, { servername: "c.test", maxVersion }), [ofA, "a.test"]);
    equal(await peerSerial(two.port, { maxVersion }), ofA);
  }
  isUp(await fetchTls(two.port, { ca: readFileSync(b.cert), servername: "b.test" }));
  const session = await openSession(two.url, { ca: readFileSync(b.cert), servername: "b.test" });
  isUp(await ask(session, { ":method": "POST", ":path": increment }, '{"count":41}'));
  await closeSession(session);
  await two.stop();
});

await test("a certificate with its key in one file needs no --key", async () => {
  const file = path.join(folder, "both.pem");
  copyFileSync(a.cert, file);
  appendFileSync(file, readFileSync(a.key));
  const one = await start("counter", ["--cert", file, "--workers", "1"]);
  isUp(await fetchTls(one.port, { ca: readFileSync(a.cert), servername: "a.test" }));
  await one.stop();
});

await test("what can't be used: exit 1, and the file is named", () => {
  const garbage = path.join(folder, "garbage.pem");
  const empty = path.join(folder, "empty.pem");
  const cut = path.join(folder, "cut.pem");
  writeFileSync(garbage, randomBytes(2000));
  writeFileSync(empty, "");
  writeFileSync(cut, readFileSync(a.cert, "utf8").slice(0, 300));
  const locked = makeCert(folder, "locked.test", { more: ["-passout", "pass:secret"] });
  const cases = [
    [a.cert, b.key, /(a\.test|b\.test)/],
    ["/nonexistent/x.pem", a.key, /x\.pem/],
    [a.cert, "/nonexistent/x-key.pem", /x-key\.pem/],
    [garbage, a.key, /garbage\.pem/],
    [a.cert, garbage, /garbage\.pem/],
    [empty, a.key, /empty\.pem/],
    [a.cert, empty, /empty\.pem/],
    [cut, a.key, /cut\.pem/],
    [a.key, a.key, /a\.test-key\.pem/],
    [a.cert, a.cert, /a\.test\.pem/],
    [folder, a.key, /cstar-test/],
    [locked.cert, locked.key, /locked\.test-key\.pem/],
    [`${a.cert},${garbage}`, `${a.key},${b.key}`, /garbage\.pem/],
  ];
  for (const [cert, key, named] of cases) {
    const { status, stdout, stderr } = run("hello", ["--listen", "127.0.0.1:0", "--cert", cert, "--key", key]);
    equal([status, stdout], [1, ""], `${cert} ${key}: ${stderr}`);
    match(stderr, named);
    match(stderr, /^hello: .*\n$/); // one line
  }
});

await test("--key without --cert, or more of one than of the other: exit 2", () => {
  const cases = [["--key", a.key], ["--tls", "--key", a.key], ["--cert", `${a.cert},${b.cert}`, "--key", a.key], ["--cert", a.cert, "--key", `${a.key},${b.key}`],
    ["--cert", `${a.cert},`, "--key", `${a.key},${b.key}`], ["--cert"], ["--tls=1"]];
  for (const args of cases) {
    const { status, stdout, stderr } = run("hello", ["--listen", "127.0.0.1:0", ...args], { env });
    equal([status, stdout], [2, ""], args.join(" ").slice(0, 200) + stderr);
    match(stderr, /^hello: .*\n$/);
  }
});

// ---- reload -------------------------------------------------------------------------------------

await test("SIGHUP: new connections get the new certificate, open ones go on; a broken file changes nothing", async () => {
  const live = { cert: path.join(folder, "live.pem"), key: path.join(folder, "live-key.pem") };
  const install = (from) => {
    copyFileSync(from.key, live.key);
    copyFileSync(from.cert, live.cert);
  };
  const hangUp = async (word) => {
    const seen = reloading.stderr.length;
    reloading.signal("SIGHUP");
    return until("a word about it", () => reloading.stderr.slice(seen).includes(word) && reloading.stderr.slice(seen));
  };
  install(a);
  const reloading = await start("counter", ["--cert", live.cert, "--key", live.key, "--workers", "2"]);
  const kept = await connectTls(reloading.port, { ca: readFileSync(a.cert), servername: "a.test" });
  const session = await openSession(reloading.url, { ca: readFileSync(a.cert), servername: "a.test" });
  const event = () => ask(session, { ":method": "POST", ":path": increment }, '{"count":41}');
  isUp(await kept.send(up).response());
  isUp(await event());
  const half = session.request({ ":method": "POST", ":path": increment });
  const answerToHalf = answerOf(half);
  half.write('{"cou');

  install(c2);
  await hangUp("were loaded again");
  for (let n = 0; n < 6; n++) { // by either worker
    equal(await peerSerial(reloading.port), serialOf(c2.cert));
  }
  isUp(await kept.send(up).response());
  isUp(await event());
  equal(kept.socket.getPeerCertificate().serialNumber, serialOf(a.cert));

  writeFileSync(live.cert, "this is no certificate");
  match(await hangUp("stay as they are"), /live\.pem/);
  copyFileSync(b.cert, live.cert); // not the key's
  await hangUp("stay as they are");
  equal(await peerSerial(reloading.port), serialOf(c2.cert));
  isUp(await kept.send(up).response());

  install(b);
  await hangUp("were loaded again");
  equal(await peerSerial(reloading.port), serialOf(b.cert));
  isUp(await event());
  half.end('nt":41}');
  isUp(await answerToHalf);
  await closeSession(session);
  kept.vanish();
  await reloading.stop();
});

await test("many reloads under load: no connection fails", async () => {
  const busy = await start("counter", ["--tls", "--workers", "2"], { env });
  let over = false;
  let answered = 0;
  const hammer = async () => {
    while (!over) {
      isUp(await fetchTls(busy.port));
      answered++;
    }
  };
  const hammers = Array.from({ length: 4 }, hammer);
  for (let n = 1; n <= 20; n++) {
    busy.signal("SIGHUP");
    await until("the reload", () => busy.stderr.split("were loaded again").length > n);
  }
  await until("some answers", () => answered > 40);
  over = true;
  await Promise.all(hammers);
  await busy.stop();
});

await test("SIGHUP without TLS is nothing to die of", async () => {
  const plain = await start("counter", ["--workers", "1"]);
  plain.signal("SIGHUP");
  const c = await connect(plain.port);
  isUp(await c.send(up).response());
  c.vanish();
  await plain.stop();
});

// ---- what is no TLS -----------------------------------------------------------------------------

await test("plain HTTP on this port: 400 with a word about it, whole or in drops", async () => {
  for (const pieces of [[head("GET /counter")], ["GE", "T /counter HTTP/1.1\r\n", "Host: x\r\n\r\n"], [up], ["HEAD / HTTP/1.0\r\n\r\n"]]) {
    const c = await connect(port);
    for (const piece of pieces) {
      await new Promise((resolve) => c.socket.write(piece, () => setImmediate(resolve)));
    }
    const answer = await c.response();
    equal([answer.status, answer.headers["content-type"], answer.headers.connection], [400, "text/plain", "close"]);
    match(answer.body, /HTTPS/);
    await c.closed({ reset: true });
  }
});

await test("garbage on this port: the connection ends, the server lives", async () => {
  const record = (type, version, length, ...bytes) => Buffer.from([type, version >> 8, version & 255, length >> 8, length & 255, ...bytes]);
  const cases = {
    zeros: Buffer.alloc(64), "random bytes": Buffer.concat([Buffer.of(0xfe), randomBytes(300)]),
    "a record that is too long": Buffer.concat([record(22, 0x0301, 0xffff), Buffer.alloc(70000, 1)]),
    "data before the handshake": Buffer.concat([record(23, 0x0303, 16), Buffer.alloc(16)]),
    "an alert": record(21, 0x0303, 2, 2, 40), "an empty record": record(22, 0x0301, 0),
    "change_cipher_spec alone": record(20, 0x0303, 1, 1), "heartbeat": record(24, 0x0303, 3, 1, 255, 255),
    "a hello that lies about its length": record(22, 0x0301, 8, 1, 0, 0, 200, 3, 3, 0, 0),
    "a hello with a flipped byte": Buffer.concat([hello.subarray(0, 5), Buffer.of(hello[5] ^ 0x40), hello.subarray(6)]),
    "HTTP/2 in clear": Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const c = await connect(port);
    c.send(bytes);
    c.end(); // so that an incomplete record is an end, too
    await c.await("its end", () => c.over);
    ok(!c.input.includes("</html>"), name);
    c.vanish();
  }
  // Behind a good handshake too: somebody on the way adds a record that no key has made.
  const far = await connect(port);
  const between = net.createServer((near) => {
    near.on("error", () => {}).pipe(far.socket, { end: false });
    far.socket.pipe(near);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => between.once("listening", resolve));
  const c = await connectTls(between.address().port, { ca });
  isUp(await c.send(up).response());
  far.send(Buffer.concat([record(23, 0x0303, 64), randomBytes(64)]));
  await c.await("the end", () => c.over);
  match(c.error?.code ?? "no alert", /BAD_RECORD_MAC/);
  far.vanish();
  between.close();
  isUp(await fetchTls());
});

await test("a client that goes at once leaves nothing behind for the next one", async () => {
  const one = await start("counter", ["--tls", "--workers", "1"], { env });
  for (let n = 0; n < 60; n++) {
    const c = await connectTls(one.port, { ca, ALPNProtocols: [n % 2 === 0 ? "h2" : "http/1.1"] });
    if (n % 3 !== 0) { // close_notify, and then not there any more for the server's
      await new Promise((resolve) => c.socket.end(resolve));
    }
    c.vanish();
    isUp(await fetchTls(one.port));
  }
  await one.stop();
});

await test("hellos cut at every third byte, and the client gone: no descriptor stays", async () => {
  isUp(await fetchTls());
  const before = server.fds();
  for (let n = 1; n < hello.length; n += 3) {
    const c = await connect(port);
    await new Promise((resolve) => c.socket.write(hello.subarray(0, n), resolve));
    c.vanish({ reset: n % 2 === 0 });
  }
  await until("the descriptors to be closed", () => server.fds() <= before);
});

await test("a hundred handshakes that wait for something hold up nobody", async () => {
  const half = await Promise.all(Array.from({ length: 100 }, () => connect(port)));
  half.forEach((c, n) => c.send(n % 2 === 0 ? hello.subarray(0, 1 + 2 * n) : hello));
  await Promise.all(half.filter((_, n) => n % 2 === 1).map((c) => c.await("the server's hello", () => c.input.length > 100)));
  const began = Date.now();
  for (let n = 0; n < 10; n++) {
    isUp(await fetchTls());
  }
  const took = Date.now() - began;
  ok(took < (server.sanitized ? 8000 : 3000), `${took} ms`);
  half.forEach((c) => ok(!c.over)); // they have ten seconds
  half.forEach((c) => c.vanish());
});

// ---- the end ------------------------------------------------------------------------------------

await test("SIGTERM: idle connections are closed, what is under way is finished", async () => {
  const ending = await start("counter", ["--tls", "--workers", "2"], { env });
  const idle = await Promise.all(Array.from({ length: 4 }, () => connectTls(ending.port, { ca })));
  for (const c of idle) {
    isUp(await c.send(up).response());
  }
  const shaking = await connect(ending.port); // in the midst of a handshake
  shaking.send(hello);
  await shaking.await("the server's hello", () => shaking.input.length > 100);
  const upload = await connectTls(ending.port, { ca });
  upload.send(head(`POST ${increment}`, "Content-Length: 12", "Expect: 100-continue"));
  equal((await upload.response()).status, 100);
  upload.send('{"cou');
  ending.signal("SIGTERM");
  await Promise.all(idle.map((c) => c.closed()));
  await shaking.await("its end", () => shaking.over);
  shaking.vanish();
  equal(ending.status, undefined);
  const answer = await upload.send('nt":41}').response();
  isUp(answer);
  equal(answer.headers.connection, "close");
  await upload.closed();
  await ending.ended({ seconds: 5 });
});

await test("a handshake that does not come to its end is closed after ten seconds, whether it stalls or drips", async () => {
  for (const c of [stalled, dripping]) {
    await c.await("the end", () => c.over);
    clearInterval(c === dripping ? drip : undefined);
    equal(c.input.length, 0);
    c.vanish();
  }
  const took = Date.now() - stalledSince;
  ok(took > 9000, `${took} ms`);
});

await test("the server stops cleanly", async () => {
  ok(existsSync(devFile(env, "ca.pem")));
  await server.stop();
});
finish();
