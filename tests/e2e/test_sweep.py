"""A new policy or target reaches everybody without an event: by SIGHUP, by restart, inside the guard, and at first as a plan."""
import json
import signal

from harness.config import NO_GUARD, POLICY
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339

SOON_S = 20
PERSONS, ROOM = 6, 2
CUT = "if not person.active then"


def policy(run, *changes):
    """The harness's policy with pieces replaced, where the configuration has it."""
    text = POLICY.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = run.directory / "policy.lua"
    path.write_text(text, encoding="utf-8")
    run.config.document["worker"]["policy"] = str(path)


def reload(run, worker):
    """SIGHUP, with the configuration as the document has it now."""
    done, refused = (f'rollcall_worker_reloads_total{{outcome="{o}"}}' for o in ("done", "refused"))
    before = worker.metrics()
    worker._write_config()
    worker.process.signal(signal.SIGHUP)
    wait_until(lambda: any(worker.metrics().get(m, 0) > before.get(m, 0) for m in (done, refused)), SOON_S, "reloaded")
    return worker.metrics().get(done, 0) > before.get(done, 0)


def names(sandbox):
    return [sandbox.account(f"p{n}@example.com").attributes.get("displayName") for n in range(PERSONS)]


def active(sandbox):
    return sum(sandbox.account(f"p{n}@example.com").active for n in range(PERSONS))


def swept(worker):
    return worker.metrics().get("rollcall_worker_sweep_left") == 0


def writes(sandbox):
    return sum(call["method"] != "GET" for call in sandbox.journal())


def effects(results):
    return [r.value for r in results.find(lambda _: True) if r.value["eventId"] is None]


@scenario(needs_real=True, seconds=20)
def a_new_policy_reaches_everybody_and_the_guard_holds_what_is_unusual(run):
    source, sandbox = run.source("hr"), run.sandbox()
    policy(run)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, *(Word("joined", f"p{n}", now_ms() - 60_000,
                                  {"userName": f"p{n}@example.com", "displayName": f"P {n}"}) for n in range(PERSONS)))
    run.await_results(results)

    policy(run, ("return account", 'account.displayName = account.displayName .. " (acme)"\n        return account'))
    assert reload(run, worker)
    wait_until(lambda: all(n.endswith("(acme)") for n in names(sandbox)), SOON_S, lambda: f"renamed: {names(sandbox)}")
    wait_until(lambda: len(effects(results)) == PERSONS, SOON_S, "each has a result of its own")
    assert all(e["cause"].startswith("policy") and e["outcome"] == "applied" for e in effects(results)), effects(results)
    wait_until(lambda: swept(worker), SOON_S, "nobody is left")

    run.config.document["targets"][0]["base_url"] += "/elsewhere"
    assert not reload(run, worker), "another target is taken for the same"
    assert "target miro has another base_url: that needs a restart" in worker.process.log()
    run.config.document["targets"][0]["base_url"] = sandbox.base_url

    few = {"count": ROOM, "percent": 0, "floor": 0}
    run.config.document["targets"][0]["guard"] = {**NO_GUARD, "deactivations": few}
    policy(run, (CUT, "if true then"))
    assert reload(run, worker)
    wait_until(lambda: worker.metrics()["rollcall_worker_persons_held"] == PERSONS - ROOM, SOON_S, "the guard holds them")
    wait_until(lambda: active(sandbox) == PERSONS - ROOM, SOON_S, lambda: f"active: {active(sandbox)}")

    worker.stop()
    policy(run)
    second = run.sandbox("second")
    worker.start()
    wait_until(lambda: active(sandbox) == PERSONS and not any(n.endswith("(acme)") for n in names(sandbox)), SOON_S,
               "the old policy is back")
    joined = {f"p{n}@example.com" for n in range(PERSONS)}
    wait_until(lambda: joined <= {a.user_name for a in second.accounts()}, SOON_S, "the new target has them all")
    wait_until(lambda: swept(worker), SOON_S, "nobody is left")
    assert worker.metrics()["rollcall_worker_persons_held"] == 0
    ids = [r.value["id"] for r in results.find(lambda _: True)]
    assert len(ids) == len(set(ids)), "a result came twice"


