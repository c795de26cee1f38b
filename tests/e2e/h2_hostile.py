#!/usr/bin/env python3
"""h2_hostile.py -- HTTP/2 frames that no decent client sends, against a running server; started by h2_hostile.test.mjs.

    h2_hostile.py PORT [CASE]        one line per case: `passed: NAME` or `FAILED: NAME: why`; exit 1 if one failed

Frames are made with hyperframe, header blocks with hpack, well-behaved connections with h2 (Debian: python3-h2), which also checks
strictly what the server says. After every case the server has to answer another connection at once.

Exit 77: those libraries are missing.
SPDX-License-Identifier: MIT
"""
import socket
import struct
import sys
import time

try:
    import h2.config
    import h2.connection
    import h2.events
    from hpack import Decoder, Encoder
    from hyperframe.frame import (ContinuationFrame, DataFrame, ExtensionFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
                                  PushPromiseFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame)
except ImportError as missing:
    print(f"SKIPPED: {missing}; the Debian package is python3-h2")
    sys.exit(77)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE, REFUSED, CANCEL, COMPRESSION, _, CALM = range(12)
DEADLINE = 8.0  # of everything that is waited for
PORT = 0

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/counter")]
EVENT = [(":method", "POST"), (":scheme", "http"), (":authority", "test"), (":path", "/counter/_event/increment")]
FILE = None  # the Datastar client's request


class Raw:
    """A connection that sends what it is told, and reads frames."""

    def __init__(self, preface=True, settings=None):
        self.sock = socket.create_connection(("127.0.0.1", PORT), DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = b""
        self.over = False
        self.encoder = Encoder()
        self.decoder = Decoder()
        if preface:
            self.send(PREFACE, SettingsFrame(0, settings=settings or {}))

    def send(self, *parts):
        """Frames or bytes; whether the server still listens is not known here."""
        bytes_ = b"".join(p if isinstance(p, bytes) else p.serialize() for p in parts)
        try:
            self.sock.sendall(bytes_)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has hung up; what it said before is still to be read

    def block(self, headers):
        return self.encoder.encode(headers)

    def request(self, stream, headers=None, end=True, more=()):
        flags = ["END_HEADERS"] + (["END_STREAM"] if end else [])
        return HeadersFrame(stream, self.block((headers or GET) + list(more)), flags=flags)

    def frame(self):
        """The next frame; None at the end of the connection."""
        while True:
            if len(self.input) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.input)[:9])
                if len(self.input) >= 9 + length:
                    frame.parse_body(memoryview(self.input)[9:9 + length])
                    self.input = self.input[9 + length:]
                    return frame
            try:
                piece = self.sock.recv(65536)
            except ConnectionResetError:
                piece = b""
            except socket.timeout:
                raise AssertionError(f"nothing came within {DEADLINE:.0f} s") from None
            if not piece:
                self.over = True
                return None
            self.input += piece

    def until(self, what, found):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            frame = self.frame()
            if frame is None:
                raise AssertionError(f"the connection ended before {what}")
            if found(frame):
                return frame
            if isinstance(frame, GoAwayFrame):
                raise AssertionError(f"GOAWAY {frame.error_code} before {what}")
        raise AssertionError(f"no {what} within {DEADLINE:.0f} s")

    def goaway(self, *codes):
        """The connection ends, behind a GOAWAY with one of these codes."""
        said = self.until("GOAWAY", lambda f: isinstance(f, GoAwayFrame)).error_code
        assert said in codes, f"GOAWAY with {said}, should be {codes}"
        while self.frame() is not None:
            pass
        self.close()

    def reset(self, stream, *codes):
        said = self.until("RST_STREAM", lambda f: isinstance(f, RstStreamFrame) and f.stream_id == stream).error_code
        assert said in codes, f"RST_STREAM with {said}, should be {codes}"

    def status(self, stream, expected):
        """The head of the answer on a stream. Call it for every answer of the connection: the table grows with each."""
        head_ = self.until("a head", lambda f: isinstance(f, HeadersFrame))
        fields = dict(self.decoder.decode(head_.data))
        assert (head_.stream_id, fields[":status"]) == (stream, expected), (head_, fields)

    def alive(self):
        """This very connection still works."""
        self.send(PingFrame(0, b"are you?"))
        self.until("the echo", lambda f: isinstance(f, PingFrame) and "ACK" in f.flags and f.opaque_data == b"are you?")

    def close(self):
        self.sock.close()


