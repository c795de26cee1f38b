// process.test.mjs -- the example programs as processes: flags, environment, signals, and what they hold on to.
// ctest: timeout=120 labels=threads cost=24
//
// SPDX-License-Identifier: MIT
import { existsSync, readFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { launch, root, run, start } from "../node/lib/program.mjs";
import { connect, exchange, head, post } from "../node/lib/wire.mjs";

const increment = "/counter/_event/increment";
const up = post(increment, '{"count":41}');
const version = /CSTAR_VERSION "([^"]+)"/.exec(readFileSync(`${root}/include/cstar/base.h`, "utf8"))[1];

// Whether a connection to it is refused. One that was accepted by the kernel only, and then cut, counts too.
const isRefused = (port) => new Promise((resolve) => {
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => (socket.destroy(), resolve(false)));
  socket.on("error", () => resolve(true));
});
const refusing = (server) => until("new connections to be refused", () => isRefused(server.port));

// ---- command line -------------------------------------------------------------------------------

await test("--help and --version say it on stdout and exit with 0", async () => {
  const help = run("hello", ["--help"]);
  equal([help.status, help.stderr], [0, ""]);
  for (const word of ["usage: hello", "--listen", "--workers", "--datastar", "--help", "--version", "CSTAR_LISTEN"]) {
    ok(help.stdout.includes(word), word);
  }
  const said = run("hello", ["--version"]);
  equal([said.status, said.stdout, said.stderr], [0, `cstar ${version}\n`, ""]);
});

await test("--routes prints the app's routes on stdout, serves nothing and exits with 0", async () => {
  const said = run("counter", ["--routes", "--listen", "no address at all"]);
  equal([said.status, said.stderr], [0, ""]);
  const rows = said.stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  const event = rows.find((row) => row[2] === "event");
  ok(rows.some((row) => row[0] === "GET" && row[1] === "/counter" && row[2] === "page"), said.stdout);
  equal(event.slice(0, 2), ["POST,GET,PUT,PATCH,DELETE", "/counter/_event/:event"]);
  match(event[3], /^\w+: .*increment/);
});

await test("bad usage exits with 2 and names what is wrong on stderr", async () => {
  const cases = [
    [["--nonsense"], /unknown option: --nonsense/],
    [["--listen"], /needs a value: --listen/],
    [["--workers", "0"], /--workers: '0' is no number from 1 to 1024/],
    [["--workers", "-1"], /--workers: '-1' is no number/],
    [["--workers="], /--workers: '' is no number/],
    [["--idle-timeout", "10x"], /--idle-timeout: '10x' is no duration: use 10s, 500ms, 2m/],
    [["--max-body", "1T"], /--max-body: '1T' is no size: use 64k/],
    [["--access-format=xml"], /--access-format: 'xml' is none of combined\|common\|json/],
    [["--help=yes"], /takes no value: --help=yes/],
    [["stray"], /unexpected argument: stray/],
    [["-h"], /unexpected argument: -h/],
    [["--"], /unknown option: --/],
  ];
  for (const [args, expected] of cases) {
    const { status, stdout, stderr } = run("hello", args);
    equal([status, stdout], [2, ""], args.join(" "));
    match(stderr, expected);
    match(stderr, /^hello: .*\n$/); // one line
  }
  const many = run("hello", [], { env: { CSTAR_WORKERS: "many" } });
  equal([many.status, many.stderr], [2, "hello: CSTAR_WORKERS: 'many' is no number from 1 to 1024\n"]);
});

await test("an address that can't be had exits with 1 and names it", async () => {
  const cases = ["nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1:80", "256.256.256.256:0", "192.0.2.1:0"];
  for (const address of cases) {
    const { status, stdout, stderr } = run("hello", ["--listen", address]);
    equal([status, stdout], [1, ""], address);
    ok(/^hello: listen: .*\n$/.test(stderr) && stderr.includes(address.replace(/:0$/, "")), stderr);
  }
});

await test("a taken port exits with 1 and names the address", async () => {
  const first = await start("hello");
  for (const workers of ["1", "2"]) {
    const second = run("hello", ["--listen", `127.0.0.1:${first.port}`, "--workers", workers]);
    equal([second.status, second.stdout], [1, ""]);
    match(second.stderr, new RegExp(`^hello: listen: can't listen on 127\\.0\\.0\\.1 port ${first.port}: .*in use\\n$`));
  }
  equal((await exchange(first.port, head("GET /"))).status, 200);
  await first.stop();
});

