"""P2, P3, P5 and P6 on a real Kafka: programs and broker die at every failpoint and at any moment."""
import os
import random
import re
from collections import Counter

from harness import kafka_admin
from harness.config import REPO
from harness.scenario import scenario
from harness.storm import FAULTS, WORKER, Storm
from harness.wait import wait_until
from harness.words import Word, now_ms, parse_rfc3339

MANAGED = ("displayName", "department")
CONFIG_EXIT, AGAIN_EXIT = 78, 75

# ---- the big one ----

EVENTS, PERSONS, TENANTS, KILLS = 2000, 300, 5, 5

# At which of its hits each failpoint kills, and of which program; at random within the range, from the seed.
FAILPOINTS = {
    "after-assign": (1, 1), "before-restore": (1, 1), "during-restore": (1, 1), "after-restore": (1, 1),
    "after-begin": (2, 30), "after-produce": (2, 30), "after-send-offsets": (2, 30), "before-commit": (2, 30),
    "after-commit": (2, 30),
    "before-call": (2, 20), "after-request-written": (2, 20), "after-reply": (2, 20),
    "before-close": (1, 1), "after-close": (1, 1),
    "ingest.before_publish": (5, 60), "ingest.before_answer": (5, 60),
}
ON_SIGTERM = ("before-close", "after-close")
NEEDS_RECORDS = ("during-restore",)  # not the first of a worker's list: there is nothing to restore then


def failpoints_of(program):
    """The names in its source: a new failpoint that has no row above fails the test. Those of the spool are
    test_spool's, that of a load is test_sources'."""
    text = "".join(p.read_text(encoding="utf-8") for p in (REPO / program).rglob("*.c"))
    names = re.findall(r'\bFAILPOINT\("([^"]+)"\)', text)
    return {name for name in names if not name.startswith("spool.") and name != "page-published"}


def armed(rng, names):
    return [f"{name}=kill:{rng.randint(*FAILPOINTS[name])}" for name in names]


def worker_failpoints(rng):
    """Two lists in random order, one for each slot."""
    names = sorted(failpoints_of("worker"))
    rng.shuffle(names)
    halves = [names[::2], names[1::2]]
    for half in halves:
        half.sort(key=lambda name: name in NEEDS_RECORDS)
    return [armed(rng, half) for half in halves]


class CrashStorm(Storm):
    """Two workers and an ingest, each with its failpoints."""

    def __init__(self, run, rng):
        super().__init__(run, rng, TENANTS)
        for n, points in enumerate(worker_failpoints(rng)):
            self.add_worker(f"w{n}", points, ON_SIGTERM)
        self.add_ingest("ingest", armed(rng, sorted(failpoints_of("ingest"))))
        self.start(PERSONS, EVENTS)
        self.kills = 0

    def shared_out(self):
        return sum(self.partitions(w) for w in self.workers) == 4

    # -- what happens

    def hit_all_failpoints(self):
        """A trickle of words goes on until each has killed its program."""
        def all_hit():
            self.release(1)
            return all(s.finished for s in self.supervisor.all)

        self.wait(all_hit, 120,
                  lambda: f"all failpoints are hit, so far {[s.hit for s in self.supervisor.all]}")

    def kill_one(self):
        self.release(60)
        self.pass_time(1500)
        victim = self.rng.choice(self.workers)
        victim.kill()
        self.kills += 1

    def _take_over(self, victim, other):
        """Stops one until the other has all partitions; then lets it go on."""
        self.run.disturbed_ms.append(now_ms())
        victim.pause()
        try:
            self.release(60)
            self.wait(lambda: self.partitions(other) == 4, 40, "a successor has taken over")
        finally:
            self.run.disturbed_ms.append(now_ms())
            victim.resume()

    def stop_one(self):
        self.wait(self.shared_out, 40, "both workers have partitions")
        victim, other = self.rng.sample(self.workers, 2)
        self.pass_time(300)
        self._take_over(victim, other)

    def stop_one_with_a_call_in_flight(self):
        self.wait(self.shared_out, 40, "both workers have partitions")
        self.clear_up()
        for sandbox in self.sandboxes:
            sandbox.add_fault("slow", method="PATCH", delay_ms=1500)
        self.release(60)
        victim, other = self.workers
        self.wait(lambda: victim.program.metrics().get("rollcall_worker_calls_in_flight", 0) > 0, 20,
                  "a call is in flight")
        self._take_over(victim, other)
        self.rain()

    def kill_broker(self):
        self.release(60)
        self.run.broker.down()
        self.pass_time(2000)
        self.run.broker.up()


