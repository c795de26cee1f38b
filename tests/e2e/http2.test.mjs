// http2.test.mjs -- the example programs over HTTP/2, in clear (by prior knowledge) and over TLS (by ALPN): Node, curl, nghttp, h2load.
// ctest: timeout=120 labels=threads cost=15
//
// What HTTP/2 has to say must be what HTTP/1.1 says; that is compared here. Frames that no decent client sends: h2_hostile.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import http2 from "node:http2";
import { readFileSync } from "node:fs";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { answerOf, ask, closeSession, openSession, ping } from "../node/lib/h2.mjs";
import { datastarClient, start } from "../node/lib/program.mjs";
import { devCa, devFile, privateCache } from "../node/lib/tls.mjs";
import { connect, post, request } from "../node/lib/wire.mjs";

const client = datastarClient();
const clientText = readFileSync(client, "utf8");
const env = privateCache();
const servers = {
  h2c: await start("counter", ["--datastar", client]),
  h2: await start("counter", ["--datastar", client, "--tls"], { env }),
};
const ca = devCa(env);
const plain = servers.h2c.port;
const increment = "/counter/_event/increment";
const event = { ":method": "POST", ":path": increment };
const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR } = http2.constants;

const countOf = (answer) => [answer.status, /^data: signals \{"count":(-?\d+)\}$/m.exec(answer.body)?.[1]];
const isUp = (answer, count = 42) => equal(countOf(answer), [200, String(count)]);
const signals = (count) => JSON.stringify({ count });

const page = await request(plain, { path: "/counter" });
const [, clientPath] = /src='([^']+)'/.exec(page.body);

