#!/usr/bin/env python3
"""Checks the include graph against the table of rooms.

    layers.py [--root DIR]     prints every include that its room may not have; exit 1 if there is one
    layers.py --self-test      plants violations in a scratch tree and sees that each is found, and nothing else

What is checked: which room uses which (ROOMS, the table of the design), that headers of other libraries stay in their
room (LIBRARIES) and out of the public headers, that the core uses nothing but ISO C, that examples use public headers
only, and that a .c file includes its own header first. What a file may not include at all is a list of what it may:
an unknown header is a violation until somebody puts it into a table here.

SPDX-License-Identifier: MIT
"""
import argparse
import pathlib
import re
import sys
import tempfile

ALL = "base wire html http net live web"
# room: (the rooms that it may use besides itself, kinds of system header, headers of other libraries)
ROOMS = {
    "base": ("", "iso", ""),
    "wire": ("base", "iso", ""),
    "html": ("base", "iso", ""),
    "http": ("base", "iso", "nghttp2/ zlib.h brotli/ zstd.h"),
    "net": ("base http", "iso posix sockets threads", "uv.h openssl/"),
    "live": ("base wire http net", "iso posix threads", "nats/ hiredis/"),
    "web": (ALL, "iso posix threads", "sqlite3.h"),
    "testkit": (ALL, "iso", "gumbo.h"),
}
# include/cstar/<name>.h: its room. cstar.h includes them all.
PUBLIC = {
    "base": "base", "json": "base", "wire": "wire", "html": "html", "http": "http", "net": "net", "live": "web",
    "web": "web", "files": "web", "request": "web", "response": "web", "security": "web", "serve": "web", "session": "web",
    "view": "web", "test": "testkit", "version": "base",
}
SYSTEM = {
    "iso": "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg "
           "stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath time uchar wchar wctype",
    "posix": "dirent fcntl fnmatch glob grp libgen malloc poll pwd regex sched strings sys/mman sys/prctl sys/random "
             "sys/resource sys/stat sys/syscall sys/time sys/types sys/uio sys/utsname sys/wait syslog unistd",
    "sockets": "arpa/inet netdb net/if netinet/in netinet/tcp sys/epoll sys/select sys/sendfile sys/socket sys/un",
    "threads": "pthread semaphore threads",
}
KIND = {f"{name}.h": kind for kind, names in SYSTEM.items() for name in names.split()}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)


def includes(path):
    """(line, name, in quotes) of each include that is not in a comment."""
    text = path.read_text(encoding="utf-8", errors="replace")
    text = COMMENT.sub(lambda m: m[0] if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), text)
    return [(text.count("\n", 0, m.start()) + 1, m[2], m[1] == '"') for m in INCLUDE.finditer(text)]


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.found = []

    def say(self, path, line, text):
        self.found.append(f"{path.relative_to(self.root)}:{line}: {text}")

    def room_of(self, name, path):
        """The room a project header belongs to, "all" for cstar.h, None if it is none of ours."""
        if name == "cstar.h":
            return "all"
        if name.startswith("cstar/"):
            return PUBLIC.get(name[len("cstar/"):-len(".h")], "unknown")
        if (self.root / "src" / name).is_file():
            return name.split("/")[0]
        if (path.parent / name).is_file():
            parts = (path.parent / name).resolve().relative_to(self.root.resolve()).parts
            return parts[1] if parts[0] == "src" else "local"
        return None

    def check_system(self, path, line, name, kinds, libraries):
        kind = KIND.get(name)
        if kind is None:
            if not any(name == entry or (entry.endswith("/") and name.startswith(entry)) for entry in libraries.split()):
                self.say(path, line, f"<{name}> is not for this room")
        elif kind not in kinds.split():
            self.say(path, line, f"<{name}> ({kind}) is not for this room")

    def check_file(self, path, room, public):
        uses, kinds, libraries = ROOMS[room]
        if public:
            kinds, libraries = "iso", ""
        for line, name, _ in includes(path):
            target = self.room_of(name, path)
            if target is None:
                self.check_system(path, line, name, kinds, libraries)
            elif target == "unknown":
                self.say(path, line, f"{name} is in no table of this script")
            elif target == "all":
                if room != "web":
                    self.say(path, line, "cstar.h is everything: a room includes what it needs")
            elif public and not name.startswith("cstar/"):
                self.say(path, line, f"{name} is private, this header is public")
            elif target != room and target not in uses.split():
                self.say(path, line, f"{room} may not use {target} ({name})")

    def check_own_header_first(self, path, room):
        own = f"{room}/{path.stem}.h"
        if not (self.root / "src" / own).is_file():
            return
        first = next(iter(includes(path)), (1, "", True))
        if first[1] != own:
            self.say(path, first[0], f'includes "{own}" first')

    def check_outside(self, path):
        for line, name, _ in includes(path):
            if (self.root / "src" / name).is_file():
                self.say(path, line, f"{name} is private: an example sees public headers only")

    def check(self):
        for path in sorted((self.root / "src").rglob("*.[ch]")):
            room = path.relative_to(self.root / "src").parts[0]
            if room not in ROOMS:
                self.say(path, 1, f"{room} is no room of this script's table")
                continue
            self.check_file(path, room, False)
            if path.suffix == ".c":
                self.check_own_header_first(path, room)
        for path in sorted((self.root / "include" / "cstar").glob("*.h")):
            if path.stem not in PUBLIC:
                self.say(path, 1, "is in no table of this script")
            else:
                self.check_file(path, PUBLIC[path.stem], True)
        for path in sorted((self.root / "include").glob("*.h")):
            for line, name, _ in includes(path):
                if not name.startswith("cstar/") and KIND.get(name) != "iso":
                    self.say(path, line, f"{name}: no header of another library in a public one")
        for folder in ("examples", "cli", "src/adapters"):
            for path in sorted((self.root / folder).rglob("*.[ch]")):
                self.check_outside(path)
        return self.found


