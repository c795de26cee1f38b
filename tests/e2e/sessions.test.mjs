// sessions.test.mjs -- sessions in a file: the login example over restarts, crashes, two servers at once, and without its file.
// ctest: labels=threads
//
// SPDX-License-Identifier: MIT
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { equal, finish, match, ok, skip, test } from "../node/lib/check.mjs";
import { programPath, run, start } from "../node/lib/program.mjs";

programPath("login");
const folder = mkdtempSync(path.join(os.tmpdir(), "cstar-sessions-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const file = path.join(folder, "sessions.db");
const secret = "a-secret-of-this-test-of-32-bytes-and-more";
const serve = (extra = {}) => start("login", ["--workers", "2"], { env: { LOGIN_SECRET: secret, LOGIN_SESSIONS: file, ...extra } });

const probe = run("login", ["--help"], { env: { LOGIN_SESSIONS: path.join(folder, "probe.db") } });
if (/has no SQLite/.test(probe.stderr)) {
  skip("this build has no SQLite");
}

// ---- a browser, as far as it is needed ----------------------------------------------------------

class Browser {
  cookie = "";

  ask(server, method, target, form = "") {
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) };
    return new Promise((resolve, reject) => {
      const request = http.request(server.url + target, { method, headers: this.cookie ? { ...headers, cookie: this.cookie } : headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("end", () => {
          const [set] = response.headers["set-cookie"] ?? [];
          this.cookie = set ? set.split(";")[0] : this.cookie;
          resolve({ status: response.statusCode, location: response.headers.location, text });
        });
      });
      request.on("error", reject);
      request.end(form);
    });
  }

  async post(server, from, target, fields) {
    const page = await this.ask(server, "GET", from);
    const token = /name=['"]_csrf_token['"] value=['"]([\w-]+)['"]/.exec(page.text)?.[1];
    ok(token, page.text);
    return this.ask(server, "POST", target, new URLSearchParams({ ...fields, _csrf_token: token }).toString());
  }

  async logIn(server, name, password) {
    const answer = await this.post(server, "/", "/login", { name, password });
    equal([answer.status, answer.location], [303, "/notes"]);
  }

  /** Who the server thinks it is; null: a stranger, sent to the door. */
  async name(server) {
    const answer = await this.ask(server, "GET", "/notes");
    return answer.status === 303 ? null : /Logged in as <b>(\w+)<\/b>/.exec(answer.text)[1];
  }
}

// ---- tests --------------------------------------------------------------------------------------

const ada = new Browser();
const grace = new Browser();

await test("who is logged in stays so over a restart", async () => {
  const first = await serve();
  await ada.logIn(first, "ada", "engine");
  await grace.logIn(first, "grace", "compiler");
  equal(await ada.name(first), "ada");
  equal(statSync(file).mode & 0o777, 0o600);
  await first.stop();
  equal([existsSync(`${file}-wal`), existsSync(`${file}-shm`)], [false, false]);
  const second = await serve();
  equal([await ada.name(second), await grace.name(second), await new Browser().name(second)], ["ada", "grace", null]);
  await second.stop();
});

await test("who was logged in stays so when the server is killed", async () => {
  const first = await serve();
  const late = new Browser();
  await late.logIn(first, "ada", "engine");
  first.signal("SIGKILL");
  await first.exited;
  const second = await serve();
  equal([await late.name(second), await grace.name(second)], ["ada", "grace"]);
  await second.stop();
});

await test("two servers at once, as while one takes over from the other", async () => {
  const old = await serve();
  const next = await serve();
  const copy = new Browser();
  await copy.logIn(old, "ada", "engine");
  equal(await copy.name(next), "ada");
  const stolen = copy.cookie;
  equal((await copy.post(next, "/notes", "/logout", {})).status, 303);
  copy.cookie = stolen; // sealed as well as ever, and no longer worth anything, wherever it is shown
  equal([await copy.name(old), (copy.cookie = stolen, await copy.name(next))], [null, null]);
  await old.stop();
  equal(await grace.name(next), "grace");
  await next.stop();
});

await test("what was ended stays ended over a restart", async () => {
  const first = await serve();
  const stolen = ada.cookie;
  equal(await ada.name(first), "ada");
  equal((await ada.post(first, "/notes", "/logout", {})).status, 303);
  await first.stop();
  const second = await serve();
  ada.cookie = stolen;
  equal([await ada.name(second), await grace.name(second)], [null, "grace"]);
  await second.stop();
});

await test("the sessions are in the file: without it, or with another secret, there are none", async () => {
  const other = await serve({ LOGIN_SECRET: `another-${secret}` });
  const kept = grace.cookie;
  equal(await grace.name(other), null);
  await other.stop();
  rmSync(file);
  const empty = await serve();
  grace.cookie = kept;
  equal(await grace.name(empty), null);
  await empty.stop();
});

await test("a file that can't be used is said at the start", async () => {
  const { status, stderr } = run("login", [], { env: { LOGIN_SECRET: secret, LOGIN_SESSIONS: folder } });
  equal(status, 1);
  match(stderr, /^login: sessions: the database: unable to open database file\n$/);
});

finish();
