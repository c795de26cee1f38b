// proxies.test.mjs -- no request smuggling: malformed requests through real proxies that keep one connection to the server open.
// ctest: timeout=120 labels=threads
//
// If proxy and server ever disagree on where a request ends, then the next client's request, which the proxy sends on the same
// connection, gets an answer that is not its own. So behind every case other clients ask for lengths that nobody else asks for,
// and have to get exactly those. The cases: all of tests/proto/http1, and the classics below with a request hidden in each.
//
// SPDX-License-Identifier: MIT
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { equal, finish, ok, skip, test, until } from "../node/lib/check.mjs";
import { root } from "../node/lib/program.mjs";
import { installed, nginxConf, startProxy } from "../node/lib/proxy.mjs";
import { scratch } from "../node/lib/tls.mjs";
import { alphabet, dialRaw, fdsBack, startLimits } from "../node/lib/trouble.mjs";
import { connect, head } from "../node/lib/wire.mjs";

const folder = scratch();
const server = await startLimits();

// ---- the proxies --------------------------------------------------------------------------------

const confs = {
  nginx: (port) => nginxConf(folder, `upstream cstar { server 127.0.0.1:${server.port}; keepalive 1; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://cstar; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }
  }`),
  haproxy: (port) => `defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  http-reuse always
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${server.port} pool-max-conn 1
`,
};

const found = installed(Object.keys(confs));
if (found.length === 0) {
  skip("neither nginx nor haproxy is installed: REQUEST SMUGGLING IS NOT TESTED");
}

// ---- the cases ----------------------------------------------------------------------------------

const letters = { r: "\r", n: "\n", t: "\t", 0: "\0", "\\": "\\" };

/** The bytes of a file of tests/proto, as its README has it. */
function bytesOf(text) {
  const plain = text.replace(/\n/g, "");
  const unescape = (s) => s.replace(/\\(?:x([0-9a-fA-F]{2})|\((\d+) ([^)]*)\)|(.))/gs,
    (_, hex, times, again, letter) => (hex ? String.fromCharCode(parseInt(hex, 16)) : times ? unescape(again).repeat(Number(times)) : letters[letter]));
  return Buffer.from(unescape(plain), "latin1");
}

const proto = path.join(root, "tests/proto/http1");
const cases = Object.fromEntries(readdirSync(proto).filter((name) => name.endsWith(".in"))
  .map((name) => [name.slice(0, -3), bytesOf(readFileSync(path.join(proto, name), "latin1"))]));

const hidden = "GET /big/77 HTTP/1.1\r\nHost: hidden\r\n\r\n"; // no decent client asks for this
const inChunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
const classics = {
  "length before chunked": ["Content-Length: " + (5 + hidden.length), "Transfer-Encoding: chunked"],
  "chunked before length": ["Transfer-Encoding: chunked", "Content-Length: 4"],
  "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Content-Length: 5"],
  "white space before the colon": ["Transfer-Encoding : chunked", "Content-Length: 5"],
  "a tab before the value": ["Transfer-Encoding:\tchunked", "Content-Length: 5"],
  "a vertical tab": ["Transfer-Encoding: \x0bchunked", "Content-Length: 5"],
  "a folded line": ["X: y\r\n Transfer-Encoding: chunked", "Content-Length: 5"],
  "a bare line feed": ["X: y\nTransfer-Encoding: chunked", "Content-Length: 5"],
  "a bare carriage return": ["X: y\rTransfer-Encoding: chunked", "Content-Length: 5"],
  "an unknown coding": ["Transfer-Encoding: xchunked", "Content-Length: 5"],
  "quoted": ['Transfer-Encoding: "chunked"', "Content-Length: 5"],
  "two lengths": ["Content-Length: 5", "Content-Length: " + (5 + hidden.length)],
  "a list of lengths": ["Content-Length: 5, " + (5 + hidden.length)],
  "a length with a sign": ["Content-Length: +5"],
  "a length in hex": ["Content-Length: 0x5"],
  "a length and an underscore": ["Content_Length: 5", "Content-Length: 0"],
  "hop by hop": ["Connection: close, Content-Length", "Content-Length: 5"],
  "upgrade": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Content-Length: 5"],
  "expect": ["Expect: 100-continue", "Content-Length: 5"],
};
for (const [name, fields] of Object.entries(classics)) {
  for (const method of ["POST /take", "GET /quick"]) {
    cases[`${name}, ${method}`] = Buffer.from(head(method, ...fields) + "0\r\n\r\n" + hidden, "latin1");
    cases[`${name}, ${method}, in a chunk`] = Buffer.from(head(method, ...fields) + inChunk + hidden, "latin1");
  }
}

// ---- the tests ----------------------------------------------------------------------------------

let length = 1000;

/** A client whose answer must be its own. It asks for a length that nobody else does. */
async function own(c, name) {
  const n = ++length;
  const answer = await c.send(head(`GET /big/${n}`)).response();
  ok(answer.status === 200 && answer.body === alphabet(n), `${name}: asked for ${n} bytes, got ${answer.status} with ${answer.body.length}`);
}

for (const name of found) {
  const proxy = await startProxy(name, folder, confs[name]);

  await test(`${name}: ${Object.keys(cases).length} malformed requests, and never another's answer`, async () => {
    const decent = await connect(proxy.port);
    for (const [what, bytes] of Object.entries(cases)) {
      const hostile = await dialRaw(proxy);
      hostile.on("data", () => {});
      await new Promise((resolve) => hostile.write(bytes, resolve));
      await own(decent, what);
      const another = await connect(proxy.port);
      await own(another, what);
      another.vanish();
      hostile.end();
      await own(decent, what);
      hostile.destroy();
    }
    decent.vanish();
  }, { seconds: 100 });

  await test(`${name}: requests are answered on few connections to the server, which was to be shown`, async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(proxy.port)));
    for (const c of clients) {
      await own(c, "one after the other");
    }
    const used = server.fds() - server.rest;
    ok(used > 0 && used < 20, `${used} connections`);
    clients.forEach((c) => c.vanish());
  });

  await test(`${name} gone, its connections are`, async () => {
    proxy.child.kill("SIGTERM");
    await until("its end", () => proxy.child.exitCode !== null || proxy.child.signalCode !== null);
    await fdsBack(server);
    equal(server.stderr.split("\n").filter((line) => /anitizer/.test(line)), []);
  });
}

await test("the server stops cleanly", () => server.stop());
finish();
