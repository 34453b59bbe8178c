"""The first walk: one person joins, moves and leaves, from signed webhook to account and result."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

ANN = {"userName": "ann@example.com", "displayName": "Ann Ames", "department": "Sales"}
MANAGED = ("displayName", "department")


def start(run, kind="standard_webhooks"):
    """A tenant with one source and one target: (source, sandbox, sender, follower of results)."""
    source = run.source("hr", kind=kind)
    sandbox = run.sandbox()
    ingest = run.ingest().start()
    run.worker().start()
    return source, sandbox, run.sender(ingest), run.topics.follow("results")


def outcome(run, follower, delivery):
    """The outcome of the one result of a delivered word."""
    run.await_results(follower)
    results = follower.find(lambda r: r.value["eventId"] == delivery.event_id)
    assert len(results) == 1, results
    return results[0].value["outcome"]


def deliver(sender, source, word):
    sender.deliver(source, word)
    return sender.deliveries[-1]


@scenario()
def a_joiner_gets_an_account_a_mover_a_change_and_a_leaver_none(run):
    source, sandbox, sender, follower = start(run)
    begin = now_ms() - 60_000

    joined = deliver(sender, source, Word("joined", "4711", begin, ANN))
    assert outcome(run, follower, joined) == "applied"
    account = sandbox.account(ANN["userName"])
    assert account.active and account.attributes["displayName"] == "Ann Ames", account

    moved = deliver(sender, source, Word("changed", "4711", begin + 1000, {"department": "Design"}))
    assert outcome(run, follower, moved) == "applied"
    assert sandbox.account(ANN["userName"]).attributes["department"] == "Design"

    left = deliver(sender, source, Word("left", "4711", begin + 2000))
    assert outcome(run, follower, left) == "applied"
    assert not sandbox.account(ANN["userName"]).active

    run.assert_clean(MANAGED)


@scenario()
def a_redelivered_webhook_gets_no_result_of_its_own(run):
    source, _, sender, follower = start(run)
    word = Word("joined", "4711", now_ms() - 60_000, ANN)
    for _ in range(3):
        sender.deliver(source, word)
    last = deliver(sender, source, Word("changed", "4711", now_ms() - 30_000, {"department": "Design"}))
    assert outcome(run, follower, last) == "applied"
    run.assert_clean(MANAGED)


@scenario()
def a_leaver_is_not_revived_by_an_older_word_that_arrives_late(run):
    source, sandbox, sender, follower = start(run)
    begin = now_ms() - 60_000
    outcome(run, follower, deliver(sender, source, Word("joined", "4711", begin, ANN)))
    outcome(run, follower, deliver(sender, source, Word("left", "4711", begin + 2000)))
    late = deliver(sender, source, Word("joined", "4711", begin + 1000, {"department": "Design"}))
    assert outcome(run, follower, late) != "applied"
    assert not sandbox.account(ANN["userName"]).active
    run.assert_clean(MANAGED)


@scenario()
def an_okta_hook_with_several_people_gets_a_result_for_each(run):
    source, sandbox, sender, follower = start(run, kind="okta")
    begin = now_ms() - 60_000
    words = [Word("joined", f"00u{n}", begin, {"userName": f"p{n}@example.com", "displayName": f"P {n}"})
             for n in range(10)]
    sender.deliver(source, *words)
    run.await_results(follower)
    assert sum(a.active for a in sandbox.accounts()) >= 10
    run.assert_clean(("displayName",))


@scenario()
def an_unsigned_webhook_changes_nothing(run):
    source, sandbox, sender, follower = start(run)
    body = b'{"type":"person.joined","timestamp":"2026-01-01T00:00:00Z","data":{"id":"1","profile":{}}}'
    status, _ = sender.send_raw("/hooks/hr", {"Content-Type": "application/json"}, body)
    assert 400 <= status < 500, status
    joined = deliver(sender, source, Word("joined", "4711", now_ms() - 60_000, ANN))
    assert outcome(run, follower, joined) == "applied"
    wait_until(lambda: sandbox.account(ANN["userName"]), 5, "the signed one has its account")
    assert len(run.topics.dump("events")) == 1
    run.assert_clean(MANAGED)


@scenario()
def violations_planted_behind_rollcalls_back_are_found(run):
    source, sandbox, sender, follower = start(run)
    begin = now_ms() - 60_000
    outcome(run, follower, deliver(sender, source, Word("joined", "4711", begin, ANN)))
    left = deliver(sender, source, Word("left", "4711", begin + 2000))
    assert outcome(run, follower, left) == "applied"
    run.assert_clean(MANAGED)

    account = sandbox.account(ANN["userName"])
    revive = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
              "Operations": [{"op": "Replace", "path": "active", "value": True}]}
    assert sandbox.scim("PATCH", f"/Users/{account.id}", revive)[0] == 200
    again = next(r for r in follower.records if r.value["eventId"] == left.event_id)
    run.topics.produce("results", [{"key": again.key, "partition": again.partition, "value": again.value}])
    kinds = {v.kind for v in run.check(MANAGED).violations}
    assert kinds == {"state", "revived", "duplicate"}, kinds