def answer(headers=None, body=None, reply=None):
    """One request by the strict library on a connection of its own: (status, headers, body)."""
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    with socket.create_connection(("127.0.0.1", PORT), DEADLINE) as sock:
        conn.initiate_connection()
        conn.send_headers(1, headers or GET, end_stream=body is None)
        if body is not None:
            conn.send_data(1, body, end_stream=True)
        status, fields, text = None, None, b""
        while True:
            sock.sendall(conn.data_to_send())
            data = sock.recv(65536)
            assert data, "no answer"
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    fields = event.headers
                    status = dict(fields)[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    text += event.data
                    conn.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, h2.events.StreamReset):
                    raise AssertionError(f"reset with {event.error_code}")
                elif isinstance(event, h2.events.StreamEnded):
                    conn.close_connection()
                    sock.sendall(conn.data_to_send())
                    return status, fields, text


# ---- the cases: every function whose name begins with t_ ---------------------------------------

def t_decent():
    status, fields, text = answer()
    assert status == "200" and text.endswith(b"</html>\n"), (status, text)
    for name, value in fields:
        assert name == name.lower() and name not in ("connection", "keep-alive", "transfer-encoding", "upgrade"), name
        assert value == value.strip(), value
    assert answer(EVENT, b'{"count":41}')[2].startswith(b'event: datastar-patch-signals\ndata: signals {"count":42}\n')
    assert answer(GET[:3] + [(":path", "/nowhere")])[0] == "404"
    assert len(answer(FILE)[2]) > 20000


def t_rapid_reset():
    c = Raw()
    c.send(*[part for n in range(2000) for part in (c.request(1 + 2 * n, EVENT, end=False), RstStreamFrame(1 + 2 * n, CANCEL))])
    c.goaway(CALM)


def t_rapid_reset_of_whole_requests():
    c = Raw()
    c.send(*[part for n in range(2000) for part in (c.request(1 + 2 * n), RstStreamFrame(1 + 2 * n, CANCEL))])
    c.goaway(CALM)


def t_resets_provoked_by_malformed_requests():
    c = Raw()
    c.send(*[c.request(1 + 2 * n, more=[("connection", "close")]) for n in range(2000)])
    c.goaway(CALM)


def t_resets_provoked_by_window_overflow():
    c = Raw()
    for n in range(2000):
        c.send(c.request(1 + 2 * n, EVENT, end=False), WindowUpdateFrame(1 + 2 * n, 0x7fffffff))
    c.goaway(CALM)


def t_ping_flood():
    c = Raw()
    c.send(PingFrame(0, b"12345678").serialize() * 3000)
    c.goaway(CALM)


def t_settings_flood():
    c = Raw()
    c.send(SettingsFrame(0).serialize() * 3000)
    c.goaway(CALM)


def t_settings_with_many_entries():
    c = Raw()
    entries = b"".join(struct.pack(">HI", 0x99, n) for n in range(2000))
    c.send(struct.pack(">I", len(entries))[1:] + b"\x04\x00\x00\x00\x00\x00" + entries)
    c.goaway(CALM, PROTOCOL)


def t_acknowledgements_nobody_asked_for():
    c = Raw()
    c.send((PingFrame(0, b"12345678", flags=["ACK"]).serialize() + SettingsFrame(0, flags=["ACK"]).serialize()) * 3000)
    c.goaway(CALM, PROTOCOL)


def t_empty_data_flood():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), DataFrame(1).serialize() * 3000)
    c.goaway(CALM)


def t_padding_only_flood():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), DataFrame(1, flags=["PADDED"], pad_length=0).serialize() * 3000)
    c.goaway(CALM)


def t_empty_continuation_flood():
    c = Raw()
    c.send(HeadersFrame(1, c.block(GET), flags=["END_STREAM"]), ContinuationFrame(1).serialize() * 3000)
    c.goaway(CALM)


def t_continuation_without_end():
    c = Raw()
    field = b"\x00\x03x-a\x7f\xc1\x3d" + b"y" * 8000  # a literal, not indexed, not compressed
    c.send(HeadersFrame(1, c.block(GET), flags=["END_STREAM"]), *[ContinuationFrame(1, field)] * 400)
    c.goaway(CALM)


