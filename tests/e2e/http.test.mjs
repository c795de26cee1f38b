// http.test.mjs -- the example programs as HTTP servers: real processes, raw sockets, Node's client, curl.
// ctest: timeout=120 labels=threads
//
// What a machine of bytes does with every input is tested elsewhere (tests/proto, tests/unit/http). Here it is the whole:
// kernel, loop, machine, router, page.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import http from "node:http";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, start } from "../node/lib/program.mjs";
import { connect, exchange, head, post, request } from "../node/lib/wire.mjs";

const client = datastarClient();
const counter = await start("counter", ["--datastar", client]);
const hello = await start("hello");
const port = counter.port;
const increment = "/counter/_event/increment";
const up = post(increment, '{"count":41}');
const answerTo = (count) => `event: datastar-patch-signals\ndata: signals {"count":${count}}\n\n` +
  "event: datastar-patch-elements\ndata: selector #history\ndata: elements <span id='history'>Last: +1</span>\n\n";

function isUp(answer, count = 42) {
  equal([answer.status, answer.body], [200, answerTo(count)]);
}

// A head that never ends, one whole and one in drops: both run while the others do. See the end.
const stalled = await connect(port);
stalled.send("GET /counter HTTP/1.1\r\nHost: te");
const dripping = await connect(port);
const stalledSince = Date.now();
const drip = setInterval(() => dripping.send("x"), 300);
dripping.send("GET /counter HTTP/1.1\r\nX-Slow: ");

// ---- what an event's answer is ------------------------------------------------------------------

await test("an event's answer: one response with a length, as a server-sent event", async () => {
  const answer = await exchange(port, up);
  isUp(answer);
  const { date, ...headers } = answer.headers;
  equal(headers, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "connection": "keep-alive",
    "content-length": String(Buffer.byteLength(answer.body)),
  });
  ok(Math.abs(Date.parse(date) - Date.now()) < 5000 && new Date(date).toUTCString() === date, date);
});

await test("a page: HTML with a length and no word about the connection", async () => {
  const answer = await exchange(port, head("GET /counter"));
  equal(answer.status, 200);
  equal(answer.headers["content-type"], "text/html; charset=utf-8");
  equal(answer.headers.connection, undefined);
  match(answer.body, /^<!doctype html>.*<\/html>\n$/s);
});

await test("events by every method: the body's signals, or the query's", async () => {
  const query = `?datastar=${encodeURIComponent('{"count":41}')}`;
  for (const method of ["POST", "PUT", "PATCH"]) {
    isUp(await request(port, { method, path: increment, body: '{"count":41}' }));
    isUp(await request(port, { method, path: increment + query, body: '{"count":1}' }), 2); // the query does not count
    isUp(await request(port, { method, path: increment }), 1); // no body at all
  }
  const headers = { "datastar-request": "true" };
  for (const method of ["GET", "DELETE"]) {
    isUp(await request(port, { method, headers, path: increment + query }));
    isUp(await request(port, { method, headers, path: `${increment}?datastar=%7B%22count%22%3A5%7D&x=1` }), 6);
    isUp(await request(port, { method, headers, path: `${increment}?datastar=no&datastar=%7B+%22count%22:7%7D` }), 8); // the last one
    isUp(await request(port, { method, headers, path: increment }), 1); // no parameter at all
    isUp(await request(port, { method, path: increment + query, body: '{"count":1}', headers: { ...headers, "content-length": 11 } }));
  }
});

await test("an event by a link is none: no Datastar-Request, or another site, is 403", async () => {
  const path = `${increment}?datastar=%7B%7D`;
  for (const method of ["GET", "HEAD"]) {
    for (const headers of [{}, { "sec-fetch-site": "none" }, { "sec-fetch-site": "cross-site" }, { "datastar-request": "true", "sec-fetch-site": "cross-site" },
      { "datastar-request": "true", origin: "https://evil.example" }]) {
      equal((await request(port, { method, path, headers })).status, 403, JSON.stringify(headers));
    }
    equal((await request(port, { method, path, headers: { "datastar-request": "true", "sec-fetch-site": "same-origin" } })).status, 200);
  }
});

