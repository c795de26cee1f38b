// hostile.test.mjs -- injection, tried in a real browser with the real client.
//
// tests/programs/hostile-page puts strings into every place that takes one. They must come out as they went in, as text; and
// nothing may run (window.__pwned, dialogs), and nothing may be asked for that the page did not ask for.
// ctest: timeout=120 cost=39
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openBrowser, openPage, pageUntil, textIs } from "../node/lib/browser.mjs";

programPath("hostile-page");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("hostile-page", ["--datastar", client]);

const run = "window.__pwned=1";
const code = [
  "plain",
  "",
  " two  spaces ",
  "'", '"', "`", "''", '""', "\\", "\\'", '\\"', "\\\\'",
  `';${run};'`,
  `";${run};"`,
  `'+(${run})+'`,
  `"+(${run})+"`,
  `\\';${run}//`,
  `\`\${${run}}\``,
  `\${${run}}`,
  `'}, x: (${run}), y: {z: '`,
  `<script>${run}</script>`,
  `</script><script>${run}</script>`,
  `</SCRIPT ><img src=/x onerror=${run}>`,
  `<!--<script>`,
  `-->]]><!--`,
  `<img src="/x" onerror="${run}">`,
  `<svg/onload=${run}>`,
  `'><img src=/x onerror=${run}>`,
  `"><img src=/x onerror=${run}>`,
  `</textarea><img src=/x onerror=${run}>`,
  `</title></td></table><script>${run}</script>`,
  `" data-init="@post('/x')" x="`,
  `' data-init='@post("/x")' x='`,
  "@post('/x')",
  "'+@post('/x')+'",
  "@get(`/x`)",
  "$count", "$s0", "$clicked = 1", "$$", "$ {}", "${$s0}",
  "&amp;", "&lt;b&gt;", "&#39;+1+&#39;", "&quot", "&NotEqualTilde;", "&#0;",
  "a\nb", "\n", "\na", "a\n\nevent: datastar-patch-signals\ndata: signals {\"clicked\":\"forged\"}\n\n",
  "data: elements <b>", "id: 9\nretry: 1",
  "a\u2028b\u2029c", "\ufeffa", "\u00a0", "\u200b\u202e", "\u{1F680}@post('/x')\u{1F680}", "\u{1F595}x\u{1F595}",
  "{}", "{{}}", "{\"a\":1}", "javascript:" + run, "JaVa\tScRiPt:" + run, "data:text/html,<script>" + run + "</script>",
];
ok(code.length <= 80, `${code.length} strings, the program takes 80`);
const characters = ["a\rb", "a\r\nb", "\r", `x\r\revent: forged`, `\r\n';${run}//`, "/a?b#c", "../a", "mailto:a@example.org", "//evil.example/x", "http://x/\"'<>`",
  "é".repeat(30), "漢字", "\u{1F600}", "\x01\x02\x7f\x1b[31m", "%00%27%22", "a+b&c=d;e", "\u0301", "constructor", "__proto__", "toString()", "null", "42"];

const target = (list, more = "") => `${server.url}/?${list.map((s, i) => `s${i}=${encodeURIComponent(s)}`).join("&")}${more}`;

async function open(list, more) {
  const page = await openPage(browser);
  await page.goto(target(list, more));
  await textIs(page, `#r${list.length - 1} .literal`, list.at(-1)); // the client has been everywhere
  return page;
}

