// tls.mjs -- folders that vanish with the test, certificates made on the spot, and the development CA of a server.
//
//     const env = privateCache();                             // for start(): nothing of the user's is read or written
//     const server = await start("counter", ["--tls"], { env });
//     await connectTls(server.port, { ca: devCa(env) });
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { X509Certificate, createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { skip } from "./check.mjs";

/** A folder that is removed when the program ends. */
export function scratch() {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cstar-test-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Variables for a server that is to find no certificate and no CA (mkcert's neither) but those it makes. */
export function privateCache() {
  const folder = scratch();
  return { XDG_CACHE_HOME: folder, XDG_DATA_HOME: folder, HOME: folder, CAROOT: "" };
}

/** A file of those that a server with --tls has made. */
export const devFile = (env, name) => path.join(env.XDG_CACHE_HOME, "cstar/tls", name);
export const devCa = (env) => readFileSync(devFile(env, "ca.pem"));

/** What --ignore-certificate-errors-spki-list of Chromium wants: SHA-256 of the public key, in base64. */
export function keyHash(pem) {
  const key = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

function openssl(...args) {
  const { status, error, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  if (error?.code === "ENOENT") {
    skip("the program openssl is not installed: no certificates to test with");
  }
  if (status !== 0) {
    throw new Error(`openssl ${args[0]}: ${stderr ?? error}`);
  }
}

/** A self-signed certificate for `name`: {cert, key}, both files; `more` are arguments of `openssl req`. */
export function makeCert(folder, name, { file = name, more = ["-nodes"] } = {}) {
  const made = { cert: path.join(folder, `${file}.pem`), key: path.join(folder, `${file}-key.pem`) };
  openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", made.key, "-out", made.cert,
    "-days", "30", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, ...more);
  return made;
}

/** The first bytes of a handshake, as Node's client sends them. */
export function clientHello() {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.once("data", (bytes) => {
        socket.destroy();
        server.close();
        resolve(bytes);
      });
      socket.on("error", () => {});
    });
    server.listen(0, "127.0.0.1", () => {
      const client = tls.connect({ port: server.address().port, host: "127.0.0.1", ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false });
      client.on("error", () => {});
    });
    server.on("error", reject);
  });
}
