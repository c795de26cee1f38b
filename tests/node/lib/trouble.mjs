// trouble.mjs -- what the tests of misbehaving clients share: tests/programs/limits-server in clear and over TLS, connections to
// either, and a well-behaved client to say whether others are served meanwhile.
//
//     const plain = await startLimits(["--header-ms", "300"]);
//     const secure = await startLimits(["--header-ms", "300"], { tls: true });
//     const c = await dial(secure);                   // a wire.mjs connection
//     await served(secure);
//
// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { equal, until } from "./check.mjs";
import { start } from "./program.mjs";
import { makeCert, scratch } from "./tls.mjs";
import { connect, head, overSocket } from "./wire.mjs";

let pair; // one certificate for all servers of a test

/** limits-server on a free port. @param tls  with a certificate of its own; server.ca trusts it. */
export async function startLimits(args = [], { tls = false, workers = 1 } = {}) {
  const more = ["--workers", String(workers), ...args];
  if (tls) {
    pair ??= makeCert(scratch(), "localhost");
    more.push("--cert", pair.cert, "--key", pair.key);
  }
  const server = await start("limits-server", more);
  server.ca = tls ? readFileSync(pair.cert) : undefined;
  server.rest = server.fds(); // without any connection
  return server;
}

/** A connection that speaks HTTP/1.1, over TLS where the server does; `raw` is its TCP socket. */
export async function dial(server) {
  if (!server.ca) {
    const c = await connect(server.port);
    c.raw = c.socket;
    return c;
  }
  const raw = await dialRaw(server);
  const c = overSocket(await secured(server, raw));
  c.raw = raw;
  return c;
}

/** TLS over a socket, once the handshake is done. */
export function secured(server, raw, ALPNProtocols = ["http/1.1"]) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ socket: raw, ca: server.ca, servername: "localhost", ALPNProtocols, allowHalfOpen: true });
    const refused = (error) => reject(new Error(`in the handshake: ${error.message}`));
    socket.once("error", refused);
    socket.once("secureConnect", () => {
      socket.off("error", refused);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** Gone without a word; what came and was not read is lost. @param reset  by RST, where this Node can (18.3). */
export function leave(raw, reset) {
  if (reset && raw.resetAndDestroy) {
    raw.resetAndDestroy();
  } else {
    raw.destroy();
  }
}

/** A socket whose input nobody reads, to the port as it is. A reset is no failure. */
export function dialRaw(server) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port: server.port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** A client that does nothing wrong gets its answer. */
export async function served(server) {
  const c = await dial(server);
  const answer = await c.send(head("GET /quick")).response();
  equal([answer.status, answer.body], [200, "quick"]);
  c.vanish();
}

/** What /big/n answers. */
export function alphabet(n) {
  return "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(n / 26)).slice(0, n);
}

/** A body for /take, and what that answers. */
export function upload(n) {
  const body = randomBytes(n);
  return { body, answer: `${n} bytes, sum ${body.reduce((sum, byte) => sum + byte, 0)}` };
}

/** A POST's head for `n` bytes of /take. */
export const takeHead = (n) => head("POST /take", `Content-Length: ${n}`, "Content-Type: application/octet-stream");

/** Descriptors: exactly as many as before the first connection. */
export const fdsBack = (server) => until(`${server.rest} descriptors, as before`, () => server.fds() === server.rest, { seconds: 15 });
