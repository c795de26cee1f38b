// json_differential.test.mjs -- the JSON reader against Node's JSON.parse, on generated and mutated documents.
//
// Both must take the same documents and find the same values in them, but for what cstar refuses on purpose. Those
// differences are computed here, from the text, and by nothing that cstar says:
//   root      is not an object                 depth     more than 32 levels
//   duplicate one key twice in an object       surrogate a string with a lone surrogate
//   overflow  a number that JSON.parse makes infinite
//   utf8      bytes that are no UTF-8 (JSON.parse is given the decoded text)
//
//     CSTAR_BIN=build/bin node tests/node/json_differential.test.mjs [documents] [seed]
//
// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const total = Number(process.argv[2] ?? 30000);
const seed = Number(process.argv[3] ?? 20250117);
const program = path.join(process.env.CSTAR_BIN ?? "build/bin", "cstar-jsonecho");
if (!existsSync(program)) {
  console.log(`skipped: ${program} is not built`);
  process.exit(77);
}

const status = { syntax: -4, utf8: -5, depth: -6, duplicate: -7, overflow: -9 };

// ---- randomness that repeats ----------------------------------------------------------------------

let state = seed >>> 0 || 1;
function random(n) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[random(list.length)];
const chance = (percent) => random(100) < percent;

// ---- documents ------------------------------------------------------------------------------------

const space = () => (chance(90) ? "" : pick([" ", "\n", "\r\n", "\t", "  "]));

function hex(unit) {
  const digits = unit.toString(16).padStart(4, "0");
  return "\\u" + (chance(50) ? digits : digits.toUpperCase());
}

