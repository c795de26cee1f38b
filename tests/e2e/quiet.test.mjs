// quiet.test.mjs -- streams that no callback looks at give their memory back, and behave as ever: HTTP/1.1, HTTP/2, TLS.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { ask, openSession } from "../node/lib/h2.mjs";
import { start } from "../node/lib/program.mjs";
import { devCa, privateCache, scratch } from "../node/lib/tls.mjs";
import { connect, exchange, post } from "../node/lib/wire.mjs";

const folder = scratch();
const signals = (tab) => JSON.stringify({ tabId: tab, pageId: `page-of-${tab}` });

/** A stream by any protocol: {text, ended, open, close()}. */
function openH1(server, target, body, fields = {}) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), ...fields };
    const request = http.request({ port: server.port, host: "127.0.0.1", method: "POST", path: target, headers, agent: false });
    request.on("error", reject);
    request.on("response", (answer) => resolve(follow(answer, answer.statusCode, () => request.destroy())));
    request.end(body);
  });
}

function openH2(session, target, body, fields = {}) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": target, "content-type": "application/json", ...fields });
    stream.on("error", reject);
    stream.on("response", (head) => resolve(follow(stream, head[":status"], () => stream.close(8))));
    stream.end(body);
  });
}

function follow(stream, status, close) {
  const seen = { text: "", status, ended: false, gone: false, close };
  stream.setEncoding("utf8");
  stream.on("data", (text) => (seen.text += text));
  stream.on("end", () => (seen.ended = true));
  stream.on("error", () => {});
  stream.on("close", () => (seen.gone = true));
  return seen;
}

const ways = {
  "HTTP/1.1": async (options) => {
    const server = await start("idle-streams", ["--workers", "1", ...options]);
    return { server, open: (...of) => openH1(server, ...of), ask: async (line) => (await exchange(server.port, `${line} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`)).body.toString() };
  },
  "HTTP/2 over TLS": async (options) => {
    const env = privateCache();
    const server = await start("idle-streams", ["--workers", "1", "--tls", ...options], { env });
    const session = await openSession(server.url, { ca: devCa(env) });
    const other = await openSession(server.url, { ca: devCa(env) });
    return {
      server,
      open: (...of) => openH2(session, ...of),
      ask: async (line) => {
        const [method, target] = line.split(" ");
        return (await ask(other, { ":method": method, ":path": target }, method === "POST" ? "" : undefined)).body;
      },
    };
  },
};

const bytes = async (way) => Number((await way.ask("GET /memory")).split(" ")[0]);

for (const [name, prepare] of Object.entries(ways)) {
  const way = await prepare([]);

  await test(`${name}: a stream that only subscribes holds a fraction of one with callbacks`, async () => {
    const cost = async (target) => {
      const warm = await way.open(target, signals("w")); // its page's part, the pool's memory
      const before = await bytes(way);
      const all = [];
      for (let i = 0; i < 20; i++) {
        all.push(await way.open(target, signals(`t${i}`)));
      }
      const held = ((await bytes(way)) - before) / all.length;
      [warm, ...all].forEach((s) => s.close());
      return held;
    };
    const [plain, full] = [await cost("/plain"), await cost("/full")];
    ok(plain < full / 2, `${plain} and ${full} bytes`);
    await until("each has been told that it is over", async () => (await way.ask("GET /count")) === "21");
  });

  await test(`${name}: a further one fits its budget, and what a publication takes is free again`, async () => {
    const more = async (n) => {
      for (let i = 0; i < n; i++) {
        await way.open("/plain", signals("b"), { "accept-encoding": "gzip" });
      }
      return bytes(way);
    };
    const few = await more(64); // what comes in chunks of 64, comes in whole ones
    const each = ((await more(64)) - few) / 64;
    ok(each <= (name === "HTTP/1.1" ? 1024 : 512), `${each} bytes`);
    equal(await way.ask("POST /say?text=first"), "said"); // a topic's encoder comes with it, and stays
    await until("each stream has it", async () => (await bytes(way)) < few + 64 * each + 100000);
    const level = await bytes(way);
    equal(await way.ask("POST /say?text=second"), "said");
    await until("what it took is free again", async () => (await bytes(way)) <= level + 2048);
    // they stay until the server stops: more than a hundred resets at once would end the connection
  });

  await test(`${name}: it gets what is published, again and again, in order`, async () => {
    const streams = await Promise.all(["/plain", "/keyed", "/full"].map((target) => way.open(target, signals("p"))));
    for (let i = 0; i < 20; i++) {
      await way.ask(`POST /say?text=number-${i}-`);
    }
    await way.ask("POST /tell");
    for (const s of streams) {
      await until("the last has come", () => s.text.includes("number-19-"));
      const found = [...s.text.matchAll(/number-(\d+)-/g)].map((m) => Number(m[1]));
      equal(found, Array.from({ length: 20 }, (_, i) => i));
    }
    await until("the one with info has its request still", () => streams[2].text.includes("told /full"));
    streams.forEach((s) => s.close());
  });

  await test(`${name}: it is pinged`, async () => {
    const s = await way.open("/pinging", signals("p"));
    await until("three comments have come", () => s.text.split(": \n\n").length > 3);
    s.close();
  });

  await test(`${name}: a newer one takes its tab over, and it can be ended by its tab's name`, async () => {
    const old = await way.open("/keyed", signals("tab"));
    const fresh = await way.open("/keyed", JSON.stringify({ tabId: "tab", pageId: "page-of-tab" }));
    await until("the old one has ended cleanly", () => old.ended);
    ok(!fresh.ended);
    equal(await way.ask("POST /end?tab=tab"), "ended");
    await until("the new one has, too", () => fresh.ended);
    await until("the tab is nobody's", async () => (await way.ask("POST /end?tab=tab")) === "none");
  });

  await test(`${name}: a server that stops ends it cleanly, and says when to come back`, async () => {
    const streams = await Promise.all(["/plain", "/keyed", "/full"].map((target) => way.open(target, signals("s"))));
    const stopped = way.server.stop();
    for (const s of streams) {
      await until("it has ended", () => s.ended);
    }
    match(streams[1].text, /^retry: \d{3,4}\n\n.*retry: \d{3,4}\n\n$/s); // the one that says whose tab it is
    await stopped;
  });
}

