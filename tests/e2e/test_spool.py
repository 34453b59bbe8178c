"""P1 while Kafka is away: nothing that was answered 2xx is lost, each person's order is kept, no sender sees a 5xx."""
import http.client
import re
import signal
import threading
import time
from collections import Counter

from harness.config import REPO
from harness.scenario import scenario
from harness.wait import wait_until
from harness.webhooks import Connection, standard_webhook
from harness.words import Word, event_id, now_ms

CHAINS = 12
ATTRIBUTES = ("displayName", "title", "department", "nickName")
PAUSE_S = 0.002  # of a chain, after each answer
DEPTH = "rollcall_ingest_spool_events"
# A life of the ingest for each, while Kafka is away: test_crash has no spool.
FAILPOINTS = {"spool.before_commit": 6, "spool.after_commit": 9}


def failpoints():
    text = (REPO / "ingest" / "spool.c").read_text(encoding="utf-8")
    return set(re.findall(r'\bFAILPOINT\("([^"]+)"\)', text))


class Load:
    """Persons whose words are told one after the other, each as soon as the one before was accepted."""

    def __init__(self, ingest, source, chains=CHAINS):
        self.ingest, self.source = ingest, source
        self.accepted = [[] for _ in range(chains)]  # event ids, in order
        self.statuses = Counter()
        self.slowest_s = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(chains)]
        for thread in self._threads:
            thread.start()

    @property
    def count(self):
        return sum(map(len, self.accepted))

    def _tell(self, connection, word):
        headers, body = standard_webhook(self.source, word)
        begun = time.monotonic()
        try:
            status, _ = connection.post(f"/hooks/{self.source.name}", headers, body)
        except (OSError, http.client.HTTPException):
            status = 0  # the ingest was killed: told again, as real senders do
        with self._lock:
            self.statuses[status] += 1
            if status:
                self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        return status

    def _run(self, chain):
        connection, number = Connection(self.ingest.url), 0
        while not self._stop.is_set():
            word = Word("changed", f"p{chain}", now_ms() - 60_000, {"displayName": f"Name {number}"})
            while not 200 <= self._tell(connection, word) < 300:
                if self._stop.is_set():
                    return
                self._stop.wait(0.1)
            self.accepted[chain].append(event_id(self.source.name, word.sender_id))
            number += 1
            self._stop.wait(PAUSE_S)

    def goes_on(self, more=100, timeout=20):
        """Waits until so many more are accepted."""
        wanted = self.count + more
        wait_until(lambda: self.count >= wanted, timeout, f"{more} more words are accepted")

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def published(run):
    """{subject: event ids in the order of their first occurrence}, number of repeats."""
    order, seen, repeats = {}, set(), 0
    for record in sorted(run.topics.dump("events"), key=lambda r: (r.partition, r.offset)):
        found = record.headers["ce_id"]
        repeats += found in seen
        if found not in seen:
            order.setdefault(record.headers["ce_subject"], []).append(found)
        seen.add(found)
    return order, repeats


def verify(run, load):
    order, repeats = published(run)
    for chain, accepted in enumerate(load.accepted):
        there = order.get(f"p{chain}", [])
        lost = set(accepted) - set(there)
        assert not lost, f"p{chain}: {len(lost)} of {len(accepted)} accepted words are lost"
        wanted = set(accepted)
        assert [e for e in there if e in wanted] == accepted, f"p{chain}: the order is not kept"
    print(f"    {load.count} accepted, {repeats} came twice, slowest answer {load.slowest_s:.2f} s, {dict(load.statuses)}")
    errors = {s: n for s, n in load.statuses.items() if s and not 200 <= s < 300}
    assert not errors, f"answers: {errors}"


def spooled(ingest):
    return ingest.metrics().get(DEPTH, 0)


def is_empty(ingest):
    return ingest.metrics().get(DEPTH) == 0


def with_spool(run, **more):
    spool = run.directory / "spool"
    spool.mkdir(exist_ok=True)
    run.config.document["ingest"].update({"threads": 2, "spool": {"path": str(spool / "ingest.spool"), **more}})
    return run.source("hr")