PLANTED = {  # file: (text, how many violations)
    "include/cstar.h": ('#include "cstar/base.h"\n#include <uv.h>\n', 1),
    "include/cstar/base.h": ("#include <stddef.h>\n", 0),
    "include/cstar/wire.h": ('#include "cstar/base.h"\n#include "cstar/html.h"\n', 1),
    "include/cstar/html.h": ('#include "cstar/base.h"\n#include "base/inner.h"\n', 1),
    "include/cstar/http.h": ("#include <zlib.h>\n", 1),
    "include/cstar/odd.h": ("", 1),
    "src/base/inner.h": ("#include <stdint.h>\n", 0),
    "src/base/inner.c": ('#include <string.h>\n#include "base/inner.h"\n', 1),
    "src/base/clock.c": ("#include <unistd.h>\n#include <pthread.h>\n", 2),
    "src/wire/good.c": ('/* #include <uv.h> */\n#include "cstar/wire.h"\n#include "base/inner.h"\n// #include <uv.h>\n', 0),
    "src/wire/everything.c": ('#include "cstar.h"\n', 1),
    "src/http/h1.h": ("", 0),
    "src/http/h1.c": ('#include "h1.h"\n#include <uv.h>\n#include <sys/socket.h>\n', 3),
    "src/net/loop.c": ('#include <uv.h>\n#include "http/h1.h"\n#include "cstar/wire.h"\n', 1),
    "src/web/db.c": ("#include <sqlite3.h>\n", 0),
    "src/net/db.c": ("#include <sqlite3.h>\n", 1),
    "src/web/app.c": ('#include <uv.h>\n#include "http/h1.h"\n', 1),
    "src/attic/old.c": ("", 1),
    "examples/x/main.c": ('#include <cstar.h>\n#include <sqlite3.h>\n#include "http/h1.h"\n', 1),
}


def self_test():
    with tempfile.TemporaryDirectory() as d:
        root = pathlib.Path(d)
        for name, (text, _) in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = Tree(root).check()
    print("\n".join(found))
    wrong = 0
    for name, (_, count) in PLANTED.items():
        got = sum(line.startswith(f"{name}:") for line in found)
        if got != count:
            print(f"self-test: {name}: {got} found, {count} planted")
            wrong += 1
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Checks the include graph against the table of rooms.")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[1])
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    found = Tree(args.root).check()
    print("\n".join(found) if found else "layers: every include is allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
