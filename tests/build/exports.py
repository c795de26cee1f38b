#!/usr/bin/env python3
"""A shared library exports the public API and nothing else.

    exports.py LIBRARY            every exported symbol is cstar_*, not cstar__*, and stands in a public header
    exports.py --self-test CC     the check notices a foreign, an internal and an undeclared symbol

SPDX-License-Identifier: MIT
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def exported(library):
    text = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1].split("@")[0] for line in text.splitlines()]
    return sorted(n for n in names if n not in ("_init", "_fini", "_edata", "_end", "__bss_start"))


def declared():
    headers = [*(ROOT / "include").glob("*.h"), *(ROOT / "include" / "cstar").glob("*.h")]
    return set(re.findall(r"\bcstar_\w+", "\n".join(h.read_text() for h in headers)))


def problems(names, public):
    for name in names:
        if not name.startswith("cstar_"):
            yield f"{name}: exported, but not cstar_*"
        elif name.startswith("cstar__"):
            yield f"{name}: internal, but exported"
        elif name not in public:
            yield f"{name}: exported, but in no public header"


def self_test(cc):
    source = "".join(f"void {n}(void) {{}}\n" for n in ("other", "cstar__inside", "cstar_undeclared", "cstar_good"))
    with tempfile.TemporaryDirectory() as d:
        library = f"{d}/planted.so"
        subprocess.run([cc, "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=source, text=True, check=True)
        found = list(problems(exported(library), {"cstar_good"}))
    print("\n".join(found))
    return 0 if len(found) == 3 else 1


def main():
    if sys.argv[1] == "--self-test":
        return self_test(sys.argv[2])
    names = exported(sys.argv[1])
    found = list(problems(names, declared()))
    print("\n".join(found) if found else f"{len(names)} symbols, all public")
    return 1 if found or not names else 0


if __name__ == "__main__":
    sys.exit(main())
