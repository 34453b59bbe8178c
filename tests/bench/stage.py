"""What the benchmarks share: a broker, the target, programs under test on a core of their own, tables.

Core 0 belongs to the system under test, the last core to everything else. On a machine of one core nothing is pinned,
and the table says so.
"""
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "e2e"))
from harness.broker import Real  # noqa: E402
from harness.config import Config  # noqa: E402
from harness.processes import Processes, free_port  # noqa: E402
from harness.run import http_get  # noqa: E402
from harness.topics import Topics  # noqa: E402
from harness.wait import wait_until  # noqa: E402

CORES = sorted(os.sched_getaffinity(0))
PINNED = len(CORES) > 1
READY_S = 60
COMMAND_S = 300


class BenchFailed(Exception):
    """What was measured is not what was meant to be: the figures do not count."""


def pin(argv):
    """argv on the core of the system under test."""
    return ["taskset", "-c", str(CORES[0]), *map(str, argv)] if PINNED else list(map(str, argv))


def machine():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="ascii")).group(1))
    pinned = "system under test on one core, the rest on another" if PINNED else "nothing pinned"
    return (f"{date.today()}, {len(CORES)} cores of {cpu.group(1) if cpu else platform.machine()}, "
            f"{memory / 2**20:.0f} GiB, {pinned}; loopback, plaintext, one Kafka node")


def table(head, rows):
    """A Markdown table; the first column is text, the rest are figures."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


class Target:
    """bench-target: one command at a time, one answer each."""

    def __init__(self, stage, topic, persons=1000, tenants=1, spread=1):
        argv = [stage.build / "bench-target", "--brokers", stage.broker.bootstrap, "--topic", topic,
                "--persons", persons, "--tenants", tenants, "--spread", spread]
        self._child = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._child.stdout.readline())["port"]

    def ask(self, *words):
        self._child.stdin.write(" ".join(map(str, words)) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise BenchFailed(f"bench-target ended at {words[0]}")
        reply = json.loads(line)
        if reply.get("ok") is False:
            raise BenchFailed(f"{words[0]}: {reply['why']}")
        return reply

    def report(self):
        return self.ask("report")

    def await_calls(self, count, timeout, what):
        wait_until(lambda: self.report()["answered"] >= count, timeout, what)

    def close(self):
        self._child.stdin.close()
        self._child.wait(20)


class Stage:
    """A directory, a real broker and the processes of one benchmark."""

    def __init__(self, build, name):
        self.build = Path(build)
        self.directory = Path(tempfile.mkdtemp(prefix=f"rollcall-bench-{name}-"))
        self.broker = Real(self.directory, self.build)
        self.processes = Processes(self.directory)
        self.topics = None
        self._targets = []

    def __enter__(self):
        if PINNED:
            os.sched_setaffinity(0, {CORES[-1]})  # children inherit it
        self.broker.start()
        return self

    def __exit__(self, kind, *_):
        for target in self._targets:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                target.close()
        problems = self.processes.stop_all()
        self.broker.stop()
        os.sched_setaffinity(0, CORES)
        if kind or problems:
            self.processes.show_logs()
            print(*problems, f"kept: {self.directory}", sep="\n", file=sys.stderr)
        else:
            shutil.rmtree(self.directory)

    def target(self, topic, **options):
        self._targets.append(Target(self, topic, **options))
        return self._targets[-1]

    def config(self, prefix, partitions=12):
        config = Config(self.directory, self.broker, prefix, partitions)
        config.document["log"]["level"] = "info"
        config.document["worker"]["policy"] = str(BENCH.parents[1] / "deploy" / "config" / "policy.lua")
        self.topics = Topics(self.build, self.broker.bootstrap, prefix)
        return config

    def worker(self, config, slot="w0", ready=True):
        """A pinned rollcall-worker, ready. Its configuration is written here."""
        process = self._program(config, f"worker-{slot}", ["rollcall-worker", "--slot", slot], {"worker": ("admin",)})
        if ready:
            await_ready(process)
        return process

    def ingest(self, config):
        """A rollcall-ingest, ready; its URL is in `url`."""
        process = self._program(config, "ingest", ["rollcall-ingest"], {"ingest": ("listen", "admin")})
        process.url = f"http://127.0.0.1:{process.ports['listen']}"
        await_ready(process)
        return process

    def _program(self, config, name, argv, sections):
        ports = {member: free_port() for members in sections.values() for member in members}
        changes = {section: {m: f"127.0.0.1:{ports[m]}" for m in members} for section, members in sections.items()}
        path = config.write(name, changes)
        process = self.processes.add(name, pin([self.build / argv[0], *argv[1:], "--config", path]))
        process.ports = ports
        return process


def await_ready(process):
    process.await_ready(lambda: http_get(process.ports["admin"], "/readyz")[0] == 200, READY_S, "it is ready")


def add_bench_target(config, target, tenant, number, in_flight, **more):
    """tenant's target at bench-target, with limits that are none."""
    limits = [{"class": f"users.{c}", "count": 1000000, "window_ms": 1000}
              for c in ("read", "create", "update", "delete")]
    config.document["targets"].append({
        "name": f"target-{number:02d}", "tenant": tenant, "kind": "miro",
        "base_url": f"http://127.0.0.1:{target.port}/t{number:02d}",
        "token": config.secret(f"target-{number:02d}", "bench-token"),
        "in_flight": in_flight, "limits": limits, **more})


def check_order(report):
    """No event went without a call of its own, no two calls of a person at once, none twice."""
    wrong = {k: report[k] for k in ("coalesced", "overlapped", "repeated", "notAcknowledged") if report[k]}
    if wrong:
        raise BenchFailed(f"not one call per event in order: {wrong}")


def check_calls(report):
    """When nothing is under way any more: one call per event, in order."""
    check_order(report)
    if report["patches"] != report["published"]:
        raise BenchFailed(f"{report['published']} events, {report['patches']} calls")
