"""The harness's own tests: what every other test leans on."""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading

from .config import merge, yaml
from .processes import Processes, ProcessFailed
from .scenario import scenario
from .wait import wait_until
from .webhooks import ACCEPTED, REFUSED, UNKNOWN, Sender, Source, new_secret
from .webhooks import okta_event_hook, standard_webhook
from .words import Word, event_id, parse_rfc3339, rfc3339


def raises(kind, action):
    try:
        action()
    except kind as e:
        return str(e)
    raise AssertionError(f"{kind.__name__} expected")


@scenario(broker=False)
def waiting_in_vain_says_for_what(_run):
    assert "until pigs fly" in raises(TimeoutError, lambda: wait_until(lambda: False, 0.05, "pigs fly"))


@scenario(broker=False)
def event_ids_are_those_of_the_header(_run):
    assert event_id("hr", "msg_1") == hashlib.sha256(b"hr\0msg_1").hexdigest()[:32]


@scenario(broker=False)
def instants_survive_their_text(_run):
    assert rfc3339(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
    assert parse_rfc3339("2023-11-14T22:13:20.007Z") == 1_700_000_000_007


@scenario(broker=False)
def yaml_is_nested_and_quoted(_run):
    text = yaml({"a": {"b": [{"c": 1, "d": [True]}, {"e": 'x: "y"'}]}, "f": []})
    assert text == 'a:\n  b:\n    - c: 1\n      d:\n        - true\n    - e: "x: \\"y\\""\nf: []\n', text
    assert merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": None}}) == {"a": {"b": 3}}


@scenario(broker=False)
def a_process_that_dies_before_it_is_ready_fails_at_once(run):
    process = run.processes.add("dies", [sys.executable, "-c", "raise SystemExit(3)"])
    message = raises(ProcessFailed, lambda: process.await_ready(lambda: False, 30, "it is ready"))
    assert "ended with 3" in message, message


@scenario(broker=False)
def a_process_that_ignores_sigterm_is_killed_and_reported(run):
    code = ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
            "while True: signal.pause()")
    process = run.processes.add("deaf", [sys.executable, "-c", code])
    process.await_ready(lambda: "up" in process.log(), 10, "it is up")
    assert "did not end" in raises(ProcessFailed, lambda: process.terminate(0.2))
    assert not process.alive


@scenario(broker=False)
def sanitizer_reports_in_logs_are_found(run):
    inner = run.directory / "inner"
    inner.mkdir()
    processes = Processes(inner)
    code = "import sys; print('==1==ERROR: AddressSanitizer: heap-use-after-free', file=sys.stderr)"
    processes.add("sick", [sys.executable, "-c", code]).await_exit(10)
    problems = processes.stop_all()
    assert len(problems) == 1 and "sanitizer report" in problems[0], problems


class Hooks(http.server.BaseHTTPRequestHandler):
    """Checks Standard Webhooks signatures; drops the connection when the body says so."""

    protocol_version = "HTTP/1.1"
    source = None
    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"break" in body:
            self.close_connection = True
            return
        names = ("webhook-id", "webhook-timestamp")
        signed = b".".join([*(self.headers[n].encode() for n in names), body])
        key = base64.b64decode(self.source.secret.removeprefix("whsec_"))
        good = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        self.seen.append((self.client_address, json.loads(body)))
        self.send_response(204 if good == self.headers["webhook-signature"] else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@scenario(broker=False)
def senders_sign_keep_connections_and_tell_what_became_of_each_word(_run):
    Hooks.source, Hooks.seen = Source("hr", "acme", secret=new_secret("standard_webhooks")), []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        sender = Sender(f"http://127.0.0.1:{server.server_port}", connections=3)
        words = [Word("joined", f"p{i}", profile={"userName": f"p{i}@example.com"}) for i in range(20)]
        done = sender.send(Hooks.source, *words)
        assert [d.word for d in done] == words and {d.outcome for d in done} == {ACCEPTED}, done
        assert len({address for address, _ in Hooks.seen}) <= 3
        forged = Source("hr", "acme", secret=new_secret("standard_webhooks"))
        assert sender.send(forged, words[0])[0].outcome == REFUSED
        assert sender.send(Hooks.source, Word("left", "break"))[0].outcome == UNKNOWN
        assert len(sender.deliveries) == 22
    finally:
        server.shutdown()
        server.server_close()


@scenario(broker=False)
def okta_hooks_carry_several_words(_run):
    source = Source("okta", "acme", "okta", secret="0123456789abcdef")
    words = [Word("left", "00u1"), Word("membership.added", "00u2", groups=("Design",))]
    headers, body = okta_event_hook(source, words)
    entries = json.loads(body)["data"]["events"]
    assert headers["Authorization"] == source.secret
    assert [e["uuid"] for e in entries] == [w.sender_id for w in words]
    assert entries[1]["target"][1]["displayName"] == "Design"
    assert standard_webhook(Source("x", "t", secret=new_secret("standard_webhooks")), words[0])[1]