@scenario(needs_real=True, own_broker=True, deadline_s=420, seconds=70)
def two_thousand_events_survive_every_failpoint_and_the_loss_of_the_broker(run):
    found = failpoints_of("worker") | failpoints_of("ingest")
    assert found == set(FAILPOINTS), f"differ from FAILPOINTS: {found ^ set(FAILPOINTS)}"
    seed = int(os.environ.get("ROLLCALL_SEED", random.randrange(1 << 32)))
    print(f"    ROLLCALL_SEED={seed}")
    storm = CrashStorm(run, random.Random(seed))
    try:
        storm.hit_all_failpoints()
        storm.kill_one()
        storm.kill_one()
        storm.stop_one()
        storm.kill_one()
        storm.kill_broker()
        storm.kill_one()
        storm.stop_one_with_a_call_in_flight()
        storm.kill_one()
        storm.clear_up()
        storm.release_all()
        run.await_results(storm.results, 90)
        storm.check()
    finally:
        storm.close()
    report = run.assert_clean(MANAGED)
    outcomes = Counter(r.value["outcome"] for r in storm.results.records)
    fullest = max((u.max_sliding / u.limit, u.name) for s in storm.sandboxes for u in s.limits() if u.limit)
    print(f"    the fullest window held {fullest[0]:.0%} of what {fullest[1]} may have")
    assert fullest[0] > 0.8, "there was so little to do that no limit was near"
    faults = Counter(c["fault"] for s in storm.sandboxes for c in s.journal())
    print(f"    {storm.kills} kills at random, results {dict(outcomes)}, faults {dict(faults)}")
    missing = {f["fault"] for f in FAULTS} - set(faults)
    assert not missing, f"no call met {missing}"
    assert report.counts["accepted"] == EVENTS and report.counts["persons"] == PERSONS, report
    hit = {n.partition("=")[0] for s in storm.supervisor.all for n in s.hit}
    assert storm.kills >= KILLS and hit == found, (storm.kills, found - hit)
    assert {r.partition for r in run.topics.dump("events")} == {0, 1, 2, 3}, "a partition had nothing to do"


# ---- a late call ----

ANN = {"userName": "ann@example.com", "displayName": "Ann Ames", "department": "Sales"}


def tell(run, sender, source, follower, kind, at_ms, **more):
    """Delivers a word about Ann, awaits its result unless await_it=False; returns the delivery."""
    await_it = more.pop("await_it", True)
    sender.deliver(source, Word(kind, "4711", at_ms, **more))
    delivery = sender.deliveries[-1]
    if await_it:
        run.await_results(follower)
    return delivery


@scenario(needs_real=True, partitions=1, seconds=16)
def a_call_that_a_stopped_worker_sends_late_leaves_doubt_and_no_trace(run):
    run.config.document["worker"].update(WORKER)
    source = run.source("hr")
    sandbox = run.sandbox(target={"call_life_ms": 8000, "timeout_ms": 2000})
    ingest, old = run.ingest().start(), run.worker("w0").start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    begin = now_ms() - 60_000
    tell(run, sender, source, results, "joined", begin, profile=ANN)
    tell(run, sender, source, results, "left", begin + 1000)
    assert not sandbox.account(ANN["userName"]).active
    old.stop()

    # The first call of the next life activates. It stands still between the lease's check and the write.
    old.start(failpoint="after-request-written=stop")
    tell(run, sender, source, results, "joined", begin + 2000, await_it=False)
    wait_until(lambda: old.process.stopped, 20, "the worker has stopped itself")
    before = len(sandbox.journal())
    left = tell(run, sender, source, results, "left", begin + 3000, await_it=False)
    new = run.worker("w1").start()
    wait_until(lambda: new.metrics().get("rollcall_worker_partitions") == 1, 30, "a successor has taken over")
    wait_until(lambda: len(sandbox.journal()) > before, 20, "the successor has looked at the account")
    run.disturbed_ms.append(now_ms())
    old.resume()
    wait_until(lambda: sandbox.account(ANN["userName"]).active, 10, "the late call has landed")
    landed = now_ms()
    run.await_results(results)
    result = results.find(lambda r: r.value["eventId"] == left.event_id)[0].value
    assert parse_rfc3339(result["finishedAt"]) >= landed, "the result was final before the call landed"
    assert not sandbox.account(ANN["userName"]).active
    run.assert_clean(MANAGED)


# ---- refusals ----


@scenario(needs_real=True)
def of_two_processes_with_one_slot_the_older_ends_and_says_why(run):
    source, sandbox = run.source("hr"), run.sandbox()
    ingest, older = run.ingest().start(), run.worker("w0").start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, Word("joined", "1", now_ms() - 60_000, ANN))
    run.await_results(results)
    newer = run.worker("w0", name="worker-w0-again").start()
    assert older.process.await_exit(30) == AGAIN_EXIT, older.process.exit_code
    assert "with this slot" in older.process.log(), older.process.log()[-500:]
    sender.deliver(source, Word("left", "1", now_ms() - 30_000))
    run.await_results(results)
    assert newer.process.alive and not sandbox.account(ANN["userName"]).active
    run.assert_clean(MANAGED)


