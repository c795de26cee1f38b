// process_metrics.test.mjs -- the metrics of a real server: read as strictly as the format is written, and summed up against what was sent.
// ctest: timeout=120 labels=threads
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { start } from "../node/lib/program.mjs";
import { connect, exchange, head, post } from "../node/lib/wire.mjs";

const up = post("/counter/_event/increment", '{"count":41}');

/** Prometheus's text format 0.0.4: {name: {type, samples: Map(labels as text, value)}}; an Error for anything else. */
function parse(text) {
  const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/.source;
  const label = /[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"/.source;
  const sample = new RegExp(`^(${name})(?:\\{(${label}(?:,${label})*)\\})? (\\d+(?:\\.\\d+)?|\\+Inf|NaN)$`);
  const families = {};
  let current;
  let help;
  ok(text.endsWith("\n"), "the last line ends");
  for (const line of text.slice(0, -1).split("\n")) {
    const helps = new RegExp(`^# HELP (${name}) (\\S.*)$`).exec(line);
    const types = new RegExp(`^# TYPE (${name}) (counter|gauge|histogram)$`).exec(line);
    if (helps) {
      ok(!(helps[1] in families), `${helps[1]}: one group each`);
      help = helps[1];
    } else if (types) {
      equal(types[1], help, "HELP before TYPE");
      current = { name: types[1], type: types[2], samples: new Map() };
      families[current.name] = current;
    } else {
      const found = sample.exec(line);
      ok(found, `a sample: ${line}`);
      const base = current.type === "histogram" ? found[1].replace(/_(bucket|sum|count)$/, "") : found[1];
      equal(base, current.name, `within its group: ${line}`);
      const key = (current.type === "histogram" ? found[1].slice(base.length) : "") + (found[2] ?? "");
      ok(!current.samples.has(key), `once: ${line}`);
      current.samples.set(key, found[3] === "+Inf" ? Infinity : Number(found[3]));
    }
  }
  for (const { name: of, type, samples } of Object.values(families)) {
    ok(samples.size > 0, of);
    ok((type === "counter") === of.endsWith("_total"), `${of} is a ${type}`);
    if (type === "histogram") {
      checkHistogram(samples);
    }
  }
  return families;
}

function checkHistogram(samples) {
  let limit = -1;
  let count = -1;
  for (const [key, value] of samples) {
    const le = /^_bucketle="([^"]+)"$/.exec(key)?.[1];
    if (le === undefined) {
      continue;
    }
    const next = le === "+Inf" ? Infinity : Number(le);
    ok(next > limit && value >= count, key);
    [limit, count] = [next, value];
  }
  equal(limit, Infinity);
  equal(samples.get("_count"), count);
  ok(samples.get("_sum") >= 0);
}

async function scrape(server) {
  const answer = await exchange(server.port, head("GET /metrics"));
  equal([answer.status, answer.headers["content-type"]], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  return parse(answer.body);
}

const classes = (m) => ["2xx", "3xx", "4xx", "5xx", "none"].map((c) => m.cstar_http_requests_total.samples.get(`class="${c}"`));

await test("off unless asked for", async () => {
  const server = await start("hello");
  equal((await exchange(server.port, head("GET /metrics"))).status, 404);
  await server.stop();
});

await test("every request is counted once, over all workers", async () => {
  const server = await start("counter", ["--workers", "2", "--metrics", "/metrics"]);
  equal(classes(await scrape(server)), [0, 0, 0, 0, 0]);
  await Promise.all(Array.from({ length: 10 }, async () => {
    const c = await connect(server.port);
    for (let n = 0; n < 30; n++) {
      equal((await c.send(up).response()).status, 200);
    }
    equal((await c.send(head("GET /nope")).response()).status, 404);
    c.vanish();
  }));
  equal((await exchange(server.port, "nonsense\r\n\r\n")).status, 400);
  const left = await connect(server.port);
  left.send(head("POST /counter/_event/increment", "Content-Length: 100", "Expect: 100-continue"));
  equal((await left.response()).status, 100);
  const during = await scrape(server);
  equal(during.cstar_http_requests_active.samples.get(""), 2); // that one and the scrape
  left.vanish();
  const seen = await until("the client to be gone", async () => {
    const m = await scrape(server);
    return classes(m)[4] === 1 ? m : undefined;
  });
  const [good, moved, bad, broken] = classes(seen);
  ok(good >= 302, `${good}`); // and the scrapes
  equal([moved, bad, broken], [0, 10, 0]);
  equal(seen.cstar_http_refused_total.samples.get(""), 1);
  equal(seen.cstar_http_request_duration_seconds.samples.get("_count"), good + 10 + 1);
  await server.stop();
});

await test("counters never go back, and the process tells about itself", async () => {
  const server = await start("counter", ["--workers", "2", "--metrics", "/metrics", "--access-log", "-"]);
  let before = await scrape(server);
  for (let round = 0; round < 5; round++) {
    equal((await exchange(server.port, up)).status, 200);
    const after = await scrape(server);
    for (const { name, type, samples } of Object.values(before)) {
      for (const [key, value] of samples) {
        ok(type === "gauge" || after[name].samples.get(key) >= value, `${name} ${key}`);
      }
    }
    before = after;
  }
  const one = (name) => before[name].samples.get("");
  ok(Math.abs(one("process_start_time_seconds") - Date.now() / 1000) < 60);
  ok(Math.abs(one("process_resident_memory_bytes") / 1024 - server.statusOf("VmRSS")) < 4096 || server.sanitized);
  ok(Math.abs(one("process_open_fds") - server.fds()) <= 2);
  equal(one("cstar_access_log_lost_total"), 0);
  await server.stop();
});

finish();
