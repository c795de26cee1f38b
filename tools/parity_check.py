#!/usr/bin/env python3
"""Checks that docs/parity.md speaks of things that exist.

    parity_check.py [--root DIR]     prints what is wrong, line by line; exit 1 if there is anything
    parity_check.py --self-test      plants mistakes in a scratch tree and sees that each is found, and nothing else

Every row of its tables has four cells: reference, cstar, shown by, note. What is checked:
1. each cstar_name and CSTAR_NAME, each `.field` and each `--flag` is in a public header, in code and not in a comment
   (flags: in src/web/options.c);
2. "shown by" has tests, or "-" where the second cell says **missing**, planned or none;
3. each test is one that ctest has, by the rules of cmake/tests.cmake; functions behind a unit test and "titles" behind a
   script stand in its source; behind cases.shared and cases.own the call is in the table of a cstar-cases area; a build
   check is registered.
A row with TODO-LIVE among its tests is not done: its cstar names may be missing still. These are counted.

SPDX-License-Identifier: MIT
"""
import argparse
import pathlib
import re
import sys
import tempfile

PAGE = "docs/parity.md"
TODO = "TODO-LIVE"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
NAME = re.compile(r"\b(?:cstar|CSTAR)_\w+")
FIELD = re.compile(r"(?<![\w.])\.([a-z]\w*)")
FLAG = re.compile(r"^--([a-z][a-z-]+)$")
CTEST = re.compile(r"(?:unit|node|e2e|browser|fuzz|build|cases)\.[\w.-]+")
PART = re.compile(r'`([^`]+)`|"([^"]+)"')
WITHOUT = re.compile(r"\*\*missing\*\*|planned: |none$")


def code_of(path):
    return COMMENT.sub(" ", path.read_text(encoding="utf-8"))


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.found = []
        self.counts = {"rows": 0, "missing": 0, "planned": 0, "none": 0, TODO: 0}
        headers = "\n".join(code_of(p) for p in sorted((self.root / "include/cstar").glob("*.h")))
        self.words = set(re.findall(r"\w+", headers))
        options = self.root / "src/web/options.c"
        self.flags = set(re.findall(r'\{"([a-z-]+)"', options.read_text(encoding="utf-8"))) if options.is_file() else set()
        self.checks = set(re.findall(r'build_check\("?([\w.$+{}-]+)', self.text("cmake/tests.cmake")))
        areas = sorted((self.root / "tests/programs/cstar-cases").glob("area_*.c"))
        self.calls = set(re.findall(r'\{"(\w+)", (?!NULL)\w+,', "\n".join(p.read_text(encoding="utf-8") for p in areas)))

    def text(self, name):
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def say(self, line, text):
        self.found.append(f"{PAGE}:{line}: {text}")

    def source(self, test):
        """The text of the file that the test is made of; None: there is no such test."""
        kind, _, name = test.partition(".")
        if kind == "unit":
            room, _, name = name.partition(".")
            path = self.root / f"tests/unit/{room}/test_{name}.c"
        elif kind == "fuzz":
            path = self.root / f"tests/fuzz/fuzz_{name}.c"
        else:
            path = self.root / f"tests/{kind}/{name}.test.mjs"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def check_names(self, line, text, known):
        for span in re.findall(r"`([^`]+)`", text):
            names = NAME.findall(span) + FIELD.findall(span)
            for name in names:
                if name not in self.words and not known:
                    self.say(line, f"{name} is in no public header")
            flag = FLAG.match(span)
            if flag and flag[1] not in self.flags:
                self.say(line, f"{span} is no flag")

    def check_one_test(self, line, test):
        """What may stand behind it: a function from a part of "shown by" to whether it is there; None: nothing may."""
        kind, _, name = test.partition(".")
        if kind == "build":
            if name not in self.checks:
                self.say(line, f"{test} is not registered in cmake/tests.cmake")
            return None
        if kind == "cases":
            if name not in ("own", "shared"):
                self.say(line, f"{test} is no test")
            return lambda word, title: word in self.calls
        source = self.source(test)
        if source is None:
            self.say(line, f"{test} is no test")
            return lambda word, title: True
        if kind == "unit":
            return lambda word, title: word and re.search(rf"^static void {re.escape(word)}\(void \*\*", source, re.M)
        return lambda word, title: title and (f'"{title}"' in source or f"`{title}`" in source)

    def check_tests(self, line, cell):
        there, test = None, None
        for word, title in PART.findall(cell):
            if CTEST.fullmatch(word):
                test, there = word, self.check_one_test(line, word)
            elif there is None:
                self.say(line, f"{word or title} stands behind no test")
            elif not there(word, title):
                self.say(line, f"{test} has no {word or title}")
        if test is None and TODO not in cell:
            self.say(line, "no test is named")

    def check_row(self, line, cells):
        if len(cells) != 4:
            self.say(line, f"{len(cells)} cells, not 4")
            return
        self.counts["rows"] += 1
        todo = TODO in cells[2]
        self.counts[TODO] += todo
        without = WITHOUT.match(cells[1])
        if without:
            self.counts[without[0].strip("*: ")] += 1
        self.check_names(line, " ".join(cells[1:2] + cells[3:]), todo)
        if not cells[0] or not cells[1]:
            self.say(line, "an empty cell")
        elif cells[2] == "-" and not without:
            self.say(line, "has a counterpart and no test")
        elif cells[2] != "-" and without:
            self.say(line, "has a test and no counterpart")
        elif cells[2] != "-":
            self.check_tests(line, cells[2])
        if without and without[0] in ("none", "**missing**") and not cells[3]:
            self.say(line, "does not say why")

    def check(self):
        for number, text in enumerate(self.text(PAGE).split("\n"), 1):
            if not text.startswith("|"):
                self.check_names(number, text, False)
                continue
            cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
            if cells[0] == "reference" or set(text) <= set("|- "):
                continue
            self.check_row(number, cells)
        if self.counts["rows"] == 0:
            self.say(1, "no row")
        return self.found


