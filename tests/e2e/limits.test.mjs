// limits.test.mjs -- more than is decent: connections that do nothing, floods of pipelined requests, garbage, handshakes without end,
// HTTP/2 sessions that do not read.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import http2 from "node:http2";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { answerOf, openSession } from "../node/lib/h2.mjs";
import { clientHello } from "../node/lib/tls.mjs";
import { alphabet, dial, dialRaw, fdsBack, leave, served, startLimits } from "../node/lib/trouble.mjs";
import { head } from "../node/lib/wire.mjs";

const plain = await startLimits();
const secure = await startLimits([], { tls: true });
const strict = await startLimits(["--header-ms", "1000"], { tls: true });
const upTo = (n) => Array.from({ length: n }, (_, i) => i);

/** Bytes that are the same in every run. */
function noise(seed, n) {
  const blocks = upTo(Math.ceil(n / 32)).map((i) => createHash("sha256").update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, n);
}

/** Everything a raw socket gets until the other end closes, which it must. */
function allOf(socket) {
  const pieces = [];
  socket.on("data", (bytes) => pieces.push(bytes));
  return new Promise((resolve) => socket.on("close", () => resolve(Buffer.concat(pieces))));
}

await test("a thousand connections that do nothing: others are served, and each of the thousand still is", async () => {
  const before = plain.statusOf("VmRSS");
  const idle = [];
  for (let n = 0; n < 1000; n += 100) {
    idle.push(...await Promise.all(upTo(100).map(() => dial(plain))));
    await served(plain);
  }
  await until("all of them", () => plain.fds() >= plain.rest + 1000);
  const growth = plain.statusOf("VmRSS") - before;
  ok(growth < (plain.sanitized ? 100000 : 4096), `the resident set grew by ${growth} kB`);
  for (const c of [idle[0], idle[500], idle[999]]) {
    equal((await c.send(head("GET /quick")).response()).body, "quick");
  }
  idle.forEach((c) => leave(c.raw, true));
  await fdsBack(plain);
});

await test("two hundred TLS connections that do nothing behind their handshake", async () => {
  const idle = [];
  for (let n = 0; n < 200; n += 20) {
    idle.push(...await Promise.all(upTo(20).map(() => dial(secure))));
  }
  await served(secure);
  equal((await idle[150].send(head("GET /quick")).response()).body, "quick");
  idle.forEach((c) => leave(c.raw, true));
  await fdsBack(secure);
});

for (const [how, server] of Object.entries({ "in clear": plain, "over TLS": secure })) {
  await test(`${how}: a flood of pipelined requests: all are answered, in order; others meanwhile`, async () => {
    const clients = await Promise.all(upTo(4).map(() => dial(server)));
    const requests = 5000;
    clients.forEach((c) => c.send((head("GET /quick") + head("GET /big/7")).repeat(requests)));
    const others = (async () => {
      for (let n = 0; n < 10; n++) {
        await served(server);
      }
    })();
    await Promise.all(clients.map(async (c) => {
      for (let n = 0; n < requests; n++) {
        const bodies = [(await c.response()).body, (await c.response()).body];
        ok(bodies[0] === "quick" && bodies[1] === alphabet(7), `pair ${n}: ${bodies}`);
      }
    }));
    await others;
    clients.forEach((c) => c.vanish());
    await fdsBack(server);
  });

  await test(`${how}: a flood from a client that reads nothing is taken no further than memory allows`, async () => {
    await served(server);
    const before = server.statusOf("VmRSS");
    const c = await dial(server);
    c.socket.pause();
    const request = head("GET /big/100000", `X-Weight: ${"w".repeat(8000)}`);
    for (let n = 0; n < 4000; n++) {
      c.send(request); // 32 MB of requests for 400 MB of answers
    }
    for (let n = 0; n < 20; n++) {
      await served(server);
    }
    ok(c.raw.writableLength + c.socket.writableLength > 0, "the server has read everything");
    leave(c.raw, true);
    await fdsBack(server);
    const peak = server.statusOf("VmHWM") - before;
    ok(peak < (server.sanitized ? 300000 : 20000), `the resident set grew by up to ${peak} kB`);
  });

  await test(`${how}: garbage: a refusal or nothing, closed; others are served`, async () => {
    const words = how === "in clear" ? /^$|^HTTP\/1\.1 (400|405|408|414|431|501|505) / : /^$|^[\x14-\x17]\x03|^HTTP\/1\.1 400 /;
    for (let n = 0; n < 60; n++) {
      const socket = await dialRaw(server);
      const said = allOf(socket);
      socket.end(noise(`${how} ${n}`, 1 + 37 * n));
      match((await said).toString("latin1"), words);
    }
    await served(server);
    await fdsBack(server);
  });
}