for (const [name, server] of Object.entries(servers)) {
  const open = (options) => openSession(server.url, { ca, ...options });
  const both = (what, body, options) => test(`${name}: ${what}`, body, options);

  await both("a page, a file, an event; the protocol's name", async () => {
    const session = await open();
    equal(session.alpnProtocol, name);
    const answer = await ask(session, { ":path": "/counter" });
    equal([answer.status, answer.body], [200, page.body]);
    equal((await ask(session, { ":path": clientPath })).body, clientText);
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
    equal(session.goaways.filter((code) => code !== NGHTTP2_NO_ERROR), []);
  });

  await both("every answer is that of HTTP/1.1: status, fields, text", async () => {
    const query = `?datastar=${encodeURIComponent('{"count":41}')}`;
    const cases = [
      ["GET", "/counter"], ["GET", "/counter/?x=1"], ["HEAD", "/counter"], ["HEAD", "/nowhere"], ["GET", clientPath], ["HEAD", clientPath],
      ["POST", increment, '{"count":41}'], ["PUT", increment, '{"count":41}'], ["PATCH", increment, "{}"], ["GET", increment + query], ["DELETE", increment + query],
      ["POST", "/counter/_event/%69ncrement", '{"count":1}'], ["POST", increment], ["HEAD", increment],
      ["GET", "/"], ["GET", "/Counter"], ["GET", "//counter"], ["GET", "/../counter"], ["GET", "/counter%20"], ["GET", "/counter/x"],
      ["POST", "/counter/_event/nothing", "{}"], ["POST", "/counter/_event/%FF", "{}"], ["POST", "/counter/_event/increment%00", "{}"],
      ["PUT", "/counter", "x"], ["DELETE", "/counter"], ["OPTIONS", "/counter"], ["OPTIONS", increment], ["OPTIONS", "*"], ["POST", "/counter", "x=1"],
      ["POST", increment, "[]"], ["POST", increment, '{"a":1,}'], ["POST", increment, '{"a":"\\ud800"}'], ["POST", increment, "x".repeat(100)],
      ["GET", `${increment}?datastar=%7B`], ["DELETE", `${increment}?datastar=%FF`],
      ["POST", increment, "x".repeat(1000001)], ["POST", increment, `{"x":"${"x".repeat(999992)}"}`],
      ["BREW", "/counter"], ["TRACE", "/counter"], ["get", "/counter"], ["GET", `/${"a".repeat(20000)}`],
    ];
    const session = await open();
    for (const [method, path, body] of cases) {
      const headers = body === undefined ? { "datastar-request": "true" } : { "content-length": String(Buffer.byteLength(body)) };
      const wire = await connect(plain);
      const fields = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("");
      wire.send(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body ?? ""}`);
      const old = await wire.response(method);
      wire.vanish();
      const now = await ask(session, { ":method": method, ":path": path, ...headers }, body);
      const what = `${method} ${path.slice(0, 60)} ${(body ?? "").slice(0, 20)}`;
      const { connection: _, date: __, ...expected } = old.headers;
      const { date, ...found } = now.headers;
      equal([now.status, found, now.body], [old.status, expected, old.body], what);
      ok(Math.abs(Date.parse(date) - Date.now()) < 5000, date);
    }
    await closeSession(session);
  });

  await both("no field of a connection, no capital letter", async () => {
    const session = await open();
    for (const headers of [{ ":path": "/counter" }, event, { ":path": "/nowhere" }, { ":path": clientPath }, { ":method": "BREW", ":path": "/" }, { ":path": `/${"a".repeat(20000)}` }]) {
      const { headers: got } = await ask(session, headers);
      for (const field of Object.keys(got)) {
        match(field, /^[a-z0-9-]+$/);
        ok(!/^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/.test(field), field);
      }
    }
    await closeSession(session);
  });

  await both("bodies in many frames, empty ones among them; with a length and without", async () => {
    const session = await open();
    isUp(await ask(session, event, ['{"co', 'unt"', ":4", "1}"]));
    isUp(await ask(session, event, [...'{"count":41}']));
    isUp(await ask(session, event, ["", '{"count":41}', "", ""]));
    isUp(await ask(session, { ...event, "content-length": "12" }, ['{"count"', ":41}"]));
    isUp(await ask(session, event, ""), 1);
    isUp(await ask(session, event), 1);
    const large = `{"count":41,"x":"${"x".repeat(900000)}"}`; // more than the windows
    isUp(await ask(session, event, [large.slice(0, 100000), large.slice(100000)]));
    await closeSession(session);
  });

  await both("a length that is not the body's: the stream is reset, the connection lives", async () => {
    const session = await open();
    for (const [length, body] of [["13", '{"count":41}'], ["11", '{"count":41}'], ["0", "{}"]]) {
      const error = await ask(session, { ...event, "content-length": length }, body).then((a) => a, (e) => e);
      equal(error.rst, NGHTTP2_PROTOCOL_ERROR, `${length}: ${JSON.stringify(error)}`);
    }
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
  });

  await both("confirmed by its tag: 304", async () => {
    const session = await open();
    const { headers } = await ask(session, { ":path": clientPath });
    const known = await ask(session, { ":path": clientPath, "if-none-match": headers.etag });
    equal([known.status, known.body, known.headers.etag], [304, "", headers.etag]);
    await closeSession(session);
  });

  await both("a hundred streams at once on one connection, ended in reverse order", async () => {
    const session = await open();
    const streams = Array.from({ length: 100 }, (_, n) => {
      const stream = session.request(event);
      stream.write(`{"count":${n}`);
      return [stream, answerOf(stream), n];
    });
    await ping(session); // the server has them all
    for (const [stream] of [...streams].reverse()) {
      stream.end("}");
    }
    for (const [, answer, n] of streams) {
      isUp(await answer, n + 1);
    }
    await closeSession(session);
  });

  await both("no cross-talk: 64 streams with bodies in turns, on four connections", async () => {
    const sessions = await Promise.all([1, 2, 3, 4].map(() => open()));
    const streams = Array.from({ length: 64 }, (_, n) => {
      const stream = sessions[n % 4].request(event);
      return { stream, answer: answerOf(stream), n, text: Buffer.from(`{"pad":"${String(n).repeat(50)}","count":${n * 1000}}`) };
    });
    for (let at = 0; streams.some(({ text }) => at < text.length); at += 9) {
      for (const { stream, text } of streams) {
        if (at < text.length) {
          stream.write(text.subarray(at, at + 9));
        }
      }
    }
    streams.forEach(({ stream }) => stream.end());
    for (const { answer, n } of streams) {
      isUp(await answer, n * 1000 + 1);
    }
    await Promise.all(sessions.map(closeSession));
  });

  await both("a thousand requests asked for at once, more than may run at once", async () => {
    const session = await open();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => ask(session, event, signals(n))));
    answers.forEach((answer, n) => isUp(answer, n + 1));
    await closeSession(session);
  });

  await both("100-continue: asked for, said; a refusal comes instead", async () => {
    const session = await open();
    const stream = session.request({ ...event, expect: "100-continue" });
    const answer = answerOf(stream);
    await new Promise((resolve) => stream.once("continue", resolve));
    stream.end('{"count":41}');
    isUp(await answer);
    const none = await ask(session, { ":method": "POST", ":path": "/nowhere", expect: "100-continue", "content-length": "100" }, []).catch((e) => e);
    equal(none.continued ?? false, false);
    const odd = await ask(session, { ...event, expect: "200-ok" });
    equal(odd.status, 417);
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
  });

  await both("trailers of a request are read past", async () => {
    const session = await open();
    const stream = session.request(event, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-checksum": "1", "content-length-ish": "9" }));
    const answer = answerOf(stream);
    stream.end('{"count":41}');
    isUp(await answer);
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
  });

  await both("ping is echoed; settings are acknowledged and told", async () => {
    const session = await open();
    equal(await ping(session, Buffer.from("\0\x01\xff as\0!", "latin1")), Buffer.from("\0\x01\xff as\0!", "latin1"));
    for (const settings of [{ headerTableSize: 0 }, { headerTableSize: 65536 }, { initialWindowSize: 1000, maxFrameSize: 100000 }, { enablePush: false }]) {
      await new Promise((resolve, reject) => session.settings(settings, (error) => (error ? reject(error) : resolve())));
      isUp(await ask(session, event, '{"count":41}'));
      equal((await ask(session, { ":path": clientPath })).body, clientText);
    }
    const { maxConcurrentStreams, maxHeaderListSize } = session.remoteSettings;
    equal([maxConcurrentStreams, maxHeaderListSize], [256, 32768]);
    await closeSession(session);
  });

  await both("pings now and then on an idle connection are no flood", async () => {
    const session = await open();
    for (let second = 0; second < 3; second++) {
      for (let n = 0; n < 30; n++) {
        await ping(session);
      }
      await new Promise((resolve) => setTimeout(resolve, 1300)); // the clock of the limits: per second
    }
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
    equal(session.goaways.filter((code) => code !== NGHTTP2_NO_ERROR), []);
  });

  await both("tiny windows: a file in pieces of a few bytes, whole, while another stream goes on", async () => {
    for (const initialWindowSize of [1000, 61]) {
      const session = await open({ settings: { initialWindowSize } });
      const slow = ask(session, { ":path": clientPath });
      const quick = await ask(session, event, '{"count":41}');
      isUp(quick);
      equal((await slow).body, clientText);
      await closeSession(session);
    }
    const session = await open({ settings: { initialWindowSize: 0 } });
    const waiting = ask(session, { ":path": clientPath });
    const nothing = ask(session, { ":method": "HEAD", ":path": "/counter" });
    equal((await nothing).status, 200); // needs no window
    session.settings({ initialWindowSize: 40000 });
    equal((await waiting).body, clientText);
    await closeSession(session);
  });

  await both("a stream that is not read holds up no other", async () => {
    const session = await open();
    const held = Array.from({ length: 20 }, () => {
      const stream = session.request({ ":path": clientPath });
      stream.pause(); // nobody listens to its data: its window stays shut once it is full
      return stream;
    });
    await Promise.all(held.map((stream) => new Promise((resolve) => stream.once("response", resolve))));
    isUp(await ask(session, event, '{"count":41}'));
    for (const stream of held) {
      let text = "";
      stream.setEncoding("utf8").on("data", (piece) => (text += piece)).resume();
      await new Promise((resolve) => stream.once("end", resolve));
      ok(text === clientText);
    }
    await closeSession(session);
  });

  await both("priorities are taken and ignored", async () => {
    const session = await open();
    const stream = session.request({ ...event, priority: "u=1, i" }, { weight: 7, exclusive: true });
    const answer = answerOf(stream);
    for (let n = 0; n < 20; n++) {
      stream.priority({ weight: 1 + n, parent: 0, exclusive: n % 2 === 0 });
    }
    stream.end('{"count":41}');
    isUp(await answer);
    await closeSession(session);
  });

  await both("header fields too long or too many: 431; a path too long: 414; the connection lives", async () => {
    const session = await open();
    const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, "y"]));
    const cases = [
      [{ ":path": "/counter", "x-large": "a".repeat(40000) }, 431],
      [{ ":path": "/counter", ...many(101) }, 431],
      [{ ":path": "/counter", ...many(90) }, 200],
      [{ ":path": "/counter", "x-large": "a".repeat(30000) }, 200],
      [{ ":path": "/counter", cookie: Array.from({ length: 300 }, (_, i) => `c${i}=v${i}`).join("; ") }, 200],
      [{ ":path": `/counter?${"a".repeat(16 * 1024)}` }, 414],
      [{ ":path": `/counter?${"a".repeat(16 * 1024 - 10)}` }, 200],
      [{ ":method": "HEAD", ":path": "/counter", "x-large": "a".repeat(40000) }, 431],
    ];
    for (const [headers, status] of cases) {
      const answer = await ask(session, headers);
      equal(answer.status, status, Object.keys(headers).join(" ").slice(0, 60));
      ok(headers[":method"] !== "HEAD" || answer.body === "");
    }
    isUp(await ask(session, event, '{"count":41}'));
    await closeSession(session);
  });

  await both("clients that reset in the middle of a body: the others on the connection go on", async () => {
    const session = await open();
    const other = session.request(event);
    const answer = answerOf(other);
    other.write('{"cou');
    for (let n = 0; n < 60; n++) { // fewer than a flood
      const stream = session.request(event);
      stream.on("error", () => {});
      stream.write('{"count":');
      if (n % 2 === 0) {
        await ping(session);
      }
      stream.close([NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR][n % 3]);
      await new Promise((resolve) => stream.once("close", resolve));
      if (n % 20 === 19) {
        await new Promise((resolve) => setTimeout(resolve, 600)); // 20 pings and 20 resets at a time
      }
    }
    other.end('nt":41}');
    isUp(await answer);
    await closeSession(session);
  });

  await both("an upload that is refused: 413 at once, the connection lives", async () => {
    const session = await open();
    const stream = session.request({ ...event, "content-length": "50000000" });
    stream.on("error", () => {}).resume();
    const status = await new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
    equal(status, 413);
    stream.close(NGHTTP2_CANCEL);
    isUp(await ask(session, event, '{"count":41}'));
    const counted = session.request(event); // no length: it is counted
    counted.on("error", () => {});
    counted.end("x".repeat(3000000));
    equal(await new Promise((resolve) => counted.once("response", (headers) => resolve(headers[":status"]))), 413);
    await new Promise((resolve) => counted.resume().once("end", resolve));
    isUp(await ask(session, event, '{"count":41}'));
    session.destroy(); // Node 20 may wait for ever to get rid of the body that nobody has taken
  });

  await both("clients that vanish with streams open: no descriptor stays", async () => {
    const probe = await open();
    isUp(await ask(probe, event, '{"count":41}'));
    await closeSession(probe);
    let before = -1;
    await until("the number of descriptors to settle", () => {
      const last = before;
      before = server.fds();
      return before === last;
    });
    const gone = [];
    for (let n = 0; n < 40; n++) {
      const session = await open();
      for (let i = 0; i < 5; i++) {
        session.request(i % 2 === 0 ? event : { ":path": clientPath }, { endStream: i % 2 === 1 }).on("error", () => {});
      }
      if (n % 3 !== 0) {
        await ping(session);
      }
      session.on("error", () => {});
      session.destroy();
      gone.push(session.gone);
    }
    await Promise.all(gone);
    await until("the descriptors to be closed", () => server.fds() <= before);
  });

  await both("SIGTERM: GOAWAY, what is under way is finished, nothing new, and a clean end", async () => {
    const ending = await start("counter", name === "h2" ? ["--tls"] : [], { env });
    const idle = await openSession(ending.url, { ca });
    isUp(await ask(idle, event, '{"count":41}'));
    const session = await openSession(ending.url, { ca });
    const streams = Array.from({ length: 10 }, (_, n) => {
      const stream = session.request(event);
      stream.write('{"count":');
      return [stream, answerOf(stream), n];
    });
    await ping(session);
    const told = new Promise((resolve) => session.once("goaway", resolve));
    ending.signal("SIGTERM");
    equal(await told, NGHTTP2_NO_ERROR);
    await idle.gone;
    equal(idle.goaways.at(-1), NGHTTP2_NO_ERROR);
    equal(ending.status, undefined);
    for (const [stream, answer, n] of streams) {
      stream.end(`${n}}`);
      isUp(await answer, n + 1);
    }
    await session.gone;
    equal(session.goaways.filter((code) => code !== NGHTTP2_NO_ERROR), []);
    await ending.ended({ seconds: 5 });
  });
}

await test("both protocols on one port, by turns; a preface in single bytes, and one that stops", async () => {
  isUp(await request(plain, { method: "POST", path: increment, body: '{"count":41}' }));
  const c = await connect(plain);
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  for (const byte of Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings])) {
    await new Promise((resolve) => c.socket.write(Buffer.of(byte), resolve));
  }
  const first = await c.bytes(9);
  equal([first[3], first[4]], [4, 0]); // its SETTINGS
  c.vanish();
  const half = await connect(plain);
  half.send("PRI * HTTP/2.0\r\n");
  half.end();
  await half.await("its end", () => half.over);
  const h1 = await connect(plain);
  await new Promise((resolve) => h1.socket.write("P", resolve)); // it may still become either
  isUp(await h1.send(post(increment, '{"count":41}').slice(1)).response());
  h1.vanish();
});

// ---- other clients ------------------------------------------------------------------------------

const tool = (program, ...args) => spawnSync(program, args, { encoding: "utf8", timeout: 20000 });
const url = (name, path) => servers[name].url + path;
const missing = (program) => console.log(`${program} is not installed (or has no HTTP/2): its tests did not run`);

if (/\bHTTP2\b/.test(tool("curl", "--version").stdout ?? "")) {
  await test("curl: by prior knowledge and by ALPN; many at once on one connection", () => {
    for (const [name, ...args] of [["h2c", "--http2-prior-knowledge"], ["h2", "--http2", "--cacert", devFile(env, "ca.pem")]]) {
      const curl = (...more) => tool("curl", "-sS", "--max-time", "10", ...args, ...more);
      const got = curl("-i", "-f", "-d", '{"count":41}', url(name, increment));
      equal(got.status, 0, got.stderr);
      match(got.stdout, /^HTTP\/2 200 \r\n/);
      match(got.stdout, /"count":42/);
      match(curl("-I", url(name, "/counter")).stdout, /^HTTP\/2 200 \r\n(.+\r\n)+\r\n$/);
      equal(curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json", "--data-binary", "x".repeat(100000),
        url(name, increment)).stdout, "400");
      if (name === "h2") { // curl 7.88 can't use a connection twice by prior knowledge, whoever the server is
        const asked = Array(50).fill(["-o", "/dev/null", url(name, clientPath)]).flat();
        for (const at of [[], ["--parallel", "--parallel-max", "50"]]) {
          const all = curl("-f", ...at, "-w", "%{http_version} %{http_code}\n", ...asked);
          equal([all.status, all.stdout], [0, "2 200\n".repeat(50)], all.stderr);
        }
      }
      const big = spawnSync("curl", ["-sS", "--max-time", "10", ...args, "-w", " %{http_code}", "--data-binary", "@-", url(name, increment)], { encoding: "utf8", input: "x".repeat(5000000) });
      // Our answer is followed by RST_STREAM with NO_ERROR (RFC 9113 8.1); curl 7.88 forgets the answer over that.
      ok(big.stdout === "Signal payload too large 413" || big.status === 92, `${big.status} ${big.stdout} ${big.stderr}`);
      equal(curl("-o", "/dev/null", "-w", "%{http_code}", url(name, "/counter")).stdout, "200");
    }
  });
} else {
  missing("curl");
}

if (tool("nghttp", "--version").status === 0) {
  await test("nghttp: with its tree of priorities, padding, small windows, trailers, continuations", () => {
    const answers = (got, count) => {
      equal(got.status, 0, got.stderr);
      equal(got.stdout.match(/recv \(stream_id=\d+\) :status: 200/g)?.length, count, got.stdout.slice(-2000));
      ok(!/RST_STREAM|error_code=(?!NO_ERROR)/.test(got.stdout.replace(/send RST_STREAM/g, "")), got.stdout.slice(-2000));
      ok(!/recv \(stream_id=\d+\) (connection|keep-alive|transfer-encoding|upgrade):/i.test(got.stdout));
      ok(!/recv \(stream_id=\d+\) :?[^:]*[A-Z][^:]*:/.test(got.stdout));
    };
    answers(tool("nghttp", "-nv", "--no-verify-peer", "-m", "20", url("h2c", clientPath), url("h2c", "/counter")), 40);
    answers(tool("nghttp", "-nv", "-m", "20", url("h2", clientPath)), 20);
    answers(tool("nghttp", "-nv", "-w", "7", "-W", "16", "-m", "5", url("h2c", clientPath)), 5);
    answers(tool("nghttp", "-nv", "-b", "200", "--no-dep", "-p", "1", url("h2c", "/counter")), 1);
    answers(tool("nghttp", "-nv", "--continuation", "-H", "x-a: 1", url("h2c", "/counter")), 1);
    answers(tool("nghttp", "-nv", "-d", client.replace(/.*/, "/dev/null"), "--trailer", "x-end: 1", url("h2c", increment)), 1);
    answers(tool("nghttp", "-nv", "-c", "0", "--encoder-header-table-size=0", "-m", "3", url("h2c", "/counter")), 3);
    answers(tool("nghttp", "-nv", "-s", url("h2c", clientPath), url("h2c", "/counter")), 2);
  });
  await test("nghttp: an upgrade from HTTP/1.1 is not taken; the request is answered as HTTP/1.1", () => {
    const got = tool("nghttp", "-nvu", url("h2c", "/counter"));
    match(got.stdout + got.stderr, /HTTP Upgrade failed/);
    match(got.stdout, /HTTP\/1\.1 200 OK/);
  });
} else {
  missing("nghttp");
}

if (tool("h2load", "--version").status === 0) {
  for (const name of Object.keys(servers)) {
    await test(`${name}: h2load: every request is answered, and no memory stays`, () => {
      const load = (n) => tool("h2load", "-n", String(n), "-c", "8", "-m", "32", "-t", "1", "-H", "datastar-request: true", url(name, `${increment}?datastar=%7B%22count%22%3A41%7D`));
      const all = (got, n) => {
        equal(got.status, 0, got.stderr);
        match(got.stdout, new RegExp(`requests: ${n} total, ${n} started, ${n} done, ${n} succeeded, 0 failed, 0 errored, 0 timeout`));
        match(got.stdout, new RegExp(`status codes: ${n} 2xx, 0 3xx`));
      };
      const n = servers[name].sanitized ? 2000 : 10000;
      all(load(n), n); // what grows once may grow
      all(load(n), n);
      const before = servers[name].statusOf("VmRSS");
      all(load(n), n);
      const growth = servers[name].statusOf("VmRSS") - before;
      ok(growth <= (servers[name].sanitized ? 65536 : 2048), `the resident set grew by ${growth} kB`);
    });
  }
} else {
  missing("h2load");
}

await test("the servers stop cleanly", async () => {
  for (const server of Object.values(servers)) {
    await server.stop("SIGTERM");
  }
});
finish();
