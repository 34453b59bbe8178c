"""A client that says whatever it is told to say to a running rollcall-ingest, over plain sockets, and what there is to be
seen of the answer: the reply, the counters, the events in Kafka. Target is the ingest and the source that is attacked."""
import base64
import hashlib
import hmac
import json
import select
import socket
import ssl
import time
import uuid
from dataclasses import dataclass
from typing import Callable

from harness.wait import wait_until

TIMEOUT_S = 10


@dataclass
class Target:
    host: str
    port: int
    admin_port: int
    sign: Callable
    source: str = "hostile"
    body_max: int = 1048576
    header_max: int = 16384
    per_address: int = 256
    deadline_s: float = 2.5
    published: Callable = None  # number of events in Kafka; the counter of ingest where absent
    pid: int = 0                # of rollcall-ingest, for its memory
    tls: object = None          # an SSLContext

    @property
    def path(self):
        return f"/hooks/{self.source}"


def signer(secret):
    """sign() for a whsec_ secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))

    def sign(body, message_id=None, at_s=None):
        message_id = message_id or f"msg_{uuid.uuid4().hex}"
        at = str(int(time.time() if at_s is None else at_s))
        mac = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
        return [("webhook-id", message_id), ("webhook-timestamp", at),
                ("webhook-signature", "v1," + base64.b64encode(mac).decode())]
    return sign


# ---- the wire ----

def connect(t, timeout=TIMEOUT_S, own=None):
    """own: the address to come from."""
    sock = socket.create_connection((t.host, t.port), timeout, (own, 0) if own else None)
    return t.tls.wrap_socket(sock, server_hostname=t.host) if t.tls else sock


class SaidAll:
    """A client over TLS that has closed its side (close_notify, then the end) and still reads; Python's own socket cannot."""

    def __init__(self, t, data):
        self.sock = socket.create_connection((t.host, t.port), TIMEOUT_S)
        self.arrived, self.to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = t.tls.wrap_bio(self.arrived, self.to_send, server_hostname=t.host)
        self._until_done(self.session.do_handshake)
        self.session.write(data)
        try:
            self.session.unwrap()
        except ssl.SSLWantReadError:  # for the other side's end, which comes with the answer
            pass
        self._flush()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it was answered, and closed, before
            pass

    def _flush(self):
        if self.to_send.pending:
            self.sock.sendall(self.to_send.read())

    def _until_done(self, action):
        while True:
            try:
                result = action()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("the end comes before the answer") from None
                self.arrived.write(data)

    def recv(self, size):
        try:
            return self._until_done(lambda: self.session.read(size))
        except ssl.SSLError:
            return b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def say_all(t, data):
    """A connection that has said everything, and waits."""
    if t.tls:
        return SaidAll(t, data)
    sock = connect(t)
    send(sock, data)
    sock.shutdown(socket.SHUT_WR)
    return sock


def send(sock, data):
    """As much as the other side takes; it may have cut us off already."""
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


class BothWays:
    """Sends while it reads, in one thread: a TLS connection of Python's bears no second one."""

    def __init__(self, sock, data):
        self.sock, self.data = sock, memoryview(data)
        sock.setblocking(False)

    def _try(self, action):
        try:
            return action()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def recv(self, size):
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            if self.data:
                self.data = self.data[self._try(lambda: self.sock.send(self.data[:65536])) or 0:]
            piece = self._try(lambda: self.sock.recv(size))
            if piece is not None:
                return piece
            select.select([self.sock], [self.sock] if self.data else [], [], 0.1)
        raise TimeoutError("nothing came")


def read_reply(sock, buffered=b""):
    """(status, {header: value}, body, rest); status 0 when the connection ends without an answer."""
    data = buffered
    while b"\r\n\r\n" not in data:
        try:
            piece = sock.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            return 0, {}, b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split(" ")[1])
    length = 0 if status == 100 else int(headers.get("content-length", 0))
    while len(rest) < length:
        piece = sock.recv(65536)
        if not piece:
            break
        rest += piece
    return status, headers, rest[:length], rest[length:]


def head(t, headers=(), method="POST", path=None, version="HTTP/1.1", host=True):
    lines = [f"{method} {path or t.path} {version}"] + (["Host: ingest"] if host else [])
    return "\r\n".join(lines + [f"{k}: {v}" for k, v in headers] + ["", ""]).encode("latin-1")


def request(t, body, headers=None, content_type="application/json", **more):
    """A whole request with Content-Length; headers default to a good signature."""
    signed = list(t.sign(body) if headers is None else headers)
    kind = [("Content-Type", content_type)] if content_type else []
    return head(t, kind + signed + [("Content-Length", len(body))], **more) + body


def ask(t, data, own=None):
    with connect(t, own=own) as sock:
        send(sock, data)
        status, headers, body, _ = read_reply(sock)
        return status, headers, body


def metrics(t):
    with socket.create_connection((t.host, t.admin_port), TIMEOUT_S) as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        _, _, body, _ = read_reply(sock)
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines()
             if line and not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def rejected(t, reason, source=None):
    labels = f'source="{source or t.source}",reason="{reason}"'
    return metrics(t).get(f"rollcall_ingest_rejected_total{{{labels}}}", 0)


def published(t):
    if t.published:
        return t.published()
    return sum(v for k, v in metrics(t).items() if k.startswith("rollcall_ingest_events_total"))


def event(**data):
    data = {"id": "person-1", "profile": {"userName": "ann@example.com"}, **data}
    return {"type": "person.joined", "timestamp": "2026-11-22T08:00:00Z", "data": data}


def encode(value):
    return json.dumps(value, ensure_ascii=False).encode()


GOOD = encode(event())


def expect(t, data, status, reason, source=None, answer=None):
    """The request is answered with status (one, or any of a tuple) and counted under reason."""
    before = rejected(t, reason, source)
    got, headers, body = ask(t, data)
    wanted = status if isinstance(status, tuple) else (status,)
    assert got in wanted, f"{got}, wanted {status}: {body[:200]!r}"
    if body:
        assert json.loads(body) == {"error": answer or reason}, body
    wait_until(lambda: rejected(t, reason, source) == before + 1, TIMEOUT_S, f"one more counted under {reason}")
    return headers