def t_headers_without_end_many():
    """A block begun and another stream's frame in its midst."""
    c = Raw()
    c.send(HeadersFrame(1, c.block(GET), flags=["END_STREAM"]), PingFrame(0, b"12345678"))
    c.goaway(PROTOCOL)


def t_header_bomb():
    """One entry of the dynamic table, taken thousands of times: a byte each."""
    c = Raw()
    first = c.block(GET + [("x-bomb", "a" * 3900)])
    c.send(HeadersFrame(1, first, flags=["END_STREAM", "END_HEADERS"]))
    again = c.block([("x-bomb", "a" * 3900)])
    assert len(again) == 1, again
    c.send(HeadersFrame(3, c.block(GET) + again * 12000, flags=["END_STREAM", "END_HEADERS"]))
    c.goaway(CALM)


def t_header_list_too_long():
    """Somewhat too long is a status, by small means too; see header_bomb for the rest."""
    c = Raw()
    block = c.block(GET + [("x-a", "a" * 3000)]) + c.block([("x-a", "a" * 3000)]) * 12
    c.send(HeadersFrame(1, block, flags=["END_STREAM", "END_HEADERS"]))
    c.status(1, "431")
    c.send(c.request(3))
    c.status(3, "200")
    c.close()


def t_window_overflow_of_the_connection():
    c = Raw()
    c.send(WindowUpdateFrame(0, 0x7fffffff))
    c.goaway(FLOW)


def t_window_overflow_of_a_stream():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), WindowUpdateFrame(1, 0x7fffffff))
    c.reset(1, FLOW)
    c.alive()
    c.close()


def t_window_overflow_by_settings():
    """RFC 9113 6.9.2 would end the connection; nghttp2 1.52 ends the stream."""
    c = Raw()
    c.send(c.request(1, EVENT, end=False), WindowUpdateFrame(1, 1000), SettingsFrame(0, settings={4: 0x7fffffff}))
    end = c.until("an end", lambda f: isinstance(f, (GoAwayFrame, RstStreamFrame)))
    assert end.error_code == FLOW, end
    c.close()