await test("a reader that takes nothing is cut, and the others are not kept waiting", async () => {
  const way = await ways["HTTP/1.1"]([]);
  const slow = await connect(way.server.port);
  slow.socket.pause();
  slow.send(post("/plain", signals("slow"), "Content-Type: application/json"));
  const s = await way.open("/plain", signals("quick"));
  const text = "x".repeat(3000);
  const warm = await bytes(way);
  let most = 0;
  for (let i = 0; i < 6000 && !(most > 100000 && (await bytes(way)) < warm + 50000); i++) {
    await way.ask(`POST /say?text=${text}${i}`);
    most = Math.max(most, (await bytes(way)) - warm);
  }
  ok(most > 200000 && most < 1200000, `${most} bytes waited`);
  const last = await way.ask("POST /say?text=the-last");
  equal(last, "said");
  await until("the quick one has all", () => s.text.includes("the-last"));
  slow.socket.destroy();
  s.close();
  await way.server.stop();
});

for (const [format, trusted] of [["combined", false], ["json", false], ["json", true], ["common", true]]) {
  await test(`its line in the access log: ${format}${trusted ? ", behind a proxy" : ""}`, async () => {
    const file = path.join(folder, `${format}-${trusted}.log`);
    const options = ["--access-log", file, "--access-format", format, ...(trusted ? ["--trusted-proxies", "127.0.0.1", "--forwarded", "x"] : [])];
    const way = await ways["HTTP/1.1"](options);
    const fields = { "User-Agent": "someone", Referer: "/from?datastar=SECRET", "X-Forwarded-For": "192.0.2.7", "X-Request-Id": "the-id" };
    const streams = [];
    for (const target of ["/plain?q=1", "/full?q=1"]) {
      streams.push(await way.open(target, signals("l"), fields));
    }
    await way.ask("POST /say?text=heard");
    await until("both have it", () => streams.every((s) => s.text.includes("heard")));
    streams.forEach((s) => s.close());
    await way.server.stop();
    const lines = readFileSync(file, "utf8").split("\n");
    const [plain, full] = ["/plain", "/full"].map((target) => lines.find((line) => line.includes(`${target}?q=1`)));
    ok(plain !== undefined && full !== undefined, lines.join("\n"));
    // but for what differs by nature (a `retry` field has three digits or four), the line of one with a conn and that of one without are
    // the same
    const size = (line) => Number(/(?:"bytes":| 200 )(\d+)/.exec(line)[1]);
    ok(Math.abs(size(plain) - size(full)) <= 1, `${plain}\n${full}`);
    const bare = (line) =>
      line.replace(/("bytes":| 200 )\d+/, "$1").replace(/\/(plain|full)/, "").replace(/\[.*?\]/, "").replace(/"(time|request_id)":"[^"]*"/g, "").replace(/"duration_us":\d+/, "");
    equal(bare(plain), bare(full));
    ok(plain.startsWith(trusted && format === "common" ? "192.0.2.7 " : format === "json" ? "{" : "127.0.0.1 "), plain);
    ok(!plain.includes("SECRET"));
    if (format === "json") {
      const entry = JSON.parse(plain);
      equal([entry.address, entry.user_agent, entry.referer], [trusted ? "192.0.2.7" : "127.0.0.1", "someone", "/from?datastar=-"]);
      ok(trusted ? entry.request_id === "the-id" : /^[0-9a-f]{32}$/.test(entry.request_id), entry.request_id);
    }
  });
}

finish();
