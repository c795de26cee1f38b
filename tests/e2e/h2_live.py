#!/usr/bin/env python3
"""h2_live.py -- hostile HTTP/2 clients that have live streams, against live-server; started by h2_live.test.mjs.

    h2_live.py PORT [CASE]        one line per case, as h2_hostile.py says it

A stream that is still there has missed nothing and got nothing twice, whatever its client did with windows and frames; one that was
reset is gone at once. Exit 77: a library is missing.
SPDX-License-Identifier: MIT
"""
import os
import re
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2_hostile as hostile  # noqa: E402
from h2_hostile import CANCEL, DEADLINE, Raw  # noqa: E402
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame  # noqa: E402

INITIAL_WINDOW, MAX_FRAME = 4, 5
LARGEST = 0x7fffffff
KINDS = ["/listen/{0}?waiting=1000000000", "/hear/{0}?slim=1&waiting=1000000000"]  # with callbacks, and without


def http(path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{hostile.PORT}{path}", method=method)
    return urllib.request.urlopen(request, timeout=DEADLINE).read().decode()


def publish(topic, n=1, pad=10):
    assert http(f"/publish/{topic}?n={n}&pad={pad}", "POST") == str(n)


def live_streams():
    return int(re.search(r"^cstar_live_streams (\d+)$", http("/metrics"), re.M).group(1))


def none_left():
    end = time.monotonic() + DEADLINE
    while live_streams() != 0:
        assert time.monotonic() < end, f"{live_streams()} streams are left"


class Streams(Raw):
    """A connection with streams whose numbers are looked at."""

    def __init__(self, window, topic):
        super().__init__(settings={INITIAL_WINDOW: window})
        self.topic = topic
        self.last_id = -1
        self.texts = {}
        self.send(WindowUpdateFrame(0, LARGEST - 65535))

    def open(self, path):
        self.last_id += 2
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", path.format(self.topic))]
        self.send(self.request(self.last_id, head))
        self.texts[self.last_id] = b""
        return self.last_id

    def note(self, frame):
        assert frame is not None, "the connection ended"
        assert not isinstance(frame, (GoAwayFrame, RstStreamFrame)), frame
        if isinstance(frame, DataFrame):
            self.texts[frame.stream_id] += frame.data

    def answered(self):
        """All that the server had to say when it read this."""
        self.send(PingFrame(0, b"are you?"))
        while True:
            frame = self.frame()
            if isinstance(frame, PingFrame):
                return
            self.note(frame)

    def numbers(self, stream):
        return [int(n) for n in re.findall(rb'"n":(\d+),"pad":"x*"}\n\n', self.texts[stream])]

    def all_have(self, last):
        """Each stream hears of all numbers up to the last, in order."""
        end = time.monotonic() + 5 * DEADLINE
        waits = set(self.texts)
        while waits:
            assert time.monotonic() < end, f"{len(waits)} streams have not heard {last}: {self.numbers(min(waits))[-1:]}"
            self.answered()
            waits = {s for s in waits if self.numbers(s)[-1:] != [last]}
        for stream in self.texts:
            numbers = self.numbers(stream)
            assert numbers == list(range(numbers[0], last + 1)), (stream, numbers)


# ---- the cases ---------------------------------------------------------------------------------

def t_reset_with_the_request():
    c = Streams(65535, "with")
    for n in range(80):
        stream = c.open(KINDS[n % 2])
        c.send(RstStreamFrame(stream, CANCEL), RstStreamFrame(stream, CANCEL) if n % 8 == 0 else b"")
    publish("with", 3)
    c.alive()
    none_left()
    c.close()


def t_reset_while_pieces_wait():
    for window in (0, 1, 1000):
        c = Streams(window, "queued")
        streams = [c.open(KINDS[n % 2]) for n in range(60)]
        c.answered()
        publish("queued", 5, 5000)
        c.send(*[part for s in streams for part in (WindowUpdateFrame(s, 3), RstStreamFrame(s, CANCEL), WindowUpdateFrame(s, 3))])
        c.alive()
        none_left()
        c.close()


def t_reset_behind_goaway():
    c = Streams(1, "goaway")
    streams = [c.open(KINDS[n % 2]) for n in range(40)]
    c.answered()
    c.send(GoAwayFrame(0, last_stream_id=0))
    publish("goaway", 5, 5000)
    c.send(*[RstStreamFrame(s, CANCEL) for s in streams])
    while c.frame() is not None:  # nothing is left to say
        pass
    none_left()
    c.close()


def t_connection_cut_with_pieces_waiting():
    for window in (0, 100, 65535):
        c = Streams(window, "cut")
        for n in range(60):
            c.open(KINDS[n % 2])
        c.answered()
        publish("cut", 10, 5000)
        c.close()
        none_left()


def t_windows_go_up_and_down():
    c = Streams(0, "windows")
    for n in range(50):
        c.open(KINDS[n % 2])
    c.answered()
    for n in range(12):  # fewer than are a flood
        c.send(SettingsFrame(0, settings={INITIAL_WINDOW: [0, 7, LARGEST, 1][n % 4], MAX_FRAME: [16384, 2**24 - 1][n % 2]}))
        publish("windows", 2, [10, 3000, 20000][n % 3])
        c.answered()
    c.send(SettingsFrame(0, settings={INITIAL_WINDOW: LARGEST}))
    c.all_have(24)
    c.close()
    none_left()


def t_windows_of_one_byte():
    c = Streams(0, "bytes")
    for n in range(20):
        c.open(KINDS[n % 2])
    c.answered()
    publish("bytes", 2, 100)
    for _ in range(40):
        c.send(*[WindowUpdateFrame(s, 1) for s in c.texts])
        c.answered()
    end = time.monotonic() + DEADLINE
    while any(len(text) < 40 for text in c.texts.values()):  # the last byte may come behind its ping
        assert time.monotonic() < end, sorted(len(text) for text in c.texts.values())[0]
        c.answered()
    c.answered()
    assert all(len(text) == 40 for text in c.texts.values())
    c.send(SettingsFrame(0, settings={INITIAL_WINDOW: 1 << 20}))
    c.all_have(2)
    c.close()
    none_left()


def t_a_thousand_streams_are_not_read():
    c = Streams(0, "many")
    for n in range(1000):
        c.open(KINDS[n % 2])
        if n % 100 == 99:
            c.answered()
    publish("many", 3, 20000)  # 60 MB in all, if somebody took copies
    assert live_streams() == 1000
    c.send(SettingsFrame(0, settings={INITIAL_WINDOW: LARGEST}))
    c.all_have(3)
    c.close()
    none_left()


def t_more_streams_than_may_keep_memory():
    """Each has said something of its own, and keeps a little memory for the next: 2 KiB, of 4 MiB that a connection may have."""
    c = Streams(65535, "small")
    for n in range(2400):
        c.open(KINDS[0])
        if n % 100 == 99:
            c.answered()
    http("/tell/small?text=" + "x" * 1200, "POST")
    c.answered()
    c.open(KINDS[0])
    publish("small", 2, 5000)
    c.all_have(2)
    c.close()
    none_left()


def t_bodies_for_streams():
    c = Streams(65535, "body")
    head = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/listen/body"), ("content-length", "3")]
    c.send(c.request(1, head, end=False), DataFrame(1, b"abc", flags=["END_STREAM"]))  # as it should be
    c.send(c.request(3, head, end=False), DataFrame(3, b"abcd", flags=["END_STREAM"]))  # more than announced
    c.reset(3, hostile.PROTOCOL)
    c.send(c.request(5, head, end=False), DataFrame(5, b"ab", flags=["END_STREAM"]))  # less
    c.reset(5, hostile.PROTOCOL)
    assert live_streams() == 1
    c.send(DataFrame(1, b"x"))  # behind its end: of the whole connection
    c.goaway(hostile.STREAM_CLOSED)
    none_left()


def t_ping_flood_with_streams():
    c = Streams(65535, "pings")
    for n in range(30):
        c.open(KINDS[n % 2])
    c.answered()
    c.send(PingFrame(0, b"12345678").serialize() * 300)
    c.goaway(hostile.CALM)
    none_left()


def t_rapid_reset_with_streams():
    c = Streams(65535, "rapid")
    for n in range(30):
        c.open(KINDS[n % 2])
    for n in range(400):
        c.send(RstStreamFrame(c.open(KINDS[n % 2]), CANCEL))
    c.goaway(hostile.CALM)
    none_left()


def main():
    hostile.PORT = int(sys.argv[1])
    failed = 0
    cases = [(name[2:], f) for name, f in list(globals().items()) if name.startswith("t_") and (len(sys.argv) < 3 or sys.argv[2] in name)]
    for name, case in cases:
        began = time.monotonic()
        try:
            case()
            print(f"passed: {name} ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)
        except Exception as error:  # pylint: disable=broad-except  -- whatever it is: the next case runs
            failed += 1
            print(f"FAILED: {name}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