def t_window_update_of_nothing():
    c = Raw()
    c.send(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00" + b"\x00" * 4)
    c.goaway(PROTOCOL)


def t_window_update_flood():
    c = Raw()
    c.send(WindowUpdateFrame(0, 1).serialize() * 60000)
    c.goaway(CALM)


def t_zero_window_held():
    """All streams that may be had, none of which may be answered: those that would have to wait in too much memory
    are refused, as is one too many; others are served."""
    c = Raw(settings={4: 0})
    c.send(*[c.request(1 + 2 * n, FILE) for n in range(256)])
    heads = set()
    while len(heads) < 256:
        heads.add(c.until("the heads", lambda f: isinstance(f, (HeadersFrame, RstStreamFrame))
                          and getattr(f, "error_code", REFUSED) == REFUSED).stream_id)
    c.send(c.request(513, FILE))
    c.reset(513, REFUSED)
    began = time.monotonic()
    assert answer()[0] == "200"
    assert time.monotonic() - began < 4
    c.alive()
    c.close()


def t_zero_window_on_many_connections():
    held = [Raw(settings={4: 0}) for _ in range(4)]
    for c in held:
        c.send(*[c.request(1 + 2 * n, GET) for n in range(100)])
    for c in held:
        c.alive()
    assert answer()[0] == "200"
    for c in held:
        c.close()


def t_reader_that_reads_nothing():
    """Everything is asked for and nothing is read: the server stops, and serves others."""
    c = Raw(settings={4: 0x7fffffff})
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.send(WindowUpdateFrame(0, 0x7fffffff - 65535))
    c.sock.settimeout(0.5)
    try:
        for n in range(250):
            c.sock.sendall(c.request(1 + 2 * n, FILE).serialize())
    except socket.timeout:
        pass
    for _ in range(5):
        assert answer()[0] == "200"
    c.close()


def t_wrong_preface():
    for text, says in ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", b"HTTP/1.1 505"), (b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 505"),
                       (b"PRX * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 50"), (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\r\n\r\n", b"HTTP/1.1 400")):
        c = Raw(preface=False)
        c.send(text)
        said = b""
        while True:
            try:
                piece = c.sock.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                break
            said += piece
        assert said.startswith(says), (text, said)
        c.close()


def t_no_settings_behind_the_preface():
    for frame in (PingFrame(0, b"12345678").serialize(), Raw().request(1).serialize(), SettingsFrame(0, flags=["ACK"]).serialize(), b"\xff" * 64,
                  b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        c = Raw(preface=False)
        c.send(PREFACE, frame)
        c.goaway(PROTOCOL, FRAME_SIZE)


def head(length, kind, flags, stream):
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream)


def conn_error(name, codes, make):
    """A case that is one connection, some bytes and the end."""
    def case():
        c = Raw()
        c.send(*make(c))
        c.goaway(*codes)
    case.__name__ = f"t_{name}"
    globals()[case.__name__] = case


conn_error("data_on_stream_0", [PROTOCOL], lambda c: [head(4, 0, 0, 0), b"abcd"])
conn_error("headers_on_stream_0", [PROTOCOL], lambda c: [head(1, 1, 5, 0), b"\x82"])
conn_error("rst_stream_on_stream_0", [PROTOCOL], lambda c: [head(4, 3, 0, 0), b"\0\0\0\0"])
conn_error("continuation_on_stream_0", [PROTOCOL], lambda c: [head(1, 9, 4, 0), b"\x82"])
conn_error("settings_on_a_stream", [PROTOCOL], lambda c: [head(0, 4, 0, 1)])
conn_error("ping_on_a_stream", [PROTOCOL], lambda c: [head(8, 6, 0, 1), b"12345678"])
conn_error("goaway_on_a_stream", [PROTOCOL], lambda c: [head(8, 7, 0, 1), b"\0" * 8])
conn_error("push_promise_by_a_client", [PROTOCOL], lambda c: [c.request(1, EVENT, end=False), head(5, 5, 4, 1), b"\0\0\0\2\x82"])
conn_error("even_stream", [PROTOCOL], lambda c: [c.request(2)])
conn_error("stream_taken_twice", [PROTOCOL, STREAM_CLOSED], lambda c: [c.request(7), c.request(7)])
conn_error("data_on_an_idle_stream", [PROTOCOL], lambda c: [DataFrame(5, b"x", flags=["END_STREAM"])])
conn_error("rst_stream_on_an_idle_stream", [PROTOCOL], lambda c: [RstStreamFrame(5, CANCEL)])
conn_error("window_update_on_an_idle_stream", [PROTOCOL], lambda c: [WindowUpdateFrame(5, 1)])
conn_error("continuation_out_of_nowhere", [PROTOCOL], lambda c: [ContinuationFrame(1, b"\x82", flags=["END_HEADERS"])])
conn_error("continuation_of_another_stream", [PROTOCOL],
           lambda c: [HeadersFrame(1, c.block(GET), flags=["END_STREAM"]), ContinuationFrame(3, b"\x82", flags=["END_HEADERS"])])
conn_error("frame_too_large", [FRAME_SIZE], lambda c: [c.request(1, EVENT, end=False), head(16385, 0, 0, 1), b"x" * 16385])
conn_error("headers_too_large", [FRAME_SIZE], lambda c: [head(16385, 1, 5, 1), b"\x82" * 16385])
conn_error("unknown_frame_too_large", [FRAME_SIZE], lambda c: [head(0xffffff, 0xbb, 0, 0), b"x" * 100000])
conn_error("ping_of_7_bytes", [FRAME_SIZE], lambda c: [head(7, 6, 0, 0), b"1234567"])
conn_error("ping_of_9_bytes", [FRAME_SIZE], lambda c: [head(9, 6, 0, 0), b"123456789"])
conn_error("settings_of_5_bytes", [FRAME_SIZE], lambda c: [head(5, 4, 0, 0), b"12345"])
conn_error("settings_ack_with_bytes", [FRAME_SIZE], lambda c: [head(6, 4, 1, 0), b"\0\1\0\0\0\0"])
conn_error("rst_stream_of_3_bytes", [FRAME_SIZE], lambda c: [c.request(1, EVENT, end=False), head(3, 3, 0, 1), b"\0\0\0"])
conn_error("window_update_of_3_bytes", [FRAME_SIZE], lambda c: [head(3, 8, 0, 0), b"\0\0\1"])
conn_error("goaway_of_7_bytes", [FRAME_SIZE], lambda c: [head(7, 7, 0, 0), b"\0" * 7])
conn_error("push_neither_on_nor_off", [PROTOCOL], lambda c: [SettingsFrame(0, settings={2: 2})])
conn_error("initial_window_too_large", [FLOW], lambda c: [head(6, 4, 0, 0), b"\0\4\x80\0\0\0"])
conn_error("max_frame_size_too_small", [PROTOCOL], lambda c: [SettingsFrame(0, settings={5: 100})])
conn_error("max_frame_size_too_large", [PROTOCOL], lambda c: [SettingsFrame(0, settings={5: 0x1000000})])
conn_error("padding_longer_than_the_frame", [PROTOCOL], lambda c: [c.request(1, EVENT, end=False), head(3, 0, 8, 1), b"\x10ab"])
conn_error("padding_longer_than_the_block", [PROTOCOL, FRAME_SIZE], lambda c: [head(3, 1, 0xd, 1), b"\x10\x82\x86"])
conn_error("block_that_is_no_hpack", [COMPRESSION], lambda c: [HeadersFrame(1, b"\xff" * 40, flags=["END_HEADERS", "END_STREAM"])])
conn_error("index_that_is_not_there", [COMPRESSION], lambda c: [HeadersFrame(1, b"\xfe", flags=["END_HEADERS", "END_STREAM"])])
conn_error("huffman_that_ends_wrong", [COMPRESSION], lambda c: [HeadersFrame(1, b"\x00\x81\x00\x81\x00", flags=["END_HEADERS", "END_STREAM"])])
conn_error("table_larger_than_allowed", [COMPRESSION], lambda c: [HeadersFrame(1, b"\x3f\xe1\xff\x03\x82", flags=["END_HEADERS", "END_STREAM"])])
conn_error("block_cut_short", [COMPRESSION], lambda c: [HeadersFrame(1, c.block(GET)[:-3], flags=["END_HEADERS", "END_STREAM"])])
conn_error("unknown_frames_flood", [CALM], lambda c: [head(8, 0xbb, 0, 0) + b"12345678"] * 3000)
conn_error("priority_flood", [CALM], lambda c: [head(5, 2, 0, 1) + b"\0\0\0\3\x10"] * 3000)


def t_data_on_closed_streams():
    c = Raw()
    c.send(c.request(1))
    c.until("the answer", lambda f: f.stream_id == 1 and "END_STREAM" in f.flags)
    c.send(DataFrame(1, b"late"))
    try:
        c.alive()  # once may be an accident
        c.send(*[DataFrame(1, b"x" * 10) for _ in range(5000)])
        c.goaway(CALM, STREAM_CLOSED)
    except AssertionError as error:
        assert f"GOAWAY {STREAM_CLOSED}" in str(error), error


def t_data_behind_the_end():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), DataFrame(1, b"{}", flags=["END_STREAM"]), DataFrame(1, b"more"))
    end = c.until("its end", lambda f: isinstance(f, (GoAwayFrame, RstStreamFrame)) or (f.stream_id == 1 and "END_STREAM" in f.flags))
    assert getattr(end, "error_code", STREAM_CLOSED) == STREAM_CLOSED, end
    c.close()


