// h2_hostile.test.mjs -- HTTP/2 frames that no decent client sends; the frames are made in h2_hostile.py.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { equal, finish, match, ok, skip, test, until } from "../node/lib/check.mjs";
import { datastarClient, root, start } from "../node/lib/program.mjs";

// Debian's packages belong to Debian's Python, which need not be the first on the PATH.
const canImport = (python) => spawnSync(python, ["-c", "import h2, hpack, hyperframe"]).status === 0;
const python = [process.env.PYTHON, "python3", "/usr/bin/python3"].find((name) => name && canImport(name)) ??
  skip("no Python with h2 and hyperframe (Debian: python3-h2): HOSTILE HTTP/2 IS NOT TESTED");

// One worker: what malloc keeps after 256 unread answers, it keeps per thread.
const server = await start("counter", ["--datastar", datastarClient(), "--workers", "1"]);

function hostile(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(python, ["-I", path.join(root, "tests/e2e/h2_hostile.py"), String(server.port), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    process.on("exit", () => child.kill("SIGKILL"));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, said }));
  });
}

await test("decent requests, so that memory that is kept once is there", async () => {
  const { status, said } = await hostile("decent");
  equal([status, /passed: decent/.test(said)], [0, true], said);
});

const fds = server.fds();
const before = server.statusOf("VmRSS");

await test("every case: the connection or the stream ends as it should, and the server answers others at once", async () => {
  const { status, said } = await hostile();
  if (process.env.VERBOSE) {
    console.log(said);
  }
  const failures = said.split("\n").filter((line) => line && !line.startsWith("passed: ")).join("\n");
  ok(status === 0 && failures === "", failures || `exit status ${status}`);
  ok(said.split("passed: ").length > 60, said);
}, { seconds: 90 });

await test("the server has grown by less than 16 MB, and holds no connection", async () => {
  const growth = server.statusOf("VmRSS") - before;
  ok(growth < (server.sanitized ? 400000 : 16384), `the resident set grew by ${growth} kB`);
  await until("the descriptors to be closed", () => server.fds() <= fds);
});

await test("what ended a connection is in the log, once each, in few words", () => {
  for (const word of ["rapid reset", "PING or SETTINGS flood", "CONTINUATION flood", "empty frames", "provoked resets"]) {
    ok(server.stderr.includes(word), word);
  }
  const lines = server.stderr.trim().split("\n");
  ok(lines.length < 1500, `${lines.length} lines`); // some connections have a word for each bad request
  lines.forEach((line) => match(line, /^counter: (error|warning|info): [\x20-\x7e]{1,250}$/));
});

await test("the server stops cleanly", () => server.stop());
finish();
