#!/usr/bin/env python3
"""What an idle stream costs a server in resident memory, and in bytes that it has allocated.

    idle_streams.py [--program build/bin/idle-streams] [--streams 10000] [--json] [KIND ...]

    plain   HTTP/1.1, a page that only subscribes       h2     a further stream of an HTTP/2 connection (100 on each)
    keyed   the same, with a claim of its tab           h2full the same, with callbacks
    full    with info and disconnect                    tls    plain over TLS 1.3

Starts the program once for each kind, on a free port of 127.0.0.1. Each stream is opened by a request with the headers that a browser
sends (1 KiB), and its response's head is read; nothing is published. A few streams come and go before, so that what a server allocates
once is not counted. `h2` counts what 99 further streams on each of 100 connections take, once each has its first. Memory of the kernel
does not count. --sizes lists the blocks by size, that come with a stream.

SPDX-License-Identifier: MIT
"""
import argparse
import json
import os
import pathlib
import resource
import signal
import socket
import ssl
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import idle  # noqa: E402  (beside this file)

KINDS = ("plain", "keyed", "full", "h2", "h2full", "tls")
TARGET = {"plain": 1024, "keyed": 1024, "h2": 512}  # bytes resident
WARM = 64
ON_EACH = 100  # streams of an HTTP/2 connection

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE

HEADERS = {
    "sec-ch-ua-platform": '"Linux"',
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "accept": "text/event-stream, text/html, application/json",
    "sec-ch-ua": '"Chromium";v="156", "Not-A.Brand";v="24", "Google Chrome";v="156"',
    "datastar-request": "true",
    "content-type": "application/json",
    "sec-ch-ua-mobile": "?0",
    "origin": "http://127.0.0.1:8080",
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "cors",
    "sec-fetch-dest": "empty",
    "referer": "http://127.0.0.1:8080/rooms/general?sort=newest",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
    "cookie": "__Host-session=" + "A1b2C3d4" * 24 + "; theme=dark; consent=necessary",
}


def body_of(n):
    return b'{"tabId":"%032x","pageId":"%016x","filter":"open","page":1}' % (n + 1, n + 1)


def request_h1(path, n, port):
    body = body_of(n)
    head = f"POST /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: keep-alive\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name.title()}: {value}\r\n" for name, value in HEADERS.items() if name != "origin")
    return head.encode() + f"Origin: http://127.0.0.1:{port}\r\n\r\n".encode() + body


def number(n, bits, first):
    """RFC 7541 5.1."""
    most = (1 << bits) - 1
    if n < most:
        return bytes((first | n,))
    text = bytearray((first | most,))
    n -= most
    while n >= 128:
        text.append(n % 128 + 128)
        n //= 128
    text.append(n)
    return bytes(text)


def field(name, value):
    """A literal that goes to no table."""
    return b"\0" + number(len(name), 7, 0) + name.encode() + number(len(value), 7, 0) + value.encode()


def request_h2(path, n, port, stream):
    body = body_of(n)
    head = b"\x83\x86" + field(":path", "/" + path) + field(":authority", f"127.0.0.1:{port}")
    head += b"".join(field(name, value) for name, value in HEADERS.items() if name != "origin")
    head += field("origin", f"http://127.0.0.1:{port}") + field("content-length", str(len(body)))
    return idle.frame(1, 4, stream, head) + idle.frame(0, 1, stream, body)


def wait_h1(sock):
    text = b""
    while b"\r\n\r\n" not in text:
        text += idle.receive(sock)
    if not text.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"idle_streams.py: no stream: {text[:300]!r}")


class H2:
    def __init__(self, port, tls=None):
        """`tls`: an SSLContext; None: in clear."""
        self.port, self.next, self.data = port, 1, b""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock)
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + idle.frame(4, 0, 0) + idle.frame(4, 1, 0))

    def open(self, path, first, n):
        """`n` streams, one after the other."""
        for i in range(n):
            self.sock.sendall(request_h2(path, first + i, self.port, self.next))
            self.wait(self.next)
            self.next += 2

    def wait(self, stream):
        """For the response's head."""
        while True:
            while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
                self.data += idle.receive(self.sock)
            size = int.from_bytes(self.data[:3], "big")
            kind, flags, sid = self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big")
            self.data = self.data[9 + size :]
            if kind in (3, 7) or (sid == stream and kind in (0, 1) and flags & 1):
                raise SystemExit(f"idle_streams.py: no stream: frame {kind}, flags {flags}")
            if kind == 1 and sid == stream:
                return


