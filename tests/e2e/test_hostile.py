"""P8: what nobody else may do. hostile.py has the cases; here they meet a running rollcall-ingest."""
import base64
import json
import time

import hostile
import hostile_client as attacker
from harness.scenario import scenario
from harness.wait import wait_until
from harness.webhooks import okta_event_hook
from harness.words import Word, now_ms

DEADLINE_MS = 1000
MANY, QUEUE = 3000, 2000  # events of one request; most that the producer takes at a time


@scenario()
def hostile_requests_get_their_4xx_and_publish_nothing(run):
    run.config.document["ingest"]["deadline_ms"] = DEADLINE_MS
    source, idp = run.source("hostile"), run.source("idp", kind="okta", directory="hostile")
    run.config.document["sources"][0]["unreadable"] = "refuse"
    run.config.document["kafka"]["properties"] = [{"name": "queue.buffering.max.messages", "value": str(QUEUE)}]
    run.sandbox()
    ingest = run.ingest().start()
    more = {"source": source.name, "deadline_s": DEADLINE_MS / 1000}
    if not run.sanitizer:  # a sanitizer's memory says nothing
        more["pid"] = ingest.process.pid
    failures = hostile.run_all("127.0.0.1", ingest.ports["listen"], ingest.admin_port,
                               attacker.signer(source.secret), **more)
    for name, why in failures:
        print(f"    --- {name}\n{why}")
    print(f"    {len(hostile.CASES)} cases, {len(failures)} failed")
    assert not failures, [name for name, _ in failures]
    events = run.topics.dump("events")
    assert len(events) == 1, f"{len(events)} events are published; only the good request at the end may be"

    hostile.okta("127.0.0.1", ingest.ports["listen"], ingest.admin_port, idp.name, idp.secret)
    target = attacker.Target("127.0.0.1", ingest.ports["listen"], ingest.admin_port,
                            lambda _: [("Authorization", idp.secret)], idp.name)
    _, body = okta_event_hook(idp, [Word("left", str(n), now_ms()) for n in range(MANY)])
    wait_until(lambda: attacker.ask(target, attacker.request(target, body))[0] == 200, 20, "many in one are accepted")
    left = {r.headers.get("ce_subject") for r in run.topics.dump("events")}
    assert left >= {str(n) for n in range(MANY)}, f"{len(left)} of {MANY} are there"


class Crowd:
    """Requests that are sent at once, each over a connection of its own, while Kafka stands still."""

    def __init__(self, target, count, headers=(), body=attacker.GOOD, half_closed=False):
        self.socks = []
        for _ in range(count):
            data = attacker.request(target, body, [*target.sign(body), *headers])
            sock = attacker.say_all(target, data) if half_closed else attacker.connect(target)
            if not half_closed:
                attacker.send(sock, data)
            self.socks.append(sock)

    def answers(self):
        """[(status, reason, Retry-After)] of all."""
        found = []
        for sock in self.socks:
            status, headers, body, _ = attacker.read_reply(sock)
            found.append((status, json.loads(body)["error"] if body else "", int(headers.get("retry-after", 0))))
            sock.close()
        return found


def reasons(answers):
    assert all(after > 0 for status, _, after in answers if status == 503), answers
    return sorted(reason for status, reason, _ in answers if status == 503)


@scenario()
def a_thread_that_is_late_takes_no_more_on(run):
    run.config.document["ingest"]["deadline_ms"] = 12  # a quarter of it in one turn is too much
    idp = run.source("idp", kind="okta")
    ingest = run.ingest().start()
    target = attacker.Target("127.0.0.1", ingest.ports["listen"], ingest.admin_port,
                            lambda _: [("Authorization", idp.secret)], idp.name)
    _, body = okta_event_hook(idp, [Word("left", str(n), now_ms()) for n in range(1000)])
    wait_until(lambda: "overload" in reasons(Crowd(target, 12, body=body).answers()), 20, "some are turned away")
    small = okta_event_hook(idp, [Word("left", "1", now_ms())])[1]
    wait_until(lambda: Crowd(target, 1, body=small).answers()[0][0] == 200, 20, "it serves again")


@scenario()
def more_than_the_program_takes_on_is_told_at_once_to_come_again(run):
    ingest_config = run.config.document["ingest"]
    ingest_config["deadline_ms"] = 2000
    ingest_config["limits"] = {"requests": 6, "connections_per_address": 3}
    ingest_config["trusted_proxies"] = ["127.0.0.0/8"]
    source, slow = run.source("hr"), run.source("slow")
    run.config.document["sources"][1].update({"rate_per_s": 1, "burst": 2})
    ingest = run.ingest().start()

    def target(of):
        return attacker.Target("127.0.0.1", ingest.ports["listen"], ingest.admin_port, attacker.signer(of.secret), of.name)

    def under_way():
        return ingest.metrics()["rollcall_ingest_in_flight"]

    wait_until(lambda: Crowd(target(source), 1).answers()[0][0] == 200, 20, "Kafka is there")
    # A rate counts verified requests only: forged ones cost nobody his allowance.
    forged = attacker.signer("whsec_" + base64.b64encode(bytes(32)).decode())
    for _ in range(5):
        assert attacker.ask(target(slow), attacker.request(target(slow), attacker.GOOD, forged(attacker.GOOD)))[0] == 401
    answers = [Crowd(target(slow), 1).answers()[0] for _ in range(4)]
    assert [a[0] for a in answers] in ([200, 200, 503, 503], [200, 200, 503, 200]), answers
    assert set(reasons(answers)) == {"rate"}, answers

    run.broker.pause()
    begun = time.monotonic()
    crowds = [Crowd(target(source), 5, [("X-Forwarded-For", "8.8.8.8, 203.0.113.1")]),
              Crowd(target(source), 1, [("X-Forwarded-For", "203.0.113.2, 127.0.0.1")], half_closed=True)]
    wait_until(lambda: under_way() == 4, 2, "three of one client wait, and one of another")
    crowds.append(Crowd(target(source), 4))  # of clients that the proxy does not name
    wait_until(lambda: under_way() == 6, 2, "six wait")
    assert time.monotonic() - begun < 2, "told at the deadline only"
    answers = [a for crowd in crowds for a in crowd.answers()]
    run.broker.resume()
    assert reasons(answers) == ["address"] * 2 + ["deadline"] * 6 + ["overload"] * 2, answers
    wait_until(lambda: Crowd(target(source), 1).answers()[0][0] == 200, 20, "it serves again")
