"""P7: an unusual number of leavers waits for a person, over restarts; the decision is obeyed at once."""
from collections import Counter

from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339

SOON_S = 20
PERSONS, ROOM = 9, 3
WHY = ("--reason", "the test wants it", "--by", "tester")


def guarded(run):
    """Everybody has joined, then everybody leaves: (worker, sandbox, source, sender, results)."""
    source = run.source("hr")
    sandbox = run.sandbox(target={"guard": {"deactivations": {"count": ROOM, "percent": 0, "floor": 0}}})
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    names = [f"p{n}" for n in range(PERSONS)]
    begin = now_ms() - 60_000
    sender.deliver(source, *(Word("joined", n, begin, {"userName": f"{n}@example.com", "displayName": n})
                             for n in names))
    run.await_results(results)
    sender.deliver(source, *(Word("left", n, begin + 1000) for n in names))
    wait_until(lambda: held(worker) == PERSONS - ROOM, SOON_S, lambda: f"held: {held(worker)}")
    wait_until(lambda: len(active(sandbox)) == PERSONS - ROOM, SOON_S, "the usual number is cut")
    assert "the guard holds what is unusual" in worker.process.log()
    return worker, sandbox, source, sender, results


def held(worker):
    return worker.metrics().get("rollcall_worker_persons_held")


def active(sandbox):
    return [n for n in range(PERSONS) if sandbox.account(f"p{n}@example.com").active]


def decide(run, what):
    return run.command("control", what, "--target", "miro", "--before", rfc3339(now_ms() + 1000), *WHY)


@scenario(needs_real=True, seconds=20)
def unusually_many_leavers_wait_over_a_restart_until_a_person_approves(run):
    worker, sandbox, _, _, results = guarded(run)
    worker.stop()
    worker.start()
    wait_until(lambda: held(worker) == PERSONS - ROOM, SOON_S, "they are held again")
    assert len(active(sandbox)) == PERSONS - ROOM
    listed = run.command("control", "holds").stdout.splitlines()
    assert len(listed) == PERSONS - ROOM and all("deactivation of acme/hr/p" in line for line in listed), listed
    named, mistaken = (line.split()[0] for line in listed[:2])
    run.command("control", "approve", named, "0123456789abcdef", *WHY, code=66)  # one of them is none
    assert not run.topics.dump("control")
    run.command("control", "approve", named, *WHY)
    wait_until(lambda: held(worker) == PERSONS - ROOM - 1, SOON_S, "the one that was named is done")
    run.command("control", "deny", mistaken, *WHY)
    wait_until(lambda: len(run.command("control", "holds").stdout.splitlines()) == PERSONS - ROOM - 2, SOON_S,
               "the next one is denied")
    assert f"it meets {PERSONS - ROOM - 2} that were held" in decide(run, "approve").stdout
    run.await_results(results)
    wait_until(lambda: len(active(sandbox)) == 1, SOON_S, "all are done but who was denied")
    assert not run.command("control", "holds").stdout
    denied = run.command("control", "holds", "--denied").stdout
    assert denied.startswith(f"{mistaken}  denied deactivation of acme/hr/p"), denied
    run.command("control", "approve", mistaken, *WHY)
    wait_until(lambda: not active(sandbox), SOON_S, "it is done after all")
    wait_until(lambda: not run.command("control", "holds", "--denied").stdout, SOON_S, "nothing is denied any more")
    run.assert_clean(("displayName",))


@scenario(seconds=15)
def what_a_person_denies_stays_and_is_answered_so(run):
    worker, sandbox, source, sender, results = guarded(run)
    decide(run, "deny")
    run.await_results(results)
    outcomes = Counter(r.value["outcome"] for r in results.records if r.value["eventType"].endswith("left"))
    assert outcomes == {"applied": ROOM, "denied": PERSONS - ROOM}, outcomes
    assert len(active(sandbox)) == PERSONS - ROOM
    wait_until(lambda: held(worker) == 0, SOON_S, "nothing is held any more")