def broker_away(run, end, seconds):
    """Kafka stalls, then is gone; meanwhile the ingest is killed at every failpoint of the spool, and restarted."""
    assert failpoints() == set(FAILPOINTS), failpoints()
    source = with_spool(run)
    ingest = run.ingest().start()
    wait_until(lambda: "topics are there" in ingest.process.log(), 60, "the topics are there")
    load = Load(ingest, source)  # not before: on a crowded machine the spool would not become empty under load
    try:
        wait_until(lambda: is_empty(ingest), 60, "events go to Kafka")
        load.goes_on()
        run.broker.pause()  # up or away? Nobody knows
        load.goes_on()
        run.broker.resume()
        load.goes_on()
        wait_until(lambda: is_empty(ingest), 30, "the spool is empty")
        end()
        load.goes_on(300)
        assert spooled(ingest) > 0 and ingest.ready()
        assert ingest.metrics()["rollcall_ingest_spool_oldest_seconds"] > 0
        for name, nth in FAILPOINTS.items():
            ingest.kill()
            ingest.launch(failpoint=f"{name}=kill:{nth}")  # under load it may die before anybody sees it ready
            wait_until(lambda: ingest.process.exit_code is not None, 20, f"it dies at {name}")
            assert ingest.process.exit_code == -signal.SIGKILL, ingest.process.exit_code
            ingest.start()
            load.goes_on()
        ingest.stop()  # with a spool that is not empty
        ingest.start()
        load.goes_on(500)
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= until, seconds + 5, "Kafka was away long enough")
        assert spooled(ingest) > 500
        run.broker.up()
        wait_until(lambda: is_empty(ingest), 60 + seconds, "the spool is empty, under load")
        load.goes_on()
        sent = ingest.metrics()["rollcall_ingest_spool_sent_total"]
        load.goes_on()
        assert ingest.metrics()["rollcall_ingest_spool_sent_total"] == sent, "events still go through the spool"
    finally:
        load.end()
    ingest.stop()
    verify(run, load)


@scenario(needs_real=True, own_broker=True, seconds=50)
def a_broker_that_is_away_under_load_costs_no_event_no_order_and_no_5xx(run):
    broker_away(run, run.broker.stop_node, 0)


@scenario(needs_real=True, own_broker=True, deadline_s=600, seconds=200, long=True)
def two_minutes_without_a_broker_cost_no_more(run):
    broker_away(run, run.broker.down, 120)


@scenario(own_broker=True)
def a_spool_that_is_full_or_damaged_says_so_and_serves_on(run):
    source = with_spool(run, max_bytes=1 << 20)
    run.config.document["ingest"]["deadline_ms"] = 1000
    ingest = run.ingest().start()
    sender = run.sender(ingest)

    def tell():
        word = Word("changed", "1", now_ms() - 60_000, {name: "x" * 1000 for name in ATTRIBUTES})
        return sender.send(source, word)[0]

    wait_until(lambda: is_empty(ingest) and tell().status == 200 and is_empty(ingest), 20, "Kafka is there")
    run.broker.down()
    wait_until(lambda: tell().status == 503, 60, "the spool is full")
    assert ingest.metrics()["rollcall_ingest_spool_usable"] == 0 and not ingest.ready()
    kept = ingest.metrics()[DEPTH]
    assert kept > 100
    assert "the spool is full" in ingest.process.log()
    run.broker.up()
    wait_until(lambda: is_empty(ingest), 60, "the spool is empty")
    wait_until(ingest.ready, 10, "it is ready again")
    assert tell().status == 200
    ids = {r.headers["ce_id"] for r in run.topics.dump("events")}
    lost = [d for d in sender.deliveries if d.outcome == "accepted" and d.event_id not in ids]
    assert not lost, f"{len(lost)} are lost"

    ingest.stop()
    file = run.directory / "spool" / "ingest.spool"
    file.write_bytes(b"no database" * 1000)
    ingest.start()
    assert "going on without a spool" in ingest.process.log() and "move it away" in ingest.process.log()
    assert ingest.metrics()["rollcall_ingest_spool_usable"] == 0
    wait_until(lambda: tell().status == 200, 20, "it serves without")
    run.broker.pause()
    wait_until(lambda: tell().status == 503, 10, "senders are told that Kafka is away")
    run.broker.resume()
    assert file.read_bytes() == b"no database" * 1000