await test("a Datastar file that can't be read exits with 1 and names it", async () => {
  for (const file of ["/nonexistent/datastar.js", "/"]) {
    const { status, stdout, stderr } = run("hello", ["--listen", "127.0.0.1:0", "--datastar", file]);
    equal([status, stdout], [1, ""]);
    ok(stderr.startsWith("hello: datastar: ") && stderr.includes(file), stderr);
  }
});

await test("an access log that can't be written exits with 1 and names it", async () => {
  const { status, stdout, stderr } = run("hello", ["--listen", "127.0.0.1:0", "--access-log", "/nonexistent/access.log"]);
  equal([status, stdout], [1, ""]);
  match(stderr, /^hello: access_log: can't write to \/nonexistent\/access\.log: No such file/);
});

await test("limits of size and time arrive where they work", async () => {
  const server = await start("hello", ["--max-line", "100", "--max-header-bytes=200", "--max-headers", "3", "--header-timeout=1s"]);
  const status = async (request) => {
    const c = await connect(server.port);
    const answer = await c.send(request).response();
    c.vanish();
    return answer.status;
  };
  equal(await status(head(`GET /?${"x".repeat(60)}`)), 200);
  equal(await status(head(`GET /?${"x".repeat(100)}`)), 414);
  equal(await status(head("GET /", `X: ${"x".repeat(200)}`)), 431);
  equal(await status(head("GET /", "A: 1", "B: 2", "C: 3")), 431); // Host is one more
  equal(await status("GET / HTTP/1.1\r\n"), 408);
  await server.stop();
});

await test("health says 503 once the server is to stop, to who is still connected", async () => {
  const server = await start("hello", ["--workers", "1"]);
  equal((await exchange(server.port, head("GET /healthz"))).body, "ok\n");
  const c = await connect(server.port);
  equal((await c.send(head("GET /healthz")).response()).status, 200);
  c.send("GET /healthz HTTP/1.1\r\n"); // it has begun, so it may finish
  await until("the bytes to be read", async () => (await exchange(server.port, head("GET /"))).status === 200);
  server.signal("SIGTERM");
  await refusing(server);
  const answer = await c.send("Host: test\r\n\r\n").response();
  equal([answer.status, answer.body, answer.headers["cache-control"]], [503, "draining\n", "no-store"]);
  await c.closed();
  await server.ended({ seconds: 5 });
  const without = await start("hello", ["--health", "off"]);
  equal((await exchange(without.port, head("GET /healthz"))).status, 404);
  await without.stop();
});

await test("--log-level: what is said on standard error", async () => {
  for (const [level, expected] of [["info", /refused a request: 400/], ["warning", /^$/]]) {
    const server = await start("hello", ["--log-level", level]);
    equal((await exchange(server.port, "nonsense\r\n\r\n")).status, 400);
    await server.stop();
    match(server.stderr, expected);
  }
});

await test("the environment sets what flags can, and flags win", async () => {
  const server = await launch("hello", [], { env: { CSTAR_LISTEN: "127.0.0.1:0", CSTAR_WORKERS: "3" } }).listening();
  equal((await exchange(server.port, head("GET /"))).status, 200);
  equal(listeners(server.port), 3);
  await server.stop();
  const other = await launch("hello", ["--listen=127.0.0.1:0"], { env: { CSTAR_LISTEN: "nonsense" } }).listening();
  await other.stop();
});

// ---- workers ------------------------------------------------------------------------------------

// Listening sockets of a port on 127.0.0.1, as the kernel lists them.
function listeners(port) {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").map((line) => line.trim().split(/\s+/));
  return lines.filter((f) => f[1] === local && f[3] === "0A").length;
}

await test("two workers: both listen, and both work", async () => {
  const server = await start("counter", ["--workers", "2"]);
  equal(listeners(server.port), 2);
  await until("the second worker's thread", () => server.tasks().length >= 2);
  const turns = (task) => server.statusOf("voluntary_ctxt_switches", task);
  const before = new Map(server.tasks().map((task) => [task, turns(task)]));
  for (let round = 0; round < 20; round++) {
    const all = await Promise.all(Array.from({ length: 20 }, () => connect(server.port)));
    for (const c of all) { // one after the other: each wakes its worker
      equal((await c.send(up).response()).status, 200);
    }
    all.forEach((c) => c.vanish());
  }
  const busy = [...before].filter(([task, n]) => turns(task) - n > 40);
  ok(busy.length >= 2, `${busy.length} of ${before.size} threads worked`);
  await server.stop();
});

await test("one worker per core unless told otherwise, never none", async () => {
  const server = await start("hello");
  ok(listeners(server.port) >= 1);
  await server.stop();
  const many = await start("hello", ["--workers", "64"]);
  equal(listeners(many.port), 64);
  equal((await exchange(many.port, head("GET /"))).status, 200);
  await many.stop("SIGTERM");
});

await test("IPv6 and names", async () => {
  const v4 = await launch("hello", ["--listen", "localhost:0", "--workers", "1"]).listening();
  match(v4.url, /^http:\/\/localhost:\d+$/);
  await v4.stop();
  const any = await launch("hello", ["--listen", ":0", "--workers", "1"]).listening();
  equal((await exchange(any.port, head("GET /"))).status, 200);
  await any.stop();
  const root = process.getuid() === 0;
  equal([v4.stderr, any.stderr], ["", root ? "hello: warning: running as root, and strangers can connect\n" : ""]);
  if (existsSync("/proc/net/if_inet6") && readFileSync("/proc/net/if_inet6", "utf8").includes("0".repeat(31) + "1 ")) {
    const v6 = await launch("hello", ["--listen", "[::1]:0", "--workers", "1"]).listening();
    match(v6.url, /^http:\/\/\[::1\]:\d+$/);
    const c = await connect(v6.port, "::1");
    equal((await c.send(head("GET /")).response()).status, 200);
    c.vanish();
    await v6.stop();
  }
});

// ---- stopping -----------------------------------------------------------------------------------

for (const signal of ["SIGINT", "SIGTERM"]) {
  await test(`${signal}: stops at once when nothing runs`, async () => {
    const server = await start("hello");
    server.signal(signal);
    await server.ended({ seconds: 5 });
    equal(server.stderr, "");
    ok(await isRefused(server.port));
  });

  await test(`${signal}: in the moment it listens, too`, async () => {
    for (let n = 0; n < 20; n++) {
      const server = await start("hello", ["--workers", "4"]);
      server.signal(signal); // while its workers' threads are being born
      await server.ended({ seconds: 10 });
    }
  });

  await test(`${signal}: what is under way is finished, idle connections are closed, new ones refused`, async () => {
    const server = await start("counter", ["--workers", "2"]);
    const idle = await Promise.all(Array.from({ length: 8 }, () => connect(server.port)));
    for (const c of idle) {
      equal((await c.send(up).response()).status, 200);
    }
    const fresh = await connect(server.port); // has never sent a byte
    const body = '{"count":41}';
    const uploads = await Promise.all(Array.from({ length: 4 }, () => connect(server.port)));
    for (const c of uploads) {
      c.send(head(`POST ${increment}`, `Content-Length: ${body.length}`, "Expect: 100-continue"));
      equal((await c.response()).status, 100); // so the server is in the middle of it
      c.send(body.slice(0, 5));
    }
    server.signal(signal);
    await Promise.all([...idle, fresh].map((c) => c.closed()));
    await refusing(server);
    equal(server.status, undefined); // still there
    for (const c of uploads) {
      c.send(body.slice(5));
      const answer = await c.response();
      equal([answer.status, answer.headers.connection], [200, "close"]);
      match(answer.body, /"count":42/);
      await c.closed();
    }
    await server.ended({ seconds: 5 });
  });
}

await test("workers block SIGPIPE alone: programs that handlers start inherit it, and are to be stopped", async () => {
  const server = await start("hello", ["--workers", "4"]);
  equal((await exchange(server.port, head("GET /"))).status, 200);
  const mask = (task) => BigInt(`0x${/^SigBlk:\s+(\w+)/m.exec(readFileSync(`/proc/${server.pid}/task/${task}/status`, "utf8"))[1]}`);
  const pipe = 1n << BigInt(os.constants.signals.SIGPIPE - 1);
  await until("four workers with that mask", () => server.tasks().filter((task) => mask(task) === pipe).length === 4);
  await server.stop();
});

// One client and many workers: the worker that hears signals is most likely through long before the one that is cut.
for (const [workers, clients] of [[1, 4], [2, 4], [16, 1]]) {
  await test(`a second signal cuts what still runs: ${workers} workers, ${clients} clients`, async () => {
    for (const [first, second] of [["SIGINT", "SIGINT"], ["SIGTERM", "SIGINT"], ["SIGTERM", "SIGTERM"]]) {
      const server = await start("counter", ["--workers", String(workers)]);
      const stuck = await Promise.all(Array.from({ length: clients }, () => connect(server.port)));
      for (const c of stuck) {
        c.send(head(`POST ${increment}`, "Content-Length: 100", "Expect: 100-continue"));
        equal((await c.response()).status, 100);
      }
      server.signal(first);
      await refusing(server);
      equal(server.status, undefined);
      const began = Date.now();
      server.signal(second);
      await Promise.all(stuck.map((c) => c.closed({ reset: true })));
      await server.ended({ seconds: 5 });
      const took = Date.now() - began;
      ok(took < 5000, `${took} ms`); // without it, they would be cut after ten seconds
    }
  });
}

await test("a client that never finishes is cut after ten seconds", async () => {
  const server = await start("counter", ["--workers", "1"]);
  const c = await connect(server.port);
  c.send(head(`POST ${increment}`, "Content-Length: 100", "Expect: 100-continue"));
  equal((await c.response()).status, 100);
  const began = Date.now();
  server.signal("SIGTERM");
  await c.closed({ reset: true });
  await server.ended();
  const took = Date.now() - began;
  ok(took > 9000 && took < 15000, `${took} ms`);
  match(server.stderr, /1 connections? did not finish in time/);
});

await test("a stop under load: every request is answered whole or not at all", async () => {
  const server = await start("counter", ["--workers", "2"]);
  let answered = 0;
  const hammer = async () => {
    for (;;) {
      let c;
      try {
        c = await connect(server.port);
        for (let n = 0; n < 5; n++) {
          const answer = await c.send(up).response(); // throws for half an answer
          equal(answer.status, 200);
          answered++;
        }
        c.vanish();
      } catch (error) {
        c?.vanish();
        if (c === undefined || c.input.length === 0) {
          return; // refused, or ended between two answers
        }
        throw error;
      }
    }
  };
  const hammers = Array.from({ length: 16 }, hammer);
  await until("some answers", () => answered > 200);
  server.signal("SIGTERM");
  await Promise.all(hammers);
  await server.ended({ seconds: 5 });
});

// ---- what it holds on to ------------------------------------------------------------------------

await test("descriptors: as many after two thousand connections as before", async () => {
  const server = await start("counter");
  equal((await exchange(server.port, up)).status, 200);
  const idle = async () => {
    let last = -1;
    await until("the number of descriptors to settle", () => {
      const now = server.fds();
      const same = now === last;
      last = now;
      return same;
    });
    return last;
  };
  const before = await idle();
  for (let n = 0; n < 2000; n += 50) {
    const all = await Promise.all(Array.from({ length: 50 }, () => connect(server.port)));
    await Promise.all(all.map(async (c, i) => {
      if (i % 5 !== 0) {
        equal((await c.send(up).response()).status, 200);
      }
      c.vanish({ reset: i % 3 === 0 });
    }));
  }
  await until("the descriptors to be closed", () => server.fds() <= before);
  await server.stop();
});

await test("memory: twenty thousand requests leave none behind", async () => {
  const server = await start("counter", ["--workers", "1"]);
  const conns = await Promise.all(Array.from({ length: 4 }, () => connect(server.port)));
  const burst = up.repeat(50);
  const answer = await conns[0].send(up).response();
  equal(answer.status, 200);
  const load = (requests) => Promise.all(conns.map(async (c) => {
    for (let n = 0; n < requests / conns.length; n += 50) {
      c.send(burst);
      for (let i = 0; i < 50; i++) {
        equal((await c.response()).body, answer.body);
      }
    }
  }));
  await load(4000); // what grows once may grow
  const before = server.statusOf("VmRSS");
  await load(20000);
  const growth = server.statusOf("VmRSS") - before;
  const bound = server.sanitized ? 65536 : 512; // a sanitizer keeps what is freed for a while
  ok(growth <= bound, `the resident set grew by ${growth} kB`);
  conns.forEach((c) => c.vanish());
  await server.stop();
}, { seconds: 50 });

await test("memory: large bodies are given back", async () => {
  const server = await start("counter", ["--workers", "1"]);
  const large = post(increment, `{"count":1,"x":"${"x".repeat(900000)}"}`);
  const send = async () => {
    const c = await connect(server.port);
    equal((await c.send(large).response()).status, 200);
    c.vanish();
  };
  for (let n = 0; n < 5; n++) {
    await send();
  }
  const before = server.statusOf("VmRSS");
  for (let n = 0; n < 60; n++) {
    await send();
  }
  const growth = server.statusOf("VmRSS") - before;
  ok(growth <= (server.sanitized ? 400000 : 4096), `the resident set grew by ${growth} kB`);
  await server.stop();
});

finish();