/** Nothing ran, nothing was asked for but what the page asks for, nothing complained. */
async function untouched(page, allowed = []) {
  equal(await page.evaluate(() => typeof window.__pwned), "undefined");
  const strange = page.seen.requests.filter((r) => {
    const { origin, pathname } = new URL(r.url);
    return origin !== server.url || !(pathname === "/" || pathname.startsWith("/_cstar/") || /^\/(_event|ds\/echo)\//.test(pathname) || allowed.includes(pathname));
  });
  equal(strange, []);
  page.clean();
}

/** Every string against what the page says, all differences at once. */
function same(found, list, what) {
  equal(found.length, list.length, what);
  const wrong = list.flatMap((s, i) => (found[i] === s ? [] : [{ what, expected: s, found: found[i] }]));
  equal(wrong, []);
}

// A parser of HTML makes LF of every CR and CRLF in a document before it looks at it.
const parsed = (s) => s.replace(/\r\n?/g, "\n");
const allOf = (page, selector, what) => page.evaluate(([css, name]) => [...document.querySelectorAll(css)]
  .map((e) => (name === "text" ? e.textContent : name === "value" ? e.value : e.getAttribute(name))), [selector, what]);

for (const [name, list] of [["code", code], ["characters", characters]]) {
  let page; // one for all of these: each looks elsewhere
  await test(`${name}: the page opens, and the client gets to its end`, async () => {
    page = await open(list, `&title=${encodeURIComponent(code[30])}`);
  });

  await test(`${name}: as text, attribute, RCDATA`, async () => {
    equal(await page.title(), code[30]);
    same(await allOf(page, "td.text", "text"), list.map(parsed), "text");
    same(await allOf(page, "td.single", "title"), list.map(parsed), "title=''");
    same(await allOf(page, 'td.double', "title"), list.map(parsed), 'title=""');
    same(await allOf(page, "td.mixed", "title"), list.map((s) => `a ${parsed(s)} b ${parsed(s)} c`), "two in one");
    same(await allOf(page, "td.mixed", "text"), list.map((s) => `x${parsed(s)}y`), "between text");
    // The newline that a textarea starts with does not belong to it.
    same(await allOf(page, "textarea", "text"), list.map((s) => parsed(s).replace(/^\n/, "")), "textarea");
    equal(await page.locator("tr").count(), list.length);
    await untouched(page);
  });

  await test(`${name}: as URL: only harmless ones pass, and parts are parts`, async () => {
    const links = await page.evaluate(() => [...document.querySelectorAll("a.whole")].map((a) => ({ href: a.getAttribute("href"), protocol: a.protocol })));
    for (const [i, { href, protocol }] of links.entries()) {
      const safe = ["http:", "https:", "mailto:", "tel:"].includes(protocol) || href === "about:invalid";
      ok(safe, `${JSON.stringify(list[i])} became ${href}`);
    }
    for (const plain of ["plain", "/a?b#c", "../a", "mailto:a@example.org"]) {
      if (list.includes(plain)) {
        equal(links[list.indexOf(plain)].href, plain);
      }
    }
    ok(!list.some((s, i) => /^\s*j\s*a\s*v\s*a\s*s|^data:/i.test(s) && links[i].href !== "about:invalid"));
    const parts = await page.evaluate(() => [...document.querySelectorAll("a.part")].map((a) => {
      const url = new URL(a.href);
      return url.searchParams.get("end") === "1" && url.pathname === "/landed" && url.hash === "" ? url.searchParams.get("q") : a.href;
    }));
    same(parts, list, "href='/landed?q={}&end=1'");
    await untouched(page);
  });

  await test(`${name}: as expression and as signal, exactly`, async () => {
    for (const place of ["literal", "literal2", "object", "initial"]) {
      same(await allOf(page, `td.${place}`, "text"), list, place);
    }
    for (const place of ["inside", "inside2"]) {
      same(await allOf(page, `td.${place}`, "text"), list.map((s) => `<${s}>`), place);
    }
    same(await allOf(page, "td.set", "title"), list, "data-attr");
    await untouched(page);
  });

  await test(`${name}: as code of a click, and as the name of an action`, async () => {
    const assigned = await page.evaluate(async () => {
      const seen = [];
      for (const button of document.querySelectorAll("button.assign")) {
        button.click();
        await new Promise((resolve) => setTimeout(resolve)); // effects run
        seen.push(document.querySelector("#clicked").textContent);
      }
      return seen;
    });
    same(assigned, list, "data-on:click");
    const posts = page.locator("button.post");
    const named = list.filter((s) => s !== "");
    for (let i = 0; i < named.length; i++) {
      await posts.nth(i).evaluate((b) => b.click());
      await textIs(page, "#echo", named[i]);
    }
    const sent = page.seen.requests.filter((r) => r.method === "POST").map((r) => decodeURIComponent(new URL(r.url).pathname));
    equal(sent, named.map((s) => `/ds/echo/${s}`));
    await untouched(page);
  });

  await test(`${name}: back from the browser's signals and into patched elements`, async () => {
    await page.click("#elements");
    await textIs(page, `#x${list.length - 1}`, list.at(-1));
    equal(await page.locator("#list li").count(), 2 * list.length);
    same(await allOf(page, "#list li[id^=p]", "text"), list.map(parsed), "patched text");
    same(await allOf(page, "#list li[id^=p]", "title"), list.map(parsed), "patched attribute");
    same(await allOf(page, "#list li[id^=x]", "text"), list, "patched expression");
    equal(await page.locator("#clicked").textContent(), list.at(-1)); // what was assigned last; nothing was forged
    await untouched(page);
  });

  await test(`${name}: into patched signals, with the string as event id too`, async () => {
    await page.click("#signals");
    await textIs(page, `#r${list.length - 1} .later`, list.at(-1));
    same(await allOf(page, "td.later", "text"), list, "patched signal");
    equal(await page.locator("#clicked").textContent(), list.at(-1)); // what was assigned last; nothing was forged
    await untouched(page);
  });

  await test(`${name}: into scripts and their attributes`, async () => {
    // "<!--" with "<script" in a program's own script is the program's business: see src/wire/script.c.
    const fit = list.filter((s) => !/<!--.*<script/.test(s));
    const page = await open(fit);
    await page.evaluate(() => Object.assign(window, { got: [], notes: [] }));
    await page.click("#script");
    await pageUntil(page, "all scripts", (n) => window.got.length >= n && window.notes.length >= n, fit.length);
    same(await page.evaluate(() => window.got), fit, "executed script");
    same(await page.evaluate(() => window.notes), fit.map(parsed), "attribute of a script");
    await untouched(page);
  });

  await test(`${name}: into the console`, async () => {
    await page.click("#console");
    const lines = () => page.seen.console.filter((m) => m.type === "log" || m.type === "info");
    await until("all lines", () => lines().length >= list.length);
    same(lines().map((m) => m.text), list, "console");
    equal(lines().map((m) => m.type), list.map((_, i) => (i % 2 === 0 ? "log" : "info")));
    await untouched(page);
  });
}

// ---- redirects ----------------------------------------------------------------------------------

async function sendTo(page, destination) {
  await page.evaluate((text) => {
    const input = document.querySelector("#go");
    input.value = text;
    input.dispatchEvent(new Event("input"));
  }, destination);
  await page.click("#redirect");
}

await test("redirects to local paths arrive, whatever is in them", async () => {
  const quoted = `'"</script><script>${run}</script>\`\${${run}}\\@post('/x')&lt;`;
  const destinations = [
    ["/landed?q=hello", "hello"],
    ["/landed", "nothing"],
    [`/landed?q=${encodeURIComponent(quoted)}`, quoted],
    [`/landed?q='"</script><script>${run}</script>`, `'"</script><script>${run}</script>`],
    [`/landed?q=\`\${${run}}\\`, `\`\${${run}}\\`],
    ["/landed?q=$s0@post('/x')", "$s0@post('/x')"],
    [`${server.url}/landed?q=own`, "own"],
  ];
  for (const [destination, expected] of destinations) {
    const page = await open(["a"]);
    await sendTo(page, destination);
    await textIs(page, "#landed", expected);
    equal(new URL(page.url()).origin, server.url);
    await untouched(page, ["/landed"]);
    await page.context().close();
  }
});

await test("redirects elsewhere, or to code, go nowhere", async () => {
  const page = await open(["a"]);
  const destinations = [`javascript:${run}`, `JAVASCRIPT:${run}`, ` javascript:${run}`, `java\tscript:${run}`, `\u00a0javascript:${run}`, `data:text/html,<script>${run}</script>`,
    `vbscript:${run}`, "//evil.example/x", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/ /evil.example", "/\u200b/evil.example", "https://evil.example/", "http://evil.example/",
    `${server.url.replace("//", "//user@")}/landed`, `http://127.0.0.1:1/`, "http:/evil.example", "about:blank", "file:///etc/passwd", "blob:x", "landed", "./landed", "../landed"];
  for (const destination of destinations) {
    await sendTo(page, destination);
    await textIs(page, "#echo", destination);
  }
  // A redirect goes through a timer; one behind it shows that all have run out.
  await page.evaluate(() => new Promise((resolve) => setTimeout(() => setTimeout(resolve))));
  equal([page.url(), page.seen.navigations], [target(["a"]), 1]);
  await untouched(page);
  const refusals = server.stderr.split("\n").filter((line) => /\/_event\/redirect: /.test(line));
  equal(refusals.length, destinations.length);
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
