// live.mjs -- the program live-pages: what it counts, what it publishes; and a client that opens streams as a page does.
//
// SPDX-License-Identifier: MIT
import http from "node:http";
import https from "node:https";
import { randomBytes } from "node:crypto";
import { equal, until } from "./check.mjs";
import { pageUntil } from "./browser.mjs";

const transport = (server) => (server.url.startsWith("https:") ? https : http);
const target = (server) => ({ host: server.host, port: server.port, agent: false, rejectUnauthorized: false }); // a key of its own

function ask(server, path) {
  return new Promise((resolve, reject) => {
    const request = transport(server).get({ ...target(server), path }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => resolve({ status: response.statusCode, body }));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

/** {pid, open, starts, ends, refused, arrivals} of the server's streams. */
export const counts = async (server) => JSON.parse((await ask(server, "/counts")).body);

/** The signal `n` of every page that listens. */
export async function publish(server, n) {
  equal((await ask(server, `/publish?n=${n}`)).status, 200);
}

export const openIs = (server, n) => until(`${n} open streams`, async () => (await counts(server)).open === n);

/** What is published reaches each of these pages. */
export async function allHear(server, pages, n) {
  await publish(server, n);
  for (const page of pages) {
    await pageUntil(page, `${n} to arrive`, (x) => document.querySelector("#n")?.textContent === String(x), n);
  }
}

/** The page has a stream of that process. */
export const servedBy = (page, server, seconds = 20) =>
  page.waitForFunction((pid) => document.querySelector("#server")?.textContent === String(pid), server.pid, { timeout: seconds * 1000 });

export const newId = () => randomBytes(8).toString("hex");

/** Opens a stream as a page does, and reads it: {retries: [ms], text, ended, closed (a promise), leave()}. */
export function openStream(server, { tabId, pageId, path = "/page/1" }) {
  const stream = { retries: [], text: "", ended: false };
  const body = JSON.stringify({ tabId, pageId });
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), "Datastar-Request": "true" };
  stream.closed = new Promise((closed) => {
    stream.begun = new Promise((resolve, reject) => {
      const request = transport(server).request({ ...target(server), method: "POST", path, headers }, (response) => {
        stream.status = response.statusCode;
        resolve(stream);
        response.setEncoding("utf8").on("data", (text) => {
          stream.text += text;
          stream.retries = [...stream.text.matchAll(/^retry: (\d+)$/gm)].map((found) => Number(found[1]));
        });
        response.on("end", () => (stream.ended = true)).on("error", () => {}).on("close", closed);
      });
      request.on("error", (error) => {
        reject(error);
        closed();
      });
      stream.leave = () => request.destroy();
      request.end(body);
    });
  });
  return stream;
}

/** Keeps a stream open as the client does: again after each end, when the last `retry` field says, and later and later while
 * nobody answers. {told: [ms] (what the last field of each stream said), starts, leave()}. */
export function followStream(server, ids) {
  const follower = { told: [], starts: 0 };
  let current;
  let timer;
  let base = 1000;
  let wait = base;
  const again = () => {
    timer = setTimeout(run, wait);
    wait = Math.min(wait * 2, 30000);
  };
  async function run() {
    const stream = (current = openStream(server, ids));
    try {
      await stream.begun;
      follower.starts++;
      wait = base;
    } catch {
      return follower.left || again();
    }
    await stream.closed;
    if (stream.retries.length) {
      base = wait = stream.retries.at(-1);
      follower.told.push(base);
    }
    return follower.left || again();
  }
  follower.leave = () => {
    follower.left = true;
    clearTimeout(timer);
    current.leave();
  };
  run();
  return follower;
}
