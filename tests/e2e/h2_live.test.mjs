// h2_live.test.mjs -- HTTP/2 clients that play with the windows and frames of live streams; the frames are made in h2_live.py.
// ctest: timeout=180 labels=threads
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { equal, finish, ok, skip, test, until } from "../node/lib/check.mjs";
import { answerOf, openSession } from "../node/lib/h2.mjs";
import { root, start } from "../node/lib/program.mjs";
import { counts, liveMetrics } from "../node/lib/reader.mjs";

// Debian's packages belong to Debian's Python, which need not be the first on the PATH.
const canImport = (python) => spawnSync(python, ["-c", "import h2, hpack, hyperframe"]).status === 0;
const python = [process.env.PYTHON, "python3", "/usr/bin/python3"].find((name) => name && canImport(name)) ??
  skip("no Python with h2 and hyperframe (Debian: python3-h2): HOSTILE HTTP/2 STREAMS ARE NOT TESTED");

// One worker, so that all streams of a case meet in one machine.
const server = await start("live-server", ["--workers", "1", "--max-streams", "3000", "--metrics", "/metrics"]);
const fds = server.fds();

function hostile() {
  return new Promise((resolve, reject) => {
    const child = spawn(python, ["-I", path.join(root, "tests/e2e/h2_live.py"), String(server.port)], { stdio: ["ignore", "pipe", "pipe"] });
    process.on("exit", () => child.kill("SIGKILL"));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, said }));
  });
}

await test("every case: streams that stay miss nothing, those that were reset are gone, others are answered", async () => {
  const { status, said } = await hostile();
  if (process.env.VERBOSE) {
    console.log(said);
  }
  const failures = said.split("\n").filter((line) => line && !line.startsWith("passed: ")).join("\n");
  ok(status === 0 && failures === "", failures || `exit status ${status}`);
  ok(said.split("passed: ").length > 10, said);
}, { seconds: 150 });

await test("each stream with callbacks was told its end once, and no connection is left", async () => {
  const n = await counts(server);
  equal(n.over, n.opened);
  ok(n.opened > 2000, n.opened);
  await until("the descriptors to be closed", () => server.fds() <= fds);
});

await test("a server that stops ends two thousand streams of one connection, each with its end", async () => {
  const session = await openSession(server.url, { settings: { initialWindowSize: 65535 } });
  session.setLocalWindowSize?.(1 << 24);
  const ends = Array.from({ length: 2000 }, (_, i) => answerOf(session.request({ ":path": i % 2 ? "/listen/t" : "/hear/t?slim=1" })));
  await until("all streams", async () => (await liveMetrics(server)).streams === 2000);
  await server.stop();
  for (const answer of await Promise.all(ends)) { // a reset would have rejected
    equal(answer.status, 200);
  }
  await session.gone;
});
finish();
