// dom_model.test.mjs -- the test kit's model of a page against the real client: the same pages and patches, the same trees.
// ctest: timeout=120 cost=21
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { equal, finish, ok, skip, test } from "../node/lib/check.mjs";
import { datastarClient, programPath } from "../node/lib/program.mjs";
import { openBrowser, openPage, pageUntil } from "../node/lib/browser.mjs";

const table = path.join(process.env.CSTAR_SOURCE ?? ".", "tests/cases/dom/dom.json");
const { cases } = JSON.parse(readFileSync(table, "utf8"));
const model = spawnSync(programPath("cstar-dom"), [table], { encoding: "utf8" });
if (/without libgumbo/.test(model.stderr)) {
  skip("the test kit was built without libgumbo");
}
equal({ status: model.status, stderr: model.stderr }, { status: 0, stderr: "" });
const results = model.stdout.trim().split("\n").map((line) => JSON.parse(line));
const client = readFileSync(datastarClient());

const head = (n) => `<script>document.addEventListener("datastar-fetch", (e) => { window.done ||= e.detail.type === "finished"; });</script>
<script type="module" src="/datastar.js"></script><meta data-init="@get('/events/${n}')"><meta id="signals" data-json-signals>`;
const isSignals = (lines) => lines.some((line) => line.startsWith("signals "));
const event = (lines) => `event: datastar-patch-${isSignals(lines) ? "signals" : "elements"}\n${lines.map((l) => `data: ${l}\n`).join("")}\n`;

const server = http.createServer((request, response) => {
  const [, what, n] = request.url.split(/[/?]/);
  const answer = (type, body) => response.writeHead(200, { "content-type": type }).end(body);
  if (what === "datastar.js") {
    answer("text/javascript", client);
  } else if (what === "events") {
    answer("text/event-stream", cases[n].patches.map(event).join(""));
  } else if (what !== "page") {
    response.writeHead(404).end();
  } else {
    answer("text/html; charset=utf-8", `<!doctype html><html><head><title>t</title>${head(n)}</head><body>${cases[n].page}</body></html>`);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await openBrowser();
const page = await openPage(browser, { expected: /PatchElements/ });

// As cstar_test_html() writes it.
const serialize = () => {
  const empty = "area base br col embed hr img input link meta source track wbr".split(" ");
  const raw = "script style iframe noembed noframes plaintext xmp".split(" ");
  const text = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\u00a0/g, "&nbsp;");
  const value = (s) => s.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/\u00a0/g, "&nbsp;");
  const html = (n) => {
    if (n.nodeType === 3) {
      return raw.includes(n.parentNode.localName) ? n.data : text(n.data);
    }
    if (n.nodeType === 8) {
      return `<!--${n.data}-->`;
    }
    const attributes = Array.from(n.attributes).sort((a, b) => (a.name < b.name ? -1 : 1)).map((a) => ` ${a.name}="${value(a.value)}"`);
    const inside = Array.from((n.content ?? n).childNodes, html).join("");
    return `<${n.localName}${attributes.join("")}>${inside}${empty.includes(n.localName) ? "" : `</${n.localName}>`}`;
  };
  return { body: html(document.body), signals: document.getElementById("signals")?.textContent ?? "" };
};

await test("there are as many results as cases", async () => {
  equal(results.map((r) => r.name), cases.map((c) => c.name));
  ok(cases.length >= 40, String(cases.length));
});

const sorted = (v) => (v && typeof v === "object" && !Array.isArray(v)
  ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : v);

for (const [n, c] of cases.entries()) {
  await test(`the model and the client agree: ${c.name}`, async () => {
    await page.goto(`${base}/page/${n}`);
    await pageUntil(page, "the end of the events", () => window.done === true);
    const hasSignals = c.patches.some(isSignals);
    if (hasSignals) { // they are shown a moment later
      await pageUntil(page, "the signals", () => document.getElementById("signals").textContent !== "");
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)); }));
    }
    const real = await page.evaluate(serialize);
    equal(results[n].body, real.body);
    if (hasSignals) {
      equal(sorted(results[n].signals), sorted(JSON.parse(real.signals)));
    }
  });
}

await browser.close();
server.close();
finish();
