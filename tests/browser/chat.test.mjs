// chat.test.mjs -- two people in a room: what one says the other sees, who types, how many are here, and a connection that breaks.
// ctest: timeout=120 cost=49
//
// SCREENSHOTS=DIR node tests/browser/chat.test.mjs   leaves pictures of the example in DIR.
//
// SPDX-License-Identifier: MIT
import { equal, finish, test, until } from "../node/lib/check.mjs";
import { datastarClient, programPath, start } from "../node/lib/program.mjs";
import { openLine } from "../node/lib/line.mjs";
import { fits, leave, openBrowser, openPage, pageUntil, picture, textIs, textsAre, withoutStream } from "../node/lib/browser.mjs";

programPath("chat");
const server = await start("chat", ["--datastar", datastarClient(), "--workers", "2"]);
const browser = await openBrowser();

async function enter(name, room = "Garden", { url = server.url, ...options } = {}) {
  const page = await openPage(browser, options);
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("link", { name: room }).click();
  await page.getByRole("heading", { name: room }).waitFor();
  return page;
}

const box = (page) => page.getByRole("textbox", { name: "Message" });
const say = async (page, text) => {
  await box(page).fill(text);
  await page.keyboard.press("Enter");
};
const messages = (page) => page.locator("#messages li p").allTextContents();
const messagesAre = (page, wanted) => textsAre(page, "#messages li p", wanted);

await test("without a name there is no room, and a room that is none is not found", async () => {
  const page = await openPage(browser);
  await page.goto(`${server.url}/room/garden`);
  await textIs(page, "#flash .bad", "Say who you are first.");
  equal(new URL(page.url()).pathname, "/");
  await picture(page, "chat-door");
  page.clean();
  equal((await page.goto(`${server.url}/room/cellar`)).status(), 404);
  await page.context().close();
});

await test("a name without end makes nobody's page wider", async () => {
  const own = await start("chat", ["--datastar", datastarClient()]); // its rooms are empty
  const phone = { viewport: { width: 390, height: 844 }, url: own.url };
  const wide = await openPage(browser, { viewport: phone.viewport });
  await wide.goto(own.url);
  await wide.getByLabel("Your name").evaluate((input) => input.removeAttribute("maxlength"));
  await wide.getByLabel("Your name").fill("W".repeat(25));
  await wide.getByRole("button", { name: "Come in" }).click();
  await textIs(wide, "#flash .bad", "A name has 1 to 24 letters.");
  await wide.getByLabel("Your name").fill("W".repeat(24));
  await wide.getByRole("button", { name: "Come in" }).click();
  await wide.getByRole("link", { name: "Workshop" }).click();
  const page = await enter("Ida", "Workshop", phone);
  const wider = () => page.evaluate(() => [document.documentElement.scrollWidth - innerWidth,
    ...Array.from(document.querySelectorAll(".scroll, .card"), (e) => e.scrollWidth - e.clientWidth)]);
  await box(wide).pressSequentially("x");
  await pageUntil(page, "typing", () => document.querySelector(".typing").textContent.endsWith("is typing …"));
  equal(await wider(), [0, 0, 0]);
  await say(wide, "Hello");
  await messagesAre(page, ["Hello"]);
  equal(await wider(), [0, 0, 0]);
  for (const p of [wide, page]) {
    await leave(p);
  }
  await own.stop();
});

