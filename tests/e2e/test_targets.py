"""P4: trouble delays nobody else."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

MANAGED = ("displayName",)
SOON_S = 10
QUICK = {"timeout_ms": 1000, "call_life_ms": 1000,
         "retry": {"base_ms": 200, "cap_ms": 500, "deadline_ms": 3_600_000}}


def joiners(count):
    at = now_ms() - 60_000
    return [Word("joined", f"p{n}", at + n, {"userName": f"p{n}@example.com", "displayName": f"P {n}"})
            for n in range(count)]


def results_at(results, target):
    return {r.value["subject"] for r in results.find(lambda r: r.value["target"] == target)}


@scenario()
def one_target_that_is_down_delays_neither_of_two_others(run):
    source = run.source("hr")
    for name in ("well", "fine"):
        run.sandbox(name, target=QUICK)
    ill = run.sandbox("ill", target=QUICK)
    ill.add_fault("drop")
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    words = joiners(15)
    sender.deliver(source, *words)
    for name in ("well", "fine"):
        wait_until(lambda: len(results_at(results, name)) == len(words), SOON_S, f"all are done at {name}")
    assert not results_at(results, "ill"), "results of a target that answers nobody"
    assert not run.topics.dump("deadletters"), "the target's trouble is nobody's fault"
    ill.clear_faults()
    run.await_results(results)
    run.assert_clean(MANAGED)


@scenario()
def one_persons_failing_call_does_not_delay_others(run):
    source, sandbox = run.source("hr"), run.sandbox(target=QUICK)
    sandbox.add_fault("500", match="p0@example.com")
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    words = joiners(15)
    sender.deliver(source, *words)
    wait_until(lambda: len(results_at(results, "miro")) == len(words) - 1, SOON_S, "all others are done")
    assert "p0" not in results_at(results, "miro")
    sandbox.clear_faults()
    run.await_results(results)
    outcomes = {r.value["outcome"] for r in results.records}
    assert outcomes == {"applied"}, outcomes
    run.assert_clean(MANAGED)
