// hello.test.mjs -- the smallest program in a real browser.
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, picture, textIs } from "../node/lib/browser.mjs";

programPath("hello");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("hello", ["--datastar", client]);

await test("says hello in a standards-mode document that is UTF-8", async () => {
  const page = await openPage(browser);
  const response = await page.goto(server.url);
  equal(response.status(), 200);
  equal(response.headers()["content-type"], "text/html; charset=utf-8");
  await textIs(page, "h1", "Hello, world!");
  equal(await page.evaluate(() => [document.compatMode, document.characterSet, document.title]), ["CSS1Compat", "UTF-8", "hello"]);
  await picture(page, "hello");
  page.clean();
});

await test("a name from the query is text, whatever it is", async () => {
  const names = ["Zoë", "<b onx=1>'\"&", "<img src=x onerror=window.__pwned=1>", "</h1><script>window.__pwned=1</script>", "&lt;", "a+b c",
    "\u{1F600}", "{{}}{}", "$count @post('/x')"];
  for (const name of names) {
    const page = await openPage(browser);
    await page.goto(`${server.url}/?name=${encodeURIComponent(name)}`);
    await textIs(page, "h1", `Hello, ${name}!`);
    equal(await page.evaluate(() => [typeof window.__pwned, document.querySelector("h1").childElementCount]), ["undefined", 0]);
    await leave(page);
  }
});

await test("the client runs, and the browser keeps it without asking again", async () => {
  const page = await openPage(browser);
  await page.goto(server.url);
  const script = page.seen.requests.filter((r) => r.url.includes("/_cstar/datastar-"));
  equal(script.length, 1);
  // It applies attributes of elements that come later.
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", "<i id='probe' data-text='6*7'></i>"));
  await textIs(page, "#probe", "42");
  await page.goto(`${server.url}/?name=again`);
  await textIs(page, "h1", "Hello, again!");
  const cached = await page.evaluate(() => performance.getEntriesByType("resource").find((e) => e.name.includes("datastar-"))?.transferSize);
  equal(cached, 0);
  page.clean();
});

await test("an unknown path is a short 404", async () => {
  const page = await openPage(browser);
  const response = await page.goto(`${server.url}/nowhere`);
  equal(response.status(), 404);
  equal(response.headers()["content-type"], "text/html; charset=utf-8");
  ok((await response.text()).includes("Not Found"));
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
