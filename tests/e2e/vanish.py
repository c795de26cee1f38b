#!/usr/bin/env python3
"""Clients of event streams that vanish: their kernel drops whatever comes, and sends nothing.

    vanish.py HOST PORT PATH N [closed]

Opens N streams, reads the beginning of each, says "open"; with a line on its input they are gone, and it says "gone"; with the
end of its input it ends. A filter on the socket that lets nothing pass does it: no acknowledgement, no reset leaves. With
"closed" they stop reading before, with windows that are soon full.

SPDX-License-Identifier: MIT
"""
import ctypes
import json
import socket
import struct
import sys

SO_ATTACH_FILTER = 26


def open_stream(host, port, path, n, small):
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((host, port))
    body = json.dumps({"tabId": f"vanish-{n}", "pageId": f"page-{n}"})
    s.sendall((f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nDatastar-Request: true\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    seen = b""
    while b"server" not in seen:
        piece = s.recv(4096)
        if not piece:
            raise SystemExit(f"no stream: {seen!r}")
        seen += piece
    return s


def vanish(s):
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(drop_all)))


def main():
    host, port, path, n = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    streams = [open_stream(host, port, path, i, "closed" in sys.argv) for i in range(n)]
    print("open", flush=True)
    if sys.stdin.readline():
        for s in streams:
            vanish(s)
        print("gone", flush=True)
        sys.stdin.read()


main()
