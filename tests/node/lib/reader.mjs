// reader.mjs -- clients of live streams that keep what the Datastar client keeps: an id counts when its line is complete, an event at its
// blank line.
//
//     const c = await open(server, "/listen/k1,k2");            // HTTP/1.1; or { how: "h2", session }
//     await until(() => c.events.length === 3);
//     c.cut(); const again = await open(server, "/listen/k1,k2", { lastId: c.lastId });
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import https from "node:https";
import { equal, ok } from "./check.mjs";

/** Reads an event stream as the client does (fetch.ts: getLines, getMessages): bytes in, `events` and `lastId` out. */
export class Reader {
  constructor() {
    this.line = [];
    this.data = [];
    this.events = [];
    this.comments = 0;
    this.retries = [];
    this.lastId = "";
    this.torn = false; // an id was read, and its event has not ended yet
  }

  feed(bytes) {
    let from = 0;
    for (;;) {
      const at = bytes.indexOf(10, from);
      if (at < 0) {
        break;
      }
      this.line.push(bytes.subarray(from, at));
      this.endLine(Buffer.concat(this.line).toString("utf8"));
      this.line = [];
      from = at + 1;
    }
    if (from < bytes.length) {
      this.line.push(bytes.subarray(from));
    }
  }

  endLine(line) {
    if (line === "") {
      if (this.data.length) {
        this.events.push(this.data);
        this.onevent?.(this.data);
      }
      this.data = [];
      this.torn = false;
    } else if (line.startsWith("data: ")) {
      this.data.push(line.slice(6));
    } else if (line.startsWith("id: ")) {
      this.lastId = line.slice(4);
      this.torn = this.data.length > 0;
    } else if (line.startsWith("retry: ")) {
      this.retries.push(Number(line.slice(7)));
    } else if (line.startsWith(":")) {
      this.comments++;
    }
  }

  /** All signals that were patched, in order. */
  get signals() {
    return this.events.map((data) => JSON.parse(data.map((d) => d.slice("signals ".length)).join("\n")));
  }
}

class Client extends Reader {
  constructor() {
    super();
    this.ended = new Promise((resolve) => (this.resolve = resolve));
  }

  /** The stream is over: "clean", "cut" by the server, or "left" by us. */
  over(how) {
    this.how ??= how;
    this.resolve(this.how);
  }

  /** Reads `left` bytes more (or one more, lest the line break behind an id is torn from the next: that is the one place where a cut
   * loses an event), and then leaves. */
  take(bytes) {
    if (this.left === undefined) {
      this.feed(bytes);
      return;
    }
    for (let at = 0; at < bytes.length && this.how === undefined; ) {
      const n = Math.min(Math.max(this.left, 1), bytes.length - at);
      this.feed(bytes.subarray(at, at + n));
      at += n;
      this.left -= n;
      if (this.left <= 0 && !this.torn) {
        this.cut();
      }
    }
  }

  cut() {
    this.over("left");
    this.destroy();
  }
}

function follow(client, stream) {
  stream.on("data", (bytes) => client.how === undefined && client.take(bytes));
  stream.on("end", () => client.over(stream.complete === false ? "cut" : "clean"));
  stream.on("error", () => client.over("cut"));
  stream.on("aborted", () => client.over("cut"));
  stream.on("close", () => client.over("cut"));
}

function openHttp1(server, client, target, headers, ca) {
  return new Promise((resolve, reject) => {
    const module = server.url.startsWith("https") ? https : http;
    const request = module.get({ host: "127.0.0.1", port: server.port, path: target, headers, agent: false, ca });
    client.destroy = () => request.destroy();
    client.request = request;
    request.on("error", (error) => (client.status === undefined ? reject(error) : client.over("cut")));
    request.on("response", (response) => {
      client.status = response.statusCode;
      client.response = response;
      follow(client, response);
      resolve(client);
    });
  });
}

function openHttp2(session, client, target, headers) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": target, ...headers });
    client.destroy = () => stream.close(8);
    client.response = stream;
    stream.on("response", (fields) => {
      client.status = fields[":status"];
      resolve(client);
    });
    stream.on("error", (error) => (client.status === undefined ? reject(error) : client.over("cut")));
    stream.on("data", (bytes) => client.how === undefined && client.take(bytes));
    stream.on("end", () => client.over("clean"));
    stream.on("close", () => client.over("cut"));
  });
}

/** Opens a stream. @param after  leave behind so many bytes. @param session  of openSession(): HTTP/2. */
export async function open(server, target, { lastId = "", after, session, ca } = {}) {
  const client = new Client();
  const headers = { "datastar-request": "true", ...(lastId ? { "last-event-id": lastId } : {}) };
  client.left = after;
  client.lastId = lastId;
  return session ? openHttp2(session, client, target, headers) : openHttp1(server, client, target, headers, ca);
}

/** One request of its own. */
export function ask(server, method, target, { ca } = {}) {
  return new Promise((resolve, reject) => {
    const module = server.url.startsWith("https") ? https : http;
    const request = module.request({ host: "127.0.0.1", port: server.port, path: target, method, agent: false, ca }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    request.on("error", reject);
    request.end();
  });
}

export async function counts(server, options) {
  return JSON.parse((await ask(server, "GET", "/counts", options)).body);
}

/** The metrics that begin with cstar_live_, without that, as numbers. */
export async function liveMetrics(server, options) {
  const { body } = await ask(server, "GET", "/metrics", options);
  const found = {};
  for (const [, name, value] of body.matchAll(/^cstar_live_(\w+) (\d+)$/gm)) {
    found[name] = Number(value);
  }
  return found;
}

/** Checks that `signals` continue `at`, {topic: n}, one by one; a view begins anew. Moves `at`. */
export function continues(at, signals) {
  for (const s of signals) {
    if (s.view) {
      Object.assign(at, s.view);
    } else if (s.t !== undefined) {
      ok(at[s.t] !== undefined, `a view first: ${JSON.stringify(s).slice(0, 80)}`);
      equal(s.n, at[s.t] + 1, `${s.t} behind ${at[s.t]}`);
      at[s.t] = s.n;
    }
  }
}