function piece() {
  switch (random(14)) {
    case 0: return pick(['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]);
    case 1: return hex(random(0x80));
    case 2: return hex(random(0xd800));
    case 3: return hex(0xe000 + random(0x2000));
    case 4: return hex(0xd800 + random(0x400)) + hex(0xdc00 + random(0x400));
    case 5: return String.fromCodePoint(0x80 + random(0x700));
    case 6: return String.fromCodePoint(0x10000 + random(0x100000));
    case 7: return pick(["\u2028", "\u2029", "\ufeff", "\uffff", "\u0800", "\ud7ff", "\ue000", "\x7f"]);
    case 8: return pick(["@get(", "$x", "'", "<", ">", "&", "</script>"]);
    case 9: return chance(2) ? hex(0xd800 + random(0x800)) : "s"; // often alone
    default: return String.fromCharCode(0x20 + random(0x5f)).replace(/["\\]/, "x");
  }
}

function string() {
  let text = "";
  for (let n = chance(15) ? random(60) : random(10); n > 0; n--) {
    text += piece();
  }
  return `"${text}"`;
}

function digits(n) {
  let text = String(1 + random(9));
  while (text.length < n) {
    text += String(random(10));
  }
  return text;
}

function double() {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random(0x100000000));
  view.setUint32(4, random(0x100000000));
  const d = view.getFloat64(0);
  return Number.isFinite(d) ? JSON.stringify(d) : "0.1";
}

function number() {
  const sign = chance(30) ? "-" : "";
  switch (random(10)) {
    case 0: return sign + "0";
    case 1: case 2: return sign + digits(1 + random(4));
    case 3: return sign + digits(14 + random(8));
    case 4: return pick(["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
      "9007199254740991", "9007199254740992", "9007199254740993", "12345678901234567890", "1e22", "1e23", "5e-324",
      "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623158e308", "1.7976931348623159e308", "1e308",
      "1e309", "1e400", "1e-400", "-1e400", "-0", "0e5", "-0.0", "0.1e1", "1e-99999999999", "0e99999999999"]);
    case 5: return double();
    case 6: return sign + digits(1 + random(20)) + "." + digits(1 + random(20));
    case 7: return sign + digits(1 + random(3)) + pick(["e", "E"]) + pick(["", "+", "-"]) + random(chance(10) ? 400 : 30);
    case 8: return sign + "0." + "0".repeat(random(30)) + digits(1 + random(25)) + "e" + (random(60) - 30);
    default: return chance(5) ? digits(700 + random(200)) + "e-" + random(900) : sign + digits(1 + random(9)) + "." + random(1000);
  }
}

function key() {
  return chance(60) ? `"${pick(["a", "b", "c", "id", "name", "count", "10", "2", "__proto__", "", "\\u0061"])}${
    chance(50) ? random(100) : ""}"` : string();
}

function container(depth, open, close, member) {
  let text = open + space();
  const n = chance(3) ? random(60) : random(6);
  for (let i = 0; i < n; i++) {
    text += (i !== 0 ? space() + "," + space() : "") + member(depth);
  }
  return text + space() + close;
}

const member = (depth) => key() + space() + ":" + space() + value(depth + 1);

function value(depth) {
  const kind = random(depth > 5 ? 7 : 10);
  if (kind < 2) return string();
  if (kind < 5) return number();
  if (kind < 7) return pick(["true", "false", "null"]);
  if (kind < 9) return container(depth, "{", "}", member);
  return container(depth, "[", "]", (d) => value(d + 1));
}

function nested() {
  const levels = 28 + random(9); // around the limit
  let open = "", close = "";
  for (let i = 0; i < levels; i++) {
    if (i === 0 || chance(50)) {
      open += '{"k":';
      close = "}" + close;
    } else {
      open += "[";
      close = "]" + close;
    }
  }
  return open + "1" + close;
}

function document() {
  const shape = random(20);
  if (shape === 0) return value(0); // any root
  if (shape === 1) return nested();
  return space() + container(0, "{", "}", member) + space();
}

const noise = ["{", "}", "[", "]", ",", ":", '"', "\\", "0", "-", ".", "e", "+", "u", " ", "\n", "\0", "\x1f", "t", "null", "NaN",
  "//", "'", "\ufeff", "1e999", "\\ud800", "\\udc00"].map((s) => Buffer.from(s))
  .concat([0x80, 0xc0, 0xc3, 0xe0, 0xed, 0xa0, 0xf0, 0xf5, 0xff].map((b) => Buffer.from([b])));

function mutate(bytes) {
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(bytes.length + 1);
    const cut = at + random(4);
    switch (random(6)) {
      case 0: bytes = bytes.subarray(0, at); break;
      case 1: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(cut)]); break;
      case 2: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, cut), bytes.subarray(at)]); break;
      case 3: bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([random(256)]), bytes.subarray(at + 1)]); break;
      default: bytes = Buffer.concat([bytes.subarray(0, at), pick(noise), bytes.subarray(at + random(2))]); break;
    }
  }
  return bytes;
}

function generate() {
  const bytes = Buffer.from(document(), "utf8");
  return chance(45) ? mutate(bytes) : bytes;
}

// ---- what cstar must say --------------------------------------------------------------------------

// All reasons to refuse a text that JSON.parse takes, found by walking its tokens.
function reasonsOf(text) {
  const reasons = new Set();
  const open = []; // per level: the object's keys so far, or null for an array
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs) ?? [];
  if (tokens[0] !== "{") reasons.add("syntax");
  tokens.forEach((token, i) => {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > 32) reasons.add("depth");
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token[0] === '"') {
      const string = JSON.parse(token);
      if (/\p{Surrogate}/u.test(string)) reasons.add("utf8");
      if (tokens[i + 1] === ":") {
        const keys = open.at(-1);
        if (keys.has(string)) reasons.add("duplicate");
        keys.add(string);
      }
    } else if (/^[-0-9]/.test(token) && !Number.isFinite(Number(token))) {
      reasons.add("overflow");
    }
  });
  return reasons;
}

