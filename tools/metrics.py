#!/usr/bin/env python3
"""Reports the tail of the size of functions and files. It reports, it never fails.

    metrics.py [PATH...]       default: src, include, examples, tests
    metrics.py --self-test

A function's complexity is 1 + its branches (if, for, while, case, &&, ||, ?). The aims stand in STYLE: 8-15 lines,
p95 at most 60 and complexity p95 at most 12, nesting 3, four parameters, files of 150-500 lines.

SPDX-License-Identifier: MIT
"""
import pathlib
import re
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUIET = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
NAME = re.compile(r"([A-Za-z_]\w*)\s*$")
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")


class Function(NamedTuple):
    where: str
    name: str
    lines: int
    complexity: int
    nesting: int
    parameters: int


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def body_end(text, at):
    """Behind the brace that closes the one at `at`, and the deepest nesting on the way."""
    depth = deepest = 0
    while at < len(text):
        if text[at] == "{":
            depth += 1
            deepest = max(deepest, depth)
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1, deepest - 1
        at += 1
    return at, deepest


def head_of(text):
    """(name, parameters) if a function's head stands at the end of `text`, else None."""
    text = text.rstrip()
    if not text.endswith(")"):
        return None
    at = depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0:
            break
    name = NAME.search(text, 0, at)
    return (name[1], text[at + 1:-1].strip()) if name else None


def functions(text, where):
    text = DIRECTIVE.sub(blank, QUIET.sub(blank, text))
    at = start = 0
    while (opening := text.find("{", at)) >= 0:
        start = max(text.rfind(c, at, opening) for c in ";}") + 1
        end, nesting = body_end(text, opening)
        head = head_of(text[max(start, at):opening])
        if head is not None:
            body = text[opening:end]
            name, parameters = head
            yield Function(
                where=f"{where}:{text.count(chr(10), 0, opening) + 1}", name=name, lines=body.count("\n") + 1,
                complexity=1 + len(BRANCH.findall(body)), nesting=nesting,
                parameters=0 if parameters in ("", "void") else parameters.count(",") + 1)
        at = end


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0


def report(paths):
    files = sorted(f for p in paths for f in (p.rglob("*.[ch]") if p.is_dir() else [p]))
    texts = {f: f.read_text(encoding="utf-8", errors="replace") for f in files}
    found = [fn for f, text in texts.items() for fn in functions(text, f.relative_to(ROOT) if ROOT in f.parents else f)]
    print(f"{len(files)} files, {sum(t.count(chr(10)) for t in texts.values())} lines, {len(found)} functions")
    for field in ("lines", "complexity", "nesting", "parameters"):
        values = [getattr(fn, field) for fn in found]
        print(f"{field:>11}: median {percentile(values, .5)}, p95 {percentile(values, .95)}, most {max(values, default=0)}")
    tail = [fn for fn in found if fn.lines > 60 or fn.complexity > 15 or fn.nesting > 4]
    for fn in sorted(tail, key=lambda fn: (-fn.lines, -fn.complexity))[:25]:
        print(f"  {fn.where} {fn.name}: {fn.lines} lines, complexity {fn.complexity}, nesting {fn.nesting}")
    for f, text in texts.items():
        if text.count("\n") > 500:
            print(f"  {f.relative_to(ROOT) if ROOT in f.parents else f}: {text.count(chr(10))} lines in one file")


SAMPLE = """/* f(x) { if } */
#define M(x) { if (x) { y(); } }
struct s { int a; };
MAKE(one, two, three)
MAKE(four, five, six)
static int plain(void) { return 0; }
int branchy(int a, const char *b) {
    if (a && b[0] == '{') {
        for (;;) { }
    }
    return a ? 1 : 2;
}
"""


def self_test():
    found = [tuple(fn)[1:] for fn in functions(SAMPLE, "sample")]
    print(found)
    return 0 if found == [("plain", 1, 1, 0, 0), ("branchy", 6, 5, 2, 2)] else 1


def main():
    if "--self-test" in sys.argv:
        return self_test()
    paths = [pathlib.Path(a).resolve() for a in sys.argv[1:]] or [ROOT / p for p in ("src", "include", "examples", "tests")]
    report([p for p in paths if p.exists()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
