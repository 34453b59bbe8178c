"""Whether the ingest's memory stays as it is: half an hour of all sorts of requests at a moderate rate.

Senders of JSON, forms, XML and tokens, forged and unreadable requests, connections that come and go, clients that vanish
in the middle of a request. The resident size is looked at every 10 s; flat is when the line through the last third of it
rises by less than LIMIT_KIB_H an hour, which is half a byte for each request.
"""
import contextlib
import json
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

from harness.vendors import Vendors
from ingest import add_sources, check_topic
from stage import BenchFailed, Stage, table
from test_senders import Kind

SECONDS, QUICK_SECONDS = 1800, 60
SAMPLE_S = 10
TELL = 12  # each such sample is printed
RATE, CONNECTIONS, PER_CONNECTION = 500, 64, 20
VANISHING = 5  # clients in each interval
LIMIT_KIB_H = 900
MARKED = ("standard", "okta")  # whose posts are counted in the topic; first in the mix
STORED = ("workday", "successfactors", "bamboohr", "hibob", "deel", "merge", "greenhouse", "onelogin", "auth0", "set")


def requests(stage, config):
    """What is posted in turn: names that bench-load knows, and files."""
    run = SimpleNamespace(build=stage.build, config=config, directory=stage.directory)
    config.add_tenant("acme")  # whose the senders of the tests are
    vendors = Vendors()  # which nobody asks here: there is no worker
    kinds = [Kind(run, name, vendors) for name in STORED]
    vendors.close()
    files = []
    for kind in kinds:
        path = stage.directory / f"{kind.name}.http"
        path.write_bytes(kind.signed(kind.folder / "joiner.http"))
        files.append(str(path))
    return [*MARKED, "forged", "unreadable", *files]


def resident_kib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4


def vanish(port):
    """Clients that end in the middle of a head, and of a body."""
    head = b"POST /hooks/okta HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n"
    for part in [head, head + b"\r\n{\"data\":"] * VANISHING:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(part)


def slope(samples):
    """KiB an hour of the line through (seconds, KiB), by least squares."""
    n = len(samples)
    mean_x, mean_y = sum(x for x, _ in samples) / n, sum(y for _, y in samples) / n
    over = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / over * 3600


def watch(load, process, port):
    samples, begun = [], time.monotonic()
    while load.poll() is None:
        samples.append((time.monotonic() - begun, resident_kib(process.pid)))
        if len(samples) % TELL == 0:
            print(f"    {samples[-1][0] / 60:.0f} min: {samples[-1][1]:,} KiB", flush=True)
        vanish(port)
        with contextlib.suppress(subprocess.TimeoutExpired):  # the interval between two samples
            load.wait(SAMPLE_S)
    return samples


def check(stage, report, mix):
    """A crowded machine answers some 503, and a connection that idled too long may be closed just when it is used again:
    such an event is in the topic or not, all others are."""
    lost = report["refused"] + report["broken"]
    if report["unexpected"] or report["answered"] + report["broken"] != report["sent"]:
        raise BenchFailed(f"not every request had the answer that it should have: {report}")
    rounds, rest = divmod(report["sent"], len(mix))
    check_topic(stage, "soak.events", rounds * len(MARKED) + min(rest, len(MARKED)), lost)


def run(build, quick):
    """{"samples": [[s, KiB]], "report": what bench-load says}."""
    with Stage(build, "soak") as stage:
        config = stage.config("soak")
        add_sources(config)
        mix = requests(stage, config)
        process = stage.ingest(config)
        port = process.ports["listen"]
        argv = [stage.build / "bench-load", "--port", port, "--pid", process.pid, "--kinds", ",".join(mix),
                "--connections", CONNECTIONS, "--per-connection", PER_CONNECTION, "--rate", RATE,
                "--seconds", QUICK_SECONDS if quick else SECONDS]
        load = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, text=True)
        samples = watch(load, process, port)
        report = json.loads(load.stdout.read() or "{}")
        if load.returncode != 0:
            raise BenchFailed("bench-load failed")
        check(stage, report, mix)
        process.terminate()
    return {"samples": samples, "report": report}


def show(figures):
    samples, report = figures["samples"], figures["report"]
    end = samples[-1][0]
    rows = []
    for name, begin in (("first third", 0), ("second", end / 3), ("last", end * 2 / 3)):
        part = [s for s in samples if begin <= s[0] <= begin + end / 3 + 1]
        rows.append([name, f"{part[0][1] / 1024:.1f}", f"{part[-1][1] / 1024:.1f}", f"{slope(part):+,.0f}"])
        last = slope(part)
    verdict = "flat" if last < LIMIT_KIB_H else "NOT flat"
    return table(["resident size", "from, MB", "to, MB", "KiB/h"], rows) + (
        f"\n\n{verdict}: {last:+,.0f} KiB/h in the last third (limit {LIMIT_KIB_H}); {report['answered']:,} requests in "
        f"{end / 60:.0f} min, {report['refused']} of them 503, {report['broken']} cut, {report['cpuUs'] / report['answered']:.0f} µs of CPU each")
