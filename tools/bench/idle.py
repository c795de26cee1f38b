#!/usr/bin/env python3
"""What an idle connection costs a server in resident memory.

    idle.py [--program build/bin/hello] [--connections 2000] [--json] [plain] [tls] [tls+h2]

Starts the program once for each kind, on a free port of 127.0.0.1; makes that many connections; each sends one request,
reads the whole answer and then stays. What is printed, in KiB for one connection, is by how much the program's resident
memory has grown since a first few had come and gone (so that what a server allocates once is not counted). Memory of
the kernel (socket buffers) does not count. TLS is 1.3 with the development certificate, made in a folder of its own.

SPDX-License-Identifier: MIT
"""
import argparse
import json
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

KINDS = ("plain", "tls", "tls+h2")
TARGET = {"plain": 1, "tls": 16, "tls+h2": 36}  # KiB
WARM = 64
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field that is not indexed (RFC 7541 6.2.2)."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


H2_OPENING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 5, 1, b"\x82\x87\x84" + literal(b":authority", b"localhost"))
)


def read_h1(sock):
    text = b""
    while b"\r\n\r\n" not in text:
        text += receive(sock)
    head, body = text.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
    while len(body) < length:
        body += receive(sock)


def receive(sock):
    data = sock.recv(65536)
    if not data:
        raise SystemExit("idle.py: the server has closed a connection")
    return data


def read_h2(sock):
    """Until the end of stream 1; then the SETTINGS are acknowledged."""
    data = b""
    while True:
        while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
            data += receive(sock)
        size = int.from_bytes(data[:3], "big")
        kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], "big")
        data = data[9 + size :]
        if stream == 1 and kind in (0, 1) and flags & 1:
            sock.sendall(frame(4, 1, 0))
            return


def connect(kind, port, context):
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    if kind != "plain":
        sock = context.wrap_socket(sock, server_hostname="localhost")
    if kind == "tls+h2":
        sock.sendall(H2_OPENING)
        read_h2(sock)
    else:
        sock.sendall(REQUEST)
        read_h1(sock)
    return sock


def resident(pid):
    """KiB that are the process's own: pages of libraries are not counted when they are first touched."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_Dirty: +(\d+) kB", text, re.M))


def settled(pid):
    """The server does what it does behind an answer (timers, closes) in its own time."""
    last = resident(pid)
    while True:
        time.sleep(0.3)
        now = resident(pid)
        if now == last:
            return now
        last = now


def start(program, kind, folder, options=()):
    command = [program, "--listen", "127.0.0.1:0", "--workers", "1", *options] + (["--tls"] if kind.startswith("tls") else [])
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "XDG_CACHE_HOME": folder}
    )
    for line in child.stdout:
        found = re.search(r"https?://[^ :]+:(\d+)", line)
        if found:
            return child, int(found[1])
    raise SystemExit(f"idle.py: {program} did not start")


def measure(program, kind, count, folder):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"] if kind == "tls+h2" else ["http/1.1"])
    child, port = start(program, kind, folder)
    try:
        for sock in [connect(kind, port, context) for _ in range(WARM)]:
            sock.close()
        before = settled(child.pid)
        socks = [connect(kind, port, context) for _ in range(count)]
        after = settled(child.pid)
        for sock in socks:
            sock.close()
        left = settled(child.pid)
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate()
    return (after - before) / count, (left - before) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/bin/hello")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help='{"plain": KiB, ...} on one line')
    parser.add_argument("kinds", nargs="*", default=KINDS)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            if kind not in KINDS:
                parser.error(f"no such kind: {kind}")
            result[kind], left = measure(args.program, kind, args.connections, folder)
            if not args.json:
                print(f"{kind:7} {result[kind]:6.2f} KiB for one connection (at most {TARGET[kind]}); {left:.2f} stay afterwards", flush=True)
    if args.json:
        print(json.dumps({k: round(v, 3) for k, v in result.items()}))
    return 0 if all(result[k] <= TARGET[k] for k in result) else 1


if __name__ == "__main__":
    sys.exit(main())
