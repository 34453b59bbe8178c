"""Every shipped sender's joiner, mover and leaver, from its own signed request to an account; and what is not understood.

The requests are those of ingest/sources/examples, signed by `rollcall-ingest sign`, and tokens by their transmitter's key.
What thin webhooks leave out is fetched from the sender's API, as the examples describe it. Senders that never name the
account (Finch's employment, Greenhouse Onboarding) have it from another source of the same directory.
"""
import base64
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import uuid

from harness.config import REPO, SOURCES_DIR
from harness.scenario import scenario
from harness.vendors import TOKEN, Vendor, Vendors, indented
from harness.wait import wait_until
from harness.words import Word, now_ms
from test_tls import Certificates

EXAMPLES = SOURCES_DIR / "examples"
RENEW = REPO / "deploy" / "rollcall-jwks"
DIRECTORY = "people"
WAIT_S = 30
# What fails verification here is accepted and dropped, so that who probes learns nothing.
DROPPING = "personio"
BASIC = {"workday", "successfactors"}
BASE64 = {"standard_webhooks", "finch"}
# Miro's windows, a hundred times as short: how calls are paced is looked at elsewhere.
SCALE = 0.01
# What the policy of the tests gives an account, beside its name.
ATTRIBUTES = ("displayName", "name.givenName", "name.familyName", "employeeNumber", "department")
LIMITS = [{"class": name, "count": count, "window_ms": int(30_000 * SCALE)}
          for name, count in (("users.read", 200), ("users.create", 20), ("users.update", 20))]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Transmitter:
    """Signs security event tokens (ES256) with a key of its own."""

    SIZE = 32

    def __init__(self, directory, kid="1"):
        self.key, self.kid = directory / f"transmitter-{kid}.pem", kid
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)

    @staticmethod
    def _openssl(*args, data=None):
        return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout

    def key_set(self):
        point = self._openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")[-2 * self.SIZE:]
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": self.kid, "x": base64url(point[:self.SIZE]),
                                     "y": base64url(point[self.SIZE:])}]})

    def token(self, claims):
        head = base64url(json.dumps({"alg": "ES256", "typ": "secevent+jwt", "kid": self.kid}).encode())
        signed = f"{head}.{base64url(claims.encode())}"
        der = self._openssl("dgst", "-sha256", "-sign", self.key, data=signed.encode())
        numbers, at = [], 2  # SEQUENCE { INTEGER r, INTEGER s }
        for _ in range(2):
            length = der[at + 1]
            numbers.append(der[at + 2:at + 2 + length].lstrip(b"\0").rjust(self.SIZE, b"\0"))
            at += 2 + length
        return f"{signed}.{base64url(b''.join(numbers))}"


class Kind:
    """A sender with its examples."""

    def __init__(self, run, name, vendors):
        self.run, self.name = run, name
        self.folder = EXAMPLES / name
        self.transmitter = Transmitter(run.directory) if name == "set" else None
        self.secret = self.transmitter.key_set() if self.transmitter else self._secret()
        options = self.folder / "options"
        pairs = [line.split("=", 1) for line in options.read_text().splitlines()] if options.exists() else []
        entry = {"name": name, "kind": name, "tenant": "acme", "directory": DIRECTORY,
                 "secrets": [run.config.secret(f"kind-{name}", self.secret)],
                 "options": [{"name": n, "value": v} for n, v in pairs]}
        if name == DROPPING:
            entry["reject_status"] = 202
        lines = self.lines("joiner")
        self.subject = lines[0].split()[1]
        self.user_name = indented(lines[1:]).get("userName", f"ann.{name}@example.com")
        self.vendor = None
        if (self.folder / "api").exists():
            self.vendor = Vendor(self.folder / "api", self.subject)
            entry["api"] = {"base_url": vendors.add(name, self.vendor, self.user_name),
                            "token": run.config.secret(f"api-{name}", TOKEN)}
        run.config.document["sources"].append(entry)

    def _secret(self):
        raw = uuid.uuid4().bytes + uuid.uuid4().bytes
        return base64.b64encode(raw).decode() if self.name in BASE64 else \
            f"user:{raw.hex()}" if self.name in BASIC else raw.hex()

    def has(self, example):
        return (self.folder / f"{example}.http").exists()

    def lines(self, example):
        return (self.folder / f"{example}.events").read_text(encoding="utf-8").splitlines()

    def events(self, example):
        """How many events the example becomes."""
        return sum(line.startswith(("person.", "membership.")) for line in self.lines(example))

    def says(self, example):
        """What the example's person is like then: the event's own words, or those of the API that it makes us ask."""
        head, *lines = self.lines(example)
        told = self.vendor.says if self.vendor and head.endswith(" fetch") else indented(lines)
        return {name: value for name, value in told.items() if name in ATTRIBUTES and value != "(cleared)"}

    def signed(self, path):
        if self.transmitter:
            head, claims = path.read_text(encoding="utf-8").split("\n\n", 1)
            return with_body(head, self.transmitter.token(claims).encode())
        config = self.run.config.write("sign", {})
        done = subprocess.run([self.run.build / "rollcall-ingest", "--config", config, "sign", self.name, path],
                              capture_output=True, check=False, timeout=WAIT_S)
        assert done.returncode == 0, (self.name, path, done.stderr)
        return done.stdout

    def post(self, ingest, example):
        return send(ingest, self.signed(self.folder / f"{example}.http"))


