"""Webhooks a second through one ingest, and how long a sender waits, beside its peers: the same broker, bodies, clients.

Each of the three has one core and posts of 1, 64 and 256 connections; the other core is the broker's and the load's. A run
counts only if every post got the answer it should have, and the topic holds every post, and once.
"""
import contextlib
import json
import subprocess

from stage import BENCH, BenchFailed, Stage, free_port, pin, table, wait_until

# (connections, posts): one at a time is slow and needs no more for its p99.
POINTS = ((1, 20000), (64, 100000), (256, 100000))
QUICK_POINTS = ((1, 1000), (64, 5000), (256, 5000))
WARM = (64, 30000)     # node's compiler is done by then
QUICK_WARM = (64, 3000)
KINDS = {"standard": "Standard Webhooks", "okta": "Okta"}
NAMES = {"rollcall": "Rollcall", "kafkajs": "node http, kafkajs with batches of its own", "bento": "Bento 1.20"}
PARTITIONS = 12
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OKTA_TOKEN = "a-secret-of-the-bench-for-okta"
SUBJECTS = {"standard": "this.data.id", "okta": "this.data.events.0.target.0.id"}
LOAD_S = 300


class Load:
    """bench-load against one port, numbering its posts."""

    def __init__(self, stage, port, pid, kind):
        self.argv = [stage.build / "bench-load", "--port", port, "--pid", pid, "--kinds", kind]
        self.posted = self.refused = 0

    def post(self, connections, requests):
        argv = [*self.argv, "--connections", connections, "--requests", requests, "--first", self.posted]
        report = ask(argv)
        self.posted += requests
        self.refused += report["refused"]
        if report["answered"] != requests or report["unexpected"] or report["broken"]:
            raise BenchFailed(f"{requests} posts: {report}")
        return report


def ask(argv):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=LOAD_S, check=False)
    if done.returncode != 0:
        raise BenchFailed(done.stderr.strip())
    return json.loads(done.stdout)


def check_topic(stage, topic, posted, refused):
    """Every post is there, and once; one that was answered 503, as happens on a crowded machine, may be missing. Returns
    how many records of other kinds there are."""
    found = ask([stage.build / "bench-load", "--brokers", stage.broker.bootstrap, "--count", topic])
    if found["records"] != found["events"] or not posted - refused <= found["events"] <= posted:
        raise BenchFailed(f"{topic}: {posted} posted, {refused} of them refused, {found}")
    return found["others"]


def add_sources(config):
    config.add_tenant("t00")
    for name, kind, secret in (("standard", "standard_webhooks", STANDARD_SECRET), ("okta", "okta", OKTA_TOKEN)):
        config.document["sources"].append({"name": name, "kind": kind, "tenant": "t00", "directory": "hr",
                                           "secrets": [config.secret(name, secret)]})


def start_rollcall(stage, prefix, _kind):
    config = stage.config(prefix, PARTITIONS)
    add_sources(config)
    process = stage.ingest(config)
    return process, process.ports["listen"]


def start_kafkajs(stage, prefix, _kind):
    return start_peer(stage, prefix, lambda port: ["node", peer("node") + "/ingest.mjs", port, stage.broker.bootstrap,
                                                   f"{prefix}.events"])


def start_bento(stage, prefix, kind):
    verify = "    - mapping: |\n" + "".join(
        f"        {line}\n" for line in (BENCH / "peers" / "bento" / f"{kind}.blobl").read_text().splitlines())
    text = (BENCH / "peers" / "bento" / "bento.yaml").read_text(encoding="utf-8")
    path = stage.directory / f"{prefix}.yaml"
    path.write_text(text.replace("@VERIFY@\n", verify).replace("@SUBJECT@", SUBJECTS[kind]), encoding="utf-8")
    return start_peer(stage, prefix, lambda _port: [peer("bento"), "-c", path],
                      {"KIND": kind, "BROKER": stage.broker.bootstrap, "TOPIC": f"{prefix}.events"})


def start_peer(stage, prefix, argv, env=None):
    stage.config(prefix, PARTITIONS)
    stage.topics.create("events", PARTITIONS)
    port = free_port()
    process = stage.processes.add(prefix, pin(argv(port)), {**(env or {}), "PORT": str(port)})
    process.await_ready(lambda: answers(stage, port), 60, "it answers")
    return process, port