for (const colorScheme of ["light", "dark"]) {
  await test(`two people talk, ${colorScheme}`, async () => {
    const room = { light: "Garden", dark: "Kitchen" }[colorScheme];
    const path = room.toLowerCase();
    const lobby = await openPage(browser, { colorScheme });
    await lobby.goto(server.url);
    await lobby.getByLabel("Your name").fill("Zoë");
    await lobby.getByRole("button", { name: "Come in" }).click();
    await textIs(lobby, `#here-${path}`, "0 here");
    const ada = await enter("Ada", room, { colorScheme });
    await textIs(ada, `#here-${path}`, "1 here");
    const grace = await enter("Grace", room, { colorScheme });
    await textIs(ada, `#here-${path}`, "2 here");
    await textIs(grace, `#here-${path}`, "2 here");
    await textIs(lobby, `#here-${path}`, "2 here");
    await picture(lobby, `chat-lobby-${colorScheme}`);

    await say(ada, "Have the beans come up?");
    await messagesAre(grace, ["Have the beans come up?"]);
    await messagesAre(ada, ["Have the beans come up?"]);
    equal(await box(ada).inputValue(), "");
    equal(await ada.locator("#messages li.mine").count(), 1);
    equal(await grace.locator("#messages li.mine").count(), 0);

    await box(grace).pressSequentially("The snails <b>were</b> first");
    await textIs(ada, ".typing", "Grace is typing …");
    equal(await grace.locator(".typing").textContent(), ""); // not told about oneself
    await picture(ada, `chat-typing-${colorScheme}`);
    await grace.keyboard.press("Enter");
    await messagesAre(ada, ["Have the beans come up?", "The snails <b>were</b> first"]);
    await textIs(ada, ".typing", "");
    await say(ada, "There is a jar for them. It is a large jar, with a small lid, and a note that says where they are to be brought.");
    await say(grace, "😀");
    await messagesAre(ada, await until("four", async () => (await messages(grace)).length === 4 && messages(grace)));
    await picture(grace, `chat-room-${colorScheme}`);

    await say(ada, "   ");
    await textIs(ada, ".said", "A message has 1 to 400 letters.");
    await grace.context().close();
    await textIs(ada, `#here-${path}`, "1 here");
    await ada.context().close();
    await textIs(lobby, `#here-${path}`, "0 here");
    for (const page of [lobby, ada]) {
      page.clean();
    }
    await lobby.context().close();
  });
}

await test("who types and stops is forgotten", async () => {
  const ada = await enter("Ada", "Workshop");
  const grace = await enter("Grace", "Workshop");
  await textIs(ada, "#here-workshop", "2 here");
  await box(grace).pressSequentially("h");
  await textIs(ada, ".typing", "Grace is typing …");
  await textIs(ada, ".typing", "");
  ada.clean();
  grace.clean();
  await ada.context().close();
  await grace.context().close();
});

await test("a connection that breaks misses nothing, and gets nothing twice", async () => {
  const line = await openLine(server);
  const ada = await enter("Ada", "Workshop");
  const grace = await enter("Grace", "Workshop", { url: line.url, expected: /./ });
  await textIs(grace, "#here-workshop", "2 here");
  await say(ada, "one");
  await messagesAre(grace, ["one"]);
  await grace.evaluate(() => { // a mark that only a full view would take away
    document.querySelector("#messages li").dataset.mark = "kept";
  });
  for (let round = 0; round < 3; round++) {
    line.cut();
    await textIs(ada, "#here-workshop", "1 here");
    await say(ada, `two ${round}`);
    await say(ada, `three ${round}`);
    line.mend();
    await textIs(ada, "#here-workshop", "2 here");
    await messagesAre(grace, await messages(ada));
  }
  equal((await messages(grace)).length, 7);
  equal(await grace.locator("[data-mark=kept]").count(), 1);
  await leave(ada);
  await grace.context().close();
  line.close();
});

await test("without its stream, what is said is said", async () => {
  const ada = await openPage(browser);
  await withoutStream(ada, "**/room/garden");
  await ada.goto(server.url);
  await ada.getByLabel("Your name").fill("Ada");
  await ada.keyboard.press("Enter");
  await ada.getByRole("link", { name: "Garden" }).click();
  const before = (await messages(ada)).length;
  await say(ada, "Is anybody there?");
  await textIs(ada, ".said", "Sent. You see it when you are connected again.");
  await ada.reload();
  await pageUntil(ada, "one more message", (n) => document.querySelectorAll("#messages li").length === n, before + 1);
  await ada.context().close();
});

await test("a small screen", async () => {
  const page = await enter("Ada", "Garden", { viewport: { width: 360, height: 640 } });
  await picture(page, "chat-small");
  await fits(page);
  await leave(page);
});

await browser.close();
await test("the server stops cleanly", () => server.stop());
finish();
