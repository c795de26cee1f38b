// dashboard.test.mjs -- ten updates a second in two browsers at once; one is paused, and stays so when its connection breaks.
// ctest: timeout=120 cost=45
//
// SCREENSHOTS=DIR node tests/browser/dashboard.test.mjs   leaves pictures of the example in DIR.
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openLine } from "../node/lib/line.mjs";
import { fits, leave, openBrowser, openPage, pageUntil, picture, withoutStream } from "../node/lib/browser.mjs";

programPath("dashboard");
const server = await start("dashboard", ["--datastar", datastarClient(), "--workers", "2"]);
const browser = await openBrowser();

// Counts how often the curve has changed; the latest curve.
async function open(options = {}, url = server.url) {
  const page = await openPage(browser, { expected: /./, ...options });
  await page.goto(url);
  await page.evaluate(() => {
    window.curves = [];
    new MutationObserver(() => {
      const d = document.querySelector("#curve .line").getAttribute("d");
      if (d !== window.curves.at(-1)) {
        window.curves.push(d);
      }
    }).observe(document.querySelector("svg"), { subtree: true, childList: true, attributes: true });
  });
  return page;
}

const moves = (page, more = 20) => pageUntil(page, `${more} more curves`, (n) => window.curves.length >= n, more);
const forget = (page) => page.evaluate(() => { window.curves.length = 0; });
const button = (page, name) => page.getByRole("button", { name });

// Waits until nothing has come for half a second.
const rests = (page) => pageUntil(page, "rest", () => {
  if (window.curves.length !== window.before) {
    window.before = window.curves.length;
    window.since = performance.now();
  }
  return performance.now() - window.since > 500;
});

for (const colorScheme of ["light", "dark"]) {
  await test(`two browsers see the same curve, ${colorScheme}`, async () => {
    const one = await open({ colorScheme });
    const two = await open({ colorScheme });
    await moves(one);
    await moves(two);
    const seen = await two.evaluate(() => window.curves);
    const both = (await one.evaluate(() => window.curves)).filter((d) => seen.includes(d));
    ok(both.length > 3, `${both.length} curves in both`);
    equal(await one.locator("#curve .line").evaluate((e) => e instanceof SVGPathElement && e.getTotalLength() > 1000), true);
    equal(await one.locator("svg #curve").count(), 1);
    await picture(one, `dashboard-${colorScheme}`);
    const power = await one.locator("#power").textContent();
    await pageUntil(one, "another number", (old) => document.querySelector("#power").textContent !== old, power);

    await button(two, "Pause").click();
    await button(two, "Go on").waitFor();
    await rests(two);
    await forget(one);
    await forget(two);
    await moves(one);
    equal(await two.evaluate(() => window.curves.length), 0);
    await picture(two, `dashboard-paused-${colorScheme}`);
    await button(two, "Go on").click();
    await moves(two);
    for (const page of [one, two]) {
      await leave(page);
    }
  });
}

await test("a paused tab stays paused when its connection has been broken; another goes on", async () => {
  const line = await openLine(server);
  const paused = await open({}, line.url);
  const other = await open({}, line.url);
  await moves(paused);
  await button(paused, "Pause").click();
  await rests(paused);
  line.cut();
  await rests(other);
  const asked = paused.waitForResponse((r) => r.url().endsWith("/_event/pause"), { timeout: 20000 }); // by the stream that is back
  line.mend();
  await asked;
  await forget(other);
  await moves(other);
  await rests(paused);
  await forget(other);
  await forget(paused);
  await moves(other);
  equal(await paused.evaluate(() => window.curves.length), 0);
  await button(paused, "Go on").click();
  await moves(paused);
  await paused.context().close();
  await other.context().close();
  line.close();
});

await test("by keyboard, and without a stream", async () => {
  const page = await openPage(browser);
  await withoutStream(page, `${server.url}/`);
  await page.goto(server.url);
  const answer = page.waitForResponse((r) => r.url().endsWith("/_event/pause"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  equal((await answer).status(), 200);
  equal(await button(page, "Go on").getAttribute("aria-pressed"), "true");
  await page.context().close();
});

await test("a small screen", async () => {
  const page = await open({ viewport: { width: 360, height: 740 } });
  await moves(page, 5);
  await picture(page, "dashboard-small");
  await fits(page);
  await leave(page);
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