def answers(stage, port):
    """A forged post changes nothing, and is answered by who is ready."""
    with contextlib.suppress(BenchFailed):
        return ask([stage.build / "bench-load", "--port", port, "--kinds", "forged", "--requests", 1])["answered"]
    return 0


def peer(name):
    return subprocess.run([BENCH / "peers" / "peers", name], check=True, capture_output=True,
                          text=True).stdout.strip()


START = {"rollcall": start_rollcall, "kafkajs": start_kafkajs, "bento": start_bento}


def warm_broker(stage, quick):
    """A broker that has just started is slower: whoever comes first would pay for that."""
    measure(stage, "rollcall", "okta", quick, prefix="warm")


def measure(stage, who, kind, quick, prefix=None):
    prefix = prefix or f"{who}-{kind}"
    process, port = START[who](stage, prefix, kind)
    load = Load(stage, port, process.pid, kind)
    load.post(*(QUICK_WARM if quick else WARM))
    rows = []
    for connections, requests in QUICK_POINTS if quick else POINTS:
        report = load.post(connections, requests)
        rows.append({"who": who, "kind": kind, "connections": connections, "posted": requests,
                     "rate": requests * 1000 / report["ms"], "cpu_us": report["cpuUs"] / requests,
                     "mb": report["residentKib"] / 1024, "refused": report["refused"],
                     **{p: report[f"{p}Us"] / 1000 for p in ("p50", "p90", "p99", "max")}})
        print("    " + describe(rows[-1]), flush=True)
    check_topic(stage, f"{prefix}.events", load.posted, load.refused)
    process.terminate()
    return rows


def describe(r):
    return (f"{r['kind']}, {r['connections']}, {r['who']}: {r['rate']:,.0f}/s, p50 {r['p50']:.2f}, p90 {r['p90']:.2f}, "
            f"p99 {r['p99']:.2f}, max {r['max']:.1f} ms, {r['cpu_us']:.1f} µs, {r['mb']:.0f} MB" +
            (f", {r['refused']} answered 503" if r["refused"] else ""))


def run(build, quick):
    """Rows of {"who", "kind", "connections", "posted", "rate", "cpu_us", "mb", "refused", "p50", "p90", "p99", "max"}."""
    rows = []
    for name in ("node", "bento"):
        peer(name)  # built, if it is not yet, before anything is measured
    with Stage(build, "ingest") as stage:
        warm_broker(stage, quick)
        for kind in KINDS:
            for who in NAMES:
                rows += measure(stage, who, kind, quick)
    return rows


def show(rows):
    lines = []
    for kind, title in KINDS.items():
        for connections in sorted({r["connections"] for r in rows}):
            for who, name in NAMES.items():
                r = next(r for r in rows if (r["kind"], r["connections"], r["who"]) == (kind, connections, who))
                lines.append([f"{title}, {connections}: {name}", f"{r['rate']:,.0f}",
                              *[f"{r[p]:.2f}" for p in ("p50", "p90", "p99", "max")], f"{r['cpu_us']:.1f}",
                              f"{r['mb']:.0f}"])
    head = ["sender, connections", "requests/s", "p50, ms", "p90", "p99", "max", "CPU µs/event", "memory, MB"]
    refused = sum(r["refused"] for r in rows)
    return "\n\n".join([table(head, lines), aims(rows), f"{sum(r['posted'] for r in rows):,} posted, as many in Kafka, each once"
                        + (f"; {refused} were answered 503: the machine was not quiet" if refused else "") + "."])


def aims(rows):
    """What is aimed at, and whether it is reached."""
    by = {(r["kind"], r["connections"], r["who"]): r for r in rows}
    lines = []
    for (kind, connections, who), ours in by.items():
        if who != "rollcall":
            continue
        js, bento = by[kind, connections, "kafkajs"], by[kind, connections, "bento"]
        lines.append([f"{KINDS[kind]}, {connections}", f"{js['cpu_us'] / ours['cpu_us']:.1f}",
                      f"{bento['cpu_us'] / ours['cpu_us']:.1f}",
                      "yes" if ours["p99"] < min(js["p99"], bento["p99"]) else "no"])
    return table(["events per CPU-second, times", "of kafkajs (aim 2)", "of Bento (aim 3.5)", "lowest p99"], lines)