def connect(kind, path, n, port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    if kind == "tls":
        sock = CONTEXT.wrap_socket(sock)
    sock.sendall(request_h1(path, n, port))
    wait_h1(sock)
    return sock


def held(kind, port):
    """What the program says of its allocator: bytes, {size: blocks}."""
    url = f"{'https' if kind == 'tls' else 'http'}://127.0.0.1:{port}/memory?sizes=1"
    with urllib.request.urlopen(url, context=CONTEXT if kind == "tls" else None) as answer:
        lines = answer.read().decode().rstrip("\0\n").split("\n")
    return int(lines[0].split()[0]), {int(a): int(b) for a, b in (line.split() for line in lines[1:])}


def say(kind, port):
    """One patch to every stream."""
    url = f"{'https' if kind == 'tls' else 'http'}://127.0.0.1:{port}/say?text=hello"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), context=CONTEXT if kind == "tls" else None) as answer:
        answer.read()


def look(child, kind, port):
    size, blocks = held(kind, port)
    return idle.settled(child.pid) * 1024, size, blocks


def path_of(kind):
    return {"tls": "plain", "h2": "plain", "h2full": "full"}.get(kind, kind)


def open_h1(kind, count, port, child):
    for sock in [connect(kind, path_of(kind), n, port) for n in range(WARM)]:
        sock.close()
    before = look(child, kind, port)
    socks = [connect(kind, path_of(kind), n, port) for n in range(count)]
    return before, look(child, kind, port), socks, count


def open_h2(kind, count, port, child):
    warm = H2(port)
    warm.open(path_of(kind), 0, WARM)
    warm.sock.close()
    conns = [H2(port) for _ in range(count // ON_EACH)]
    for i, c in enumerate(conns):
        c.open(path_of(kind), i * ON_EACH, 1)
    before = look(child, kind, port)
    for i, c in enumerate(conns):
        c.open(path_of(kind), i * ON_EACH + 1, ON_EACH - 1)
    return before, look(child, kind, port), [c.sock for c in conns], len(conns) * (ON_EACH - 1)


def measure(program, kind, count, folder, options):
    child, port = idle.start(program, kind, folder, options)
    try:
        before, after, socks, n = (open_h2 if kind.startswith("h2") else open_h1)(kind, count, port, child)
        say(kind, port)
        said = look(child, kind, port)
        for sock in socks:
            sock.close()
        time.sleep(2)  # a worker gives memory back at the tick behind its last connection
        left = look(child, kind, port)
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate()
    sizes = {s: round((c - before[2].get(s, 0)) / n, 2) for s, c in after[2].items()}
    return {
        "resident": round((after[0] - before[0]) / n),
        "allocated": round((after[1] - before[1]) / n),
        "said": round((said[0] - before[0]) / n),  # resident once a patch was published
        "said_allocated": round((said[1] - before[1]) / n),
        "left": round((left[0] - before[0]) / n),
        "left_allocated": round((left[1] - before[1]) / n),
        "sizes": {s: c for s, c in sorted(sizes.items()) if abs(c) >= 0.01},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/bin/idle-streams")
    parser.add_argument("--streams", type=int, default=10000)
    parser.add_argument("--json", action="store_true", help='{"plain": {"resident": bytes, ...}, ...} on one line')
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--access-log", action="store_true", help="with one: it is written where it is thrown away")
    parser.add_argument("kinds", nargs="*", default=KINDS)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    options = ["--access-log", os.devnull] if args.access_log else []
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            if kind not in KINDS:
                parser.error(f"no such kind: {kind}")
            result[kind] = r = measure(args.program, kind, args.streams, folder, options)
            if not args.json:
                print(f"{kind:6} {r['resident']:6} bytes resident, {r['allocated']:6} allocated, for one stream; {r['said']} resident once a patch was published; {r['left']} stay", flush=True)
            if args.sizes:
                print("       " + ", ".join(f"{c:g} x {s}" for s, c in r["sizes"].items()))
    if args.json:
        print(json.dumps(result))
    return 0 if all(result[k]["resident"] <= TARGET.get(k, 1 << 30) for k in result) else 1


if __name__ == "__main__":
    sys.exit(main())
