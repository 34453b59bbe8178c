#!/usr/bin/env python3
"""ready.py HOST:PORT BROKERS SECONDS [PID]: waits until a broker lists that many live brokers.

Speaks just enough of Kafka's protocol (Metadata v4) to work before anything is built.
Exit 0: ready; 1: not within the time; 2: the process PID ended while we waited.
"""
import os
import socket
import struct
import sys
import time

METADATA, VERSION = 3, 4
POLL_S = 0.05


def metadata_request():
    client = b"ready"
    body = struct.pack(">hhih", METADATA, VERSION, 1, len(client)) + client
    body += struct.pack(">i?", 0, False)  # no topics, create none
    return struct.pack(">i", len(body)) + body


def receive(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def live_brokers(host, port):
    """Number of brokers in the metadata answer; 0 when there is no answer."""
    try:
        with socket.create_connection((host, port), timeout=2) as sock:
            sock.sendall(metadata_request())
            size = struct.unpack(">i", receive(sock, 4))[0]
            answer = receive(sock, size)
    except OSError:
        return 0
    return struct.unpack(">i", answer[8:12])[0]  # behind correlation id and throttle time


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    wanted, deadline = int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
    pid = int(sys.argv[4]) if len(sys.argv) > 4 else os.getpid()
    while time.monotonic() < deadline:
        if live_brokers(host, int(port)) >= wanted:
            return 0
        if not alive(pid):
            return 2
        time.sleep(POLL_S)
    return 1


sys.exit(main())
