// login.test.mjs -- the login example as a person would use it, and the tokens, policies and tab ids of pages with the real client.
// ctest: timeout=120 cost=23
//
// SCREENSHOTS=DIR node tests/browser/login.test.mjs   leaves pictures of the example in DIR.
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import { equal, finish, match, ok, test } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { fits, leave, openBrowser, openPage, pageUntil, picture, textIs } from "../node/lib/browser.mjs";

programPath("login");
programPath("visitors");
const client = datastarClient();
const browser = await openBrowser();
const login = await start("login", ["--datastar", client]);

async function logIn(page, name = "ada", password = "engine") {
  await page.goto(login.url);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

const noToken = (page) => equal(page.seen.requests.filter((r) => /csrf/i.test(r.url)), []);

// ---- the example --------------------------------------------------------------------------------

for (const colorScheme of ["light", "dark"]) {
  await test(`login: in, a note deleted, out, ${colorScheme}`, async () => {
    const page = await openPage(browser, { colorScheme });
    page.on("dialog", () => {});
    await page.goto(login.url);
    await picture(page, `login-${colorScheme}`);
    await logIn(page, "ada", "wrong");
    await textIs(page, "#flash .bad", "That name and that password don't belong together.");
    await picture(page, `login-wrong-${colorScheme}`);
    await logIn(page);
    await textIs(page, "#flash .good", "Welcome back.");
    equal(new URL(page.url()).pathname, "/notes");
    await textIs(page, "#count", "3 of 3 notes");
    await picture(page, `notes-${colorScheme}`);
    await page.evaluate(() => (window.confirm = () => true));
    await page.getByRole("button", { name: "Delete Bicycle" }).click();
    await textIs(page, "#count", "2 of 3 notes");
    equal(await page.locator("li").count(), 2);
    await page.reload();
    await textIs(page, "#count", "2 of 3 notes");
    equal(await page.locator("#flash p").count(), 0);
    await page.getByRole("button", { name: "Log out" }).click();
    await textIs(page, "#flash .good", "You are logged out.");
    await page.goto(`${login.url}/notes`);
    await textIs(page, "#flash .bad", "Log in to see your notes.");
    equal(new URL(page.url()).pathname, "/");
    noToken(page);
    await leave(page);
  });
}

await test("login on a small screen", async () => {
  const page = await openPage(browser, { viewport: { width: 360, height: 740 } });
  await logIn(page);
  await textIs(page, "#count", "3 of 3 notes");
  await picture(page, "notes-small");
  await fits(page);
  await leave(page);
});

await test("login: a page that is older than its session is refused, and says nothing of it", async () => {
  const page = await openPage(browser);
  await logIn(page);
  await textIs(page, "#count", "3 of 3 notes");
  const other = await page.context().newPage(); // a second tab logs out
  await other.goto(`${login.url}/notes`);
  await other.getByRole("button", { name: "Log out" }).click();
  await other.waitForURL(`${login.url}/`);
  await page.evaluate(() => (window.confirm = () => true));
  const answer = page.waitForResponse((r) => r.request().method() === "DELETE");
  await page.getByRole("button", { name: "Delete Bicycle" }).click();
  equal((await answer).status(), 403);
  equal(await page.locator("li").count(), 3);
  await page.context().close();
});

await login.stop();

// ---- every verb ---------------------------------------------------------------------------------

const plain = await start("visitors", ["--datastar", client]);

await test("every verb works, with the token in a body or a header, never in a URL", async () => {
  const page = await openPage(browser);
  const sent = [];
  page.on("request", (r) => sent.push({ method: r.method(), url: r.url(), body: r.postData() ?? "", token: r.headers()["x-csrf-token"], own: r.headers()["x-own"] }));
  await page.goto(plain.url);
  for (const verb of ["post", "get", "put", "patch", "delete"]) {
    for (const id of [verb, `part-${verb}`]) {
      await page.evaluate(() => (document.querySelector("h1").textContent = ""));
      const answer = page.waitForResponse((r) => r.url().includes(id === verb ? `/_event/${verb}` : `/part/${verb}`));
      await page.click(`#${id}`);
      equal((await answer).status(), 200, id);
      await textIs(page, "#had", ["get", "delete"].includes(verb) ? "no" : "yes");
    }
  }
  await page.click("#options");
  await textIs(page, "h1", "options");
  const events = sent.filter((r) => /_event|\/ds\//.test(r.url));
  equal(events.length, 11);
  for (const r of events) {
    const inBody = ["POST", "PUT", "PATCH"].includes(r.method);
    equal([/"csrf":"[\w-]{48}"/.test(r.body), r.token !== undefined], [inBody, r.method === "DELETE"], r.url);
  }
  const last = events.at(-1);
  equal([last.own, /^[\w-]{48}$/.test(last.token)], ["mine", true]);
  ok(events.some((r) => r.method === "GET" && /datastar=.*tabId/.test(r.url)), "the other signals are sent");
  noToken(page);
  await leave(page);
});

await test("a form with its field, also without JavaScript", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await openPage(browser, { javaScriptEnabled });
    await page.goto(plain.url);
    await page.click("#form");
    await page.waitForURL(`${plain.url}/form`);
    equal((await page.textContent("body")).trim(), "Zoë");
    await leave(page);
  }
});

