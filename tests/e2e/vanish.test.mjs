// vanish.test.mjs -- clients that are suddenly gone, in every phase of a request: closed, or reset.
// ctest: timeout=120 labels=threads cost=23
//
// After each: another client is served, the descriptors are as many as before the first connection, and in the end memory is too.
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { ask, closeSession, openSession } from "../node/lib/h2.mjs";
import { dial, dialRaw, fdsBack, leave, secured, served, startLimits, takeHead } from "../node/lib/trouble.mjs";
import { head } from "../node/lib/wire.mjs";
import { clientHello } from "../node/lib/tls.mjs";

const servers = { "in clear": await startLimits(), "over TLS": await startLimits([], { tls: true }) };
const times = 12;

const sent = (socket, bytes) => new Promise((resolve) => socket.write(bytes, () => resolve()));
const upTo = (n) => Array.from({ length: n }, (_, i) => i);

// What is done before the client goes; `c` is a connection of wire.mjs.
const phases = {
  "before a request": async () => {},
  "in a request line": (c) => sent(c.socket, "GET /qui"),
  "in a head": (c) => sent(c.socket, "GET /quick HTTP/1.1\r\nHost: test\r\nX-"),
  "behind a head whose body is to come": (c) => sent(c.socket, takeHead(1000)),
  "in a body": (c) => sent(c.socket, takeHead(3000000) + "x".repeat(1000000)),
  "in a chunk": (c) => sent(c.socket, head("POST /take", "Transfer-Encoding: chunked") + "fff\r\nonly this"),
  "while 100-continue is on its way": (c) => sent(c.socket, head("POST /take", "Content-Length: 9", "Expect: 100-continue")),
  "while a handler works on the pool": (c) => sent(c.socket, head("GET /slow/60")),
  "while its handler has deferred a work": (c) => sent(c.socket, head("GET /later/60")),
  "behind a request": (c) => sent(c.socket, head("GET /quick")),
  "with many requests unanswered": (c) => sent(c.socket, head("GET /big/100000").repeat(100)),
  "while a large answer is written": async (c) => {
    c.send(head("GET /big/8000000"));
    await c.bytes(1000);
    c.socket.pause();
  },
  "between two requests": async (c) => equal((await c.send(head("GET /quick")).response()).status, 200),
};

for (const [how, server] of Object.entries(servers)) {
  for (const [when, begin] of Object.entries(phases)) {
    for (const reset of [false, true]) {
      await test(`${how}: ${reset ? "reset" : "closed"} ${when}`, async () => {
        const clients = await Promise.all(upTo(times).map(() => dial(server)));
        await Promise.all(clients.map(begin));
        clients.forEach((c) => leave(c.raw, reset));
        await served(server);
        await fdsBack(server);
      });
    }
  }
}

await test("over TLS: gone inside the handshake, after any number of its bytes", async () => {
  const server = servers["over TLS"];
  const hello = await clientHello();
  for (const at of [0, 1, 4, 5, 6, 100, hello.length - 1, hello.length]) {
    for (const reset of [false, true]) {
      const socket = await dialRaw(server);
      await sent(socket, hello.subarray(0, at));
      leave(socket, reset);
    }
  }
  await served(server);
  await fdsBack(server);
});

for (const [how, server] of Object.entries(servers)) {
  for (const reset of [false, true]) {
    await test(`HTTP/2 ${how}: ${reset ? "reset" : "closed"} with streams in every phase`, async () => {
      for (let n = 0; n < times; n++) {
        const raw = await dialRaw(server);
        const socket = server.ca ? await secured(server, raw, ["h2"]) : raw;
        const session = await openSession(server.url, { createConnection: () => socket });
        const streams = [
          session.request({ ":path": "/slow/100" }),
          session.request({ ":path": "/later/100" }),
          session.request({ ":path": "/big/8000000" }),
          session.request({ ":path": "/take", ":method": "POST" }, { endStream: false }),
          session.request({ ":path": "/quick" }),
        ];
        streams.forEach((stream) => stream.on("error", () => {}));
        streams[3].write("part of a body");
        await new Promise((resolve) => streams[2].once("response", resolve));
        leave(raw, reset);
        await session.gone;
      }
      await served(server);
      await fdsBack(server);
    });
  }
}

for (const [how, server] of Object.entries(servers)) {
  await test(`HTTP/2 ${how}: streams that are reset while their works are deferred; the others on the connection get theirs`, async () => {
    const raw = await dialRaw(server);
    const socket = server.ca ? await secured(server, raw, ["h2"]) : raw;
    const session = await openSession(server.url, { createConnection: () => socket });
    for (let n = 0; n < times; n++) {
      const lost = upTo(4).map(() => session.request({ ":path": "/later/20" }));
      lost.forEach((stream) => stream.on("error", () => {}));
      const kept = upTo(4).map(() => ask(session, { ":path": "/later/20" }));
      lost.forEach((stream) => stream.close(8)); // CANCEL
      equal((await Promise.all(kept)).map((a) => [a.status, a.body]), Array(4).fill([200, "later"]));
    }
    await until("every argument is freed", async () => (await ask(session, { ":path": "/unfreed" })).body === "0");
    await closeSession(session);
    await fdsBack(server);
  });
}

await test("all of that again leaves no memory behind", async () => {
  for (const server of Object.values(servers)) {
    const round = async () => {
      for (const begin of Object.values(phases)) {
        const clients = await Promise.all(upTo(times).map(() => dial(server)));
        await Promise.all(clients.map(begin));
        clients.forEach((c) => leave(c.raw, true));
      }
      await fdsBack(server);
    };
    await round();
    const before = server.statusOf("VmRSS");
    for (let n = 0; n < 2; n++) {
      await round();
    }
    const limit = server.sanitized ? 400000 : 49152; // a round moves 200 MB
    await until("the memory to be given back, a second after the last has gone", () => server.statusOf("VmRSS") - before < limit);
  }
}, { seconds: 60 });

await test("the servers stop cleanly", async () => {
  await until("no connection", () => Object.values(servers).every((s) => s.fds() === s.rest));
  await Promise.all(Object.values(servers).map((s) => s.stop()));
});
finish();