function judge(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { reasons: new Set(["syntax", "utf8", "depth", "duplicate", "overflow"]) }; // whatever comes first
  }
  try {
    return { value: JSON.parse(text), reasons: reasonsOf(text) };
  } catch {
    return { reasons: new Set(["syntax", "utf8", "depth", "duplicate", "overflow"]) };
  }
}

const buffer = new DataView(new ArrayBuffer(8));
function bitsOf(number) {
  buffer.setFloat64(0, number);
  return "#" + buffer.getBigUint64(0).toString(16).padStart(16, "0");
}

// Whether `b` is `a`; with `bits` its numbers are strings of bits.
function same(a, b, bits) {
  if (typeof a === "number") return bits ? b === bitsOf(a) : Object.is(a, b);
  if (a === null || typeof a !== "object") return a === b;
  if (b === null || typeof b !== "object" || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k], bits));
}

// ---- run and compare ------------------------------------------------------------------------------

const documents = Array.from({ length: total }, generate);
const input = documents.flatMap((bytes) => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
});
const run = spawnSync(program, { input: Buffer.concat(input), maxBuffer: 1 << 30 });
const lines = run.stdout.toString("utf8").split("\n");
let failures = 0;
const counts = { accepted: 0, refused: 0 };

function failed(bytes, line, why) {
  if (++failures <= 20) {
    console.log(`FAILED: ${why}\n  document ${JSON.stringify(bytes.toString("latin1").slice(0, 300))}\n  cstar    ${line?.slice(0, 300)}`);
  }
}

function compareAccepted(bytes, line, fields, expected) {
  counts.accepted++;
  if (expected.reasons.size !== 0) {
    return failed(bytes, line, `accepted in spite of ${[...expected.reasons]}`);
  }
  const [, compact, withBits, escaped] = fields;
  if (!same(expected.value, JSON.parse(compact), false)) return failed(bytes, line, "another value");
  if (!same(expected.value, JSON.parse(withBits), true)) return failed(bytes, line, "another number");
  if (!same(expected.value, JSON.parse(escaped), false)) return failed(bytes, line, "another value when escaped");
  if (/[@$'<>&\u2028\u2029]/.test(escaped)) return failed(bytes, line, "not escaped");
  if (/\s/.test(compact.replace(/"(?:[^"\\]|\\.)*"/g, ""))) failed(bytes, line, "not compact");
}

function compareRefused(bytes, line, fields, expected) {
  counts.refused++;
  const [, code, check, text] = fields;
  const reasons = [...expected.reasons];
  if (!reasons.some((reason) => status[reason] === Number(code))) {
    return failed(bytes, line, `refused; Node says ${reasons.length ? reasons : "it is fine"}`);
  }
  if (check !== code && Number(code) !== status.duplicate) return failed(bytes, line, "check disagrees");
  if (!/ at byte \d+/.test(text)) return failed(bytes, line, "no offset in the text");
  for (const reason of reasons.length === 1 ? reasons : []) {
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
}

documents.forEach((bytes, i) => {
  const line = lines[i];
  const fields = line?.split("\t") ?? [];
  const expected = judge(bytes);
  if (fields[0] === "ok" && fields.length === 4) compareAccepted(bytes, line, fields, expected);
  else if (fields[0] === "no" && fields.length === 4) compareRefused(bytes, line, fields, expected);
  else failed(bytes, line, "no answer");
});

if (run.status !== 0) {
  console.log(`FAILED: ${program} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  failures++;
}
// A generator that no longer reaches one of the differences would make this test blind to it.
for (const kind of ["accepted", "refused", "syntax", "utf8", "depth", "duplicate", "overflow"]) {
  if (total >= 10000 && (counts[kind] ?? 0) < 20) {
    console.log(`FAILED: only ${counts[kind] ?? 0} documents of kind ${kind}`);
    failures++;
  }
}
console.log(`${total} documents, seed ${seed}: ${JSON.stringify(counts)}, ${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
