"""Chaos: three workers and two ingests on a Kafka of three nodes. For as long as asked, programs are killed, stopped
and fenced, brokers killed and restarted, partitions and coordinators moved, and targets fail and lie. Then all is
let be, and the checker looks at the whole history: every webhook, every call, every result.

    tests/chaos/run --seconds 3600 --seed 7

The same seed gives the same story, the same faults and the same order of disturbances; which call meets which of them
is up to the clock. Exit 0: nothing was lost, duplicated, reordered, revived or over a limit, and the checker finds
each of these when it is planted.
"""
import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from types import SimpleNamespace

from harness import runner
from harness.config import REPO
from harness.scenario import Scenario
from harness.storm import FAULTS, Storm
from harness.words import now_ms
from nemesis import Brokers, Programs
from plant import check_all

MANAGED = ("displayName", "department")
WORKERS, INGESTS, TENANTS, PARTITIONS = 3, 2, 3, 6
EVENTS_PER_S, EVENTS_PER_PERSON = 30, 7
STORY = 0.9        # part of the time in which the story is told
DECK_S = 120       # if the time is over before each disturbance has had its turn
READY_S = 120      # until every program is back
QUIET_S = 300      # until everything has its result: what the storm has left goes at the pace of the limits
LOSE_ALL_S = 300   # shorter storms have no time to lose all nodes at once
OVERHEAD_S = 600   # start, quiet, check
CALLS_PER_S = 200  # that a sandbox may see
BUSY_PER_S = 4     # calls that all sandboxes see at least, or the storm goes on
HEAP = "-Xms128m -Xmx512m -XX:TieredStopAtLevel=1"  # nodes that are started again and again never get warm

# What is counted, of which kinds of the checker.
VERDICT = {"lost": ("lost",), "duplicated": ("duplicate",), "reordered": ("reordered", "state"),
           "revived": ("revived",), "over-limit": ("limit",),
           "otherwise wrong": ("unknown", "malformed", "deadletter", "overlap")}


