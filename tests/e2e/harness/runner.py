"""Finds tests/e2e/test_*.py and the harness's own tests, runs their scenarios, says how long each took.

    tests/e2e/run [--broker embedded|real] [--long] [--build DIR] [--jobs N] [--keep] [PART OF A NAME…]

--broker real runs everything; embedded leaves out what is marked needs_real and says how many those are. What is
marked long runs with --long, which runs nothing else, or when it is named. A broker
that cannot be had is a failure of the scenario, not a reason to skip it. Exit 0: all passed; 1: some failed.
"""
import argparse
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from .broker import Embedded, Real, rollcall_topics
from .run import Run, sanitizer_of
from .scenario import scenarios_of

E2E = Path(__file__).resolve().parents[1]
REPO = E2E.parents[1]
SUPPRESSIONS = REPO / "tests" / "tsan" / "suppressions"  # libraries that are not instrumented: not ours
HARNESS_TESTS = ("harness.test_checker", "harness.test_harness")


class Overdue(BaseException):
    """A scenario's deadline. Not an Exception: nothing in a test may swallow it."""


def discover(parts, build, broker, long=False):
    """The scenarios for this build and this kind of broker, and how many there are besides. With parts the long ones
    are as welcome as the others."""
    modules = [*HARNESS_TESTS, *(p.stem for p in sorted(E2E.glob("test_*.py")))]
    found = [s for m in modules for s in scenarios_of(importlib.import_module(m))]
    wanted = [s for s in found if not parts or any(p.replace("_", " ") in s.full_name for p in parts)]
    wanted = [s for s in wanted if parts or s.long == long]
    sanitizer = sanitizer_of(build)
    fit = [s for s in wanted if not (s.native and sanitizer) and not (s.needs_real and broker == "embedded")]
    return fit, [s for s in wanted if s not in fit]


class Brokers:
    """Hands out brokers. Scenarios that do not hurt a real one share it, kept apart by topic prefixes."""

    def __init__(self, directory, build, kind):
        self.directory = directory
        self.build = build
        self.kind = kind
        self.shared = {}  # nodes → Real

    def take(self, scenario, directory, prefix):
        """A started broker, and whether it belongs to the scenario alone."""
        if scenario.needs_real or self.kind == "real":
            broker, own = self._real(scenario, directory)
        else:
            topics = rollcall_topics(prefix, scenario.partitions)
            broker, own = Embedded(directory, self.build, topics), True
            broker.start()
        if scenario.needs_real:
            broker.require_transactions()
        return broker, own

    def _real(self, scenario, directory):
        if scenario.own_broker:
            broker = Real(directory, self.build, scenario.nodes)
            broker.start()
            return broker, True
        if scenario.nodes not in self.shared:
            shared = self.directory / f"shared-{scenario.nodes}"
            shared.mkdir()
            broker = Real(shared, self.build, scenario.nodes)
            self.shared[scenario.nodes] = broker
            broker.start()
        broker = self.shared[scenario.nodes]
        if not broker.bootstrap:
            broker.start()  # it failed before; say so again
        return broker, False

    def close(self):
        for broker in self.shared.values():
            broker.stop()


def overdue(_signo, _frame):
    raise Overdue("the scenario's deadline is over")


def terminated(signo, _frame):
    raise SystemExit(128 + signo)


def attempt(action):
    """None, or what went wrong as text."""
    try:
        action()
        return None
    except (Exception, Overdue):  # a scenario may fail in any way
        return traceback.format_exc()