HEADER = """| reference | cstar | shown by | note |
|---|---|---|---|
"""
PLANTED_FILES = {
    "include/cstar/web.h": "/* cstar_commented */\nvoid cstar_real(void);\n#define CSTAR_REAL(x) x\nstruct { int field; };\n",
    "src/web/options.c": '{"listen", "ADDRESS"},\n',
    "cmake/tests.cmake": "build_check(layers x)\n",
    "tests/unit/web/test_page.c": "static void runs(void **state) {}\n/* mentioned */\n",
    "tests/browser/demo.test.mjs": 'await test("a title", f);\n',
    "tests/fuzz/fuzz_wire.c": "",
    "tests/programs/cstar-cases/area_x.c": '{"called", f, "", NULL},\n{"absent", NULL, "", "why"},\n',
}
PLANTED_ROWS = [  # (a row, how many violations)
    ("| `X.f/1` | `cstar_real()`, `.field`, `--listen` | `unit.web.page` `runs`; `browser.demo` \"a title\" | |", 0),
    ("| `X.f/1` | `cstar_real(h, \"<b>\")`, `CSTAR_REAL()` | `fuzz.wire`; `build.layers`; `cases.shared` `called` | |", 0),
    ("| `X.f/1` | **missing** | - | Why. |", 0),
    ("| `X.f/1` | none | - | Why, and `cstar_real()`. |", 0),
    ("| `X.f/1` | planned: `cstar` command | - | |", 0),
    ("| `X.f/1` | `cstar_later()` | TODO-LIVE | |", 0),
    ("| `X.f/1` | `cstar_real()` | `unit.web.page` `runs`; TODO-LIVE | |", 0),
    ("| `X.f/1` | `cstar_nothing()` | `unit.web.page` `runs` | |", 1),
    ("| `X.f/1` | `cstar_commented()` | `unit.web.page` `runs` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `unit.web.page` `runs` | or `cstar_nothing()`, `.nofield` |", 2),
    ("| `X.f/1` | `--unknown` | `unit.web.page` `runs` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `unit.web.none` `runs` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `unit.web.page` `mentioned` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `browser.demo` \"another title\" | |", 1),
    ("| `X.f/1` | `cstar_real()` | `build.none` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `cases.shared` `absent` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `cases.other` `called` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `runs` | |", 2),
    ("| `X.f/1` | `cstar_real()` | - | |", 1),
    ("| `X.f/1` | **missing** | `unit.web.page` `runs` | Why. |", 1),
    ("| `X.f/1` | none | - | |", 1),
    ("| `X.f/1` | | `unit.web.page` `runs` | |", 1),
    ("| `X.f/1` | `cstar_real()` | `unit.web.page` `runs` |", 1),
    ("It speaks of `cstar_nothing()`.", 1),
]


def self_test():
    with tempfile.TemporaryDirectory() as d:
        root = pathlib.Path(d)
        for name, text in PLANTED_FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / "docs").mkdir()
        (root / PAGE).write_text(HEADER + "\n".join(row for row, _ in PLANTED_ROWS) + "\n")
        found = Tree(root).check()
    print("\n".join(found))
    wrong = 0
    for number, (row, count) in enumerate(PLANTED_ROWS, HEADER.count("\n") + 1):
        got = sum(line.startswith(f"{PAGE}:{number}:") for line in found)
        if got != count:
            print(f"self-test: {row}: {got} found, {count} planted")
            wrong += 1
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Checks that docs/parity.md speaks of things that exist.")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[1])
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    tree = Tree(args.root)
    found = tree.check()
    print("\n".join(found + [f"parity: {', '.join(f'{n} {what}' for what, n in tree.counts.items())}"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
