// upload.test.mjs -- the upload example in a browser: a form with files, the server's verdict, a bar that moves by a signal.
// ctest: timeout=120 cost=21
//
// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, pageUntil, picture, textIs } from "../node/lib/browser.mjs";
import { scratch } from "../node/lib/tls.mjs";

programPath("upload");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("upload", ["--datastar", client, "--workers", "2"]);

const file = (name, bytes, mimeType = "application/octet-stream") => ({ name, mimeType, buffer: randomBytes(bytes) });

async function open(options) {
  const page = await openPage(browser, options);
  await page.goto(server.url);
  await textIs(page, "#title-hint", "");
  return page;
}

/** Bytes per second that the page may send from now on. */
async function slowDown(page, bytes) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes });
}

/** Writes down every value that the bar has from now on. */
const watchBar = (page) => page.evaluate(() => {
  const bar = document.querySelector("progress");
  window.bar = [];
  new MutationObserver(() => window.bar.push(bar.value)).observe(bar, { attributes: true });
});

await test("an empty form: the server says what is missing, and nothing is received", async () => {
  const page = await open();
  await page.click("#send");
  await textIs(page, "#title-hint", "What shall it be called?");
  await textIs(page, "#files-hint", "Choose at least one file.");
  await page.fill("input[name=title]", "Something");
  await page.click("#send");
  await textIs(page, "#title-hint", "");
  await textIs(page, "#files-hint", "Choose at least one file.");
  await textIs(page, "#received", "Nothing yet.");
  equal(await page.inputValue("input[name=title]"), "Something"); // what was typed stays
  page.clean();
});

await test("files of several MB: the bar moves between 0 and 100 before the end, and all arrive", async () => {
  const page = await open();
  await page.fill("input[name=title]", "Holidays <b>&amp;</b> é");
  await page.setInputFiles("input[type=file]", [file("sea.png", 6_000_000, "image/png"), file("notes.txt", 1234, "text/plain"), file("empty", 0)]);
  await watchBar(page);
  await slowDown(page, 2_000_000);
  await page.click("#send");
  await pageUntil(page, "the bar to move", () => window.bar.some((n) => n > 0 && n < 100));
  equal(await page.locator("#received").textContent(), "Nothing yet.");
  ok(await page.locator("#send").isDisabled());
  ok(await page.locator("progress").isVisible());
  await picture(page, "upload-under-way");
  await textIs(page, "#title", "Holidays <b>&amp;</b> é");
  equal(await page.locator("#received li").allInnerTexts().then((texts) => texts.map((t) => t.replace(/\s+/g, " "))),
    ["sea.png 6.0 MB image/png", "notes.txt 1.2 kB text/plain", "empty 0 B application/octet-stream"]);
  const seen = await page.evaluate(() => window.bar);
  const rising = seen.slice(0, seen.indexOf(Math.max(...seen)) + 1);
  equal(rising, [...rising].sort((a, b) => a - b));
  ok(rising.length >= 2, `steps: ${seen}`);
  await pageUntil(page, "the bar to go", () => document.querySelector(".bar").style.display === "none");
  page.clean();
});

await test("a second upload has a bar of its own, and the list is the new one", async () => {
  const page = await open();
  for (const name of ["first.bin", "second.bin"]) {
    await page.fill("input[name=title]", name);
    await page.setInputFiles("input[type=file]", [file(name, 300_000)]);
    await page.click("#send");
    await textIs(page, "#title", name);
    equal(await page.locator("#received li b").allTextContents(), [name]);
    await pageUntil(page, "the button to work", () => !document.querySelector("#send").disabled);
  }
  page.clean();
});

await test("too large: refused, and the form is there to be sent again", async () => {
  const page = await open();
  await page.fill("input[name=title]", "Large");
  const large = path.join(scratch(), "large.bin"); // by its path: what is handed over as bytes goes to the browser as text
  writeFileSync(large, randomBytes(33 << 20));
  await page.setInputFiles("input[type=file]", large);
  await page.click("#send");
  await until("the refusal", () => page.seen.bad.some((line) => line.startsWith("413 ")));
  await textIs(page, "#refused", "Too large: a file may have 32 MB.");
  await pageUntil(page, "the button to work", () => !document.querySelector("#send").disabled);
  await page.setInputFiles("input[type=file]", [file("small.bin", 10)]);
  await page.click("#send");
  await textIs(page, "#title", "Large");
  await textIs(page, "#refused", "");
  equal(page.seen.bad.length, 1); // and it was not sent again by itself
});

const looks = [
  ["desktop-light", { viewport: { width: 1280, height: 800 }, colorScheme: "light" }],
  ["desktop-dark", { viewport: { width: 1280, height: 800 }, colorScheme: "dark" }],
  ["small", { viewport: { width: 320, height: 640 }, colorScheme: "dark" }],
];
for (const [name, options] of looks) {
  await test(`looks: ${name}: nothing cut off`, async () => {
    const page = await open(options);
    await page.click("#send");
    await textIs(page, "#title-hint", "What shall it be called?");
    await picture(page, `upload-${name}-refused`);
    await page.fill("input[name=title]", "A title");
    await page.setInputFiles("input[type=file]", [file("a-very-long-name-of-a-file-that-someone-has-chosen-without-spaces.tar.gz", 2_345_678), file("b.txt", 7, "text/plain")]);
    await page.click("#send");
    await textIs(page, "#title", "A title");
    await picture(page, `upload-${name}-received`);
    equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    await leave(page);
  });
}

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
