// Values in every place of cstar_put(), read back by a real HTML parser (parse5), by JavaScript and by Node's URL parser.
//
// For each place and thousands of hostile values: the tree has the same elements and attributes as for a harmless value, and
// the content is exactly the value.
// ctest: timeout=120
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

let parse5;
try {
    parse5 = await import('parse5');
} catch {
    console.log('parse5 is not installed');
    process.exit(77);
}
const program = join(process.env.CSTAR_BIN ?? 'build/bin', 'cstar-htmlecho');
if (!existsSync(program)) {
    console.log(`${program} is not built`);
    process.exit(77);
}

// ---- values --------------------------------------------------------------------------------------------------------------
let seed = 20240607;
const random = (n) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
};
const latin = (s) => Buffer.from(s, 'latin1');
const pieces = [
    '<', '>', '&', '"', "'", '`', '\\', '/', '=', ';', ':', '?', '#', '%', '%2e', '.', '..', '-', '--', '$', '@', '(', ')', '{', '}', '[', ']',
    '${', '{}', '{{', '@post(', '@get("/x")', '$x', '$a.b-c', '</p>', '</title>', '</textarea>', '</script>', '<script>', '<!--', '-->', '--!>',
    ']]>', '&lt;', '&#60;', '&quot', '&colon;', '&Tab;', 'lt;', '#60;', '<img src=x onerror=alert(1)>', "' onclick='alert(1)", '" onclick="alert(1)',
    'javascript:', 'JaVaScRiPt:', 'java\tscript:', '\x01javascript:', 'java\nscript:', 'data:text/html,', 'vbscript:', 'script:alert(1)', 'alert(1)',
    'http:', 'https://', '//evil.test', '/\\evil.test', 'mailto:', 'tel:', 'blob:', 'file:///', '://', '__proto__', 'constructor',
    "');alert(1);('", '");alert(1);("', '`;alert(1);`', '*/', '/*', '//', '/x/', '\\u0022', "\\'", '\\x27', '\n', '\r', '\r\n', '\t', '\f', ' ', '\0',
    '\x7f', '\x1b', '\x80', '\xff', '\xc3', '\xe2\x80', '\xed\xa0\x80', '\xf5\x80\x80\x80', '\xc3\xa9', '\xe2\x80\xa8', '\xe2\x80\xa9', '\xc2\xa0',
    '\xe2\x80\x8b', '\xef\xbb\xbf', '\xc2\xad', '\xf0\x9f\x98\x80', '\xf0\x9f\x96\x95JS_DS\xf0\x9f\x9a\x80', '\xf0\x9f\x96\x95', '\xef\xbf\xbe',
    'a', 'x', 'abc', '0', '42', 'true', 'return', '})()', '(() => {', ' x=y ', '',
].map(latin);
const values = [latin('x'), ...pieces];
for (let i = 0; i < 256; i++) {
    values.push(Buffer.from([i]), Buffer.from([97, i, 98]));
}
for (const a of ['javascript', 'vbscript', 'data', ' \t javascript', '\xe2\x80\x8bjavascript', 'java\xc2\xadscript', 'java\0script']) {
    for (const b of [':', '\t:', ' :', '&colon;', '%3a', '\xef\xbc\x9a']) {
        values.push(latin(a + b + 'alert(1)'));
    }
}
while (values.length < 4000) {
    const parts = [];
    for (let n = 1 + random(6); n > 0; n--) {
        parts.push(random(5) === 0 ? Buffer.from([random(256)]) : pieces[random(pieces.length)]);
    }
    values.push(Buffer.concat(parts));
}

// Each byte that is not part of UTF-8 becomes one U+FFFD.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function decode(bytes) {
    let text = '';
    for (let i = 0; i < bytes.length;) {
        let found = 0;
        for (let n = 1; n <= 4 && found === 0 && i + n <= bytes.length; n++) {
            try {
                text += strict.decode(bytes.subarray(i, i + n));
                found = n;
            } catch { /* a longer one, perhaps */ }
        }
        text += found === 0 ? '\uFFFD' : '';
        i += found || 1;
    }
    return text;
}
const lines = (s) => s.replace(/\r\n?/g, '\n'); // what every HTML parser does first
const asText = (bytes) => lines(decode(bytes).replace(/\0/g, '\uFFFD'));

