"""Partitions that come straight back after a rebalance are served on from memory, and rightly so."""
import re

from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

PERSONS = 24
WORKER = {"session_timeout_ms": 3000, "heartbeat_ms": 300, "transaction_timeout_ms": 4000}


def kept(worker):
    """How many partitions each restore of the worker's life has kept."""
    return [int(n) for n in re.findall(r'"partitions restored".*?"kept":(\d+)', worker.process.log())]


@scenario(needs_real=True, seconds=25)
def partitions_that_come_straight_back_are_not_read_again(run):
    run.config.document["worker"].update(WORKER)
    run.config.document["log"]["level"] = "info"
    run.config.document["tenants"] = [{"name": f"t{n}"} for n in range(8)]
    tenants = [f"t{n}" for n in range(8)]
    sources = [run.source(f"hr-{t}", tenant=t) for t in tenants]
    for tenant in tenants:
        run.sandbox(f"miro-{tenant}", tenant)
    ingest, first = run.ingest().start(), run.worker("w0").start()
    sender, results = run.sender(ingest), run.topics.follow("results")

    def tell_everybody(kind, at_ms, **more):
        for n in range(PERSONS):
            name = f"p{n}"
            profile = {"userName": f"{name}@example.com", "displayName": name, **more}
            sender.deliver(sources[n % len(sources)], Word(kind, name, at_ms + n, profile=profile))
        run.await_results(results)

    begin = now_ms() - 60_000
    tell_everybody("joined", begin)
    second = run.worker("w1").start()
    wait_until(lambda: second.metrics().get("rollcall_worker_partitions") == 2, 30, "the second has its half")
    wait_until(lambda: kept(first)[-1:] == [2], 30, lambda: f"the first keeps its half: {kept(first)}")
    tell_everybody("changed", begin + 1000, department="Sales")
    second.stop()
    wait_until(lambda: first.metrics().get("rollcall_worker_partitions") == 4, 30, "the first has everything again")
    assert kept(first)[-1] == 2, kept(first)
    tell_everybody("changed", begin + 2000, department="Legal")
    run.assert_clean(("displayName", "department"))
