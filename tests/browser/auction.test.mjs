// auction.test.mjs -- two people bid against each other until the hammer falls, in two browsers at once.
// ctest: timeout=120 cost=41
//
// SCREENSHOTS=DIR node tests/browser/auction.test.mjs   leaves pictures of the example in DIR.
//
// SPDX-License-Identifier: MIT
import { equal, finish, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { fits, leave, openBrowser, openPage, pageUntil, picture, textIs, textsAre } from "../node/lib/browser.mjs";

programPath("auction");
const browser = await openBrowser();
const args = ["--datastar", datastarClient(), "--workers", "2"];
const startAuction = (seconds) => start("auction", args, { env: { AUCTION_SECONDS: String(seconds) } });

async function enter(server, name, options = {}) {
  const page = await openPage(browser, options);
  await page.goto(server.url);
  await page.getByLabel("Your name").fill(name);
  await page.keyboard.press("Enter");
  await page.locator("#people .me", { hasText: name }).waitFor(); // by the stream: it is there
  return page;
}

const bid = async (page, amount) => {
  await page.getByLabel("Your bid").fill(amount);
  await page.keyboard.press("Enter");
};
const listIs = (page, selector, wanted) => textsAre(page, `${selector} li`, wanted);
/** The bids as the server would show them to a page that is loaded now. */
const serversBids = (page) => page.evaluate(async () => {
  const text = await (await fetch("/")).text();
  const all = new DOMParser().parseFromString(text, "text/html").querySelectorAll(".bids li");
  return Array.from(all, (e) => e.textContent);
});
const long = await startAuction(600);

await test("the door: a name is needed, and without one there is neither stream nor bid", async () => {
  const page = await openPage(browser);
  await page.goto(long.url);
  await picture(page, "auction-door");
  const answers = await page.evaluate(async () => {
    const csrf = document.querySelector("[name=_csrf_token]").value;
    const send = async (path) => (await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify({ tabId: "t", amount: "99" }) })).status;
    return [await send("/"), await send("/_event/bid")];
  });
  equal(answers, [401, 401]);
  await page.getByLabel("Your name").fill("   ");
  await page.keyboard.press("Enter");
  await textIs(page, "#flash .bad", "A name has 1 to 24 letters.");
  await page.context().close();
});

await test("two browsers bid against each other; who is outbid hears it, in that tab alone", async () => {
  const ada = await enter(long, "Ada");
  const grace = await enter(long, "Grace <i>", { colorScheme: "dark" });
  await listIs(ada, "#people", ["Ada", "Grace <i>"]);
  await listIs(grace, "#people", ["Ada", "Grace <i>"]);
  const second = await ada.context().newPage(); // another tab of Ada's
  await second.goto(long.url);
  await second.locator("#people .me").waitFor();
  await listIs(grace, "#people", ["Ada", "Grace <i>"]); // still one Ada

  await bid(ada, "9");
  await textIs(ada, ".said", "Bid at least € 10, in whole euros.");
  for (const none of ["", "12.5", "-20", "1e3", "99999999999999999999"]) {
    await bid(ada, none);
    await textIs(ada, ".said", "Bid at least € 10, in whole euros.");
  }
  await bid(ada, "10");
  await textIs(ada, ".said", "The highest bid is yours.");
  await textIs(grace, ".price b", "€ 10");
  equal(await grace.locator(".said").textContent(), "");
  await bid(ada, "11");
  await textIs(ada, ".said", "The highest bid is yours already.");

  await bid(grace, "10");
  await textIs(grace, ".said", "Bid at least € 11, in whole euros.");
  await bid(grace, " 15 ");
  await textIs(grace, ".said", "The highest bid is yours.");
  await textIs(ada, ".said", "You were outbid: Grace <i> has bid € 15.");
  await textIs(second, ".price b", "€ 15");
  equal(await second.locator(".said").textContent(), "");
  await bid(second, "20");
  await textIs(grace, ".said", "You were outbid: Ada has bid € 20.");
  await textIs(ada, ".price b", "€ 20");
  equal(await ada.locator(".said").textContent(), "You were outbid: Grace <i> has bid € 15.");
  const bids = ["Ada € 20", "Grace <i> € 15", "Ada € 10"];
  for (const page of [ada, grace, second]) {
    await listIs(page, ".bids", bids);
  }
  equal(await grace.locator(".bids .me").count(), 1);
  equal(await ada.locator(".bids .me").count(), 2);
  await picture(ada, "auction-light");
  await picture(grace, "auction-dark");

  await second.close();
  await grace.context().close();
  await listIs(ada, "#people", ["Ada"]);
  await leave(ada);
});