def worked_once(run):
    """A worker that has done something and is gone: (worker, source, sender, follower of results)."""
    source, _ = run.source("hr"), run.sandbox()
    ingest, worker = run.ingest().start(), run.worker("w0").start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, Word("joined", "1", now_ms() - 60_000, ANN))
    run.await_results(results)
    worker.stop()
    return worker, source, sender, results


def refuses(worker, *words):
    """It ends at once, as one that waits for a person; says these words; returns what it said."""
    before = len(worker.process.log()) if worker.process else 0
    worker.launch()
    code = worker.process.await_exit(30)
    said = worker.process.log()[before:]
    assert code == CONFIG_EXIT, f"exit {code}: {said[-800:]}"
    missing = [w for w in words if w not in said]
    assert not missing, f"{missing} not in: {said[-800:]}"
    return said


@scenario(needs_real=True)
def records_without_committed_offsets_are_refused_until_the_offset_is_set(run):
    run.config.document["worker"].update(WORKER)
    worker, source, sender, results = worked_once(run)
    group, events = run.config.document["worker"]["group"], run.topics.name("events")
    before = run.topics.group_offsets(group, "events")
    wait_until(lambda: delete_when_empty(run, group), 20, "the group is empty and deleted")
    said = refuses(worker, "has no committed offset", "--reset-offsets --to-offset")
    partition, offset = map(int, re.search(r"partition (\d+) has records .*--to-offset (\d+)", said).groups())
    assert offset == max(before[events, partition][0], 0), (before, said)
    wait_until(lambda: mended(run, group, before), 20, "the group is empty and its offsets are set")
    worker.start()
    sender.deliver(source, Word("left", "1", now_ms() - 30_000))
    run.await_results(results)
    run.assert_clean(MANAGED)


def delete_when_empty(run, group):
    try:
        kafka_admin.delete_group(run.broker.bootstrap, group)
        return True
    except kafka_admin.AdminFailed:
        return False  # the static member's session has not ended yet


def mended(run, group, offsets):
    """What the message asks for, at all partitions; {(topic, partition): (offset, end)}."""
    try:
        for (topic, partition), (offset, _) in offsets.items():
            kafka_admin.set_offset(run.broker.bootstrap, group, topic, partition, max(offset, 0))
        return True
    except kafka_admin.AdminFailed:
        return False


def lose_an_event(run, partition):
    """One comes, and is deleted before anybody has read it."""
    run.topics.produce("events", [{"partition": partition, "key": "acme/0", "valueText": "anything"}])
    kafka_admin.delete_records(run.broker.bootstrap, run.topics.name("events"), partition, 1)


@scenario(needs_real=True, seconds=12, long=True)
def events_that_were_deleted_before_they_were_read_are_not_passed_over(run):
    """Also of a partition of which none was ever read; what was gone before the group came is nobody's loss."""
    run.config.document["worker"].update(WORKER)
    run.source("hr")
    run.sandbox()
    run.ingest().start()
    for partition in (0, 1):
        lose_an_event(run, partition)
    group, events = run.config.document["worker"]["group"], run.topics.name("events")
    worker = run.worker("w0").start()
    wait_until(lambda: all(at >= 0 for at, _ in run.topics.group_offsets(group, "events").values()), 20, "all is read")
    worker.stop()
    committed = {p: at for (_, p), (at, _) in run.topics.group_offsets(group, "events").items()}
    assert committed == {0: 1, 1: 1, 2: 0, 3: 0}, committed
    worker.start()
    worker.stop()
    lose_an_event(run, 2)
    refuses(worker, "events of partition 2 were deleted before they were read (from 0 on; the first that is left is 1)",
            "--reset-offsets --to-earliest")
    wait_until(lambda: mended(run, group, {(events, 2): (1, 1)}), 20, "the group is empty and its offset is set")
    worker.start()


@scenario(needs_real=True)
def a_persons_topic_that_is_not_compacted_is_refused(run):
    run.topics.create("persons", 4, "cleanup.policy=delete")
    run.source("hr")
    run.sandbox()
    refuses(run.worker(), "cleanup.policy", "kafka-configs")


@scenario(needs_real=True)
def another_partition_count_is_refused(run):
    worker = worked_once(run)[0]
    grown = [run.topics.name(short) for short in ("events", "persons", "results", "deadletters", "plans")]
    for name in grown:
        kafka_admin.create_partitions(run.broker.bootstrap, name, 6)
    wait_until(lambda: all(run.topics.list()[name]["led"] == 6 for name in grown), 20, "all have six")
    refuses(worker, "had 4 partitions", "has 6 now", "recreate it with 4 partitions")


@scenario(needs_real=True)
def records_of_a_newer_version_are_refused(run):
    worker = worked_once(run)[0]
    run.topics.produce("persons", [{"key": "acme/hr/9", "partition": 0, "value": {"version": 99}}])
    refuses(worker, "version 99", "run the newer worker everywhere")
