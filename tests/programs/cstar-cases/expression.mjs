// expression.mjs -- evaluates generated expressions as the Datastar client would, and matches patterns.
//
// Standard input: a JSON array of jobs, {id, text, browser} or {id, text, pattern}; standard output: the answers in order,
// {id, verb, url, options} | {id} (no request was made) | {id, fault} | {id, match}.
//
// An expression is run in each way in which it can stand in an attribute, and must give the same request in all of them:
//   alone; as a value (`return (...)`); behind a condition; in front of another statement with quotes in it.
// A throw is a fault whatever the case expects: inside data-on:* it would freeze the page.
//
// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";

// ---- the client's rewriting ----

// Where the string that opens at `at` ends (behind its quote), or -1 if it does not.
function stringEnd(code, at) {
  for (let i = at + 1; i < code.length; i++) {
    if (code[i] === "\\") i++;
    else if (code[i] === code[at]) return i + 1;
  }
  return -1;
}

// $name.part-x outside strings becomes $['name']['part-x']. Like the client's, this scanner knows no regular expressions.
function rewriteSignals(code) {
  const signal = /\$([a-zA-Z_\d]\w*(?:[.-]\w+)*)/y;
  let out = "";
  for (let i = 0; i < code.length; ) {
    const quote = "\"'`".includes(code[i]) ? stringEnd(code, i) : -1;
    signal.lastIndex = i;
    const match = quote < 0 ? signal.exec(code) : null;
    if (quote > 0) {
      out += code.slice(i, quote);
      i = quote;
    } else if (match) {
      out += "$" + match[1].split(".").map((part) => `['${part}']`).join("");
      i += match[0].length;
    } else {
      out += code[i++];
    }
  }
  return out;
}

// @name( becomes a call of the action, in strings too.
const rewriteActions = (code) => code.replace(/@([A-Za-z_$][\w$]*)\(/g, '__action("$1",evt,');

// ---- the browser ----

// A signal that is not there, or is null, reads as "".
const signalsOf = (values) =>
  new Proxy({ ...values }, { get: (target, name) => (target[name] ?? "") });

const optionsText = (options) =>
  options === undefined
    ? null
    : JSON.stringify(options, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));

function evaluate(code, browser) {
  const requests = [];
  const signals = signalsOf(
    Object.fromEntries(
      Object.entries(browser)
        .filter(([name]) => name.startsWith("$"))
        .map(([name, value]) => [name.slice(1), value]),
    ),
  );
  const location = { pathname: browser.pathname ?? "/", search: browser.search ?? "", hash: "" };
  const dataset = browser.dsBase == null ? {} : { dsBase: browser.dsBase };
  const record = (verb, evt, url, options) => {
    requests.push({ verb, url, options: optionsText(options) });
    return Promise.resolve();
  };
  const run = new Function("el", "$", "__action", "evt", "location", "document", rewriteActions(rewriteSignals(code.trim())));
  const value = run({}, signals, record, undefined, location, { body: { dataset } });
  return { requests, value, signals };
}

function evaluateJob({ text, browser }) {
  const alone = evaluate(text, browser);
  if (alone.requests.length > 1) return { fault: "more than one request" };
  const forms = {
    "as a value": `return (${text});`,
    "behind a condition": `true && ${text}`,
    "in front of a statement": `${text}; $other = 'it\\'s'`,
    "behind a statement": `$other = 'x'; ${text}`,
  };
  for (const [name, code] of Object.entries(forms)) {
    const again = evaluate(code, browser);
    if (JSON.stringify(again.requests) !== JSON.stringify(alone.requests)) return { fault: `another request ${name}` };
    if (name.includes("statement") && !again.signals.other) return { fault: `swallows what stands ${name}` };
    if (name === "as a value" && alone.requests.length === 0 && again.value !== undefined)
      return { fault: "no request, and a value" };
  }
  if (evaluate(`false && ${text}`, browser).requests.length > 0) return { fault: "a request behind a false condition" };
  return alone.requests[0] ?? {};
}

function answer(job) {
  try {
    return job.pattern !== undefined
      ? { id: job.id, match: new RegExp(job.pattern, "u").test(job.text) }
      : { id: job.id, ...evaluateJob(job) };
  } catch (error) {
    return { id: job.id, fault: String(error) };
  }
}

const jobs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(jobs.map(answer)));
