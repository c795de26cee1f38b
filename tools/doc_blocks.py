#!/usr/bin/env python3
"""Compiles the C blocks of the documents, so that what a reader copies works.

    doc_blocks.py --cc gcc [--lib build/lib/libcstar.a --libs "-luv"] [--root DIR]

Every ```c block of README.md, CONTRIBUTING.md and docs/**/*.md is compiled on its own, warnings as errors, with
<cstar.h> before it unless the block includes something itself. A block with a main() is also linked, when --lib is
given. ```c fragment marks a block that is not meant to compile. Exit 77: there is no block yet.

SPDX-License-Identifier: MIT
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
OPEN = re.compile(r"^( {0,3})(`{3,}|~{3,})[ \t]*(\S*)[ \t]*(.*?)[ \t]*$")
# A handler has the parameters that its type has, whether it needs them or not; a part of a program has unused parts.
FLAGS = ("-std=c17 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Werror "
         "-Wno-unused-parameter -Wno-unused-function -Wno-unused-const-variable -Wno-unused-variable").split()


def blocks(text):
    """(line of the first code line, info words, code) of each fenced block."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opening = OPEN.match(lines[at])
        at += 1
        if opening is None or "`" in opening[4]:
            continue
        indent, fence, language, rest = opening.groups()
        first, code = at + 1, []
        while at < len(lines) and not re.match(rf"^ {{0,3}}{re.escape(fence)}+[ \t]*$", lines[at]):
            code.append(lines[at].removeprefix(indent))
            at += 1
        at += 1
        yield first, [language, *rest.split()], "\n".join(code) + "\n"


def documents(root):
    found = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    return [p for p in found if p.is_file()]


def has_main(code):
    return re.search(r"^\s*int\s+main\s*\(", code, re.M) is not None


def compile_block(args, root, name, line, code):
    """None, or what the compiler said."""
    before = "" if re.search(r"^[ \t]*#[ \t]*include", code, re.M) else "#include <cstar.h>\n"
    source = f'{before}#line {line} "{name}"\n{code}'
    command = [args.cc, *FLAGS, "-I", str(root / "include"), "-x", "c", "-", "-x", "none"]
    with tempfile.TemporaryDirectory() as d:
        if has_main(code) and args.lib:
            command += ["-o", f"{d}/program", args.lib, *shlex.split(args.libs)]
        else:
            command += ["-c", "-o", f"{d}/part.o"]
        done = subprocess.run(command, input=source, text=True, capture_output=True)
    return None if done.returncode == 0 else f"{name}:{line}: does not compile\n{done.stderr}"


def check(args, root):
    """(how many compiled, how many left out, messages)"""
    work, left_out = [], 0
    for path in documents(root):
        for line, info, code in blocks(path.read_text(encoding="utf-8")):
            if info[0].lower() == "c" and "fragment" in info[1:]:
                left_out += 1
            elif info[0].lower() == "c":
                work.append((str(path.relative_to(root)), line, code))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda w: compile_block(args, root, *w), work))
    return len(work), left_out, [r for r in results if r is not None]


SAMPLE = """# Title
```c
#include <stddef.h>
size_t good(void);
```
```c fragment
this is not C
```
  ~~~c
  int indented(void);
  ~~~
```sh
make
```
```c
int broken(void) { return x; }
```
```c
int main(void) { return missing(); }
int missing(void);
```
"""


def self_test(args):
    with tempfile.TemporaryDirectory() as d:
        root = pathlib.Path(d)
        (root / "include").mkdir()
        (root / "include" / "cstar.h").write_text("#include <stddef.h>\n")
        (root / "docs" / "deep").mkdir(parents=True)
        (root / "docs" / "deep" / "page.md").write_text(SAMPLE)
        result = check(args, root)
    print(result[0], result[1], *result[2], sep="\n")
    lines = [re.match(r"docs/deep/page\.md:(\d+): does", m)[1] for m in result[2]]
    return 0 if result[:2] == (4, 1) and lines == ["16", "19"] else 1


def main():
    parser = argparse.ArgumentParser(description="Compiles the C blocks of the documents.")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--lib", default="")
    parser.add_argument("--libs", default="")
    parser.add_argument("--root", default=ROOT, type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test(args)
    compiled, left_out, messages = check(args, args.root)
    print("\n".join(messages))
    print(f"{compiled} blocks, {left_out} fragments left out, {len(messages)} wrong")
    if messages:
        return 1
    return 0 if compiled else 77


if __name__ == "__main__":
    sys.exit(main())
