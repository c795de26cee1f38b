// browser.mjs -- a real browser, and a page that is watched: nothing that goes wrong in it stays unseen.
//
//     const browser = await openBrowser();
//     const page = await openPage(browser);      // page.seen: console, errors, requests, dialogs, navigations
//     ...
//     await leave(page);                         // throws if anything was wrong that nobody expected: page.clean()
//
// SPDX-License-Identifier: MIT
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { equal, ok, skip } from "./check.mjs";

function findChromium() {
  if (process.env.CHROMIUM) {
    return process.env.CHROMIUM;
  }
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(path.delimiter)];
  const files = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return files.find((file) => existsSync(file)) ?? skip(`no browser: none of ${names.join(", ")} is on the PATH; CHROMIUM can name one`);
}

/** @param args  more of the browser's own options. */
export async function openBrowser({ args = [] } = {}) {
  const executablePath = findChromium();
  let chromium;
  try {
    ({ chromium } = await import("playwright-core"));
  } catch {
    skip("playwright-core is not installed; `npm ci` does that");
  }
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({
    executablePath,
    args: [...asRoot, "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", ...args],
  });
}

const firstLine = (text) => text.split("\n")[0];
const isIcon = (url) => /^https?:\/\/[^/]*\/favicon\.ico$/.test(url); // asked for by the browser, not by the page

/** A page in a context of its own. @param options  those of a playwright context; and `expected`: a RegExp for console warnings
 * that are no failure. */
export async function openPage(browser, { expected, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  const seen = { console: [], errors: [], dialogs: [], requests: [], bad: [], navigations: 0 };
  page.seen = seen;
  page.on("console", (message) => {
    const [type, text] = [message.type(), message.text()];
    if (isIcon(message.location().url)) {
      return;
    }
    seen.console.push({ type, text });
    if (type === "error" || (type === "warning" && !expected?.test(text))) {
      seen.errors.push(`console.${type}: ${firstLine(text)}`);
    }
  });
  page.on("pageerror", (error) => seen.errors.push(`uncaught: ${firstLine(error.message)}`));
  page.on("dialog", (dialog) => {
    seen.dialogs.push(dialog.message());
    dialog.dismiss().catch(() => {});
  });
  page.on("request", (request) => isIcon(request.url()) || seen.requests.push({ method: request.method(), url: request.url() }));
  page.on("response", (response) => {
    if (response.status() >= 400 && !isIcon(response.url())) {
      seen.bad.push(`${response.status()} ${response.url()}`);
    }
  });
  page.on("framenavigated", (frame) => frame === page.mainFrame() && seen.navigations++);
  page.clean = () => equal({ errors: seen.errors, dialogs: seen.dialogs, bad: seen.bad }, { errors: [], dialogs: [], bad: [] });
  return page;
}

/** Waits until the text of the only element that matches is `text`. */
export async function textIs(page, selector, text) {
  const same = ([css, expected]) => {
    const found = document.querySelectorAll(css);
    return found.length === 1 && found[0].textContent === expected;
  };
  try {
    await page.waitForFunction(same, [selector, text], { timeout: 10000 });
  } catch {
    const found = await page.locator(selector).allTextContents();
    throw new Error(`${selector} should be ${JSON.stringify(text)} and is ${JSON.stringify(found)}`);
  }
}

/** Waits until the texts of all elements that match are these. */
export const textsAre = (page, selector, texts) => pageUntil(page, `${selector}: ${texts.join(", ")}`, ([css, wanted]) =>
  JSON.stringify(Array.from(document.querySelectorAll(css), (e) => e.textContent)) === wanted, [selector, JSON.stringify(texts)]);

/** Waits until a test in the page gives true. */
export async function pageUntil(page, what, body, arg) {
  await page.waitForFunction(body, arg, { timeout: 10000 }).catch(() => {
    throw new Error(`waited in vain for: ${what}`);
  });
}

/** From now on the page gets no stream there: what it posts to that very URL fails. */
export const withoutStream = (page, url) =>
  page.route(url, (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));

/** Nothing is wider than the screen. */
export const fits = async (page) => ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));

/** The end of a page in which nothing went wrong. */
export async function leave(page) {
  page.clean();
  await page.context().close();
}

/** A picture of the page in the folder SCREENSHOTS, if that is set. */
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  }
}
