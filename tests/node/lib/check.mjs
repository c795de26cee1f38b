// check.mjs -- named tests that run one after the other, and what they need to say yes or no.
//
//     await test("the sky is blue", async () => { equal(await colour("sky"), "blue"); });
//     finish();
//
// A test that fails says why, and the next one runs. finish() prints `N passed, N failed` and sets the exit status: 0, or 1.
// skip() ends the program with 77, which ctest counts as skipped. A test that hangs fails after `seconds`, by name.
//
// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";

export { assert };
export const equal = assert.deepEqual; // strict: of node:assert/strict
export const ok = assert.ok;
export const match = assert.match;

let passed = 0;
const failed = [];
const only = process.env.ONLY ? new RegExp(process.env.ONLY) : null; // while looking for a fault

/** Runs `body`; remembers the outcome. @param seconds until it counts as hung. */
export async function test(name, body, { seconds = 30 } = {}) {
  if (only && !only.test(name)) {
    return;
  }
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  const start = Date.now();
  try {
    await Promise.race([body(), late]);
    passed++;
    if (process.env.VERBOSE) {
      console.log(`passed: ${name} (${Date.now() - start} ms)`);
    }
  } catch (error) {
    failed.push(name);
    const where = /([\w.-]+\.test\.mjs:\d+)/.exec(error.stack ?? "")?.[1] ?? "";
    console.log(`FAILED: ${name} ${where}\n  ${String(error.message ?? error).replace(/\n/g, "\n  ")}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The last line, and the end of the program. */
export function finish() {
  if (passed === 0 && failed.length === 0) {
    failed.push("no test ran");
  }
  console.log(`${passed} passed, ${failed.length} failed`);
  process.exit(failed.length === 0 ? 0 : 1);
}

/** Ends the program as skipped. Loud, since what is skipped is not known to work. */
export function skip(why) {
  console.log(`SKIPPED: ${why}`);
  process.exit(77);
}

/** Polls `condition` (may be async) until it gives something true, and returns that; an Error that says `what` if it never does. */
export async function until(what, condition, { seconds = 10 } = {}) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${seconds} s in vain for: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
