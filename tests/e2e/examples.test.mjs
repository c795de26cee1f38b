// examples.test.mjs -- what the examples promise to visitors: how long a name may be, and who is here, however many are.
// ctest: timeout=120
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import { randomBytes } from "node:crypto";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { programPath, start } from "../node/lib/program.mjs";

const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

/** A browser: keeps its cookie, and the token of the page that it has seen last. */
class Visitor {
  constructor(server) {
    Object.assign(this, { server, cookie: "", token: "" });
  }

  send(method, path, { type = "application/json", body = "", keep = false } = {}) {
    const headers = { "content-type": type, "content-length": Buffer.byteLength(body), ...(this.cookie && { cookie: this.cookie }) };
    return new Promise((resolve, reject) => {
      const request = http.request(this.server.url + path, { method, headers, agent: keep ? false : agent }, (response) => {
        for (const set of response.headers["set-cookie"] ?? []) {
          this.cookie = set.split(";")[0];
        }
        if (keep) {
          resolve({ status: response.statusCode, close: () => request.destroy() });
          response.on("error", () => {}).resume();
          return;
        }
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode, body: text }));
      });
      request.on("error", keep ? () => {} : reject).end(body);
    });
  }

  async page() {
    const { body } = await this.send("GET", "/");
    this.token = /csrf\W+(?:token' value='|quot;\W*)?([\w-]{48})/.exec(body)?.[1] ?? this.token;
    return body;
  }

  event(name, signals) {
    return this.send("POST", `/_event/${name}`, { body: JSON.stringify({ csrf: this.token, ...signals }) });
  }

  /** @return the page that follows: with the name, or what is wrong with it. */
  async call(name) {
    await this.page();
    const body = new URLSearchParams({ _csrf_token: this.token, name }).toString();
    equal((await this.send("POST", "/name", { type: "application/x-www-form-urlencoded", body })).status, 303);
    return this.page();
  }

  async stream() {
    const id = () => randomBytes(12).toString("hex");
    const answer = await this.send("POST", "/", { body: JSON.stringify({ csrf: this.token, tabId: id(), pageId: id() }), keep: true });
    equal(answer.status, 200);
    return answer;
  }
}

const letters = ["x", "é", "…", "😀"]; // of one to four bytes

for (const example of ["chat", "auction"]) {
  await test(`${example}: a name has 24 letters, whatever they are written with`, async () => {
    programPath(example);
    const server = await start(example);
    for (const letter of letters) {
      ok(!(await new Visitor(server).call(letter.repeat(24))).includes("A name has"), letter);
      ok((await new Visitor(server).call(letter.repeat(25))).includes("A name has 1 to 24 letters."), letter);
    }
    await server.stop();
  });
}

for (const [example, said] of [["todo", "A thing has 1 to 80 letters."], ["tasks", "A task has 1 to 80 letters."]]) {
  await test(`${example}: a title has 80 letters, whatever they are written with`, async () => {
    programPath(example);
    const server = await start(example);
    const visitor = new Visitor(server);
    for (const letter of letters) {
      await visitor.page();
      const good = await visitor.event("add", { title: letter.repeat(80) });
      equal([good.status, good.body.includes(said)], [200, false], letter);
      const bad = await visitor.event("add", { title: letter.repeat(81) });
      equal([bad.status, bad.body.includes(said)], [200, true], letter);
      ok((await visitor.page()).includes(`>${letter.repeat(80)}</span>`), letter);
    }
    await server.stop();
  });
}

await test("auction: a second tab that is closed takes nobody away, however many are here", async () => {
  const server = await start("auction", ["--workers", "1"]); // who leaves first is seen to leave first
  const list = async (visitor) => /<ul id='people'.*?<\/ul>/s.exec(await visitor.page())[0];
  const people = async (visitor) => {
    const text = await list(visitor);
    return [...text.matchAll(/<li id=/g)].length + Number(/and (\d+) more/.exec(text)?.[1] ?? 0);
  };
  const come = async (i) => {
    const visitor = new Visitor(server);
    await visitor.call(`N ${i}`);
    return { visitor, tab: await visitor.stream() };
  };
  const others = [];
  for (let i = 0; i < 500; i++) {
    others.push(await come(i));
  }
  const late = await come("late");
  await until("all of them", async () => (await people(late.visitor)) === 501);
  const gone = (i) => until(`${i} to be gone`, async () => !(await list(late.visitor)).includes(`>N ${i}<`));
  others[0].tab.close();
  await gone(0);
  const second = await late.visitor.stream();
  second.close();
  others[1].tab.close();
  await gone(1);
  equal(await people(late.visitor), 499);
  late.tab.close();
  others[2].tab.close();
  await gone(2);
  equal(await people(late.visitor), 497);
  await server.stop();
}, { seconds: 100 });

finish();
