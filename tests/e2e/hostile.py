"""Hostile clients against a running rollcall-ingest, over plain sockets.

Each case is a function of a Target; it raises AssertionError when an answer, a counter or the number of
published events is not as promised. run_all(host, port, admin_port, sign) runs all of them and returns the
failures. The source attacked must be of kind standard_webhooks; sign(body, message_id, at_s) returns its
headers as a list of (name, value). From the command line:

    hostile.py HOST PORT ADMIN_PORT SOURCE SECRET [case…]
"""
import base64
import json
import socket
import sys
import time
import traceback

from harness.wait import wait_until
from hostile_client import (ask, BothWays, connect, encode, event, expect, GOOD, head, metrics, published, read_reply, rejected,
                            request, say_all, send, signer, Target, TIMEOUT_S)

CASES = []


def case(function):
    CASES.append(function)
    return function


# ---- who is it from ----

@case
def forged(t):
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    expect(t, request(t, GOOD, other(GOOD)), 401, "forged")
    signed = dict(t.sign(GOOD))
    for name, value in (("webhook-id", "msg_other"), ("webhook-timestamp", str(int(time.time()) - 1)),
                        ("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode())):
        expect(t, request(t, GOOD, {**signed, name: value}.items()), 401, "forged")


@case
def forged_body(t):
    signed = t.sign(GOOD)
    for at in range(0, len(GOOD), 7):
        body = bytearray(GOOD)
        body[at] ^= 1
        expect(t, request(t, bytes(body), signed), 401, "forged")
    expect(t, request(t, GOOD + b" ", signed), 401, "forged")


@case
def stale(t):
    for off in (-86400, -301, 302, 86400):
        expect(t, request(t, GOOD, t.sign(GOOD, at_s=time.time() + off)), 401, "stale")


@case
def unsigned(t):
    expect(t, request(t, GOOD, []), 401, "missing")
    signed = t.sign(GOOD)
    expect(t, request(t, GOOD, signed[:1] + signed[2:]), 401, "malformed")
    expect(t, request(t, GOOD, signed[1:]), 401, "malformed")


@case
def malformed_signature(t):
    signed = dict(t.sign(GOOD))
    for value in ("v1", "v1,%%%", "garbage", "v1,AAAA" + " v1,AAAA" * 16):
        expect(t, request(t, GOOD, {**signed, "webhook-signature": value}.items()), 401, "malformed")
    for value in ("now", "-1", "1e9", "16142653301614265330"):
        expect(t, request(t, GOOD, {**signed, "webhook-timestamp": value}.items()), 401, "malformed")


@case
def duplicate_signature_headers(t):
    signed = t.sign(GOOD)
    for header in signed:
        expect(t, request(t, GOOD, signed + [header]), 401, "duplicate")
    bad = ("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode())
    expect(t, request(t, GOOD, [bad] + signed), 401, "duplicate")
    # Another sender's names beside: what is not signed must not become the delivery's id.
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    svix = [(k.replace("webhook", "svix"), v) for k, v in other(GOOD)]
    expect(t, request(t, GOOD, svix), 401, "forged")


# ---- how large ----

@case
def declared_too_large(t):
    for length in (t.body_max + 1, 10**12, 999999999999999999):
        with connect(t) as sock:  # answered at once: nothing of the body is sent
            before = rejected(t, "body_too_large")
            send(sock, head(t, t.sign(GOOD) + [("Content-Length", length)]))
            assert read_reply(sock)[0] == 413
            wait_until(lambda: rejected(t, "body_too_large") == before + 1, TIMEOUT_S, "counted")


@case
def declared_too_large_and_sent(t):
    body = b" " * (t.body_max + 1)
    expect(t, request(t, body), 413, "body_too_large")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@case
def counted_too_large(t):
    before = rejected(t, "body_too_large")
    with connect(t) as sock:
        send(sock, head(t, t.sign(GOOD) + [("Transfer-Encoding", "chunked")]))
        left = t.body_max + 1
        while left > 0:
            send(sock, chunk(b" " * min(left, 65536)))
            left -= 65536
        send(sock, b"0\r\n\r\n")
        assert read_reply(sock)[0] == 413
    wait_until(lambda: rejected(t, "body_too_large") == before + 1, TIMEOUT_S, "counted")


@case
def counted_without_end(t):
    before = rejected(t, "body_too_large")
    with connect(t) as sock:
        send(sock, head(t, t.sign(GOOD) + [("Transfer-Encoding", "chunked")]))
        piece = chunk(b" " * 65536)
        sent = 0
        while send(sock, piece):
            sent += 65536
            assert sent < 64 * t.body_max + (64 << 20), "it takes everything"
        assert read_reply(sock)[0] in (413, 0)
    wait_until(lambda: rejected(t, "body_too_large") == before + 1, TIMEOUT_S, "counted")


@case
def header_bombs(t):
    expect(t, request(t, GOOD, t.sign(GOOD) + [(f"x-{i}", "y") for i in range(100)]), 431,
           "too_many_headers")
    large = [("x-large", "y" * t.header_max)]
    status = ask(t, request(t, GOOD, t.sign(GOOD) + large))[0]
    assert status in (431, 413), status
    status = ask(t, request(t, GOOD, path="/hooks/" + "a" * (2 * t.header_max)))[0]
    assert status in (414, 431), status
    with connect(t) as sock:  # a head without end
        sent = 0
        send(sock, f"POST {t.path} HTTP/1.1\r\nHost: x\r\n".encode())
        while send(sock, b"x-more: " + b"y" * 1000 + b"\r\n"):
            sent += 1010
            assert sent < 64 << 20, "it takes everything"
        assert read_reply(sock)[0] in (431, 413, 400, 0)


@case
def memory_stays_bounded(t):
    if not t.pid:
        return
    def resident():
        with open(f"/proc/{t.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096
    before = resident()
    count = min(200, t.per_address - 8)
    part = b" " * (t.body_max - 1)
    socks = []
    try:
        for _ in range(count):
            sock = connect(t)
            sock.setblocking(True)
            sock.settimeout(5)
            socks.append(sock)
            send(sock, head(t, t.sign(GOOD) + [("Content-Length", t.body_max)]))
            send(sock, part)
        grown = resident() - before
    finally:
        for sock in socks:
            sock.close()
    assert grown < 160 << 20, f"{count} unfinished bodies of {t.body_max} bytes take {grown >> 20} MiB"


@case
def one_address_does_not_take_the_room_of_all(t):
    """Bodies that are never finished, by somebody without a secret: small and large ones of others have room, and small
    ones of the same address."""
    whole = head(t, [("Content-Length", t.body_max)])
    socks = [connect(t) for _ in range(min(100, t.per_address - 8))]
    try:
        for sock in socks:
            send(sock, whole + b" " * (t.body_max - 1))
        for body, own in ((b"{", None), (b"{", "127.0.0.2"), (b"{" + b" " * (t.body_max - 1), "127.0.0.3")):
            status, _, said = ask(t, request(t, body), own)
            assert (status, json.loads(said)) == (400, {"error": "json"}), (len(body), own, status, said)
        for sock in socks:
            send(sock, b" ")
        found = [read_reply(sock)[:3] for sock in socks]
    finally:
        for sock in socks:
            sock.close()
    given_up = [answer for answer in found if answer[0] == 503]
    assert len(given_up) > len(socks) // 2 and {answer[0] for answer in found} == {401, 503}, found
    assert all("retry-after" in headers and json.loads(body) == {"error": "overload"} for _, headers, body in given_up)


# ---- cut short, drawn out ----

@case
def truncated(t):
    before = rejected(t, "truncated")
    with connect(t) as sock:
        send(sock, request(t, GOOD)[:-10])
    with connect(t) as sock:
        send(sock, head(t, t.sign(GOOD) + [("Transfer-Encoding", "chunked")]) + chunk(GOOD))
    with connect(t) as sock:
        send(sock, head(t, t.sign(GOOD) + [("Transfer-Encoding", "chunked")]) + b"40\r\nabc")
        sock.shutdown(socket.SHUT_WR)
        read_reply(sock)
    wait_until(lambda: rejected(t, "truncated") == before + 3, TIMEOUT_S, "three truncated")


@case
def truncated_head(t):
    name = "rollcall_ingest_connections_without_request_total"
    before = metrics(t)[name]
    for data in (b"POST", b"POST / HTTP/1.1\r\nHost: x\r\nwebhook-id: ", b""):
        with connect(t) as sock:
            send(sock, data)
    wait_until(lambda: metrics(t)[name] == before + 3, TIMEOUT_S, "three connections without a request")


@case
def slow_head_and_slow_body(t):
    name = "rollcall_ingest_connections_cut_total"
    before = metrics(t)[name]
    limit = 4 * t.deadline_s + 4
    whole = request(t, GOOD)
    with connect(t) as a, connect(t) as b:
        send(a, whole[:20])
        send(b, whole[:-len(GOOD)])
        begun = time.monotonic()
        at = 0
        while metrics(t)[name] < before + 2:
            assert time.monotonic() - begun < limit, "slow clients are never cut"
            send(a, whole[20 + at:21 + at])  # one byte now and then: never idle
            send(b, GOOD[at:at + 1])
            at += 1
            time.sleep(0.1)
        assert read_reply(b)[0] in (408, 0)


@case
def never_reads(t):
    """Asks on and on and takes no answer: what the kernel keeps for it is little, and it is cut."""
    name, data = "rollcall_ingest_connections_cut_total", request(t, GOOD, [])
    before, refused = metrics(t)[name], rejected(t, "missing")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0.1)
        sock.connect((t.host, t.port))
        sock = t.tls.wrap_socket(sock, server_hostname=t.host) if t.tls else sock
        limit, rest = time.monotonic() + 4 * t.deadline_s + 4, b""
        while metrics(t)[name] == before:
            assert time.monotonic() < limit, "it is never cut"
            try:
                while True:
                    rest = rest or data
                    rest = rest[sock.send(rest):]
            except OSError:  # nobody takes any more, for now or for good
                pass
    answers = rejected(t, "missing") - refused
    assert answers < 8000, f"{answers} answers wait for it"


# ---- how it is framed ----

@case
def ambiguous_framing(t):
    signed = t.sign(GOOD)
    length = ("Content-Length", len(GOOD))
    for extra in ([length, ("Transfer-Encoding", "chunked")], [length, length],
                  [length, ("Content-Length", len(GOOD) + 1)], [("Transfer-Encoding", "gzip, chunked")],
                  [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
                  [("Transfer-Encoding", "identity")]):
        status = ask(t, head(t, signed + extra) + chunk(GOOD) + b"0\r\n\r\n")[0]
        assert status == 400, f"{extra}: {status}"
    for value in ("-1", "+5", "0x10", "5 5", "1e3", "", "99999999999999999999999", "five"):
        status = ask(t, head(t, signed + [("Content-Length", value)]) + GOOD)[0]
        assert status in (400, 413, 0), f"{value!r}: {status}"


def refused_alone(t, data):
    """One 400 and the end of the connection, though data holds what could be taken for a second request."""
    with connect(t) as sock:
        send(sock, data)
        status, _, _, rest = read_reply(sock)
        assert status == 400, f"{data[:300]!r}: {status}"
        assert read_reply(sock, rest)[0] == 0, f"{data[:300]!r}: a second answer"


@case
def heads_that_two_parties_read_differently(t):
    lines = head(t, t.sign(GOOD))[:-2]
    length = b"Content-Length: %d\r\n" % len(GOOD)
    for last in (length.replace(b":", b" :"), length.replace(b":", b"\t:"),
                 b"Content-Length: 0\r\n" + length.replace(b":", b" :"),
                 b"Transfer-Encoding : chunked\r\n", length + b"Transfer-Encoding : chunked\r\n",
                 length + b"X-A\0: b\r\n", length + b"X(A): b\r\n", length + b": b\r\n",
                 length + b"X-A: b\r\n c\r\n", length + b"X-A: b\r\n \r\n", b"X-A: b\r\n\tc\r\n" + length,
                 b"Transfer-Encoding: chunked\r\n x\r\n" + length, b"Content-Length:\r\n %d\r\n" % len(GOOD),
                 b"X-A: b\n" + length, b"X-A: b\r" + length, b"X-A: b\rc: d\r\n" + length,
                 length.replace(b"\r", b""), length + b"\n", length + b"X-A: b\r\r\n",
                 length + b"X-A: b\0c\r\n", length + b"X-A: b\x01\r\n", length + b"X-A: b\x7f\r\n"):
        refused_alone(t, lines + last + b"\r\n" + GOOD)
    refused_alone(t, lines + length + b"\n" + GOOD)
    for path in (t.path + "\0", t.path + "\0?a", t.path + "?a=\0", t.path + "\x01", t.path + "\x7f",
                 t.path + "\xe9", t.path + "\t"):
        refused_alone(t, request(t, GOOD, path=path))
    refused_alone(t, request(t, GOOD).replace(b" HTTP/1.1\r\n", b" HTTP/1.1\n"))


@case
def heads_in_pieces(t):
    """Unusual and allowed; wherever the network cuts them, they are read as they are."""
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    more = [("X-Empty", ""), ("X-Blank", " \t a b \t"), ("!#$%&'*+-.^_`|~", "\x80\xff")]
    more += [(f"X-Large-{i}", "y" * 1500) for i in range((t.header_max - 2000) // 1600)]
    data = request(t, GOOD, other(GOOD) + more, path=t.path + "?a=b&c").replace(b"X-Empty: ", b"X-Empty:")
    for size in (1, 777, 8191):
        with connect(t) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = b""
            for _ in range(2):
                for at in range(0, len(data), size):
                    send(sock, data[at:at + size])
                status, _, _, rest = read_reply(sock, rest)
                assert status == 401, f"in pieces of {size}: {status}"


@case
def broken_chunks(t):
    for data in (b"zz\r\nabc\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"-5\r\nabcde\r\n",
                 b"5\r\nabcdefgh\r\n0\r\n\r\n",
                 b"\r\n\r\n"):
        with connect(t) as sock:
            send(sock, head(t, t.sign(GOOD) + [("Transfer-Encoding", "chunked")]) + data)
            sock.shutdown(socket.SHUT_WR)
            status = read_reply(sock)[0]
            assert status in (400, 413, 0), f"{data!r}: {status}"


@case
def not_http(t):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n",
                 b"\0" * 64 + b"\r\n\r\n", b"\r\n" * 100,
                 b"POST  /hooks/x HTTP/1.1 extra\r\nHost: x\r\n\r\n", head(t, host=False),
                 b"POST " + t.path.encode() + b" HTTP/9.9\r\nHost: x\r\n\r\n"):
        with connect(t) as sock:
            send(sock, data)
            sock.shutdown(socket.SHUT_WR)
            status = read_reply(sock)[0]
            assert status == 0 or 400 <= status < 600, f"{data!r}: {status}"


@case
def expectations(t):
    forged_headers = dict(t.sign(GOOD), **{"webhook-id": "msg_other"})
    with connect(t) as sock:
        send(sock, head(t, [*forged_headers.items(), ("Expect", "100-continue"),
                            ("Content-Length", len(GOOD))]))
        status, _, _, rest = read_reply(sock)
        assert status == 100, status
        send(sock, GOOD)
        assert read_reply(sock, rest)[0] == 401
    with connect(t) as sock:  # refused before the body is asked for
        send(sock, head(t, [("Expect", "100-continue"), ("Content-Length", t.body_max + 1)]))
        assert read_reply(sock)[0] == 413
    expect(t, request(t, GOOD, t.sign(GOOD) + [("Expect", "the unexpected")]), 417, "bad_expectation")


@case
def pipelined(t):
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    # The last has a body that nobody reads, so the connection ends with its answer.
    many = [(request(t, GOOD, other(GOOD)), 401), (request(t, b"{", None), 400),
            (request(t, GOOD, t.sign(GOOD, at_s=1)), 401), (request(t, GOOD, path="/hooks/nobody"), 404)]
    with connect(t) as sock:
        send(sock, b"".join(data for data, _ in many))
        rest = b""
        for _, wanted in many:
            status, _, _, rest = read_reply(sock, rest)
            assert status == wanted, f"{status}, wanted {wanted}"


@case
def pipelined_without_waiting(t):
    """Many more requests than are answered: the answers come in order, and memory is that of one request."""
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    one, count, rest = request(t, GOOD, other(GOOD)), 300, b""
    with connect(t) as sock:
        both = BothWays(sock, one * count)
        for n in range(count):
            status, _, _, rest = read_reply(both, rest)
            assert status == 401, f"answer {n}: {status}"


@case
def http_1_0(t):
    other = signer("whsec_" + base64.b64encode(bytes(32)).decode())
    old = request(t, GOOD, other(GOOD), version="HTTP/1.0", host=False)
    with connect(t) as sock:
        send(sock, old + old)
        status, _, _, rest = read_reply(sock)
        assert status == 401, status
        assert read_reply(sock, rest)[0] == 0, "a second answer: HTTP/1.0 ends after one"
    with connect(t) as sock:  # unless it is asked for
        stay = request(t, GOOD, [*other(GOOD), ("Connection", "keep-alive")], version="HTTP/1.0")
        send(sock, stay + stay)
        status, _, _, rest = read_reply(sock)
        assert status == 401 and read_reply(sock, rest)[0] == 401
    # It has no chunks (RFC 9112 6.1): a proxy would take the body for the next request.
    refused_alone(t, head(t, [*t.sign(GOOD), ("Transfer-Encoding", "chunked")], version="HTTP/1.0") + chunk(GOOD)
                  + b"0\r\n\r\n")


@case
def half_closed(t):
    """Who has said everything may close that side, and still gets its answer."""
    for body, wanted in ((b"{", 400), (GOOD, 401)):
        signed = t.sign(body) if wanted == 400 else t.sign(GOOD, at_s=1)
        for data in (request(t, body, signed),
                     head(t, [*signed, ("Transfer-Encoding", "chunked")]) + chunk(body) + b"0\r\n\r\n"):
            with say_all(t, data) as sock:
                status = read_reply(sock)[0]
                assert status in (wanted, 401), status


# ---- where to, and how ----

@case
def methods(t):
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
        headers = expect(t, request(t, GOOD, method=method), 405, "method")
        assert headers.get("allow") == "POST", headers
    assert ask(t, head(t, method="HEAD"))[0] == 405


@case
def unknown_places(t):
    for path in ("/", "/hooks", "/hooks/", "/hooks/nobody", "/hooks/../etc/passwd", t.path + "/",
                 t.path + "%00",
                 "/hooks/%68ostile", "//hooks/" + t.source, "/hooks/" + "x" * 300, "/metrics"):
        expect(t, request(t, GOOD, path=path), 404, "unknown_source", source="none")


@case
def media_types(t):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json",
                 "multipart/form-data"):
        expect(t, request(t, GOOD, content_type=kind), 415, "media_type")


# ---- what it says; all of these are properly signed ----

@case
def not_json(t):
    for body in (b"", b"{", b"hello", b'{"a":1}x', b"{}{}", b"{'a':1}", b"[1,]", b"nul",
                 b'"open', b'{"a":1,}', b"\xef\xbb\xbf{}"):
        expect(t, request(t, body), 400, "json")


@case
def not_utf8(t):
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9", b"\x80"):
        body = GOOD.replace(b"ann", b"a" + bad)
        expect(t, request(t, body), 400, "encoding")


@case
def too_deep(t):
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for depth in (33, 1000, 100000):
            body = opening * depth + b"1" + closing * depth
            if len(body) <= t.body_max:
                expect(t, request(t, body), 400, "depth")
    expect(t, request(t, b"[" * 200000), 400, "depth")


@case
def no_events(t):
    for body in ("text", 5, True, None, [], [1, 2], {}, {"type": 5, "data": {}}, {"type": "person.joined"},
                 {"type": "person.joined", "data": 7}):
        status = ask(t, request(t, encode(body)))[0]
        assert status == 422, f"{body!r}: {status}"
    bad = [{"id": None}, {"id": ""}, {"id": 5}, {"id": "x" * 300}, {"id": "a\nb"}, {"id": ["x"]},
           {"profile": []}, {"profile": "ann"}, {"profile": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
           {"profile": {"x" * 100: "y"}},
           {"profile": {"a": "y" * 2000}}, {"profile": {f"a{i}": "x" for i in range(100)}},
           {"groups": "Design"}, {"groups": [1]}, {"groups": ["g"] * 100}, {"complete": "yes"},
           {"occurredAt": "yesterday"}, {"occurredAt": {}}, {"accessUntil": "soon"}, {"effectiveAt": True},
           {"occurredAt": 9e15}, {"occurredAt": -1},
           {"effectiveAt": 253402300800000}, {"accessUntil": 9e15}, {"accessUntil": -1}]
    for data in bad:
        status = ask(t, request(t, encode(event(**data))))[0]
        assert status == 422, f"{data!r}: {status}"


@case
def other_types_are_ignored(t):
    for kind in ("person.promoted", "invoice.paid", "", "rollcall.rollcall.person.joined", "x" * 70000):
        status = ask(t, request(t, encode({**event(), "type": kind})))[0]
        assert status in (200, 202, 204, 422), f"{kind[:50]!r}: {status}"


# ---- how many ----

@case
def too_many_connections(t):
    if t.per_address > 2000:
        return
    name = 'rollcall_ingest_connections_refused_total{reason="connections_per_address"}'
    before = metrics(t).get(name, 0)
    socks = [connect(t) for _ in range(t.per_address + 8)]
    try:
        wait_until(lambda: metrics(t).get(name, 0) > before, TIMEOUT_S, "some are refused")
    finally:
        for sock in socks:
            sock.close()
    wait_until(lambda: metrics(t)["rollcall_ingest_connections"] == 0, 20, "all are gone")
    assert ask(t, request(t, b"{"))[0] == 400


# ---- Okta ----

def okta(host, port, admin_port, source, secret, success=200, reject=401):
    """The same for a source of kind okta, whose secret is a header. Raises AssertionError."""
    t = Target(host, port, admin_port, lambda *_: [("Authorization", secret)], source)
    before = published(t)
    challenge = ("x-okta-verification-challenge", 'a"b\\c')
    status, headers, body = ask(t, head(t, [challenge], method="GET"))
    assert status == 200 and headers["content-type"] == "application/json", (status, headers)
    assert json.loads(body) == {"verification": challenge[1]}, body
    for bad in ([], [challenge, challenge], [(challenge[0], "")], [(challenge[0], "x" * 2000)],
                [(challenge[0], "\x80\xff")]):
        assert ask(t, head(t, bad, method="GET"))[0] == 400, bad
    assert ask(t, head(t, method="PUT"))[1].get("allow") == "GET, POST"
    hook = encode({"eventId": "e", "data": {"events": [{"uuid": "u", "eventType": "user.session.start"}]}})
    for bad in (secret[:-1], secret + "x", secret.swapcase(), "Bearer " + secret):
        expect(t, request(t, hook, [("Authorization", bad)]), reject, "forged")
    expect(t, request(t, hook, []), reject, "missing")
    expect(t, request(t, hook, t.sign() * 2), reject, "duplicate")
    assert ask(t, request(t, hook))[0] == success
    for body in ({}, {"data": {}}, {"data": {"events": [7]}}, {"data": {"events": "x"}}):
        assert ask(t, request(t, encode(body)))[0] in (422, success), body
    assert published(t) == before, "something was published"


# ---- all of it ----

def run_all(host, port, admin_port, sign, cases=None, **more):
    """Runs the cases (names; default all); returns [(name, what went wrong)]. None may publish anything, and
    a good request must still be accepted afterwards."""
    t = Target(host, port, admin_port, sign, **more)
    before, failures = published(t), []
    for function in CASES:
        if cases and function.__name__ not in cases:
            continue
        try:
            function(t)
            wait_until(lambda: metrics(t)["rollcall_ingest_connections"] == 0, TIMEOUT_S, "all connections are gone")
            assert published(t) == before, "something was published"
        except Exception:  # a case that breaks is a failure like another
            failures.append((function.__name__, traceback.format_exc(limit=-2)))
            before = published(t)
    status = ask(t, request(t, GOOD))[0]
    if not 200 <= status < 300:
        failures.append(("a_good_request_is_accepted", f"answered {status}"))
    return failures


def main():
    host, port, admin_port, source, secret = sys.argv[1:6]
    failures = run_all(host, int(port), int(admin_port), signer(secret), cases=sys.argv[6:], source=source)
    for name, why in failures:
        print(f"--- {name}\n{why}")
    print(f"hostile: {len(CASES)} cases, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
