// live_proxies.test.mjs -- live streams behind real proxies: nothing is held back, silence is no reason to end, and whoever leaves the proxy
// has left the server.
// ctest: timeout=120 labels=threads cost=25
//
//     client ─HTTP/1.1 or 2─▶ nginx, as it comes and as docs/howto/behind-a-proxy.md has it ─HTTP/1.0 or 1.1─▶ live-server
//     client ─HTTP/1.1 or 2─▶ HAProxy ─HTTP/1.1 or 2─▶ live-server
//
// The proxies' patience (2 s) is longer than a ping's time and shorter than a test's silence.
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, skip, test, until } from "../node/lib/check.mjs";
import { openSession } from "../node/lib/h2.mjs";
import { start } from "../node/lib/program.mjs";
import { installed, nginxConf, startProxy } from "../node/lib/proxy.mjs";
import { ask, continues, counts, liveMetrics, open } from "../node/lib/reader.mjs";
import { scratch } from "../node/lib/tls.mjs";

const folder = scratch();
const server = await start("live-server", ["--workers", "2", "--metrics", "/metrics"]);
const tab = (name) => `datastar=${encodeURIComponent(JSON.stringify({ tabId: name }))}`;
const publish = (topic, query) => ask(server, "POST", `/publish/${topic}?${query}`);
const streamsAre = (n) => until(`${n} streams`, async () => (await liveMetrics(server)).streams === n);

// ---- the proxies --------------------------------------------------------------------------------

const nginx = (how, fields) => (port) => nginxConf(folder, `server {
    listen 127.0.0.1:${port}${how === "h2" ? " http2" : ""};
    proxy_read_timeout 2s;
    location / { proxy_pass http://127.0.0.1:${server.port}; ${fields} }
  }`);
const documented = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_buffering off; proxy_request_buffering off;';
const haproxy = (front, back) => (port) => `defaults
  mode http
  option abortonclose
  timeout connect 5s
  timeout client 2s
  timeout server 2s
frontend f
  bind 127.0.0.1:${port}${front === "h2" ? " proto h2" : ""}
  default_backend b
backend b
  server s 127.0.0.1:${server.port}${back === "h2" ? " proto h2" : ""}
`;

const kinds = [
  { name: "nginx", what: "as it comes", conf: nginx("h1", "") },
  { name: "nginx", what: "as documented", conf: nginx("h1", documented) },
  { name: "nginx", what: "as documented, asked by HTTP/2", front: "h2", conf: nginx("h2", documented) },
  { name: "haproxy", what: "HTTP/1.1 to HTTP/1.1", conf: haproxy("h1", "h1") },
  { name: "haproxy", what: "HTTP/2 to HTTP/1.1", front: "h2", conf: haproxy("h2", "h1") },
  { name: "haproxy", what: "HTTP/2 to HTTP/2", front: "h2", conf: haproxy("h2", "h2") },
];
const found = installed(["nginx", "haproxy"]);
if (found.length === 0) {
  skip("neither nginx nor haproxy is installed: LIVE STREAMS BEHIND PROXIES ARE NOT TESTED");
}

// ---- the tests ----------------------------------------------------------------------------------

/** Nothing is published for longer than the proxy has patience. */
async function isSilent(clients) {
  await until("eight pings each", () => clients.every((c) => c.comments >= 8)); // 300 ms each
  equal(clients.map((c) => c.how), clients.map(() => undefined));
}

async function isThere(via) {
  const clients = await Promise.all([0, 1, 2, 3, 4, 5].map(() => via("/listen/a,k1?ping=300")));
  await streamsAre(6);
  await publish("a", "n=1");
  await until("one event each, while nothing follows it", () => clients.every((c) => c.signals.some((s) => s.t === "a")));
  await Promise.all([publish("a", "n=200"), publish("k1", "n=200")]);
  await publish("k1", "n=1&pad=100000");
  await until("all of it", () => clients.every((c) => c.signals.length === 1 + 402));
  clients.forEach((c) => continues({}, c.signals));
  await isSilent(clients);
  return clients;
}

async function comesBack(via, clients) {
  const [first, ...others] = clients;
  const at = {};
  continues(at, first.signals);
  first.cut();
  others.forEach((c) => c.cut());
  await streamsAre(0);
  await publish("k1", "n=30");
  const again = await via("/listen/k1?ping=300", { lastId: first.lastId });
  await until("what it missed", () => again.signals.length >= 30);
  continues(at, again.signals);
  equal(again.signals.filter((s) => s.view), []);
  again.cut();
  await streamsAre(0);
}

async function isReplaced(via) {
  const first = await via(`/listen/a?scope=s&ping=300&${tab("t")}`);
  const second = await via(`/listen/a?scope=s&ping=300&${tab("t")}`);
  equal(await first.ended, "clean");
  await streamsAre(1);
  equal(second.how, undefined);
  second.cut();
  await streamsAre(0);
}

for (const kind of kinds.filter(({ name }) => found.includes(name))) {
  await test(`${kind.name}, ${kind.what}`, async () => {
    const proxy = await startProxy(kind.name, folder, kind.conf);
    const session = kind.front === "h2" ? await openSession(proxy.url) : undefined;
    const via = (target, how) => open(proxy, target, { ...how, session });
    await comesBack(via, await isThere(via));
    await isReplaced(via);
    // the proxy goes without a word
    const left = await Promise.all([0, 1, 2].map(() => via("/listen/a")));
    await streamsAre(3);
    proxy.child.kill("SIGKILL");
    await streamsAre(0);
    ok((await Promise.all(left.map((c) => c.ended))).every((how) => how !== undefined));
    session?.destroy();
  });
}

await test("each stream was told its end once", async () => {
  const n = await counts(server);
  equal(n.over, n.opened);
  ok(n.opened >= 12 * found.length, `${n.opened}`);
});

await test("a server that stops ends them cleanly, through the proxy too", async () => {
  const kind = kinds.find(({ name, what }) => found.includes(name) && what !== "as it comes");
  const proxy = await startProxy(kind.name, folder, kind.conf);
  const clients = await Promise.all([0, 1, 2, 3].map(() => open(proxy, "/listen/a")));
  await streamsAre(4);
  await server.stop();
  equal(await Promise.all(clients.map((c) => c.ended)), ["clean", "clean", "clean", "clean"]);
  proxy.child.kill("SIGTERM");
});

finish();
