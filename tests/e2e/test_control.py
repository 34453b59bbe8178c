"""What people decide: paused targets rest over restarts, retries and provisions act once."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339

SOON_S = 15
PATIENT = {"timeout_ms": 1000, "call_life_ms": 1000,
           "retry": {"base_ms": 600_000, "cap_ms": 600_000, "deadline_ms": 86_400_000}}
WHY = ("--reason", "the test wants it", "--by", "tester")


def joiner(subject, at=None):
    name = f"{subject}@example.com"
    return Word("joined", subject, at or now_ms() - 60_000, {"userName": name, "displayName": subject.title()})


def calls(sandbox):
    return len(sandbox.journal())


def paused(worker, target="miro"):
    return worker.metrics().get(f'rollcall_worker_paused{{target="{target}"}}')


def await_paused(worker, value):
    wait_until(lambda: paused(worker) == value, SOON_S, f"paused is {value}")


@scenario(needs_real=True)
def a_pause_outlives_a_restart_and_a_resume_loses_nothing(run):
    source, sandbox = run.source("hr"), run.sandbox()
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    assert paused(worker) == 0
    assert "as before" not in run.command("control", "pause", "all", *WHY).stdout
    await_paused(worker, 1)
    assert "as before" in run.command("control", "pause", "all", *WHY).stdout

    sender.deliver(source, *(joiner(f"p{n}") for n in range(10)))
    merged = lambda: sum(v for k, v in worker.metrics().items() if k == "rollcall_worker_events_total")
    wait_until(lambda: merged() == 10, SOON_S, "the events are merged")
    worker.stop()
    worker.start()
    assert paused(worker) == 1, "ready, and the pause not known"
    sender.deliver(source, joiner("p10"))
    wait_until(lambda: merged() == 1, SOON_S, "the next one is merged")
    assert calls(sandbox) == 0, sandbox.journal()
    assert not results.find(lambda r: True)
    assert "pause/all  paused" in run.command("control", "list").stdout
    assert "target is paused" in worker.process.log()

    assert "still paused: pause/all" in run.command("control", "resume", "miro", *WHY).stdout
    assert "when it is resumed: pause/all" in run.command("control", "retry", "miro", *WHY).stdout
    run.command("control", "resume", "all", *WHY)
    run.await_results(results)
    await_paused(worker, 0)
    assert {r.value["outcome"] for r in results.records} == {"applied"}
    assert "pause/" not in run.command("control", "list").stdout
    run.assert_clean(("displayName",))


@scenario()
def a_pause_of_one_target_leaves_the_other_alone(run):
    source = run.source("hr")
    rests, works = run.sandbox("rests"), run.sandbox("works")
    ingest, worker = run.ingest().start(), run.worker().start()
    run.command("control", "pause", "rests", *WHY)
    wait_until(lambda: paused(worker, "rests") == 1, SOON_S, "it is paused")
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, joiner("ann"))
    results.await_count(lambda r: r.value["target"] == "works", 1, SOON_S, "the other target's result")
    assert calls(rests) == 0 and calls(works) > 0 and paused(worker, "works") == 0
    run.command("control", "resume", "rests", *WHY)
    run.await_results(results)
    run.assert_clean(("displayName",))


@scenario()
def a_retry_ends_the_waiting(run):
    source, sandbox = run.source("hr"), run.sandbox(target=PATIENT)
    sandbox.add_fault("503")
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, joiner("ann"))
    wait_until(lambda: calls(sandbox) == 1, SOON_S, "the first call has failed")
    sandbox.clear_faults()
    run.command("control", "retry", "miro", *WHY)
    run.await_results(results)
    assert [r.value["outcome"] for r in results.records] == ["applied"]
    run.assert_clean(("displayName",))


@scenario(needs_real=True)
def a_provision_prints_the_steps(run):
    source, sandbox = run.source("hr"), run.sandbox()
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, joiner("ann"))
    run.await_results(results)
    done = run.command("control", "provision", "acme/hr/ann", *WHY)
    assert "miro: unchanged" in done.stdout and "GET User  status 200" in done.stdout, done.stdout
    assert "provision/" not in run.command("control", "list").stdout
    worker.stop()
    worker.start()
    run.command("control", "pause", "miro", *WHY)
    await_paused(worker, 1)
    done = run.command("control", "provision", "acme/hr/ann", "--timeout", "1", *WHY, code=75)
    assert "miro: still open, the target is paused" in done.stdout, done.stdout
    assert "provision/acme/hr/ann" in run.command("control", "list").stdout
    run.command("control", "resume", "miro", *WHY)
    effects = results.await_count(lambda r: r.value["eventId"] is None, 2, SOON_S, "a result for each provision")
    assert [e.value["outcome"] for e in effects] == ["unchanged", "unchanged"], effects
    run.assert_clean(("displayName",))


@scenario()
def what_is_not_understood_is_neither_written_nor_obeyed(run):
    run.source("hr")
    run.sandbox()
    worker = run.worker().start()
    run.command("control", "pause", "miro", code=64)  # no reason
    run.command("control", "pause", "mirror", *WHY, code=64)
    run.command("control", "provision", "acme/ann", *WHY, code=64)
    run.command("control", "retry", "miro", "--before", "yesterday", *WHY, code=64)
    run.command("control", "retry", "miro", "--before", rfc3339(now_ms() + 60_000), *WHY, code=64)
    run.command("control", "deny", "0123456789abcdef", *WHY, code=66)
    assert not run.topics.dump("control")
    assert "nothing is known of acme/hr/ann" in run.command("control", "provision", "acme/hr/ann", *WHY, code=66).stderr
    assert not run.topics.latest("control")
    run.topics.produce("control", [{"key": "pause/miro", "value": {"kind": "pause", "target": "miro", "paused": True}}])
    refused = 'rollcall_worker_decisions_total{outcome="refused"}'
    wait_until(lambda: worker.metrics().get(refused) == 1, SOON_S, "the record is counted")
    assert paused(worker) == 0
    assert "by: missing" in worker.process.log()
    assert "is not understood: by: missing" in run.command("control", "list").stderr


# ---- dead letters -----------------------------------------------------------------------------------------------------

def reject(source, sandbox, sender, results, subject):
    """Somebody else has deactivated the person's account: a finding. (delivery, id of the account)"""
    account_id = sandbox.add_user(f"{subject}@example.com", inactive=True)
    sender.deliver(source, joiner(subject))
    delivery = sender.deliveries[-1]
    results.await_count(lambda r: r.value["eventId"] == delivery.event_id and r.value["outcome"] == "rejected", 1,
                        SOON_S, "it is rejected")
    return delivery, account_id


