// demo.test.mjs -- what `make run` serves, used as a person would: clicked, typed into, sent by the Enter key.
// ctest: timeout=120 cost=51
//
// SCREENSHOTS=DIR node tests/browser/demo.test.mjs   leaves pictures of it in DIR.
//
// SPDX-License-Identifier: MIT
import { equal, finish, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { leave, openBrowser, openPage, pageUntil, picture, textIs } from "../node/lib/browser.mjs";

programPath("demo");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("demo", ["--datastar", client]);

const good = { Name: "Grace", "E-mail": "grace@example.org", Password: "correct horse" };
const nameFree = "Nice name, and it is free.";
const field = (page, label) => page.getByLabel(label, { exact: true });

async function open(options) {
  const page = await openPage(browser, options);
  await page.goto(server.url);
  await textIs(page, "#count", "0");
  return page;
}

const type = (page, label, text) => field(page, label).pressSequentially(text);

async function hintIs(page, id, tone, text) {
  await textIs(page, `#${id}-hint`, text);
  equal(await page.locator(`#${id}-hint`).getAttribute("class"), `hint ${tone}`);
}

// Waits for the answer to each, or one could come late, when the form has gone.
async function fillWell(page, values = good) {
  for (const [label, text] of Object.entries(values)) {
    const answer = page.waitForResponse((r) => r.url().endsWith("/_event/validate") && r.request().postData().includes(JSON.stringify(text)));
    await field(page, label).fill(text);
    await (await answer).finished();
  }
  await pageUntil(page, "the button to work", () => !document.querySelector("#send").disabled);
}

const sent = (page, event) => page.seen.requests.filter((r) => r.url.endsWith(`/_event/${event}`)).length;

// ---- counter ------------------------------------------------------------------------------------

await test("counter: add, subtract, and a trail of what happened, newest first", async () => {
  const page = await open();
  const trail = () => page.locator("#trail li").allTextContents();
  equal(await trail(), []);
  await page.click("#add");
  await textIs(page, "#count", "1");
  await page.click("#add");
  await textIs(page, "#count", "2");
  await page.click("#subtract");
  await textIs(page, "#count", "1");
  await until("three lines", async () => (await trail()).length === 3);
  equal(await trail(), ["2 → 1 one down", "1 → 2 one up", "0 → 1 one up"]);
  page.clean();
});

await test("counter: the trail has five lines at most, and a reset empties it", async () => {
  const page = await open();
  for (let n = 1; n <= 8; n++) {
    await page.click("#add");
    await textIs(page, "#count", String(n));
    await pageUntil(page, "the lines", (count) => document.querySelectorAll("#trail li").length === Math.min(count, 5), n);
  }
  equal(await page.locator("#trail li b:first-child").allTextContents(), ["7", "6", "5", "4", "3"]);
  await page.click("#reset");
  await textIs(page, "#count", "0");
  await textIs(page, "#trail", "");
  await until("the console message", () => page.seen.console.some((m) => m.text === "Counter reset"));
  await page.click("#subtract");
  await textIs(page, "#count", "-1");
  page.clean();
});

await test("counter: works by keyboard", async () => {
  const page = await open();
  await page.focus("#add");
  await page.keyboard.press("Enter");
  await textIs(page, "#count", "1");
  await page.keyboard.press("Space");
  await textIs(page, "#count", "2");
  page.clean();
});

// ---- form ---------------------------------------------------------------------------------------

await test("form: the hints change while typing", async () => {
  const page = await open();
  await hintIs(page, "name", "", "");
  await type(page, "Name", "a");
  await hintIs(page, "name", "bad", "Two to 24 characters, please.");
  await type(page, "Name", "da");
  await hintIs(page, "name", "bad", "This name is taken. (The server knows.)");
  await type(page, "Name", " Lovelace");
  await hintIs(page, "name", "good", nameFree);
  await type(page, "E-mail", "ada");
  await hintIs(page, "email", "bad", "Something like ada@example.org.");
  await type(page, "E-mail", "@example.org");
  await hintIs(page, "email", "good", "Looks like an address.");
  await type(page, "Password", "short");
  await hintIs(page, "word", "bad", "Ten characters or more.");
  await type(page, "Password", " no longer");
  await hintIs(page, "word", "good", "Long enough.");
  // The patches of the hints must not have disturbed what is being typed.
  equal(await field(page, "Name").inputValue(), "ada Lovelace");
  equal(await page.evaluate(() => document.activeElement.type), "password");
  page.clean();
});

await test("form: what is emptied again is neither good nor bad", async () => {
  const page = await open();
  await field(page, "Name").fill("ada");
  await hintIs(page, "name", "bad", "This name is taken. (The server knows.)");
  await field(page, "Name").fill("");
  await hintIs(page, "name", "", "");
  page.clean();
});

await test("form: counts characters, not bytes", async () => {
  const page = await open();
  for (const [name, tone] of [["é", "bad"], ["éé", "good"], ["\u{1F600}", "bad"], ["é".repeat(24), "good"], ["é".repeat(25), "bad"]]) {
    await field(page, "Name").fill(name);
    await hintIs(page, "name", tone, tone === "good" ? nameFree : "Two to 24 characters, please.");
  }
  page.clean();
});

await test("form: the button is disabled until everything is good, and again when it no longer is", async () => {
  const page = await open();
  const disabled = () => page.locator("#send").isDisabled();
  ok(await disabled());
  await field(page, "Name").fill(good.Name);
  await hintIs(page, "name", "good", nameFree);
  ok(await disabled());
  await field(page, "E-mail").fill(good["E-mail"]);
  await hintIs(page, "email", "good", "Looks like an address.");
  ok(await disabled());
  await field(page, "Password").fill(good.Password);
  await pageUntil(page, "the button to work", () => !document.querySelector("#send").disabled);
  await field(page, "Password").fill("short");
  await pageUntil(page, "the button to stop working", () => document.querySelector("#send").disabled);
  page.clean();
});

await test("form: sent by a click, welcomed, and once more", async () => {
  const page = await open();
  await fillWell(page);
  await page.click("#send");
  await textIs(page, "#signup .big", "Welcome, Grace!");
  equal(await page.locator("form").count(), 0);
  await page.click("#again");
  await pageUntil(page, "an empty form", () => document.querySelectorAll("form#signup input").length === 3);
  for (const label of Object.keys(good)) {
    equal(await field(page, label).inputValue(), "");
  }
  ok(await page.locator("#send").isDisabled());
  await fillWell(page, { ...good, Name: "Barbara" }); // it is a working form
  await page.click("#send");
  await textIs(page, "#signup .big", "Welcome, Barbara!");
  page.clean();
});

await test("form: the Enter key sends it and does not leave the page", async () => {
  const page = await open();
  await page.evaluate(() => (window.mark = "the same document"));
  await fillWell(page);
  await field(page, "Password").press("Enter");
  await textIs(page, "#signup .big", "Welcome, Grace!");
  equal(page.seen.navigations, 1);
  equal(await page.evaluate(() => [window.mark, location.href]), ["the same document", `${server.url}/`]);
  equal(sent(page, "submit"), 1);
  page.clean();
});

await test("form: the Enter key does nothing while the button is disabled", async () => {
  const page = await open();
  await page.evaluate(() => (window.mark = "the same document"));
  await field(page, "Name").fill("ada");
  await hintIs(page, "name", "bad", "This name is taken. (The server knows.)");
  await field(page, "Name").press("Enter");
  // Something that comes after it in the same page has an effect: so the key has had its chance.
  await page.click("#add");
  await textIs(page, "#count", "1");
  equal([page.seen.navigations, sent(page, "submit"), await page.evaluate(() => window.mark)], [1, 0, "the same document"]);
  page.clean();
});

await test("form: hurried typing and Enter before the rules were asked", async () => {
  const page = await open();
  await fillWell(page);
  await type(page, "Password", "!"); // its debounced validation comes after the form has gone
  await field(page, "Password").press("Enter");
  await textIs(page, "#signup .big", "Welcome, Grace!");
  await page.click("#again");
  await fillWell(page);
  equal(page.seen.navigations, 1);
  equal(page.seen.dialogs, []);
  equal(page.seen.bad, []);
});

await test("form: the server judges again what the browser claims", async () => {
  const page = await open();
  await field(page, "Name").fill("ada");
  await hintIs(page, "name", "bad", "This name is taken. (The server knows.)");
  await page.evaluate(() => {
    const button = document.querySelector("#send");
    button.disabled = false;
    button.click();
  });
  await until("the request", () => sent(page, "submit") === 1);
  await hintIs(page, "name", "bad", "This name is taken. (The server knows.)");
  equal(await page.locator(".welcome").count(), 0);
  page.clean();
});

await test("form: a hostile name is a name", async () => {
  const names = ["<b onx=1>'\"&", "<img src=x onerror=p()>", "</p><script>p()</script>", "$count @post('/x')", "&lt;&amp;&#39;",
    "{}{{}}`${1}`\\"];
  const page = await open();
  await page.evaluate(() => (window.p = () => (window.__pwned = true)));
  for (const name of names) {
    await fillWell(page, { ...good, Name: name });
    await page.click("#send");
    await textIs(page, "#signup .big", `Welcome, ${name}!`);
    equal(await page.evaluate(() => [typeof window.__pwned, document.querySelector(".big").childElementCount]), ["undefined", 0]);
    await page.click("#again");
    await pageUntil(page, "an empty form", () => document.querySelector("form#signup input")?.value === "");
  }
  page.clean();
});

// ---- looks --------------------------------------------------------------------------------------

const looks = [
  ["desktop-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["desktop-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["mobile", { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2 }],
  ["small", { viewport: { width: 320, height: 640 }, colorScheme: "dark" }],
];

for (const [name, options] of looks) {
  await test(`looks: ${name}: styled, nothing cut off, readable`, async () => {
    const page = await open(options);
    await picture(page, `demo-${name}-fresh`);
    for (let n = 1; n <= 6; n++) {
      await page.click("#add");
      await textIs(page, "#count", String(n));
    }
    await field(page, "Name").fill("ada");
    await field(page, "E-mail").fill("ada@example.org");
    await hintIs(page, "email", "good", "Looks like an address.");
    await picture(page, `demo-${name}-used`);
    equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    const poor = await page.evaluate(contrasts);
    equal(poor, []);
    await fillWell(page);
    await page.click("#send");
    await textIs(page, "#signup .big", "Welcome, Grace!");
    await picture(page, `demo-${name}-welcome`);
    await leave(page);
  });
}

// In the page: texts with less contrast to their background than WCAG AA asks for (4.5, or 3 for large ones).
function contrasts() {
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = rgb(getComputedStyle(e).backgroundColor);
      if (a === 1 && r !== undefined) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== "");
    if (!own || element.matches(":disabled, script, style")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(style.color)), light(behind(element))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${element.tagName} "${element.textContent.slice(0, 30)}" ${ratio.toFixed(2)}`);
  }
  return poor;
}

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