// ---- what must come out --------------------------------------------------------------------------------------------------
function* walk(node) {
    yield node;
    for (const child of node.childNodes ?? []) {
        yield* walk(child);
    }
}
const find = (root) => [...walk(root)].find((n) => n.attrs?.some((a) => a.name === 'id' && a.value === 'm'));
const attr = (node, name) => node.attrs.find((a) => a.name === name)?.value;
const content = (node) => [...walk(node)].filter((n) => n.nodeName === '#text').map((n) => n.value).join('');
function shape(node) {
    const inner = (node.childNodes ?? []).filter((n) => n.nodeName !== '#text').map(shape).join('');
    return `<${node.nodeName} ${(node.attrs ?? []).map((a) => a.name).join(' ')}>${inner}</>`;
}
function expect(got, wanted, what) {
    const a = JSON.stringify(got);
    const b = JSON.stringify(wanted);
    if (a !== b) {
        throw new Error(`${what}: got ${a}, expected ${b}`);
    }
}
const schemes = new Set(['http:', 'https:', 'mailto:', 'tel:']);
function expectUrl(text) {
    let url;
    try {
        url = new URL(text, 'http://base.test/dir/');
    } catch {
        return; // no URL at all does nothing
    }
    if (!schemes.has(url.protocol) && url.href !== 'about:invalid') {
        throw new Error(`scheme ${url.protocol} of ${JSON.stringify(text)}`);
    }
}
function evaluate(code, ...names) {
    return new Function(...names, `return (${code})`)();
}
function expectCode(code, dollars = 0) {
    if (code.includes('@') || code.split('$').length - 1 !== dollars) {
        throw new Error(`raw @ or $ in ${code}`);
    }
    for (const c of ['`', '\u2028', '\u2029']) {
        if (code.includes(c)) {
            throw new Error(`raw ${JSON.stringify(c)} in ${code}`);
        }
    }
}
const unpercent = (s) => Buffer.from(s.replace(/%([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), 'latin1').toString('hex');
const dots = (bytes) => /^\.{1,2}$/.test(bytes.toString('latin1')); // a segment "." or ".." is a step in any spelling

const checks = {
    text: (m, v) => expect(content(m), asText(v), 'text'),
    title: (m, v) => expect(content(m), asText(v), 'text'),
    textarea: (m, v) => expect(content(m), 'x' + asText(v), 'text'),
    noscript: (m, v) => expect(content(m), asText(v), 'text'),
    single: (m, v) => expect(attr(m, 'title'), asText(v), 'value'),
    double: (m, v) => expect(attr(m, 'title'), asText(v), 'value'),
    url: (m) => expectUrl(attr(m, 'href')),
    word: (m) => {
        expectUrl(attr(m, 'href'));
        expect(/[:\s]/.test(attr(m, 'href')), false, 'a colon');
    },
    segment: (m, v) => {
        const raw = /^\/items\/([A-Za-z0-9._~%-]*)\/x\?q=1$/.exec(attr(m, 'href'));
        expect(raw !== null && unpercent(raw[1]), v.toString('hex'), 'segment');
        const url = new URL(attr(m, 'href'), 'http://base.test/');
        expect([url.host, url.search, dots(v) || url.pathname.startsWith('/items/')], ['base.test', '?q=1', true], 'url');
    },
    query: (m, v) => {
        const url = new URL(attr(m, 'href'));
        expect([url.host, url.hash, url.pathname], ['h.test', '#f', '/'], 'url');
        expect([...url.searchParams.keys()], ['a', 'q'], 'parameters');
        expect(unpercent(url.search.slice('?a=1&q='.length)), v.toString('hex'), 'query');
    },
    expr: (m, v) => {
        expectCode(attr(m, 'data-text'));
        expect(evaluate(attr(m, 'data-text')), decode(v), 'expression');
    },
    assign: (m, v) => {
        const code = attr(m, 'data-on:click');
        expectCode(code, 2);
        expect(code.split(';').length, 2, 'statements');
        expect(new Function(`let $a, $b; ${code}; return [$a, $b]`)(), [decode(v), `x${decode(v)}y`], 'expression');
    },
    str_single: (m, v) => {
        expectCode(attr(m, 'data-text'));
        expect(evaluate(attr(m, 'data-text')), `a${decode(v)}b`, 'expression');
    },
    str_double: (m, v) => {
        expectCode(attr(m, 'data-text'));
        expect(evaluate(attr(m, 'data-text')), `${decode(v)}1`, 'expression');
    },
    href: (m) => {
        expectCode(attr(m, 'data-attr:href'));
        expectUrl(evaluate(attr(m, 'data-attr:href')));
    },
    json: (m, v) => {
        expectCode(attr(m, 'data-signals'));
        const got = evaluate(attr(m, 'data-signals')).a;
        expect(got, JSON.parse(v.toString()), 'JSON');
        if (got !== null && typeof got === 'object' && !Array.isArray(got)) {
            expect(Object.getPrototypeOf(got) === Object.prototype, true, 'prototype');
        }
    },
};

// JSON has its own values: every text as a string, a key and an element.
const jsons = values.filter((v) => !/\p{Surrogate}/u.test(decode(v))).flatMap((v, i) => {
    const text = decode(v);
    const made = [text, { [text]: [text, -1, { ['__proto__']: text }] }, JSON.parse(`{"__proto__": {"a": ${JSON.stringify(text)}}}`), -i][i % 4];
    const plain = JSON.stringify(made);
    const escaped = plain.replace(/[^ -~]|[_$@<]/g, (c) => (c === '\\' ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));
    return [plain, escaped].map((s) => Buffer.from(s));
});

// ---- run -----------------------------------------------------------------------------------------------------------------
let failures = 0;
let count = 0;
for (const [place, check] of Object.entries(checks)) {
    const all = place === 'json' ? [latin('0'), ...jsons] : values;
    const run = spawnSync(program, { input: all.map((v) => `${place} ${v.toString('hex')}\n`).join(''), maxBuffer: 1 << 28 });
    const answers = run.stdout.toString().split('\n');
    if (run.status !== 0 || answers.length !== all.length + 1) {
        console.log(`${place}: the program ended with ${run.status ?? run.signal} after ${answers.length - 1} of ${all.length} values`);
        process.exit(1);
    }
    let harmless;
    all.forEach((value, i) => {
        count++;
        try {
            if (answers[i].startsWith('!')) {
                throw new Error(answers[i]);
            }
            const tree = parse5.parseFragment(Buffer.from(answers[i], 'hex').toString(), { scriptingEnabled: false });
            harmless ??= shape(tree);
            expect(shape(tree), harmless, 'tree');
            check(find(tree), value);
        } catch (e) {
            failures++;
            if (failures <= 20) {
                console.log(`${place}, value ${JSON.stringify(value.toString('latin1'))}: ${e.message}`);
                console.log(`    ${JSON.stringify(Buffer.from(answers[i], 'hex').toString())}`);
            }
        }
    });
}
console.log(`${count} values in ${Object.keys(checks).length} places, ${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
