// slow.test.mjs -- clients that take their time: with a head, with a body, with reading; and those that close one half.
// ctest: timeout=120 labels=threads cost=63
//
// The limits here are short (limits-server), and how long they really take is not measured: only that they end what they should end,
// how it is said, and that others are served meanwhile.
//
// SPDX-License-Identifier: MIT
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { openSession } from "../node/lib/h2.mjs";
import { alphabet, dial, fdsBack, served, startLimits, takeHead, upload } from "../node/lib/trouble.mjs";
import { head } from "../node/lib/wire.mjs";

const short = ["--header-ms", "2000", "--body-ms", "2000", "--idle-ms", "2000", "--write-ms", "2000"];
const servers = { "in clear": await startLimits(short), "over TLS": await startLimits(short, { tls: true }) };
const stalling = { "in clear": await startLimits(["--write-ms", "1000"]), "over TLS": await startLimits(["--write-ms", "1000"], { tls: true }) };
const patient = { "in clear": await startLimits(), "over TLS": await startLimits([], { tls: true }) };

/** Sends `bytes` again and again while `until` is not settled. */
async function dripping(c, bytes, settled) {
  const drip = setInterval(() => c.over || c.send(bytes), 50);
  try {
    return await settled;
  } finally {
    clearInterval(drip);
  }
}

// Streams that get no window are cancelled after half a minute, which is the server's own limit: this begins first and ends last.
const roomy = await startLimits();
await served(roomy);
const starved = await openSession(roomy.url, { settings: { initialWindowSize: 0 } });
// More than 4 MiB of their answers would not wait: the rest would be refused.
const starving = Array.from({ length: 60 }, () => {
  const stream = starved.request({ ":path": "/big/65536" });
  const seen = { stream, bytes: 0 };
  stream.on("response", (fields) => (seen.status = fields[":status"]));
  stream.on("data", (data) => (seen.bytes += data.length));
  stream.on("error", () => {});
  stream.on("close", () => (seen.code = stream.rstCode));
  return seen;
});

for (const [how, server] of Object.entries(servers)) {
  await served(server);

  await test(`${how}: a head that stalls, and one that comes byte by byte: 408, closed`, async () => {
    const [stalled, slow] = [await dial(server), await dial(server)];
    stalled.send("GET /quick HTTP/1.1\r\nHost: te");
    slow.send("GET /quick HTTP/1.1\r\nX-Slow: ");
    const answers = dripping(slow, "x", Promise.all([stalled.response(), slow.response()]));
    await served(server);
    for (const answer of await answers) {
      equal([answer.status, answer.headers.connection], [408, "close"]);
    }
    stalled.vanish();
    slow.vanish();
  });

  await test(`${how}: a body that stalls: 408, closed, with a length and in chunks`, async () => {
    for (const start of [takeHead(1000) + "only this", head("POST /take", "Transfer-Encoding: chunked") + "5\r\nonly "]) {
      const c = await dial(server);
      const answer = c.send(start).response();
      await served(server);
      equal([(await answer).status, (await answer).headers.connection], [408, "close"]);
      c.vanish();
    }
  });

  await test(`${how}: a body that takes its time, but comes, is taken`, async () => {
    const c = await dial(server);
    const { body, answer } = upload(64 * 1024);
    c.send(takeHead(body.length));
    for (let at = 0; at < body.length; at += 8192) {
      c.send(body.subarray(at, at + 8192));
      await served(server);
    }
    equal((await c.response()).body, answer);
    c.vanish();
  });

  await test(`${how}: a connection that does nothing is closed without a word, before and after a request`, async () => {
    const [fresh, used] = [await dial(server), await dial(server)];
    equal((await used.send(head("GET /quick")).response()).status, 200);
    const gone = Promise.all([fresh.closed(), used.closed()]);
    await served(server);
    await gone;
  });

  await test(`${how}: nothing of all that is left`, () => fdsBack(server));
}