class Published:
    """The transmitter's jwks_uri, over HTTPS."""

    def __init__(self, directory):
        self.pair, self.text, self.requests = Certificates(directory), "", 0
        self.pair.make()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(outer.text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def renew(self, run, path, marker, scheme="https"):
        """rollcall-jwks: its exit code; it makes the marker if the set is another one."""
        done = subprocess.run([RENEW, f"{scheme}://127.0.0.1:{self.server.server_port}/jwks", path, "touch", marker],
                              env={**os.environ, "ROLLCALL_INGEST": str(run.build / "rollcall-ingest"),
                                   "ROLLCALL_JWKS_CA": str(self.pair.certificate)},
                              capture_output=True, check=False, timeout=WAIT_S)
        return done.returncode

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def keys_are_renewed(run, ingest, kind):
    """A token by a key that is new at the transmitter is told to come again, and taken when the set has been renewed."""
    old, new = kind.transmitter, Transmitter(run.directory, "2")
    path, marker, published = run.directory / "secret-kind-set", run.directory / "renewed", Published(run.directory)
    kind.transmitter = new
    status, _ = kind.post(ingest, "joiner")
    assert status == 503, "not forged, not ours"
    assert ingest.metrics()['rollcall_ingest_requests_total{source="set",answer="unknown_key"}'] == 1
    for published.text, scheme in (("", "https"), ('{"keys":[]}', "https"), (new.key_set(), "http"), (old.key_set(), "https")):
        code = published.renew(run, path, marker, scheme)
        assert (code == 0) == (published.text == old.key_set()), (published.text, scheme, code)
        assert path.read_text() == old.key_set() and not marker.exists(), "what is of no use, or no news, changes nothing"
    published.text = new.key_set()
    assert published.renew(run, path, marker) == 0 and marker.exists()
    published.close()
    ingest.process.signal(signal.SIGHUP)
    wait_until(lambda: kind.post(ingest, "joiner")[0] == 202, WAIT_S, "the new key's tokens are taken")
    kind.transmitter = old
    assert kind.post(ingest, "joiner")[0] == 503, "a key that was taken out is no key any more"


def send(ingest, request):
    """(status, body) of the answer to the bytes of a request."""
    with socket.create_connection(("127.0.0.1", ingest.ports["listen"]), timeout=WAIT_S) as connection:
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    return int(answer.split()[1]), answer.split(b"\r\n\r\n", 1)[1].decode()


def with_body(head, body):
    lines = [line.encode() for line in head.split("\n")] + [b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def stored(kind, example):
    """A stored request as it is, with the length of its body."""
    head, body = (kind.folder / f"{example}.http").read_text(encoding="utf-8").split("\n\n", 1)
    return with_body(head, body.encode())


def await_accounts(sandbox, kinds, active):
    """{name of the kind: attributes of its account}, when all are there and (in)active."""
    accounts = {}

    def wrong():
        accounts.update({kind.name: sandbox.account(kind.user_name) for kind in kinds})
        return {kind.name for kind in kinds if not accounts[kind.name] or accounts[kind.name].active != active}

    wait_until(lambda: not wrong(), WAIT_S, lambda: f"the accounts are {'' if active else 'in'}active; not those of {wrong()}")
    return {name: account.attributes for name, account in accounts.items()}


class Scene:
    """All senders, each with its person, and one target."""

    def __init__(self, run, vendors):
        self.vendors = vendors
        seed = run.source("seed", directory=DIRECTORY)
        self.kinds = [Kind(run, p.name, vendors) for p in sorted(EXAMPLES.iterdir()) if p.is_dir()]
        self.sandbox = run.sandbox(target={"directory": DIRECTORY, "limits": LIMITS}, window_scale=SCALE)
        self.ingest = run.ingest().start()
        run.worker().start()
        self.results = run.topics.follow("results")
        self.letters = run.topics.follow("deadletters")
        begin = now_ms() - 400 * 86_400_000  # before all examples
        for kind in self.kinds:
            run.sender(self.ingest).deliver(seed, Word("changed", kind.subject, begin, {"userName": kind.user_name,
                                                                                        "displayName": kind.name}))
        self.expected = len(self.kinds)

    def act(self, example, active):
        """Posts that example of each sender that has one; returns what their accounts are then."""
        acting = [kind for kind in self.kinds if kind.has(example)]
        for kind in acting:
            status, reply = kind.post(self.ingest, example)
            assert 200 <= status < 300, (kind.name, example, status)
            assert (kind.name == "successfactors") == ("ExternalEventResponse" in reply), (kind.name, reply)
            self.expected += kind.events(example)
        self.results.await_count(lambda r: True, self.expected, WAIT_S, f"a result for each event up to the {example}")
        return await_accounts(self.sandbox, acting, active)

    def live(self):
        """Each person joins, moves and leaves; the account follows."""
        joined = self.act("joiner", True)
        self.vendors.moved = True
        moved = self.act("mover", True)
        for kind in self.kinds:
            if not kind.has("mover"):
                continue
            account, says = moved[kind.name], kind.says("mover")
            assert account != joined[kind.name], f"{kind.name}: nothing has moved: {account}"
            assert {name: account.get(name) for name in says} == says, (kind.name, account, says)
        self.act("leaver", False)
        assert not self.vendors.refused, self.vendors.refused


@scenario()
def every_sender_has_its_joiner_mover_and_leaver_at_the_account(run):
    vendors = Vendors()
    try:
        scene = Scene(run, vendors)
        scene.live()
    finally:
        vendors.close()
    kinds, ingest = scene.kinds, scene.ingest
    by_name = {kind.name: kind for kind in kinds}
    for name, status in (("okta", 401), (DROPPING, 202), ("graph", 202), ("set", 400)):  # unsigned; each item of Graph's is
        assert send(ingest, stored(by_name[name], "joiner"))[0] == status, name
    assert json.loads(send(ingest, stored(by_name["set"], "joiner"))[1]) == {"err": "invalid_request",
                                                                             "description": "malformed"}
    assert send(ingest, stored(by_name["graph"], "validation"))[1].startswith("Validation: Testing")
    noise = b"POST /hooks/graph HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n\r\n{\"novalue\":1}"
    assert send(ingest, noise)[0] == 202, "Graph is told nothing else, and nobody gets a dead letter of it"
    assert ingest.metrics()['rollcall_ingest_rejected_total{source="graph",reason="forged_item"}'] == 1
    assert ingest.metrics()['rollcall_ingest_rejected_total{source="graph",reason="missing"}'] == 1
    assert not ingest.metrics().get('rollcall_ingest_unreadable_total{source="graph"}')

    entra = by_name["entra_workflows"]
    assert entra.post(ingest, "unknown")[0] == 200
    garbage = run.directory / "garbage.http"
    garbage.write_text("POST /hooks/entra_workflows HTTP/1.1\nHost: h\nContent-Type: application/json\n\n{\"data\":")
    assert send(ingest, entra.signed(garbage))[0] == 200
    found = scene.letters.await_count(lambda r: r.value["kind"] == "invalid", 3, WAIT_S, "dead letters of what is not understood")
    reasons = sorted(r.value["reason"] for r in found)
    for reason, words in zip(reasons, ("workflow.wf-other", "not a CloudEvent 1.0", "json: not valid JSON")):
        assert words in reason, reasons
    assert all("bodySha256" in r.value["value"] for r in found), found
    assert len(scene.results.find(lambda r: True)) == scene.expected
    keys_are_renewed(run, ingest, by_name["set"])