await test("another site's form and fetch are refused, cookies or not", async () => {
  const page = await openPage(browser);
  await page.goto(plain.url); // has a session now
  const port = plain.port;
  const evil = http.createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<form method=post action="http://127.0.0.1:${port}/form"><input name=name value=x><button id=go>go</button></form>`);
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  for (const host of ["127.0.0.1", "localhost"]) { // another port: the same site, cookies come; another host: another site
    await page.goto(`http://${host}:${evil.address().port}/`);
    const answer = page.waitForResponse((r) => r.request().method() === "POST");
    await page.click("#go");
    equal((await answer).status(), 403, host);
  }
  const status = await page.evaluate(async (url) => {
    const answer = await fetch(url, { method: "POST", mode: "no-cors", body: "name=x" });
    return answer.type;
  }, `${plain.url}/form`).catch(() => "error");
  ok(["opaque", "basic", "error"].includes(status));
  match(plain.stderr, /POST \/form: csrf: it came from another site/);
  evil.close();
  evil.closeAllConnections?.();
  await page.context().close();
});

// ---- tabs ---------------------------------------------------------------------------------------

await test("a tab keeps its id, another tab has another, and it works without storage", async () => {
  const page = await openPage(browser);
  await page.goto(plain.url);
  await pageUntil(page, "an id", () => /^[0-9a-f]{32}$/.test(document.querySelector("#tab").textContent));
  const id = await page.textContent("#tab");
  await page.reload();
  await textIs(page, "#tab", id);
  const other = await page.context().newPage();
  await other.goto(plain.url);
  await other.waitForFunction(() => /^[0-9a-f]{32}$/.test(document.querySelector("#tab").textContent));
  ok((await other.textContent("#tab")) !== id);
  page.clean();
  const bare = await openPage(browser);
  await bare.addInitScript(() => {
    Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("no", "SecurityError"); } });
    delete Crypto.prototype.randomUUID; // as without https
  });
  await bare.goto(plain.url);
  await pageUntil(bare, "an id", () => /^[0-9a-f]{32}$/.test(document.querySelector("#tab").textContent));
  await leave(bare);
  await page.context().close();
});

await plain.stop();

// ---- policies -----------------------------------------------------------------------------------

const strict = "strict"; // CSTAR_CSP_STRICT

async function under(policy, body) {
  const server = await start("visitors", ["--datastar", client], { env: { VISITORS_CSP: policy } });
  const page = await openPage(browser);
  try {
    await page.goto(server.url);
    await body(page);
  } finally {
    await page.context().close();
    await server.stop();
  }
}

await test("a policy with a nonce: the client and its events work", () => under(strict, async (page) => {
  await page.click("#post");
  await textIs(page, "h1", "post");
  equal(await page.getAttribute("meta[name=extra]", "content"), "policy");
  const style = () => page.evaluate(() => { const { color, display } = getComputedStyle(document.querySelector("#styled")); return [color, display]; });
  equal(await style(), ["rgb(255, 0, 0)", "block"]);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.body.dataset.evil = 'ran'";
    document.body.append(script);
    const inline = document.createElement("b");
    inline.setAttribute("onclick", "document.body.dataset.evil = 'clicked'");
    document.body.append(inline);
    inline.click();
  });
  equal(await page.evaluate(() => document.body.dataset.evil), undefined);
  ok(page.seen.errors.some((e) => /Content Security Policy/.test(e)));
}));

await test("CSTAR_CSP_STRICT: nothing inline, and no other page may frame it", async () => {
  const server = await start("visitors", ["--datastar", client], { env: { VISITORS_CSP: strict } });
  const page = await openPage(browser);
  try {
    const policy = (await (await page.goto(server.url)).allHeaders())["content-security-policy"];
    match(policy, /script-src 'nonce-[\w-]{24}' 'unsafe-eval';/);
    ok(!policy.includes("unsafe-inline"));
    await page.goto(server.url.replace("127.0.0.1", "localhost") + "/me");
    await page.evaluate((url) => new Promise((loaded) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      frame.onload = loaded;
      document.body.append(frame);
    }), server.url);
    ok(page.seen.errors.some((e) => /frame/i.test(e)), page.seen.errors);
  } finally {
    await page.context().close();
    await server.stop();
  }
});

await test("a policy with a nonce: cstar_execute_script() does not run, an attribute does", () => under(strict, async (page) => {
  await page.click("#script");
  await textIs(page, "h1", "script");
  await pageUntil(page, "the attribute", () => document.body.dataset.began === "yes");
  equal(await page.evaluate(() => document.body.dataset.ran), undefined);
  await page.click("#away");
  await page.waitForURL(/\/me$/);
}));

await test("a policy with 'unsafe-inline' instead: cstar_execute_script() runs", () =>
  under("default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; img-src data:", async (page) => {
    await page.click("#script");
    await pageUntil(page, "the script", () => document.body.dataset.ran === "script");
    page.clean();
  }));

await test("a policy without 'unsafe-eval': nothing reacts", () => under("default-src 'none'; script-src 'nonce-{}'; connect-src 'self'; img-src data:", async (page) => {
  await page.click("#post");
  ok(page.seen.errors.length > 0);
  equal(await page.textContent("h1"), "");
}));

await browser.close();
finish();