await test("unknown events and paths: 404; other methods: 405 with Allow", async () => {
  const cases = [
    ["POST", "/counter/_event/nothing", 404],
    ["POST", "/counter/_event/Increment", 404],
    ["POST", "/counter/_event/increment/more", 404],
    ["POST", "/counter/_event/", 404, 405],
    ["POST", "/counter/_event/increment%2F", 404],
    ["POST", "/counter/_event/increment%00", 404],
    ["POST", "/counter/_event/%FF", 404],
    ["POST", "/counter/_event/%ZZ", 404],
    ["POST", "/_event/increment", 404],
    ["GET", "/", 404],
    ["GET", "/Counter", 404],
    ["GET", "//counter", 404],
    ["GET", "/counter/x", 404],
    ["GET", "/../counter", 404],
    ["GET", "/counter%20", 404],
    ["GET", "/_cstar/datastar-0000000000000000.js", 404],
    ["PUT", "/counter", 405],
    ["DELETE", "/counter", 405],
    ["OPTIONS", "/counter", 405],
    ["POST", "/counter", 404],
  ];
  for (const [method, path, ...expected] of cases) {
    const answer = await exchange(port, `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    ok(expected.includes(answer.status), `${method} ${path}: ${answer.status}`);
    equal(answer.body.toLowerCase(), answer.status === 404 ? "not found" : "method not allowed");
    equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    if (answer.status === 405 && path === "/counter") {
      equal(answer.headers.allow, "GET, HEAD");
    }
  }
  const refused = await exchange(port, head(`OPTIONS ${increment}`));
  equal([refused.status, refused.headers.allow.split(", ").sort()], [405, ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]]);
});

await test("trailing slashes and percent-coded names find the same", async () => {
  for (const path of ["/counter", "/counter/", "/%63ounter", "/counter?x=1", "/counter/?x"]) {
    equal((await exchange(port, head(`GET ${path}`))).status, 200, path);
  }
  for (const path of ["/counter/_event/%69ncrement", "/counter/_event/increment/", "/%63ounter/_%65vent/incremen%74", "/counter/_event/%69%6E%63%72%65%6D%65%6e%74"]) {
    isUp(await exchange(port, post(path, '{"count":41}')));
  }
});

await test("absolute targets and OPTIONS *", async () => {
  equal((await exchange(port, head("GET http://test/counter"))).status, 200);
  equal((await exchange(port, head("GET http://other:99/counter?x"))).status, 200);
  const star = await exchange(port, head("OPTIONS *"));
  equal([star.status, /GET/.test(star.headers.allow)], [204, true]);
});

await test("HEAD: the head of GET and nothing behind it", async () => {
  const c = await connect(port);
  c.send(head("GET /counter") + head("HEAD /counter") + head("HEAD /nowhere") + head("GET /counter"));
  const get = await c.response();
  const bare = await c.response("HEAD");
  const { date: _, ...expected } = get.headers;
  const { date: __, ...found } = bare.headers;
  equal([bare.status, found], [200, expected]);
  equal((await c.response("HEAD")).status, 404);
  equal((await c.response()).body, get.body);
  c.vanish();
});

await test("the Datastar client: kept for ever, and confirmed by its tag", async () => {
  const page = await exchange(port, head("GET /counter"));
  const [, path] = /<script type='module' src='([^']+)'/.exec(page.body);
  const whole = await exchange(port, head(`GET ${path}`));
  equal([whole.status, whole.headers["content-type"]], [200, "text/javascript; charset=utf-8"]);
  match(whole.headers["cache-control"], /max-age=31536000, immutable/);
  const c = await connect(port);
  c.send(head(`GET ${path}`, `If-None-Match: ${whole.headers.etag}`) + head(`GET ${path}`, 'If-None-Match: "old"'));
  const known = await c.response();
  equal([known.status, known.body, known.headers.etag], [304, "", whole.headers.etag]);
  equal((await c.response()).body, whole.body);
  c.vanish();
});

await test("hello: the query's last name, decoded; what is no text does not count", async () => {
  const cases = [["", "world"], ["?name=Ada", "Ada"], ["?name=a&name=b", "b"], ["?name=a+b%20c", "a b c"], ["?name=%E2%98%85", "★"], ["?name=%FF", "world"],
    ["?name=a%00b", "world"], ["?name", ""], ["?name=", ""], ["?name=%3Cb%3E", "&lt;b&gt;"], ["?name=50%", "50%"]];
  for (const [query, name] of cases) {
    const answer = await exchange(hello.port, head(`GET /${query}`));
    equal(/<h1>Hello, (.*)!<\/h1>/.exec(answer.body)?.[1], name, query);
  }
});

// ---- connections --------------------------------------------------------------------------------

await test("keep-alive: many requests on one connection, by Node's client", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let sockets = 0;
  const create = agent.createConnection;
  agent.createConnection = function (...args) {
    sockets++;
    return create.apply(this, args);
  };
  for (let n = 0; n < 200; n++) {
    isUp(await request(port, { method: "POST", path: increment, body: JSON.stringify({ count: n }), agent }), n + 1);
  }
  equal(sockets, 1);
  agent.destroy();
});

await test("Connection: close is obeyed; HTTP/1.0 closes unless asked to keep", async () => {
  const closing = await connect(port);
  closing.send(post(increment, '{"count":41}', "Connection: close"));
  const last = await closing.response();
  isUp(last);
  equal(last.headers.connection, "close");
  await closing.closed();

  const old = await connect(port);
  old.send(`POST ${increment} HTTP/1.0\r\nContent-Length: 12\r\n\r\n{"count":41}`);
  const answer = await old.response();
  isUp(answer);
  equal([answer.version, answer.headers.connection], ["1.1", "close"]);
  await old.closed();

  const kept = await connect(port);
  for (let n = 0; n < 3; n++) {
    kept.send("GET /counter HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const page = await kept.response();
    equal([page.status, page.headers.connection], [200, "keep-alive"]);
  }
  kept.vanish();
});

await test("pipelining: everything in one write is answered in order", async () => {
  const c = await connect(port);
  const posts = Array.from({ length: 500 }, (_, n) => post(increment, `{"count":${n}}`));
  c.send(posts.join("") + head("GET /nowhere") + up);
  for (let n = 0; n < posts.length; n++) {
    isUp(await c.response(), n + 1);
  }
  equal((await c.response()).status, 404);
  isUp(await c.response());
  c.vanish();
});

await test("pipelining: large answers to a client that reads late, in order and complete", async () => {
  const page = await exchange(port, head("GET /counter"));
  const [, path] = /src='([^']+)'/.exec(page.body);
  const expected = (await exchange(port, head(`GET ${path}`))).body;
  const c = await connect(port);
  c.socket.pause();
  const count = 900; // about 30 MB; the requests are less than 64 KiB
  c.send(head(`GET ${path}`).repeat(count) + up);
  isUp(await exchange(port, up)); // others are served meanwhile
  c.socket.resume();
  for (let n = 0; n < count; n++) {
    const { body } = await c.response();
    ok(body === expected, `answer ${n}`);
  }
  isUp(await c.response());
  c.vanish();
}, { seconds: 15 });

await test("half-closed: a client that has sent its last gets its answers", async () => {
  const c = await connect(port);
  c.send(up + up + head("GET /counter"));
  c.end();
  isUp(await c.response());
  isUp(await c.response());
  equal((await c.response()).status, 200);
  await c.closed();
});

await test("two hundred connections at once", async () => {
  const all = await Promise.all(Array.from({ length: 200 }, () => connect(port)));
  for (let round = 0; round < 5; round++) {
    await Promise.all(all.map(async (c, n) => {
      c.send(post(increment, `{"count":${n * 10 + round}}`));
      isUp(await c.response(), n * 10 + round + 1);
    }));
  }
  all.forEach((c) => c.vanish());
});

// ---- how requests arrive ------------------------------------------------------------------------

const chunked = (target, ...chunks) => head(`POST ${target}`, "Transfer-Encoding: chunked") +
  chunks.map((c) => `${Buffer.byteLength(c).toString(16)}\r\n${c}\r\n`).join("") + "0\r\n\r\n";

await test("chunked bodies: any cut, extensions, trailers, and the next request behind", async () => {
  const c = await connect(port);
  c.send(chunked(increment, '{"count":41}') + chunked(increment, ...'{"count":41}') + chunked(increment) + up);
  isUp(await c.response());
  isUp(await c.response());
  isUp(await c.response(), 1);
  isUp(await c.response());
  c.send(head(`POST ${increment}`, "Transfer-Encoding: chunked") + 'C;a=b;c="d"\r\n{"count":41}\r\n00\r\nX-Trailer: 1\r\n\r\n' + up);
  isUp(await c.response());
  isUp(await c.response());
  c.vanish();
  // As Node sends it, without a length.
  isUp(await request(port, { method: "POST", path: increment, headers: { "transfer-encoding": "chunked" }, body: '{"count":41}' }));
});

await test("in single bytes", async () => {
  const c = await connect(port);
  const bytes = Buffer.from(up + chunked(increment, '{"count":', "41}") + head("GET /counter"));
  for (const byte of bytes) {
    await new Promise((resolve) => c.socket.write(Buffer.of(byte), resolve));
  }
  isUp(await c.response());
  isUp(await c.response());
  equal((await c.response()).status, 200);
  c.vanish();
});

await test("cut in two at every byte", async () => {
  const bytes = Buffer.from(chunked(increment, '{"count"', ":41}"));
  const c = await connect(port);
  for (let at = 1; at < bytes.length; at++) {
    await new Promise((resolve) => c.socket.write(bytes.subarray(0, at), () => setImmediate(resolve)));
    c.send(bytes.subarray(at));
    isUp(await c.response());
  }
  c.vanish();
});

await test("100-continue: asked for, said, once", async () => {
  const c = await connect(port);
  c.send(head(`POST ${increment}`, "Content-Length: 12", "Expect: 100-continue"));
  equal((await c.response()).status, 100);
  c.send('{"count":41}');
  isUp(await c.response());
  // Who does not wait for it gets the answer alone.
  c.send(post(increment, '{"count":41}', "Expect: 100-continue"));
  isUp(await c.response());
  // Nothing to wait for: the answer is no.
  c.send(head("POST /nowhere", "Content-Length: 12", "Expect: 100-continue"));
  equal((await c.response()).status, 404);
  await c.closed();
  const odd = await exchange(port, post(increment, "{}", "Expect: 200-ok"));
  equal(odd.status, 417);
});

// ---- refusals -----------------------------------------------------------------------------------

await test("malformed signals: 400, short, before any event, and the connection lives on", async () => {
  const bodies = ["[]", '"value"', "42", "true", "null", "{", "}", "{}{}", '{"a":1}x', "{'a':1}", '{"a":1,}', '{"a":NaN}', '{"a":01}', '{"a":"\n"}', "  ",
    "\ufeff{}", '{"a":"\\ud800"}', '{"a":1e400}', '{"a":1,"a":2}', "{\"a\":".repeat(100000) + "1" + "}".repeat(100000), "x", "<html>", "\0",
    '{"a":\0}', '{"a":"\\x"}', "count=41"];
  const c = await connect(port);
  for (const body of [...bodies, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) {
    c.send(head(`POST ${increment}`, `Content-Length: ${Buffer.byteLength(body)}`)).send(body);
    const answer = await c.response();
    equal([answer.status, answer.body], [400, "Invalid signal payload"], String(body).slice(0, 40));
    equal([answer.headers["content-type"], answer.headers["cache-control"]], ["text/plain; charset=utf-8", undefined]);
  }
  isUp(await c.send(up).response());
  for (const query of ["?datastar=", "?datastar", "?datastar=%5B%5D", "?datastar=42", "?datastar=%7B", "?datastar=%ZZ", "?datastar=%FF", "?datastar[a]=1", "?datastar[]=1",
    "?datastar%5Ba%5D=1", "?datastar=%7B%7D&datastar=x", "?datastar=%7B%22a%22:%22%FF%22%7D"]) {
    for (const method of ["GET", "DELETE"]) {
      const answer = await c.send(head(`${method} ${increment}${query}`, "Datastar-Request: true")).response();
      equal([answer.status, answer.body], [400, "Invalid signal payload"], query);
    }
  }
  isUp(await c.send(up).response());
  c.vanish();
});

await test("too many bytes of signals: 413, by a declared length or a counted one; a million is enough", async () => {
  const sized = (n) => `{"count":41,"x":"${"x".repeat(n - 19)}"}`;
  equal(sized(1000).length, 1000);
  isUp(await exchange(port, post(increment, sized(1000000))));
  isUp(await exchange(port, chunked(increment, sized(1000000))));
  const tooLarge = (answer) => equal([answer.status, answer.body], [413, "Signal payload too large"]);
  tooLarge(await exchange(port, post(increment, sized(1000001))));
  tooLarge(await exchange(port, chunked(increment, sized(1000001))));
  tooLarge(await exchange(port, chunked(increment, sized(600000), sized(600000))));
  tooLarge(await exchange(port, post(increment, "x".repeat(1000001)))); // malformed too: the size is looked at first
  // Before the body is there; and what a client sends all the same does not destroy the answer.
  const c = await connect(port);
  c.send(head(`POST ${increment}`, "Content-Length: 123456789012"));
  tooLarge(await c.response());
  c.send("x".repeat(300000));
  await c.closed();
  const waits = await connect(port);
  waits.send(head(`POST ${increment}`, "Content-Length: 1000001", "Expect: 100-continue"));
  tooLarge(await waits.response());
  await waits.closed();
});

await test("a body nobody wants: 404 at once, and the connection is of no further use unless the rest is small", async () => {
  const c = await connect(port);
  c.send(post("/counter/_event/nothing", "x".repeat(100)) + up);
  equal((await c.response()).status, 404);
  isUp(await c.response());
  c.send(head("POST /nowhere", "Content-Length: 50000000"));
  const answer = await c.response();
  equal([answer.status, answer.headers.connection], [404, "close"]);
  await c.closed();
});

const refused = [
  ["an unknown method", "BREW /counter HTTP/1.1\r\nHost: x\r\n\r\n", 501],
  ["CONNECT", "CONNECT test:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501],
  ["TRACE", "TRACE /counter HTTP/1.1\r\nHost: x\r\n\r\n", 501],
  ["a lower-case method", "get /counter HTTP/1.1\r\nHost: x\r\n\r\n", 501],
  ["a coding that is not chunked", "POST /counter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
  ["a list of codings", "POST /counter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400],
  ["HTTP/2.0", "GET /counter HTTP/2.0\r\nHost: x\r\n\r\n", 505],
  ["HTTP/1.2", "GET /counter HTTP/1.2\r\nHost: x\r\n\r\n", 505],
  ["nearly HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", 505],
  ["no version", "GET /counter\r\n\r\n", 400],
  ["two spaces", "GET  /counter HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["bare line feeds", "GET /counter HTTP/1.1\nHost: x\n\n", 400],
  ["no Host", "GET /counter HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", "GET /counter HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400],
  ["a strange Host", "GET /counter HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["space before the colon", "GET /counter HTTP/1.1\r\nHost : x\r\n\r\n", 400],
  ["a folded field", "GET /counter HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400],
  ["a NUL in a field", "GET /counter HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400],
  ["a length and a coding", `POST ${increment} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ["two lengths", `POST ${increment} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`, 400],
  ["a negative length", `POST ${increment} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`, 400],
  ["a chunk size that is none", `POST ${increment} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
  ["a chunk longer than it says", `POST ${increment} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n`, 400],
  ["a target with a space", "GET /coun ter HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["a target with a byte that is not ASCII", "GET /caf\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["no path", "GET counter HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["a line that is too long", `GET /${"a".repeat(20000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
  ["a field that is too long", `GET /counter HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(40000)}\r\n\r\n`, 431],
  ["too many fields", `GET /counter HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(120)}\r\n`, 431],
  ["a TLS hello", Buffer.concat([Buffer.from("16030102000100", "hex"), Buffer.alloc(200, 10)]), 400],
];

for (const [name, bytes, status] of refused) {
  await test(`refused: ${name}: ${status} in plain text, and the connection is closed`, async () => {
    const c = await connect(port);
    c.send(bytes).send(up); // what comes behind is not a request
    const answer = await c.response();
    equal(answer.status, status);
    equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    equal(answer.headers.connection, "close");
    ok(answer.body.length > 3 && answer.body.length < 100);
    await c.closed();
  });
}

await test("refused behind a good request: that one is answered first", async () => {
  const c = await connect(port);
  c.send(`${up}BREW / HTTP/1.1\r\n\r\n`);
  isUp(await c.response());
  equal((await c.response()).status, 501);
  await c.closed();
});

// Random bytes, but the same in each run.
function* noise(seed) {
  for (let x = seed; ;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x >>> 24;
  }
}

await test("garbage: the server answers or closes, and serves on", async () => {
  const source = noise(7);
  const bytes = (n) => Buffer.from(Array.from({ length: n }, () => source.next().value));
  for (let n = 0; n < 60; n++) {
    const c = await connect(port);
    const good = Buffer.from(up);
    const at = n % good.length;
    c.send(n % 2 ? bytes(1 + n * 7) : Buffer.concat([good.subarray(0, at), bytes(1 + n), good.subarray(at)]));
    c.end();
    while (!c.over) {
      await new Promise((resolve) => c.waiting.push(resolve));
    }
    c.vanish();
  }
  isUp(await exchange(port, up));
});

await test("clients that vanish anywhere in a request", async () => {
  const before = counter.fds();
  const bytes = Buffer.from(up);
  for (let n = 0; n < 100; n++) {
    const c = await connect(port);
    await new Promise((resolve) => c.socket.write(bytes.subarray(0, 1 + ((n * 3) % bytes.length)), resolve));
    c.vanish({ reset: n % 2 === 0 });
  }
  // And some that leave before their answer is read.
  for (let n = 0; n < 20; n++) {
    const c = await connect(port);
    await new Promise((resolve) => c.socket.write(up.repeat(50), resolve));
    c.vanish({ reset: n % 2 === 0 });
  }
  isUp(await exchange(port, up));
  await until("the descriptors to be closed", () => counter.fds() <= before);
});

// ---- curl ---------------------------------------------------------------------------------------

const curl = (...args) => spawnSync("curl", ["-sS", "--max-time", "10", ...args], { encoding: "utf8" });

if (curl("--version").status === 0) {
  const url = `${counter.url}${increment}`;
  await test("curl: a page, an event, several on one connection", async () => {
    match(curl("-f", `${counter.url}/counter`).stdout, /<h1 data-text='\$count'>/);
    equal(curl("-f", "-d", '{"count":41}', url).stdout, answerTo(42));
    const twice = curl("-f", "-v", "-d", '{"count":1}', url, url);
    equal(twice.stdout, answerTo(2).repeat(2));
    match(twice.stderr, /Re-using existing connection/i);
    equal(curl("-f", "-G", "-H", "Datastar-Request: true", "--data-urlencode", 'datastar={"count":9}', url).stdout, answerTo(10));
  });
  await test("curl: 100-continue is said before the body comes", async () => {
    const run = curl("-v", "-f", "--expect100-timeout", "8", "-H", "Expect: 100-continue", "-d", '{"count":41}', url);
    equal([run.status, run.stdout], [0, answerTo(42)]);
    match(run.stderr, /< HTTP\/1\.1 100 Continue/);
  });
  await test("curl: a chunked upload, HTTP/1.0, a refusal while it uploads", async () => {
    equal(curl("-f", "-H", "Transfer-Encoding: chunked", "-d", '{"count":41}', url).stdout, answerTo(42));
    equal(curl("-f", "-0", "-d", '{"count":41}', url).stdout, answerTo(42));
    const large = spawnSync("curl", ["-sS", "--max-time", "10", "-H", "Expect:", "-w", " %{http_code}", "--data-binary", "@-", url],
      { encoding: "utf8", input: "x".repeat(20000000) });
    match(large.stdout, /^Signal payload too large 413$/);
  });
} else {
  console.log("curl is not installed: its three tests did not run");
}

// ---- the slow ones ------------------------------------------------------------------------------

await test("a head that does not come to its end: 408 after ten seconds, whether it stalls or drips", async () => {
  for (const c of [stalled, dripping]) {
    const answer = await c.response();
    clearInterval(c === dripping ? drip : undefined);
    equal([answer.status, answer.headers.connection], [408, "close"]);
    await c.closed({ reset: true });
  }
  const took = Date.now() - stalledSince;
  ok(took > 9000, `${took} ms`);
});

await test("the servers stop cleanly", async () => {
  await counter.stop();
  await hello.stop("SIGTERM");
});
finish();