await test("many bids at once from both: one order, seen by both", async () => {
  const pages = [await enter(long, "Ada"), await enter(long, "Grace")];
  await Promise.all(pages.map(async (page, i) => {
    for (let n = 0; n < 8; n++) {
      await bid(page, String(100 + 2 * n + i));
      await pageUntil(page, "the bid to be sent", () => document.querySelector("#amount").value === "");
    }
  }));
  // What is still under way shows later in one page than in the other: until nothing is.
  const lists = await until("both pages to show what the server has", async () => {
    const [has, ...shown] = await Promise.all([serversBids(pages[0]), ...pages.map((page) => page.locator(".bids li").allTextContents())]);
    return has.length === 5 && shown.every((list) => JSON.stringify(list) === JSON.stringify(has)) && shown;
  });
  const euros = lists[0].map((t) => Number(t.split("€ ")[1]));
  equal(euros, [...euros].sort((a, b) => b - a));
  for (const page of pages) {
    await leave(page);
  }
});

await test("without a stream a bid counts, and is answered", async () => {
  const page = await openPage(browser);
  const runs = new Promise((resolve) => page.route(`${long.url}/`, (route) => {
    if (route.request().method() !== "POST") {
      return route.continue();
    }
    resolve(); // it asks for its stream, so the client is at work: what is typed before it is may be lost
    return route.abort();
  }));
  await page.goto(long.url);
  await page.getByLabel("Your name").fill("Zoë");
  await page.keyboard.press("Enter");
  await runs;
  await bid(page, "500");
  await textIs(page, ".said", "The highest bid is yours.");
  await textIs(page, ".price b", "€ 500");
  await page.context().close();
});

await test("a small screen", async () => {
  const page = await enter(long, "Ada", { viewport: { width: 360, height: 740 } });
  await picture(page, "auction-small");
  await fits(page);
  await leave(page);
});

await test("the server stops cleanly", () => long.stop());

await test("the hammer falls: a late bid gives ten seconds more, then there is a winner, and the next lot", async () => {
  const short = await startAuction(14);
  const ada = await enter(short, "Ada");
  const grace = await enter(short, "Grace");
  await ada.evaluate(() => { // the longest time from here on, however short a moment it is seen for
    const seconds = () => Number(document.querySelector(".clock").textContent.split(":")[1]);
    new MutationObserver(() => {
      window.least = Math.min(window.least ?? 99, seconds());
      window.most = window.least <= 7 ? Math.max(window.most ?? 0, seconds()) : 0;
    }).observe(document.querySelector(".clock"), { childList: true, characterData: true, subtree: true });
  });
  await pageUntil(ada, "the last seconds", () => window.least <= 7);
  await bid(ada, "10");
  await pageUntil(ada, "more time", () => window.most >= 8);
  await bid(grace, "12");
  await textIs(ada, ".said", "You were outbid: Grace has bid € 12.");
  await picture(ada, "auction-soon");
  for (const page of [ada, grace]) {
    await page.locator(".end").waitFor({ timeout: 20000 });
    await textIs(page, ".end", "Sold to Grace for € 12.");
    await textIs(page, ".clock", "0:00");
    equal(await page.getByRole("button", { name: "Bid" }).isDisabled(), true);
  }
  await textIs(grace, ".said", "It is yours. Come and fetch it.");
  equal(await ada.locator(".said").textContent(), "You were outbid: Grace has bid € 12.");
  await picture(grace, "auction-end");
  await ada.getByRole("button", { name: "The next lot" }).click();
  for (const page of [ada, grace]) {
    await textIs(page, "#lot h1", "A barometer");
    await listIs(page, ".bids", []);
    await pageUntil(page, "bids to be possible", () => !document.querySelector("#amount").disabled);
    await leave(page);
  }
  await short.stop();
}, { seconds: 60 });

await browser.close();
finish();