def dry_run(run):
    """A worker that only plans, beside the others, with a policy of its own."""
    live = run.config.document
    prefix = live["kafka"]["topic_prefix"]
    text = POLICY.read_text(encoding="utf-8").replace("return account", "account.department = nil\n        account.displayName = "
                                                      "(account.displayName or '') .. '!'\n        return account")
    path = run.directory / "planned.lua"
    path.write_text(text, encoding="utf-8")
    planner = run.worker("plan", name="worker-plan")
    planner.changes = {"kafka": {"topic_prefix": f"{prefix}-plan"},
                       "worker": {"mode": "plan", "group": f"{prefix}-plan", "policy": str(path),
                                  "dry_run": {"live_prefix": prefix, "live_group": live["worker"]["group"], "limit_percent": 100}}}
    planner.start()
    return planner, run.topics.follow(f"{prefix}-plan.plans")


@scenario(needs_real=True, seconds=20)
def a_dry_run_tells_what_it_would_do_and_changes_nothing(run):
    source, sandbox = run.source("hr"), run.sandbox()
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, *(Word("joined", f"p{n}", now_ms() - 60_000,
                                  {"userName": f"p{n}@example.com", "displayName": f"P {n}"}) for n in range(PERSONS)))
    run.await_results(results)
    before = writes(sandbox)
    planner, plans = dry_run(run)
    plans.await_count(lambda r: r.value["cause"] == "policy", PERSONS, SOON_S, "a plan for each whom the new policy changes")
    for plan in (r.value for r in plans.records):
        assert plan["verdict"] == "calls" and [c["method"] for c in plan["calls"]] == ["PATCH"], plan
        assert [d["attribute"] for d in plan["difference"]] == ["displayName"], plan
    sender.deliver(source, Word("left", "p0", now_ms(), {}), Word("joined", "new", now_ms(), {"userName": "new@example.com"}))
    run.await_results(results)
    expected = {d.event_id for d in run.deliveries()[PERSONS:]}
    wait_until(lambda: expected == {e for r in plans.records for e in r.value["events"]}, SOON_S,
               lambda: f"plans for {expected}")
    planner.stop()
    planner.start()
    planner.stop()
    assert len(plans.records) == PERSONS + 2, "somebody was planned twice"
    assert writes(sandbox) == before + 2, "the cut and the new account are the live worker's"
    plan_of_one(run, sandbox)
    run.assert_clean(("displayName",))


def plan_of_one(run, sandbox):
    """`rollcall-worker plan`, of an event that nobody has sent and of a person as things are."""
    before = writes(sandbox)
    record = next(r for r in run.topics.dump("events") if r.value["subject"] == "p1")
    now = rfc3339(now_ms())
    left = {"headers": {**record.headers, "ce_id": "f" * 32, "ce_type": "rollcall.person.left", "ce_time": now},
            "value": {**record.value, "occurredAt": now, "receivedAt": now, "profile": {}}}
    path = run.directory / "event.json"
    path.write_text(json.dumps(left), encoding="utf-8")
    plan = json.loads(run.command("plan", str(path), "--json").stdout)
    assert plan["verdict"] == "calls" and plan["events"] == ["f" * 32], plan
    assert plan["difference"] == [{"attribute": "active", "before": "true", "after": "false"}], plan
    assert [c["method"] for c in plan["calls"]] == ["PATCH"], plan
    told = run.command("plan", "--person", "acme/hr/p1").stdout
    assert told.startswith("miro: nothing to do: the target has it already\n"), told
    run.command("control", "pause", "miro", "--reason", "the test wants it", "--by", "tester")
    assert "the target is paused" in run.command("plan", "--person", "acme/hr/p1", code=75).stdout
    assert "nobody has told of this person" in run.command("plan", "--person", "acme/hr/nobody", code=78).stderr
    run.command("control", "resume", "miro", "--reason", "the test wants it", "--by", "tester")
    assert writes(sandbox) == before
