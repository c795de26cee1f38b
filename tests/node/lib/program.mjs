// program.mjs -- the built programs as processes: start one on a free port, ask the kernel about it, stop it.
//
//     const server = await start("counter", ["--workers", "1"]);
//     ... server.url, server.port, server.fds() ...
//     await server.stop();                     // SIGINT; a failure unless it exits with 0 and no sanitizer has complained
//
// Programs come from CSTAR_BIN (build/bin without it). Whatever still runs when the test ends is killed.
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { skip } from "./check.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const bin = process.env.CSTAR_BIN ?? path.join(root, "build/bin");
const running = new Set();
process.on("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});

const complaint = /runtime error:|(Address|Leak|Thread|UndefinedBehavior|Memory)Sanitizer/;

export function programPath(name) {
  const file = path.join(bin, name);
  if (!existsSync(file)) {
    skip(`${file} is not built`);
  }
  return file;
}

const clientHash = "2837d87acf6ee0ba8e4e63765926c25a98d63883b02f88be194a86b81d3fd24a";

/** The file of the Datastar client, put there by `make client`; ends the test as skipped without it. */
export function datastarClient() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  const file = path.join(cache, "cstar/datastar-v1.0.2.js");
  if (!existsSync(file)) {
    skip(`the Datastar client is not at ${file}; \`make client\` puts it there`);
  }
  if (createHash("sha256").update(readFileSync(file)).digest("hex") !== clientHash) {
    skip(`${file} is not Datastar v1.0.2; \`make client\` replaces it`);
  }
  return file;
}

class Program {
  constructor(child) {
    this.child = child;
    this.pid = child.pid;
    this.stdout = "";
    this.stderr = "";
    running.add(child);
    child.stdout.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    this.exited = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        running.delete(child);
        this.status = code ?? signal;
        resolve(this.status);
      });
    });
  }

  /** The address it prints. */
  async listening() {
    const line = /listening on (https?:\/\/(\S+):(\d+)|unix:(\S+))\n/;
    const heard = new Promise((resolve) => {
      this.child.stdout.on("data", () => line.test(this.stdout) && resolve());
    });
    await Promise.race([heard, this.exited]);
    const found = line.exec(this.stdout);
    if (!found) {
      throw new Error(`it ended with ${this.status} and did not listen: ${this.stderr}`);
    }
    this.url = found[1];
    this.socketPath = found[4];
    if (this.socketPath) {
      return this;
    }
    this.host = found[2].replace(/^\[|\]$/g, "");
    this.port = Number(found[3]);
    return this;
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Its end: the status must be 0. */
  async ended({ seconds = 20 } = {}) {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000, "no end")));
    const status = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (status !== 0 || complaint.test(this.stderr)) {
      this.child.kill("SIGKILL");
      throw new Error(`${path.basename(this.child.spawnfile)}: exit status ${status}\n${this.stderr.slice(-4000)}`);
    }
  }

  async stop(signal = "SIGINT") {
    this.signal(signal);
    await this.ended();
  }

  /** Open descriptors. */
  fds() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** A number of /proc/PID/status, by its name: kilobytes, mostly. */
  statusOf(name, task = this.pid) {
    const text = readFileSync(`/proc/${this.pid}/task/${task}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)[1]);
  }

  tasks() {
    return readdirSync(`/proc/${this.pid}/task`).map(Number);
  }

  /** Whether it was built with a sanitizer, which costs memory and time. */
  get sanitized() {
    return this.statusOf("VmSize") > 1 << 30 || /lib[atu]?[bs]an\.so/.test(readFileSync(`/proc/${this.pid}/maps`, "utf8"));
  }
}

// The settings of whoever runs the tests are no business of the programs.
function cleanEnvironment(extra) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^CSTAR_/.test(name)));
  return { ...env, ...extra };
}

/** Starts a program as it is told, without waiting for anything. @param under  a command that executes it: ["nice"]. */
export function launch(name, args = [], { env = {}, under = [] } = {}) {
  const [command, ...rest] = [...under, programPath(name), ...args];
  return new Program(spawn(command, rest, { env: cleanEnvironment(env), stdio: ["ignore", "pipe", "pipe"] }));
}

/** Starts a server on a free port of 127.0.0.1 and waits until it listens. */
export function start(name, args = [], options = {}) {
  return launch(name, ["--listen", "127.0.0.1:0", ...args], options).listening();
}

/** Runs a program to its end: {status, stdout, stderr}. */
export function run(name, args = [], { env = {} } = {}) {
  return spawnSync(programPath(name), args, { env: cleanEnvironment(env), encoding: "utf8", timeout: 20000 });
}