await test("over TLS: garbage behind a whole handshake: refused inside TLS", async () => {
  for (let n = 0; n < 20; n++) {
    const c = await dial(secure);
    c.send(noise(`inside ${n}`, 200 + 50 * n)).send("\r\n\r\n");
    equal((await c.response()).status >= 400, true);
    c.vanish();
  }
  await served(secure);
  await fdsBack(secure);
});

await test("over TLS: garbage in place of a record, behind a whole handshake: closed", async () => {
  for (let n = 0; n < 20; n++) {
    const c = await dial(secure);
    const gone = new Promise((resolve) => c.raw.once("close", resolve));
    c.socket.on("error", () => {});
    c.raw.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 40]), noise(`record ${n}`, 40)]));
    await gone;
    await served(secure);
  }
  await fdsBack(secure);
});

await test("over TLS: handshakes that stop are ended without a word; others begin meanwhile", async () => {
  const hello = await clientHello();
  const sockets = await Promise.all(upTo(100).map(() => dialRaw(strict)));
  const ends = sockets.map(allOf);
  sockets.forEach((socket, n) => socket.write(hello.subarray(0, n % 10 === 0 ? hello.length : 1 + (n * 7) % (hello.length - 1))));
  await served(strict);
  await Promise.all(ends);
  await served(strict);
  await fdsBack(strict);
});

await test("over TLS: a hello that comes byte by byte and never ends is cut", async () => {
  const hello = await clientHello();
  const socket = await dialRaw(strict);
  const end = allOf(socket);
  let n = 0;
  const drip = setInterval(() => socket.writable && n < hello.length - 1 && socket.write(hello.subarray(n, ++n)), 30);
  await served(strict);
  await end;
  clearInterval(drip);
  await fdsBack(strict);
});

for (const [how, server] of Object.entries({ "in clear": plain, "over TLS": secure })) {
  await test(`HTTP/2 ${how}: sessions that read nothing, with many streams: others are served, on the same session too once it reads`, async () => {
    await served(server);
    const before = server.statusOf("VmRSS");
    const options = server.ca ? { ca: server.ca, checkServerIdentity: () => undefined } : {};
    const sessions = await Promise.all(upTo(5).map(() => openSession(server.url, { ...options, settings: { initialWindowSize: 0 } })));
    const bodies = sessions.map((session) => upTo(100).map(() => {
      const stream = session.request({ ":path": "/big/30000" });
      return { stream, answer: answerOf(stream), head: new Promise((resolve) => stream.once("response", resolve)) };
    }));
    await Promise.all(bodies.flat().map(({ head: came }) => came));
    await served(server);
    const growth = server.statusOf("VmRSS") - before; // 15 MB wait, and what a request costs beside
    ok(growth < (server.sanitized ? 400000 : 60000), `the resident set grew by ${growth} kB`);
    sessions.forEach((session) => session.settings({ initialWindowSize: 65535 }));
    const expected = alphabet(30000);
    for (const { answer } of bodies.flat()) {
      ok((await answer).body === expected);
    }
    sessions.forEach((session) => session.destroy(undefined, http2.constants.NGHTTP2_NO_ERROR));
    await fdsBack(server);
  });
}

await test("the servers stop cleanly", () => Promise.all([plain, secure, strict].map((server) => server.stop())));
finish();
