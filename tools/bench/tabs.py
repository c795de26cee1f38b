#!/usr/bin/env python3
"""Very many live tabs on one server: what they hold, what they cost while nothing happens, how long a broadcast takes.

    tabs.py [--program build/bin/idle-streams] [--people 10000] [--each 10] [--clear] [--quiet-seconds 30] [--workers 1]

Each of the people has one HTTP/2 connection (over TLS 1.3, as browsers do; --clear: without) and so many tabs on it, each with an id of its
own: as many streams, claims and subscriptions. Clients are processes of this script; their share of the time is in that of a broadcast,
which is what it takes until the last tab has it. At the end all leave, and the server must know of none. Prints a table.

SPDX-License-Identifier: MIT
"""
import argparse
import multiprocessing
import os
import pathlib
import re
import resource
import select
import signal
import ssl
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import idle  # noqa: E402  (beside this file)
import idle_streams  # noqa: E402

idle_streams.HEADERS.pop("accept-encoding")  # what is compressed can't be counted without work

CLIENTS = 2
BROADCASTS = 5
H2 = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
H2.check_hostname = False
H2.verify_mode = ssl.CERT_NONE
H2.set_alpn_protocols(["h2"])


def ask(url, method="GET"):
    context = idle_streams.CONTEXT if url.startswith("https") else None
    with urllib.request.urlopen(urllib.request.Request(url, method=method), context=context) as answer:
        return answer.read().decode()


class Person(idle_streams.H2):
    """A connection and its tabs. Answers PING, since who does not is taken for gone."""

    def __init__(self, port, tls, first, tabs):
        super().__init__(port, H2 if tls else None)
        self.sock.sendall(idle.frame(8, 0, 0, (1 << 30).to_bytes(4, "big")))  # WINDOW_UPDATE
        self.open("keyed", first, tabs)
        self.sock.setblocking(False)

    def read(self):
        while True:
            try:
                data = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not data:
                raise SystemExit("tabs.py: the server has closed a connection")
            self.data += data

    def count(self, marker):
        """Reads what is there. @return in how many frames of DATA `marker` was."""
        self.read()
        found = at = 0
        while len(self.data) >= at + 9 and len(self.data) >= (end := at + 9 + int.from_bytes(self.data[at : at + 3], "big")):
            kind, flags = self.data[at + 3], self.data[at + 4]
            if kind == 0:
                found += marker in self.data[at:end]
            elif kind == 6 and flags == 0:
                self.sock.sendall(idle.frame(6, 1, 0, self.data[at + 9 : end]))
            at = end
        self.data = self.data[at:]
        return found


def client(pipe, port, tls, first, people, each):
    """Opens its share, and answers each marker with when its last tab had it."""
    by_fd = {}
    poll = select.epoll()
    for i in range(people):
        p = Person(port, tls, first + i * each, each)
        by_fd[p.sock.fileno()] = p
        poll.register(p.sock.fileno(), select.EPOLLIN)
        for fd, _ in poll.poll(0):
            by_fd[fd].count(b"-")
    poll.register(pipe.fileno(), select.EPOLLIN)
    pipe.send("open")
    marker, missing = b"-", 0
    while True:
        for fd, _ in poll.poll():
            if fd == pipe.fileno():
                marker, missing = pipe.recv(), people * each
            elif (found := by_fd[fd].count(marker)) and missing:
                missing -= found
                if missing == 0:
                    pipe.send(time.monotonic())


def cpu_ns(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def live(url):
    return {name: int(n) for name, n in re.findall(r"^cstar_live_(streams|tabs|topics) (\d+)$", ask(url + "/metrics"), re.M)}


def broadcast(url, pipes, n):
    """Seconds until the last tab has it."""
    marker = b"broadcast-%06d" % n
    for pipe in pipes:
        pipe.send(marker)
    time.sleep(0.2)  # until they wait for it
    since = time.monotonic()
    ask(f"{url}/say?text={marker.decode()}", "POST")
    return max(pipe.recv() for pipe in pipes) - since


def run(args, folder):
    options = ["--metrics", "/metrics", "--workers", str(args.workers), "--max-connections", str(args.people + 100)]
    child, port = idle.start(args.program, "plain" if args.clear else "tls", folder, options)
    url = f"{'http' if args.clear else 'https'}://127.0.0.1:{port}"
    ask(url + "/count")
    before = idle.settled(child.pid)
    pipes, clients = [], []
    share = args.people // CLIENTS
    began = time.monotonic()
    for i in range(CLIENTS):
        pipe, theirs = multiprocessing.Pipe()
        work = multiprocessing.Process(target=client, args=(theirs, port, not args.clear, i * share * args.each, share, args.each), daemon=True)
        work.start()
        pipes.append(pipe)
        clients.append(work)
    for pipe in pipes:
        pipe.recv()
    tabs = share * CLIENTS * args.each
    opened = time.monotonic() - began
    now = live(url)
    if now["streams"] != tabs or now["tabs"] != tabs:
        raise SystemExit(f"tabs.py: {tabs} tabs are open, and the server says {now}")
    held = idle.settled(child.pid) - before
    since, spent = time.monotonic(), cpu_ns(child.pid)
    time.sleep(args.quiet_seconds)
    busy = (cpu_ns(child.pid) - spent) / 1e9 / (time.monotonic() - since)
    took = sorted(broadcast(url, pipes, n) for n in range(BROADCASTS))
    after = idle.settled(child.pid) - before
    for work in clients:
        work.kill()
    while live(url)["streams"] != 0:
        time.sleep(0.1)
    if live(url)["tabs"] != 0:
        raise SystemExit(f"tabs.py: everybody has left, and the server says {live(url)}")
    child.send_signal(signal.SIGINT)
    child.communicate()
    print(f"| {tabs} tabs of {share * CLIENTS} people, HTTP/2{'' if args.clear else ' over TLS 1.3'}, {args.workers} worker(s) | |\n|---|---:|")
    print(f"| opened in, s (the clients are the bottleneck) | {opened:.1f} |")
    print(f"| resident, MB | {held / 1024:.0f} |")
    print(f"| – after {BROADCASTS} broadcasts, MB | {after / 1024:.0f} |")
    print(f"| of one core while nothing happens, % | {busy * 100:.1f} |")
    print(f"| a broadcast until the last tab has it, ms (median of {BROADCASTS}) | {took[BROADCASTS // 2] * 1000:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/bin/idle-streams")
    parser.add_argument("--people", type=int, default=10000)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quiet-seconds", type=int, default=30)
    parser.add_argument("--clear", action="store_true")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    if hard < args.people + 200:
        parser.error(f"only {hard} descriptors are allowed here: fewer --people, more for --each")
    with tempfile.TemporaryDirectory() as folder:
        run(args, folder)


if __name__ == "__main__":
    sys.exit(main())