def activate(sandbox, account_id):
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
             "Operations": [{"op": "Replace", "path": "active", "value": True}]}
    status, reply = sandbox.scim("PATCH", f"/Users/{account_id}", patch)
    assert status == 200, reply


def letters(run, *options):
    return [line.split() for line in run.command("deadletters", "list", *options).stdout.splitlines()]


@scenario(seconds=12)
def a_dead_letter_is_listed_shown_replayed_and_gone(run):
    source, sandbox = run.source("hr"), run.sandbox(target=PATIENT)
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    delivery, account_id = reject(source, sandbox, sender, results, "ann")
    reject(source, sandbox, sender, results, "bob")

    found = letters(run, "--person", "ann")
    assert len(found) == 1 and found[0][2] == "open" and found[0][3] == "miro", found
    assert len(letters(run)) == 2 and not letters(run, "--target", "wiki") and not letters(run, "--tenant", "other")
    letter_id = found[0][0]
    shown = run.command("deadletters", "show", letter_id).stdout
    assert delivery.event_id in shown and "ann@example.com" in shown, shown

    activate(sandbox, account_id)
    done = run.command("deadletters", "replay", letter_id, *WHY)
    assert f"{letter_id} replayed as " in done.stdout, done.stdout
    replay = done.stdout.split()[-1]
    results.await_count(lambda r: r.value["eventId"] == replay and r.value["outcome"] == "applied", 1, SOON_S,
                        "the replay is applied")
    assert sandbox.account("ann@example.com").active
    event = next(r for r in run.topics.dump("events") if r.headers["ce_id"] == replay)
    assert event.value["replayOf"] == delivery.event_id and event.value["profile"]["displayName"] == "Ann"
    assert [line[0] for line in letters(run, "--person", "ann")] == []
    assert letters(run, "--person", "ann", "--all")[0][2] == "replayed"
    run.command("deadletters", "replay", letter_id, *WHY, code=66)

    bob = letters(run)[0][0]
    run.command("deadletters", "drop", bob, code=64)  # no reason
    assert f"{bob} dropped" in run.command("deadletters", "drop", "--person", "bob", *WHY).stdout
    assert not letters(run)
    assert {line[2] for line in letters(run, "--all")} == {"replayed", "dropped"}
    assert not sandbox.account("bob@example.com").active


@scenario()
def a_record_that_is_no_event_is_replayed_once_it_is_one(run):
    run.source("hr")
    sandbox = run.sandbox()
    run.worker().start()
    results, lost = run.topics.follow("results"), run.topics.follow("deadletters")
    stray = joiner("ann")
    at = "2026-01-05T08:00:00.000Z"
    headers = {"ce_specversion": "1.0", "ce_id": "8f14e45fceea167a5a36dedd4bea2543", "ce_type": "rollcall.person.joined",
               "ce_source": "/rollcall/acme/hr", "ce_subject": "ann", "ce_time": at, "content-type": "application/json"}
    value = {"occurredAt": at, "receivedAt": at, "tenant": "acme", "directory": "hr", "subject": "ann",
             "profile": stray.profile, "origin": {"source": "hr"}}
    run.topics.produce("events", [{"key": "acme/0", "headers": headers, "value": {**value, "subject": 7}},
                                  {"key": "acme/0", "headers": headers, "valueText": "{"}])
    lost.await_count(lambda r: r.value["kind"] == "invalid", 2, SOON_S, "both are dead letters")
    done = run.command("deadletters", "replay", "--tenant", "acme", *WHY, code=65)
    assert done.stderr.count("still no event") == 2, done.stderr
    assert len(letters(run)) == 2

    # As it would have been kept by a worker that did not know this type of event yet.
    letter = {"kind": "invalid", "reason": "ce_type: unknown", "partition": 0, "offset": 99, "key": "acme/0", "at": at,
              "headers": [{"name": n, "value": v} for n, v in headers.items()], "value": run.topics.text(value)}
    run.topics.produce("deadletters", [{"key": "acme/0", "partition": 0, "value": letter}])
    run.command("deadletters", "replay", "--text", "unknown", *WHY)
    results.await_count(lambda r: r.value["outcome"] == "applied", 1, SOON_S, "it is applied")
    assert sandbox.account("ann@example.com").active
    assert len(letters(run)) == 2