class Chaos(Storm):
    PARTITIONS = PARTITIONS

    def __init__(self, run, rng, seconds):
        super().__init__(run, rng, TENANTS, {"journal_max": max(100_000, int(seconds * CALLS_PER_S))})
        self.seconds = seconds
        self.begun_ms = now_ms()
        self.late = 0         # calls that were written after a take-over
        self.twin_codes = []  # how second processes of a slot ended
        self._calls = self._asked_ms = 0
        for n in range(WORKERS):
            self.add_worker(f"w{n}")
        for n in range(INGESTS):
            self.add_ingest(f"ingest{n}")
        self.events = int(seconds * EVENTS_PER_S)
        self.start(max(1, self.events // EVENTS_PER_PERSON), self.events)
        self.nemeses = [Programs(self, rng.randrange(1 << 30)),
                        Brokers(self, rng.randrange(1 << 30), seconds >= LOSE_ALL_S)]

    def rain_on(self, sandbox):
        sandbox.clear_faults()
        for fault in FAULTS:
            sandbox.add_fault(**fault, seed=self.nemeses[0].rng.randrange(1 << 30))

    def check(self):
        super().check()
        for nemesis in getattr(self, "nemeses", ()):
            nemesis.check()

    def _busy(self):
        """Enough has been done to have met the troubles. Asked once a second: the sandboxes have other work."""
        if now_ms() - self._asked_ms > 1000:
            self._asked_ms = now_ms()
            self._calls = sum(u.arrivals for s in self.sandboxes for u in s.limits())
        return self._calls >= self.seconds * BUSY_PER_S

    def rage(self):
        """Tells the story in even steps while the nemeses are at work."""
        self.begun_ms, told, begin = now_ms(), 0, time.monotonic()
        for nemesis in self.nemeses:
            nemesis.start()
        try:
            def over():
                nonlocal told
                passed = time.monotonic() - begin
                due = int(min(1, passed / (self.seconds * STORY)) * self.events) // INGESTS
                self.release(max(0, due - told))
                told = max(told, due)
                return passed >= self.seconds and all(n.dealt for n in self.nemeses) and self._busy()

            self.wait(over, self.seconds + DECK_S,
                      lambda: f"each has had its turn: {[n.played for n in self.nemeses]}, {self._calls} calls")
        finally:
            for nemesis in self.nemeses:
                nemesis.stop()
        # A call may still run when its worker's partitions go to another one, a session after the last trouble.
        self.run.disturbed_ms += range(self.begun_ms, now_ms() + 10_000, 400)

    def calm(self):
        self.clear_up()
        self.release_all()
        self.wait(lambda: all(s.program.ready() for s in self.supervisor.all), READY_S, "all programs are ready")
        self.run.await_results(self.results, QUIET_S)
        self.check()


def print_what_happened(chaos):
    for nemesis in chaos.nemeses:
        print("    " + ", ".join(f"{n}× {name}" for name, n in sorted(nemesis.played.items())))
    outcomes = Counter(r.value["outcome"] for r in chaos.results.records)
    faults = Counter(c["fault"] for s in chaos.sandboxes for c in s.journal())
    fullest = max((u.max_sliding / u.limit, u.name) for s in chaos.sandboxes for u in s.limits() if u.limit)
    print(f"    leaders moved {chaos.nemeses[1].leaders_moved}, calls written after a take-over {chaos.late}, second "
          f"processes of a slot ended with {chaos.twin_codes}")
    print(f"    results {dict(outcomes)}, faults {dict(faults)}")
    print(f"    the fullest window held {fullest[0]:.0%} of what {fullest[1]} may have")


def print_verdict(report):
    counts = {what: sum(len(report.of(kind)) for kind in kinds) for what, kinds in VERDICT.items()}
    assert sum(counts.values()) == len(report.violations), f"a kind that VERDICT does not name: {report}"
    print("    " + ", ".join(f"{what} {n}" for what, n in counts.items()), flush=True)


class Story:
    """The two scenarios: the second looks at the history of the first."""

    def __init__(self, seconds, seed):
        self.seconds, self.seed = seconds, seed
        self.history = None

    def nothing_is_lost_duplicated_reordered_revived_or_over_a_limit(self, run):
        print(f"    --seconds {self.seconds} --seed {self.seed}", flush=True)
        chaos = Chaos(run, random.Random(self.seed), self.seconds)
        try:
            chaos.rage()
            chaos.calm()
        finally:
            chaos.close()
        print_what_happened(chaos)
        history = run.history(MANAGED)
        report = history.check()
        print(f"    {report}")
        print_verdict(report)
        assert report.ok, str(report)
        assert report.counts["accepted"] == chaos.events, report
        assert set(chaos.twin_codes) <= {75}, chaos.twin_codes
        self.history = history

    def each_violation_that_is_planted_in_the_same_history_is_found(self, _run):
        assert self.history, "there is no clean history to plant them in"
        missed = check_all(self.history, random.Random(self.seed))
        assert not missed, f"not found: {missed}"

    def scenarios(self):
        storm = type(self).nothing_is_lost_duplicated_reordered_revived_or_over_a_limit
        plants = type(self).each_violation_that_is_planted_in_the_same_history_is_found
        whole = int(self.seconds) + OVERHEAD_S
        return [Scenario(self._bound(storm), True, True, True, 3, PARTITIONS, whole, False, whole),
                Scenario(self._bound(plants), False, False, False, 1, PARTITIONS, whole, False, 1)]

    def _bound(self, function):
        def bound(run):
            function(self, run)

        bound.__name__, bound.__module__ = function.__name__, "chaos"
        return bound


def parse(argv):
    parser = argparse.ArgumentParser(description="Rollcall under fire on three Kafka nodes.")
    parser.add_argument("--seconds", type=float, default=35, help="how long it lasts (default: 35)")
    parser.add_argument("--seed", type=int, default=None, help="default: a random one, which is printed")
    parser.add_argument("--build", default=REPO / "build" / "test", help="where the programs are")
    parser.add_argument("--keep", action="store_true", help="keep the files when it has passed")
    options = parser.parse_args(argv)
    if options.seed is None:
        options.seed = random.randrange(1 << 32)
    return options


def main():
    options = parse(sys.argv[1:])
    os.environ.setdefault("KAFKA_HEAP", HEAP)
    signal.signal(signal.SIGALRM, runner.overdue)
    signal.signal(signal.SIGTERM, runner.terminated)
    settings = SimpleNamespace(build=options.build, keep=options.keep, broker="real")
    return runner.Runner(settings, "chaos").all(Story(options.seconds, options.seed).scenarios())


if __name__ == "__main__":
    sys.exit(main())