for (const [how, server] of Object.entries(stalling)) {
  await test(`${how}: clients that do not read their answers are cut, and the memory of those is given back`, async () => {
    let first = 0;
    for (let round = 0; round < 3; round++) { // 60 MB each
      const clients = await Promise.all(Array.from({ length: 5 }, () => dial(server)));
      for (const c of clients) {
        c.socket.pause();
        c.send(head("GET /big/12000000"));
      }
      await served(server);
      await fdsBack(server);
      await served(server);
      clients.forEach((c) => c.vanish());
      first ||= server.statusOf("VmRSS");
    }
    const growth = server.statusOf("VmRSS") - first; // a worker's own buffers have their size after the first
    ok(growth < (server.sanitized ? 400000 : 40000), `the resident set grew by ${growth} kB`);
  });
}

for (const [how, server] of Object.entries(patient)) {
  await test(`${how}: many large answers to a client that reads late: memory is bounded, nothing is lost`, async () => {
    const requests = server.sanitized ? 600 : 200;
    await served(server);
    const before = server.statusOf("VmRSS");
    const c = await dial(server);
    c.socket.pause();
    c.send(head("GET /big/1000000").repeat(requests));
    for (let n = 0; n < 20; n++) {
      await served(server);
    }
    c.socket.resume();
    const expected = alphabet(1000000);
    for (let n = 0; n < requests; n++) {
      const answer = await c.response();
      ok(answer.status === 200 && answer.body === expected, `answer ${n}`);
    }
    c.vanish();
    const peak = server.statusOf("VmHWM") - before; // all answers together are ten times as much
    ok(peak < (server.sanitized ? 400000 : 20000), `the resident set grew by up to ${peak} kB`);
  }, { seconds: 90 });

  await test(`${how}: a client that reads in sips gets everything`, async () => {
    const c = await dial(server);
    c.socket.pause();
    c.send(head("GET /big/3000000", "Connection: close"));
    const pause = () => c.socket.pause();
    c.socket.on("data", pause);
    const sip = setInterval(() => c.socket.resume(), 1);
    const answer = await c.response();
    clearInterval(sip);
    c.socket.off("data", pause);
    c.socket.resume();
    ok(answer.body === alphabet(3000000));
    await c.closed();
  });

  await test(`${how}: a client that has closed its half behind its requests gets its answers, to the last byte`, async () => {
    const c = await dial(server);
    c.send(head("GET /quick") + head("GET /big/5000000") + head("GET /quick"));
    c.end();
    equal((await c.response()).body, "quick");
    ok((await c.response()).body === alphabet(5000000));
    equal((await c.response()).body, "quick");
    await c.closed();
  });

  await test(`${how}: one that closes its half while a handler still works has gone: closed, with a whole answer or none`, async () => {
      const c = await dial(server);
    c.send(head("GET /slow/700"));
    c.end();
    await served(server);
    await until("its end", () => c.over);
    match(c.input.toString("latin1"), /^$|^HTTP\/1\.1 200 [^]*\r\n\r\nslow$/);
    await fdsBack(server);
  });

  await test(`${how}: one that closes its half inside a request is answered with no more than a refusal`, async () => {
    for (const part of ["GET /qui", "GET /quick HTTP/1.1\r\nHost: x\r\n", takeHead(100) + "half"]) {
      const c = await dial(server);
      c.send(part);
      c.end();
      await until("its end", () => c.over);
      match(c.input.toString("latin1"), /^$|^HTTP\/1\.1 4\d\d /);
      await served(server);
    }
  });
}

await test("HTTP/2 without any window: as many heads as there is memory for, no byte of a body, others are served, the streams end", async () => {
  const REFUSED_STREAM = 7;
  await until("the heads", () => starving.every((s) => s.status === 200 || s.code === REFUSED_STREAM));
  ok(starving.some((s) => s.status === 200));
  await served(roomy);
  equal(starving.reduce((sum, s) => sum + s.bytes, 0), 0);
  await until("the end of every stream", () => starving.every((s) => s.code !== undefined), { seconds: 80 });
  starving.forEach((s) => ok(s.code !== 0, "a stream ended as if it were complete"));
  await served(roomy);
  starved.destroy();
  await fdsBack(roomy);
}, { seconds: 100 });

await test("the servers stop cleanly", () => Promise.all([...Object.values(servers), ...Object.values(stalling), ...Object.values(patient), roomy].map((s) => s.stop())));
finish();