def passed_by_or(codes, c, *frames):
    """What RFC 9113 calls an error of the connection and nghttp2 passes by: either, but no answer."""
    c.send(*frames, PingFrame(0, b"are you?"))
    end = c.until("a word", lambda f: isinstance(f, GoAwayFrame) or (isinstance(f, PingFrame) and "ACK" in f.flags))
    assert isinstance(end, PingFrame) or end.error_code in codes, end
    c.close()


def t_priority_on_stream_0():
    passed_by_or([PROTOCOL], Raw(), head(5, 2, 0, 0), b"\0\0\0\0\0")


def t_stream_that_goes_back():
    c = Raw()
    c.send(c.request(7))
    c.until("the answer", lambda f: f.stream_id == 7 and "END_STREAM" in f.flags)
    c.send(c.request(3), PingFrame(0, b"are you?"))
    end = c.until("a word", lambda f: f.stream_id == 3 or isinstance(f, (GoAwayFrame, PingFrame)))
    assert end.stream_id == 0 and getattr(end, "error_code", PROTOCOL) in (PROTOCOL, STREAM_CLOSED), end
    c.close()


def refused_upload(c, stream):
    c.status(stream, "413")
    c.until("the page's end", lambda f: f.stream_id == stream and "END_STREAM" in f.flags)
    for n in range(3):  # 256 KiB more are read, so that no client loses the page
        c.send(DataFrame(stream, b"x" * 16384).serialize() * 6)
        if n < 2:
            c.alive()
    c.reset(stream, NO_ERROR)