class Runner:
    """options: build, broker, keep, as parse makes them. name: of the suite, in its last line."""

    def __init__(self, options, name="e2e"):
        self.name = name
        self.build = Path(options.build).resolve()
        self.keep = options.keep
        root = self.build / name
        root.mkdir(parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(prefix="run-", dir=root))
        self.brokers = Brokers(self.directory, self.build, options.broker)
        self.passed = self.failed = 0

    def _body(self, scenario, run):
        signal.alarm(scenario.deadline_s)
        try:
            scenario.function(run)
        finally:
            signal.alarm(0)

    def _on_broker(self, scenario, directory, number):
        """Runs it on the broker it wants; returns what failed, as text, or None."""
        prefix = f"{self.directory.name}-{number}".replace("_", "-").lower()
        broker, own = self.brokers.take(scenario, directory, prefix) if scenario.broker else (None, False)
        try:
            return self._with_run(scenario, Run(directory, self.build, broker, prefix, scenario.partitions))
        finally:
            if own:
                broker.stop()

    def _with_run(self, scenario, run):
        """Whatever happens, SIGTERM to the runner included, no process of the run survives."""
        problems = []
        try:
            failure = attempt(lambda: self._body(scenario, run))
        finally:
            problems += run.close()
        if failure or problems:
            run.processes.show_logs()
        return (failure or "") + "".join(f"{p}\n" for p in problems)

    def one(self, scenario, number):
        directory = self.directory / f"{number:03d}-{scenario.function.__name__}"[:80]
        directory.mkdir()
        result = {}
        begin = time.monotonic()
        failure = attempt(lambda: result.update(failure=self._on_broker(scenario, directory, number)))
        failure = failure or result.get("failure")
        took = time.monotonic() - begin
        print(f"{'FAILED' if failure else 'ok':6} {took:6.1f} s  {scenario.full_name}", flush=True)
        if failure:
            print(failure, file=sys.stderr, flush=True)
            print(f"    files: {directory}", file=sys.stderr, flush=True)
        elif not self.keep:
            shutil.rmtree(directory, ignore_errors=True)
        self.passed += not failure
        self.failed += bool(failure)

    def all(self, scenarios):
        try:
            for number, scenario in enumerate(scenarios, 1):
                self.one(scenario, number)
        finally:
            problem = attempt(self.brokers.close)
            if problem:
                print(problem, file=sys.stderr)
                self.failed += 1
            if not self.failed and not self.keep:
                shutil.rmtree(self.directory, ignore_errors=True)
        print(f"{self.name}: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def parse(argv):
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("--broker", choices=("embedded", "real"), default="embedded")
    parser.add_argument("--build", default=REPO / "build" / "test", help="where the programs are")
    parser.add_argument("--long", action="store_true", help="the long scenarios instead of the others")
    parser.add_argument("--keep", action="store_true", help="keep the files of passed tests")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--jobs", type=int, default=4, help="scenarios at a time (default: 4)")
    # One of the jobs: which, of how many.
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), help=argparse.SUPPRESS)
    parser.add_argument("parts", nargs="*", help="run scenarios whose module and name contain one of these")
    return parser.parse_args(argv)


def share_out(scenarios, number, count):
    """The number-th share: the longest first, each to who has least to do."""
    shares, loads = [[] for _ in range(count)], [0] * count
    for s in sorted(scenarios, key=lambda s: -s.seconds):
        least = loads.index(min(loads))
        shares[least].append(s)
        loads[least] += s.seconds
    return shares[number]


class Jobs:
    """Runners side by side, each with a share of the scenarios and brokers of its own."""

    TOTAL = re.compile(r"e2e: (\d+) passed, (\d+) failed")

    def __init__(self, argv, count):
        self.totals = []
        command = [sys.executable, "-m", "harness.runner", *argv, "--jobs", "1", "--share"]
        self.children = [subprocess.Popen([*command, str(n), str(count)], stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True) for n in range(count)]

    def _relay(self, child):
        for line in child.stdout:
            total = self.TOTAL.match(line)
            if total:
                self.totals.append((int(total[1]), int(total[2])))
            else:
                print(line, end="", flush=True)

    def wait(self):
        threads = [threading.Thread(target=self._relay, args=(c,)) for c in self.children]
        try:
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        finally:
            for child in self.children:
                child.terminate()
            codes = [child.wait() for child in self.children]
        failed = sum(f for _, f in self.totals) + (len(self.totals) < len(self.children))
        print(f"e2e: {sum(p for p, _ in self.totals)} passed, {failed} failed")
        return 1 if failed or any(codes) else 0


def main():
    options = parse(sys.argv[1:])
    scenarios, others = discover(options.parts, options.build, options.broker, options.long)
    if options.list:
        for s in scenarios:
            print(f"{s.full_name}{' (real broker)' if s.needs_real else ''}")
        return 0
    os.environ.setdefault("TSAN_OPTIONS", f"suppressions={SUPPRESSIONS}")
    signal.signal(signal.SIGALRM, overdue)
    signal.signal(signal.SIGTERM, terminated)
    jobs = min(options.jobs, len(scenarios))
    if jobs > 1:
        code = Jobs(sys.argv[1:], jobs).wait()
    else:
        code = Runner(options).all(share_out(scenarios, *options.share))
    if others and options.share[1] == 1:
        print(f"({len(others)} more need --broker real, or programs without a sanitizer)")
    return code


if __name__ == "__main__":
    sys.exit(main())
