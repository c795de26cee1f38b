// tasks.test.mjs -- a component on two pages at a base of its own, search while typing, removal that asks first.
// ctest: timeout=120 cost=17
//
// SPDX-License-Identifier: MIT
import { equal, finish, match, ok, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openBrowser, openPage, pageUntil, picture, textIs } from "../node/lib/browser.mjs";

programPath("tasks");
const client = datastarClient();
const browser = await openBrowser();
const server = await start("tasks", ["--datastar", client, "--workers", "2"]);

const rows = (page) => page.locator("#rows li span").allTextContents();
const rowsAre = (page, wanted) => pageUntil(page, `rows ${wanted}`, (list) => {
  const found = Array.from(document.querySelectorAll("#rows li"), (li) => (li.querySelector("span") ?? li).textContent);
  return JSON.stringify(found) === JSON.stringify(list);
}, wanted);
const requests = (page) => page.seen.requests.filter((r) => !/\.(js|css|ico)/.test(r.url)).map((r) => `${r.method} ${new URL(r.url).pathname}`);

async function open(path = "/") {
  const page = await openPage(browser);
  await page.goto(server.url + path);
  return page;
}

const four = ["Water the plants", "Read the data sheet", "Order a pump", "Measure the current"];

await test("search waits until one has stopped typing, and the list follows", async () => {
  const page = await open();
  await rowsAre(page, four);
  await page.getByRole("searchbox").pressSequentially("THE ");
  await rowsAre(page, ["Water the plants", "Read the data sheet", "Measure the current"]);
  equal(requests(page).filter((r) => r.startsWith("GET /_event/search")).length, 1); // four letters, one request
  await page.getByRole("searchbox").fill("<script>alert(1)</script>");
  await pageUntil(page, "nothing found", () => document.querySelector("#rows .none")?.textContent.includes("<script>alert(1)"));
  await page.getByRole("searchbox").fill("");
  await rowsAre(page, four);
  await picture(page, "tasks");
  page.clean();
});

await test("a new task is appended; an empty one is an error that is said", async () => {
  const page = await open();
  await page.getByLabel("A new task").fill("Charge the battery & <b>more</b>");
  await page.getByRole("button", { name: "Add" }).click();
  await rowsAre(page, [...four, "Charge the battery & <b>more</b>"]);
  await textIs(page, "[role=status]", "Added.");
  equal(await page.getByLabel("A new task").inputValue(), "");
  await page.getByRole("button", { name: "Add" }).click();
  await textIs(page, "[role=status]", "A task has 1 to 80 letters.");
  page.clean();
});

await test("removal asks first, and sends a DELETE to the component at its base", async () => {
  const page = await open();
  const asked = [];
  let answer = false;
  page.removeAllListeners("dialog"); // a question is expected here
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    return answer ? dialog.accept() : dialog.dismiss();
  });
  const remove = page.locator("#rows li", { hasText: "Charge the battery" }).getByRole("button", { name: "Remove" });
  await remove.click();
  equal(asked, ["Remove it?"]);
  equal(requests(page).filter((r) => r.startsWith("DELETE")), []);
  answer = true;
  await remove.click();
  await rowsAre(page, four);
  const [sent] = page.seen.requests.filter((r) => r.method === "DELETE").map((r) => new URL(r.url));
  equal(sent.pathname, "/team/ds/task/remove");
  match(sent.searchParams.get("arg"), /^\d+$/);
  page.clean();
});

await test("the same component on the other page: a task goes there, and comes back", async () => {
  const page = await open();
  const done = await open("/done");
  await rowsAre(done, ["Write it down"]);
  await page.locator("#rows li", { hasText: "Order a pump" }).getByRole("button", { name: "Done" }).click();
  await rowsAre(page, four.filter((t) => t !== "Order a pump"));
  await done.reload();
  await rowsAre(done, ["Order a pump", "Write it down"]);
  await done.locator("#rows li", { hasText: "Order a pump" }).getByRole("button", { name: "Open again" }).click();
  await rowsAre(done, ["Write it down"]);
  ok(done.seen.requests.some((r) => r.url.endsWith("/team/ds/task/toggle?arg=3")), requests(done).join());
  await page.reload();
  await rowsAre(page, four);
  page.clean();
  done.clean();
});

await test("a row that somebody else has removed goes away here too", async () => {
  const mine = await open();
  const theirs = await open();
  for (const page of [mine, theirs]) {
    page.removeAllListeners("dialog").on("dialog", (dialog) => dialog.accept());
    await page.locator("#rows li", { hasText: "Water the plants" }).getByRole("button", { name: "Remove" }).click();
    await rowsAre(page, four.slice(1));
  }
  await textIs(theirs, "[role=status]", "It was gone already.");
  mine.clean();
  theirs.clean();
});

await test("a base that leads elsewhere makes no request, and the page goes on", async () => {
  const page = await open();
  await page.evaluate(() => { document.body.dataset.dsBase = "//evil.test/ds"; });
  const before = requests(page).length;
  await page.locator("#rows li").first().getByRole("button", { name: "Done" }).click();
  await page.getByRole("searchbox").fill("pump");
  await rowsAre(page, ["Order a pump"]);
  equal(requests(page).slice(before).map((r) => r.split(" ")[0]), ["GET"]);
  page.clean();
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