def t_upload_that_is_refused():
    """The answer, and then the rest is not wanted (RFC 9113 8.1); by a declared length and by a counted one."""
    c = Raw()
    c.send(c.request(1, EVENT, end=False, more=[("content-length", "50000000")]), DataFrame(1, b"x" * 16384))
    refused_upload(c, 1)
    c.send(c.request(3, EVENT, end=False))
    for n in range(7):  # 16 KiB at a time nine times: less than the window, which the echo shows to be open again
        c.send(DataFrame(3, b"x" * 16384).serialize() * 9)
        if n < 6:
            c.alive()
    refused_upload(c, 3)
    c.alive()
    c.close()


def t_unknown_frames_are_passed_by():
    c = Raw()
    c.send(*[head(5, kind, 0xff, stream) + b"hello" for kind in (0x0a, 0x0c, 0x10, 0xbb, 0xff) for stream in (0, 1, 2)])
    c.send(SettingsFrame(0, settings={0x99: 1, 8: 1}), c.request(1))
    c.until("the answer", lambda f: f.stream_id == 1 and "END_STREAM" in f.flags)
    c.close()


def t_goaway_by_the_client():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), GoAwayFrame(0, error_code=NO_ERROR, additional_data=b"bye" * 100))
    c.send(DataFrame(1, b'{"count":41}', flags=["END_STREAM"]))
    c.until("the answer to what was under way", lambda f: f.stream_id == 1 and "END_STREAM" in f.flags)
    c.close()


MALFORMED = {
    "connection": GET + [("connection", "keep-alive")],
    "keep-alive": GET + [("keep-alive", "5")],
    "proxy-connection": GET + [("proxy-connection", "close")],
    "transfer-encoding": EVENT + [("transfer-encoding", "chunked")],
    "upgrade": GET + [("upgrade", "h2c")],
    "te that is not trailers": GET + [("te", "gzip")],
    "a capital letter": GET + [("X-Large", "1")],
    "a name with a space": GET + [("x y", "1")],
    "an empty name": GET + [("", "1")],
    "a name with a colon": GET + [("x:y", "1")],
    "CR LF in a value": GET + [("x-a", "1\r\nx-b: 2")],
    "NUL in a value": GET + [("x-a", "1\0")],
    "no :path": GET[:3],
    "no :method": GET[1:],
    "no :scheme": [GET[0]] + GET[2:],
    "an empty :path": GET[:3] + [(":path", "")],
    "a :path without a slash": GET[:3] + [(":path", "counter")],
    "a :path that is a URL": GET[:3] + [(":path", "http://test/counter")],
    "a :path with a space": GET[:3] + [(":path", "/coun ter")],
    "a :path with CR LF": GET[:3] + [(":path", "/counter HTTP/1.1\r\nx: y")],
    "two :path": GET + [(":path", "/")],
    "two :method": [(":method", "GET")] + GET,
    "an unknown pseudo field": GET + [(":thing", "1")],
    ":status": GET + [(":status", "200")],
    ":protocol": GET + [(":protocol", "websocket")],
    "a pseudo field behind others": GET[:3] + [("x-a", "1"), GET[3]],
    "a :scheme of another world": [GET[0], (":scheme", "ftp")] + GET[2:],
    "an :authority with a space": GET[:2] + [(":authority", "a b"), GET[3]],
    "an :authority with a user": GET[:2] + [(":authority", "me@test"), GET[3]],
    "a Host that is another": GET + [("host", "elsewhere")],
    "two lengths": EVENT + [("content-length", "1"), ("content-length", "2")],
    "a length that is no number": EVENT + [("content-length", "1x")],
    "a negative length": EVENT + [("content-length", "-1")],
    "a length beyond all numbers": EVENT + [("content-length", "99999999999999999999999")],
    "a length without a body": GET + [("content-length", "5")],
    "neither :authority nor host": GET[:2] + [GET[3]],
}


