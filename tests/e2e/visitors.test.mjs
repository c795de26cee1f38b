// visitors.test.mjs -- visitors apart, strangers out: two sessions interleaved on one connection, origins and tokens over real sockets.
// ctest: labels=threads
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import { equal, finish, match, ok, test } from "../node/lib/check.mjs";
import { ask, closeSession, openSession } from "../node/lib/h2.mjs";
import { programPath, start } from "../node/lib/program.mjs";

programPath("visitors");
const server = await start("visitors", ["--workers", "2"], { env: { VISITORS_TRUST: "https://friend.example" } });
const rounds = Number(process.env.ROUNDS ?? 300);

// ---- clients: send(method, path, headers, body) gives {status, headers, body} ---------------------------------------------------

/** One keep-alive connection. */
function overOne() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set();
  const send = (method, path, headers, body = "") => new Promise((resolve, reject) => {
    const request = http.request(server.url + path, { method, agent, headers: { ...headers, "content-length": Buffer.byteLength(body) } }, (response) => {
      ports.add(response.socket.localPort);
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    request.on("error", reject);
    request.end(body);
  });
  return { send, close: () => agent.destroy(), connections: () => ports.size };
}

/** One HTTP/2 session: many requests at once. */
async function overH2() {
  const session = await openSession(server.url);
  const send = (method, path, headers, body) => ask(session, { ":method": method, ":path": path, ...headers }, body);
  return { send, close: () => closeSession(session), connections: () => 1 };
}

class Visitor {
  constructor(client, name) {
    Object.assign(this, { client, name, cookie: "" });
  }

  async send(method, path, { headers = {}, body } = {}) {
    const cookie = this.cookie ? { cookie: this.cookie } : {};
    const answer = await this.client.send(method, path, { ...cookie, ...headers }, body);
    const [set] = answer.headers["set-cookie"] ?? [];
    if (set) {
      this.cookie = set.split(";")[0];
    }
    return answer;
  }

  async come() {
    const answer = await this.send("POST", "/come", { headers: { "content-type": "application/x-www-form-urlencoded" }, body: `name=${this.name}` });
    equal(answer.status, 200);
    this.token = answer.body;
  }

  event(signals, headers = {}) {
    return this.send("POST", "/me/_event/who", { headers, body: JSON.stringify({ csrf: this.token, ...signals }) });
  }
}

const signalsOf = (text) => Object.assign({}, ...[...text.matchAll(/^data: signals (.*)$/gm)].map((m) => JSON.parse(m[1])));
const partOf = (html, id) => new RegExp(`<p id='${id}'>(.*?)</p>`).exec(html)[1];
const flashes = (html) => [...html.matchAll(/<p class='(\w+)'>(.*?)<\/p>/g)].map((m) => `${m[1]}:${m[2]}`);

// ---- apart ------------------------------------------------------------------------------------------------------------------------

/** An event, then the page: nothing in them that is another's. */
async function look(visitor, i) {
  const echo = `${visitor.name}-${i}`;
  const event = await visitor.event({ echo });
  equal([event.status, signalsOf(event.body)], [200, { before: "-", session: visitor.name, echo }]);
  const page = await visitor.send("GET", "/me");
  const seen = { session: partOf(page.body, "session"), assigned: partOf(page.body, "assigned"), flashes: flashes(page.body) };
  equal(seen, { session: visitor.name, assigned: visitor.name, flashes: i === 0 ? [`hello:${visitor.name}`, `note:${echo}`] : [`note:${echo}`] });
  ok(page.body.includes(`"signal":"${visitor.name}"`) || page.body.includes(`&quot;signal&quot;:&quot;${visitor.name}&quot;`), page.body);
}

/** Somebody without a session, behind the two of them. */
async function stranger(client) {
  const page = await client.send("GET", "/me", {});
  equal([partOf(page.body, "session"), partOf(page.body, "assigned"), flashes(page.body)], ["-", "-", []]);
  ok(!/ada-lovelace|grace-hopper/.test(page.body), page.body);
  const event = await client.send("POST", "/me/_event/who", {}, JSON.stringify({ echo: "x" }));
  equal(event.status, 403);
}

await test("two visitors in turn on one keep-alive connection", async () => {
  const client = overOne();
  const [ada, grace] = [new Visitor(client, "ada-lovelace"), new Visitor(client, "grace-hopper")];
  await ada.come();
  await grace.come();
  for (let i = 0; i < rounds; i++) {
    await look(ada, i);
    await look(grace, i);
    await stranger(client);
  }
  equal(client.connections(), 1);
  client.close();
}, { seconds: 60 });

await test("two visitors at once on one HTTP/2 connection", async () => {
  const client = await overH2();
  const [ada, grace] = [new Visitor(client, "ada-lovelace"), new Visitor(client, "grace-hopper")];
  await Promise.all([ada.come(), grace.come()]);
  for (let i = 0; i < rounds; i++) {
    await Promise.all([look(ada, i), look(grace, i), stranger(client)]);
  }
  await client.close();
}, { seconds: 60 });

await test("two connections at once, each with both visitors", async () => {
  const clients = [overOne(), await overH2()];
  await Promise.all(clients.map(async (client, n) => {
    const [ada, grace] = [new Visitor(client, `ada${n}`), new Visitor(client, `grace${n}`)];
    await ada.come();
    await grace.come();
    for (let i = 0; i < rounds / 3; i++) {
      await look(grace, i);
      await look(ada, i);
    }
  }));
  await Promise.all(clients.map((client) => client.close()));
}, { seconds: 60 });

// ---- out --------------------------------------------------------------------------------------------------------------------------

await test("another's token is no token", async () => {
  const client = overOne();
  const [ada, grace] = [new Visitor(client, "ada-lovelace"), new Visitor(client, "grace-hopper")];
  await ada.come();
  await grace.come();
  equal((await ada.event({ csrf: grace.token })).status, 403);
  equal((await ada.event({ csrf: undefined }, { "x-csrf-token": grace.token })).status, 403);
  equal((await ada.event({ csrf: undefined }, { "x-csrf-token": ada.token })).status, 200);
  equal((await ada.event({ csrf: undefined })).status, 403);
  client.close();
});

await test("a handler on a pool thread has the same gates", async () => {
  const client = overOne();
  const ada = new Visitor(client, "ada-lovelace");
  await ada.come();
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const post = async (body, headers = {}) => (await ada.send("POST", "/form", { headers: { ...type, ...headers }, body })).status;
  equal(await post("name=x"), 403);
  equal(await post(`name=x&_csrf_token=${ada.token}`), 200);
  equal(await post(`name=x&_csrf_token=${ada.token}`, { "sec-fetch-site": "cross-site" }), 403);
  match(server.stderr, /POST \/form: csrf: no token/);
  client.close();
});

await test("an old token is none after a new login", async () => {
  const client = overOne();
  const ada = new Visitor(client, "ada-lovelace");
  await ada.come();
  const old = ada.token;
  await ada.come();
  equal((await ada.event({ csrf: old })).status, 403);
  equal((await ada.event({})).status, 200);
  client.close();
});

for (const [name, over] of [["HTTP/1.1", overOne], ["HTTP/2", overH2]]) {
  await test(`another site's requests are refused, ${name}`, async () => {
    const client = await over();
    const ada = new Visitor(client, "ada-lovelace");
    await ada.come();
    const from = async (headers) => (await ada.event({}, headers)).status;
    equal(await from({ "sec-fetch-site": "cross-site" }), 403);
    equal(await from({ "sec-fetch-site": "same-site" }), 403);
    equal(await from({ origin: "https://evil.example" }), 403);
    equal(await from({ origin: "null" }), 403);
    equal(await from({ "sec-fetch-site": "same-origin", origin: server.url }), 200);
    equal(await from({ origin: server.url }), 200);
    equal(await from({ "sec-fetch-site": "cross-site", origin: "https://friend.example" }), 200);
    equal((await ada.send("POST", "/hook", { headers: { "sec-fetch-site": "cross-site" }, body: "" })).status, 200);
    const page = await ada.send("GET", "/me", { headers: { "sec-fetch-site": "cross-site" } });
    equal(page.status, 200);
    await client.close();
  });
}

await test("a large body from another site is refused at its head", async () => {
  const client = overOne();
  const answer = await client.send("POST", "/form", { "sec-fetch-site": "cross-site", "content-type": "application/json" }, "x".repeat(200000)).catch((error) => error);
  ok(answer.status === 403 || ["EPIPE", "ECONNRESET"].includes(answer.code), String(answer.status ?? answer));
  client.close();
});

await test("why is in the log", async () => {
  match(server.stderr, /POST \/me\/_event\/who: csrf: it came from another site/);
  match(server.stderr, /POST \/me\/_event\/who: csrf: not the token of this session/);
  match(server.stderr, /POST \/me\/_event\/who: csrf: no token/);
});

await server.stop();
finish();
