#!/usr/bin/env python3
"""What a broadcast costs by gzip: bytes on the wire and CPU time of the server, for one event of one stream.

    live_gzip.py [--program build/bin/live-gzip] [--streams 1000] [--events 200] [--rounds 3]

identity, shared    so many streams of one topic, to which one patch after the other is published
private identity, private gzip
                    so many streams that are served one by one, without an encoder and with one of their own; what the
                    encoders cost is the difference
Each once for a signals patch of 90 bytes (its text alone), once for a card of 1 KiB of words. One worker; the client, which
reads and throws away, is another process. The least of the rounds counts, since the machine may be busy.

SPDX-License-Identifier: MIT
"""
import argparse
import os
import pathlib
import re
import resource
import select
import socket
import subprocess
import time
import urllib.request
import zlib


def start(program):
    server = subprocess.Popen([program, "--listen", "127.0.0.1:0", "--workers", "1", "--metrics", "/metrics",
                               "--compress-memory", "256M"], stdout=subprocess.PIPE, text=True)
    server.port = int(re.search(r":(\d+)$", server.stdout.readline().strip())[1])
    return server


def ask(server, path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)) as answer:
        return answer.read().decode()


def cpu(server):
    tasks = pathlib.Path(f"/proc/{server.pid}/task")
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks.iterdir()) / 1000  # microseconds


class Crowd:
    def __init__(self, server, count, line, coding):
        self.poll = select.epoll()
        self.socks = {}
        self.bytes = 0
        self.sample = b""  # all that the first one got
        head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAccept-Encoding: {coding}\r\n\r\n{{}}"
        for i in range(count):
            sock = socket.create_connection(("127.0.0.1", server.port))
            sock.sendall(head.replace("ID", str(i)).encode())
            self.socks[sock.fileno()] = sock
            self.first = min(self.socks)
            self.poll.register(sock, select.EPOLLIN)

    def read(self, seconds):
        """Until nothing has come for so long."""
        while True:
            ready = self.poll.poll(seconds)
            if not ready:
                return
            self.receive(ready)

    def receive(self, ready):
        for fd, _ in ready:
            data = self.socks[fd].recv(65536)
            self.bytes += len(data)
            if fd == self.first:
                self.sample += data

    def events(self):
        """How many the first one has had."""
        head, rest = self.sample.split(b"\r\n\r\n", 1)
        body = b""
        while rest:
            size, rest = rest.split(b"\r\n", 1)
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if b"content-encoding: gzip" in head:
            body = zlib.decompressobj(31).decompress(body)
        return body.count(b"\n\n")

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.receive(self.poll.poll(0.05))

    def close(self):
        for sock in self.socks.values():
            sock.close()


def broadcast(args, kind, coding):
    """(bytes, microseconds) of one event of one stream."""
    server = start(args.program)
    crowd = Crowd(server, args.streams, "POST /page/ID", coding)
    crowd.read(0.3)
    ask(server, f"/{kind}/30", "POST")  # all are in step, and no allocation is the first
    crowd.read(0.3)
    crowd.bytes, before = 0, cpu(server)
    for _ in range(args.events):
        ask(server, f"/{kind}/1", "POST")
        crowd.read(0.01)
    crowd.read(0.3)
    spent = cpu(server) - before
    size = crowd.bytes
    crowd.close()
    server.kill()
    server.wait()
    return size / args.events / args.streams, spent / args.events / args.streams


def private(args, kind, coding):
    server = start(args.program)
    crowd = Crowd(server, args.streams, "GET /private/200" + ("?cards" if kind == "cards" else ""), coding)
    crowd.read_for(2)
    crowd.bytes, before, had = 0, cpu(server), crowd.events()
    crowd.read_for(6)
    spent = cpu(server) - before
    events = crowd.events() - had
    size = crowd.bytes
    crowd.close()
    server.kill()
    server.wait()
    return size / events / args.streams, spent / events / args.streams


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/bin/live-gzip")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"{args.streams} streams, {os.cpu_count()} cores: bytes, microseconds of CPU, of one event in one stream")
    for kind in ("publish", "cards"):
        ways = {
            "identity": lambda k=kind: broadcast(args, k, "identity"),
            "shared gzip": lambda k=kind: broadcast(args, k, "gzip"),
            "private, identity": lambda k=kind: private(args, k, "identity"),
            "private gzip": lambda k=kind: private(args, k, "gzip"),
        }
        best = {}
        for _ in range(args.rounds):
            for name, way in ways.items():
                size, spent = way()
                old = best.get(name, (size, spent))
                best[name] = (size, min(spent, old[1]))
        for name, (size, spent) in best.items():
            print(f"{kind:8} {name:18} {size:8.1f} {spent:8.2f}", flush=True)


main()