def t_malformed_requests():
    """Each stream is reset, and the connection goes on."""
    c = Raw()
    failures = []
    for n, (name, headers) in enumerate(MALFORMED.items()):
        stream = 1 + 2 * n
        c.send(HeadersFrame(stream, c.block(headers), flags=["END_HEADERS", "END_STREAM"]))
        frame = c.until(f"a word about {name}", lambda f: f.stream_id == stream)
        if not isinstance(frame, RstStreamFrame) or frame.error_code != PROTOCOL:
            failures.append(f"{name}: {frame}")
    assert not failures, "; ".join(failures)
    c.alive()
    c.close()


def t_te_trailers_and_the_like_are_fine():
    for more in ([("te", "trailers")], [("host", "test")], [("cookie", "a=1"), ("cookie", "b=2")], [("x-a", "")], [("expect", "100-continue")]):
        assert answer(GET + more)[0] == "200", more


def t_bad_trailers():
    cases = [[(":path", "/")], [("connection", "x")], [("X-Y", "z")]]
    c = Raw()
    for n, trailers in enumerate(cases):
        stream = 1 + 2 * n
        c.send(c.request(stream, EVENT, end=False), DataFrame(stream, b"{}"))
        c.send(HeadersFrame(stream, c.block(trailers), flags=["END_HEADERS", "END_STREAM"]))
        c.reset(stream, PROTOCOL)
    c.send(c.request(101, EVENT, end=False), HeadersFrame(101, c.block([("x-a", "1")]), flags=["END_HEADERS"]))  # not the end
    frame = c.until("its refusal", lambda f: f.stream_id == 101 or isinstance(f, GoAwayFrame))
    assert frame.error_code == PROTOCOL, frame
    c.close()


def t_trailers_that_are_a_bomb():
    c = Raw()
    c.send(c.request(1, EVENT, end=False), DataFrame(1, b"{}"))
    c.send(HeadersFrame(1, c.block([("x-bomb", "a" * 3900)]) + c.block([("x-bomb", "a" * 3900)]) * 12000, flags=["END_HEADERS", "END_STREAM"]))
    c.goaway(CALM)


def t_every_prefix_of_a_connection():
    """Cut anywhere, and the client gone."""
    whole = Raw()
    bytes_ = b"".join([PREFACE, SettingsFrame(0, settings={4: 1000}).serialize(), whole.request(1, EVENT, end=False).serialize(),
                       DataFrame(1, b'{"count":41}', flags=["END_STREAM"]).serialize(), whole.request(3).serialize()])
    whole.close()
    for n in range(len(bytes_)):
        c = Raw(preface=False)
        c.send(bytes_[:n])
        c.close()


def t_noise():
    """Good frames with one byte changed; the outcome is open, the server's life is not."""
    state = 12345
    base = Raw()
    good = b"".join([SettingsFrame(0, settings={4: 1000, 3: 10}).serialize(), base.request(1, EVENT, end=False).serialize(),
                     DataFrame(1, b'{"count":41}', flags=["END_STREAM"]).serialize(), PingFrame(0, b"12345678").serialize(),
                     WindowUpdateFrame(0, 100).serialize(), base.request(3).serialize(), RstStreamFrame(3, 8).serialize()])
    base.close()
    for _ in range(300):
        state = (state * 1103515245 + 12345) & 0x7fffffff
        at = (state >> 8) % len(good)
        c = Raw(preface=False)
        c.send(PREFACE, good[:at] + bytes([good[at] ^ (1 << (state % 8))]) + good[at + 1:])
        c.close()


def check_life():
    """Another connection is answered at once."""
    began = time.monotonic()
    status = answer(EVENT, b'{"count":41}')[0]
    took = time.monotonic() - began
    assert status == "200" and took < 4, f"afterwards: {status} after {took:.1f} s"


def main():
    global PORT, FILE
    PORT = int(sys.argv[1])
    page = answer()[2].decode()
    path = page.split("src='")[1].split("'")[0]
    FILE = GET[:3] + [(":path", path)]
    failed = 0
    cases = [(name[2:], f) for name, f in list(globals().items()) if name.startswith("t_") and (len(sys.argv) < 3 or sys.argv[2] in name)]
    for name, case in cases:
        began = time.monotonic()
        try:
            case()
            check_life()
            print(f"passed: {name} ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)
        except Exception as error:  # pylint: disable=broad-except  -- whatever it is: the next case runs
            failed += 1
            print(f"FAILED: {name}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
