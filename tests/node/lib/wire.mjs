// wire.mjs -- HTTP/1.1 as seen from the other end: bytes as they are on a socket, and Node's own client.
//
//     const c = await connect(server.port);
//     c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
//     const answer = await c.response();       // {version, status, reason, headers, body}
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import net from "node:net";
import tls from "node:tls";

/** What belongs between a method with its target and the fields of a test. */
export const head = (line, ...fields) => `${line} HTTP/1.1\r\nHost: test\r\n${fields.map((f) => `${f}\r\n`).join("")}\r\n`;

/** A whole POST with signals. */
export const post = (target, body, ...fields) =>
  head(`POST ${target}`, `Content-Length: ${Buffer.byteLength(body)}`, ...fields) + body;

class Wire {
  constructor(socket) {
    this.socket = socket;
    this.input = Buffer.alloc(0);
    this.waiting = [];
    const wake = () => this.waiting.splice(0).forEach((resolve) => resolve());
    socket.on("data", (data) => {
      this.input = this.input.length ? Buffer.concat([this.input, data]) : data;
      wake();
    });
    socket.on("end", () => ((this.over = true), wake()));
    socket.on("close", () => ((this.over = true), (this.gone = true), wake()));
    socket.on("error", (error) => ((this.error = error), (this.over = true), wake()));
  }

  send(bytes) {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes);
    return this;
  }

  /** Waits until `found()` is neither undefined nor false; an Error if the server closes before. */
  async await(what, found) {
    for (;;) {
      const value = found();
      if (value !== undefined && value !== false) {
        return value;
      }
      if (this.over) {
        throw new Error(`connection ended${this.error ? ` (${this.error.code})` : ""} before ${what}; ` +
          `there is ${JSON.stringify(this.input.toString("latin1").slice(0, 300))}`);
      }
      await new Promise((resolve) => this.waiting.push(resolve));
    }
  }

  take(n) {
    const bytes = this.input.subarray(0, n);
    this.input = this.input.subarray(n);
    return bytes;
  }

  /** Exactly `n` bytes. */
  async bytes(n, what = `${n} bytes`) {
    await this.await(what, () => this.input.length >= n);
    return this.take(n);
  }

  async responseHead() {
    const end = await this.await("the end of a head", () => {
      const at = this.input.indexOf("\r\n\r\n");
      return at >= 0 ? at : undefined;
    });
    const [line, ...fields] = this.take(end + 4).toString("latin1").trimEnd().split("\r\n");
    const [, version, status, reason] = /^HTTP\/(\d\.\d) (\d{3}) (.*)$/.exec(line) ?? [];
    if (!version) {
      throw new Error(`no status line: ${JSON.stringify(line)}`);
    }
    const headers = {};
    for (const field of fields) {
      const [, name, value] = /^([^:\s]+): (.*)$/.exec(field) ?? [];
      if (name === undefined || name.toLowerCase() in headers) {
        throw new Error(`malformed or repeated field: ${JSON.stringify(field)}`);
      }
      headers[name.toLowerCase()] = value;
    }
    return { version, status: Number(status), reason, headers };
  }

  /** The next response. All of this server's have a Content-Length or no body. @param method  "HEAD" for a response to that. */
  async response(method = "GET") {
    const answer = await this.responseHead();
    const bare = method === "HEAD" || answer.status === 204 || answer.status === 304 || answer.status === 100;
    const length = answer.headers["content-length"];
    if (!bare && !/^\d+$/.test(length ?? "")) {
      throw new Error(`no Content-Length: ${JSON.stringify(answer)}`);
    }
    answer.body = bare ? "" : (await this.bytes(Number(length), "the end of a body")).toString("utf8");
    return answer;
  }

  /** The server's end, behind nothing but what was read; cleanly unless `reset` is allowed. */
  async closed({ reset = false } = {}) {
    while (!this.over) {
      await new Promise((resolve) => this.waiting.push(resolve));
    }
    if (this.input.length !== 0) {
      throw new Error(`more bytes: ${JSON.stringify(this.input.toString("latin1").slice(0, 300))}`);
    }
    if (this.error && !reset) {
      throw new Error(`the connection was reset: ${this.error.code}`);
    }
    this.socket.destroy();
  }

  end() {
    this.socket.end();
  }

  /** Goes away without a word; as a reset if `reset`. */
  vanish({ reset = false } = {}) {
    if (reset && this.socket.resetAndDestroy) {
      this.socket.resetAndDestroy();
    } else {
      this.socket.destroy();
    }
  }
}

/** The same on a socket that somebody else has connected. */
export const overSocket = (socket) => new Wire(socket);

export function connect(port, host = "127.0.0.1") {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host, noDelay: true, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new Wire(socket));
    });
  });
}

/** The same over TLS, once the handshake is done. @param options  of tls.connect(): ca, servername, ALPNProtocols ... */
export function connectTls(port, { host = "127.0.0.1", ...options } = {}) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host, allowHalfOpen: true, ...options });
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      socket.off("error", reject);
      resolve(new Wire(socket));
    });
  });
}

/** One request on a connection of its own: bytes out, one response back, and whether the server then closes. */
export async function exchange(port, bytes, method) {
  const c = await connect(port);
  c.send(bytes);
  const answer = await c.response(method);
  c.vanish();
  return answer;
}

/** A request by Node's client. @return {status, headers, body}. */
export function request(port, { method = "GET", path = "/", headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const r = http.request({ host: "127.0.0.1", port, method, path, headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (text += piece));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    r.on("error", reject);
    r.end(body);
  });
}
