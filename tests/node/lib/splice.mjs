// splice.mjs -- tests/programs/splice-rig as an object: orders go in, each stream's bytes come out.
//
//     const rig = startRig();
//     rig.open(3, (bytes, kind) => response.write(bytes));
//     rig.event({ n: 1 });
//     rig.close(3);                            // kind "tail": nothing comes behind it
//     await rig.end();
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { skip } from "./check.mjs";
import { programPath } from "./program.mjs";

/** Ends the test as skipped in a build without gzip. */
export function needGzip() {
  if (spawnSync(programPath("splice-rig"), { input: "" }).status === 77) {
    skip("this build has no gzip");
  }
}

export function startRig() {
  needGzip();
  const program = programPath("splice-rig");
  const child = spawn(program, { stdio: ["pipe", "pipe", "pipe"] });
  const sinks = new Map();
  const waiting = []; // sinks of streams whose head is yet to come, in order
  let pending = Buffer.alloc(0);
  let stderr = "";

  // One record off the front, if all of it is there.
  const next = () => {
    const line = pending.indexOf(10);
    const [id, size, kind] = line < 0 ? [] : pending.toString("latin1", 0, line).split(" ");
    const end = line + 1 + Number(size);
    if (line < 0 || pending.length < end) {
      return false;
    }
    if (kind === "head") {
      sinks.set(Number(id), waiting.shift()); // from here on the number means the new one
    }
    sinks.get(Number(id))(pending.subarray(line + 1, end), kind);
    pending = pending.subarray(end);
    return true;
  };
  child.stdout.on("data", (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (next());
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const closed = new Promise((resolve) => child.on("close", resolve));
  process.on("exit", () => child.kill("SIGKILL"));

  const order = (...words) => child.stdin.write(`${words.join(" ")}\n`);
  return {
    open: (id, sink) => order("open", waiting.push(sink) && id),
    event: (signals) => order("event", JSON.stringify(signals)),
    own: (id, signals) => order("own", id, JSON.stringify(signals)),
    drop: (id) => order("drop", id),
    close: (id) => order("close", id),
    /** Its end, when all orders are done. */
    async end() {
      child.stdin.end();
      const status = await closed;
      if (status !== 0 || pending.length !== 0 || stderr) {
        throw new Error(`splice-rig: exit status ${status}, ${pending.length} bytes of a record\n${stderr}`);
      }
    },
  };
}
