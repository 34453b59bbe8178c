"""From the accepted webhook of a leaver to the inactive account, while ten thousand others wait for the same target.

Two tenants, each with a Miro sandbox that counts Miro's real limits at arrival: in one ten thousand joiners wait, in the
other ten thousand movers of known accounts, which need the very calls that a leaver needs. Leavers come one at a time,
then all at once.
"""
import json
import statistics
import time

from stage import BenchFailed, Stage, table, wait_until

from harness.sandbox import Sandbox
from harness.webhooks import Sender, Source, new_secret
from harness.words import Word

QUEUED, LEAVERS, AT_ONCE, EVERY_S = 10000, 40, 10, 7
QUICK_QUEUED, QUICK_LEAVERS, QUICK_AT_ONCE = 400, 4, 2
SET_UP_S, CUT_S = 300, 120
CLASSES = ("read", "create", "update", "delete")
# The guard would hold so many joiners and so large a part of the known as leavers: as it should, but not here.
ANY_NUMBER = {"creations": {"count": 0}, "deactivations": {"count": 0, "percent": 0}}
BACKLOGS = {"joiners": "10,000 joiners wait", "movers": "10,000 movers wait"}


def name_of(kind, number):
    return f"{kind}-{number}@bench.example"


def word(type_, kind, number, version):
    return Word(type_, f"{kind}-{number}", profile={"userName": name_of(kind, number),
                                                    "displayName": f"Person {number} {version}"})


class Tenant:
    """One tenant with its source, its sandbox and the accounts that are there from the start."""

    def __init__(self, stage, config, backlog, queued, leavers):
        self.backlog, self.queued, self.leavers = backlog, queued, leavers
        known = [name_of("leaver", i) for i in range(leavers)]
        if backlog == "movers":
            known += [name_of("mover", i) for i in range(queued)]
        state = stage.directory / f"{backlog}.json"
        state.write_text(json.dumps({"users": [{"userName": n} for n in known], "teams": []}), encoding="utf-8")
        self.source = Source(f"hr-{backlog}", backlog, secret=new_secret("standard_webhooks"))
        self.sandbox = Sandbox(stage.processes, stage.build, stage.directory, f"miro-{backlog}", state=state,
                               journal_max=1000, **{"enforce_limits=false": True})
        config.add_source(self.source)
        config.add_target(self.sandbox, backlog, in_flight=200, guard=ANY_NUMBER)

    def joined(self):
        """Everybody whose account is there: what the set-up makes known."""
        words = [word("joined", "leaver", i, 0) for i in range(self.leavers)]
        if self.backlog == "movers":
            words += [word("joined", "mover", i, 0) for i in range(self.queued)]
        return [(self.source, w) for w in words]

    def queue(self):
        kind, type_ = ("mover", "changed") if self.backlog == "movers" else ("joiner", "joined")
        return [(self.source, word(type_, kind, i, 1)) for i in range(self.queued)]

    def cut_at(self, number):
        """When the leaver's account became inactive, by the sandbox's clock, which is ours; 0: not yet."""
        _, found = self.sandbox.scim("GET", f"/Users?filter=userName%20eq%20%22{name_of('leaver', number)}%22")
        if found["Resources"][0]["active"]:
            return 0
        return next(h.at_ms for h in reversed(self.sandbox.account(name_of("leaver", number)).history) if not h.active)

    def assert_within_limits(self):
        over = {u.name: u.over for u in self.sandbox.limits() if u.over}
        if over:
            raise BenchFailed(f"{self.backlog}: calls above the limits: {over}")


def set_up(stage, config, tenants, sender):
    """Every known account is linked, quickly, by a worker that knows no limits."""
    real = {t["name"]: t.get("limits") for t in config.document["targets"]}
    for target in config.document["targets"]:
        target["limits"] = [{"class": f"users.{c}", "count": 1000000, "window_ms": 1000} for c in CLASSES]
    worker = stage.worker(config)
    posts = [p for t in tenants for p in t.joined()]
    sender.deliver_all(posts, SET_UP_S)
    target = sum(len(t.joined()) for t in tenants)
    wait_until(lambda: results_of(worker) >= target, SET_UP_S, "everybody is known")
    worker.terminate()
    for target in config.document["targets"]:
        target.pop("limits")
        if real[target["name"]]:
            target["limits"] = real[target["name"]]
    for t in tenants:
        t.sandbox._control("DELETE", "/_sandbox/limits")


def results_of(worker):
    from harness.run import http_get
    _, text = http_get(worker.ports["admin"], "/metrics")
    lines = [line for line in text.splitlines() if line.startswith("rollcall_worker_results_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def cut(tenants, sender, numbers):
    """Milliseconds from the accepted webhook to the inactive account, for each tenant and number."""
    posts = [(t.source, word("left", "leaver", n, 2)) for t in tenants for n in numbers]
    done = sender.send_all(posts)
    if any(d.outcome != "accepted" for d in done):
        raise BenchFailed("a leaver's webhook was not accepted")
    accepted = {(d.source.tenant, d.word.subject): d.answered_ms for d in done}
    took = {t.backlog: [] for t in tenants}
    for t in tenants:
        for n in numbers:
            at = wait_until(lambda t=t, n=n: t.cut_at(n), CUT_S, f"leaver {n} of {t.backlog} is out")
            took[t.backlog].append(max(0, at - accepted[t.backlog, f"leaver-{n}"]))
    return took


def run(build, quick):
    queued = QUICK_QUEUED if quick else QUEUED
    leavers, at_once = (QUICK_LEAVERS, QUICK_AT_ONCE) if quick else (LEAVERS, AT_ONCE)
    figures = {b: {"one": [], "together": []} for b in BACKLOGS}
    with Stage(build, "leavers") as stage:
        config = stage.config("leavers")
        tenants = [Tenant(stage, config, b, queued, leavers + at_once) for b in BACKLOGS]
        sender = Sender(stage.ingest(config).url)
        set_up(stage, config, tenants, sender)
        stage.worker(config)
        sender.deliver_all([p for t in tenants for p in t.queue()], SET_UP_S)
        for number in range(leavers):
            time.sleep(0 if number == 0 else EVERY_S)
            for backlog, took in cut(tenants, sender, [number]).items():
                figures[backlog]["one"] += took
        time.sleep(EVERY_S)
        for backlog, took in cut(tenants, sender, range(leavers, leavers + at_once)).items():
            figures[backlog]["together"] += took
        for t in tenants:
            t.assert_within_limits()
            figures[t.backlog]["queuedAtEnd"] = queued_at_end(t)
    return figures


def queued_at_end(tenant):
    """How many of the backlog still waited when the last leaver was out: that there was one all the time."""
    if tenant.backlog == "joiners":
        return tenant.queued - sum(a.user_name.startswith("joiner") for a in tenant.sandbox.accounts())
    return tenant.queued - sum(a.attributes.get("displayName", "").endswith(" 1") for a in tenant.sandbox.accounts())


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(figures):
    head = ["webhook accepted → account inactive", "p50, ms", "p99, ms", f"{AT_ONCE} at once: p50", "last", "still waiting"]
    rows = [[BACKLOGS[b], f"{statistics.median(f['one']):.0f}", f"{percentile(f['one'], 0.99):.0f}",
             f"{statistics.median(f['together']):,.0f}", f"{max(f['together']):,.0f}", f"{f['queuedAtEnd']:,}"]
            for b, f in figures.items()]
    return table(head, rows)
