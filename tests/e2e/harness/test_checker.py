"""The checker's own test: each violation planted in a clean history must be found, and nothing else."""
import dataclasses
import json

from .checker import CUT_SLACK_MS, Target, check
from .sandbox import Account, Activity, LimitUse
from .scenario import scenario
from .topics import Record
from .webhooks import Delivery, Source
from .words import Word, event_id, rfc3339

T0 = 1_700_000_000_000
SOURCE = Source("hr", "acme")
PROFILE = {"userName": "ann@example.com", "displayName": "Ann", "department": "Sales"}


def word(kind, at, sender_id, **more):
    return Word(kind, "4711", T0 + at, sender_id=sender_id, **more)


def delivery(w, sent, status=200):
    return Delivery(w, SOURCE, event_id("hr", w.sender_id), T0 + sent, T0 + sent + 10, status)


def result(w, outcome, finished):
    i = event_id("hr", w.sender_id)
    value = {"id": f"{i}/miro", "eventId": i, "target": "miro", "outcome": outcome,
             "finishedAt": rfc3339(T0 + finished)}
    return Record("t.results", 0, 0, T0, "acme/hr/4711", {}, value)


def call(method, path, arrived, answered, late=False):
    name = f"{method} {path.replace('1', '{id}')}"
    return {"method": method, "path": path, "id": "1", "class": name, "late": late,
            "arrivedAt": T0 + arrived, "answeredAt": answered and T0 + answered}


def dead_letter(of):
    return Record("t.deadletters", 0, 0, T0, None, {}, {"kind": "rejected", "result": of.value})


class History:
    """A joiner, a mover and a leaver, each answered once; tests plant their violation."""

    def __init__(self):
        self.joined = word("joined", 0, "e1", profile=PROFILE)
        self.changed = word("changed", 1000, "e2", profile={"department": "Design"})
        self.left = word("left", 2000, "e3")
        self.deliveries = [delivery(self.joined, 0), delivery(self.changed, 1000), delivery(self.left, 2000)]
        self.results = [result(self.joined, "applied", 500), result(self.changed, "applied", 1500),
                        result(self.left, "applied", 2500)]
        self.dead_letters = []
        self.account = Account("1", "Ann@example.com", False, False,
                               {"displayName": "Ann", "department": "Design"}, [],
                               [Activity(T0 + 400, True), Activity(T0 + 2400, False)])
        self.limit = LimitUse("PATCH /Users/{id}", 100, 3, 2, 2, 0, 30_000)
        self.journal = [call("POST", "/Users", 300, 390), call("PATCH", "/Users/1", 1400, 1410),
                        call("PATCH", "/Users/1", 2390, 2400)]
        self.disturbed_ms = []
        self.at_ms = 0

    def without_leaver(self):
        del self.deliveries[2], self.results[2], self.account.history[1]
        self.account.active = True
        return self

    def check(self):
        target = Target("miro", "acme", [self.account], [self.limit], ("displayName", "department"),
                        journal=self.journal)
        return check(self.deliveries, self.results, self.dead_letters, [target], self.disturbed_ms, self.at_ms)


def expect(history, *kinds):
    report = history.check()
    assert sorted(v.kind for v in report.violations) == sorted(kinds), f"expected {kinds}, found: {report}"
    return report


@scenario(broker=False)
def the_checker_finds_nothing_in_a_clean_history(_run):
    report = expect(History())
    assert report.counts["accepted"] == 3 and report.counts["results"] == 3, report
    expect(History().without_leaver())


@scenario(broker=False)
def the_checker_counts_redeliveries_once(_run):
    h = History()
    h.deliveries += [delivery(h.left, 2100), delivery(h.left, 2200, status=0)]
    expect(h)


@scenario(broker=False)
def the_checker_finds_a_lost_event(_run):
    h = History()
    del h.results[1]
    expect(h, "lost")


@scenario(broker=False)
def the_checker_finds_an_event_lost_at_one_of_two_targets(_run):
    h = History()
    other = Target("other", "acme", [h.account])
    report = check(h.deliveries, h.results, [], [Target("miro", "acme", [h.account]), other])
    assert [v.kind for v in report.violations] == ["lost"] * 3, report


@scenario(broker=False)
def a_target_owes_results_only_for_the_directory_it_takes(_run):
    h = History()
    mine = Target("miro", "acme", [h.account], directory="hr")
    foreign = Target("other", "acme", [], directory="contractors")
    elsewhere = Target("third", "globex", [])
    report = check(h.deliveries, h.results, [], [mine, foreign, elsewhere])
    assert report.ok, report


@scenario(broker=False)
def the_checker_finds_a_duplicate_result(_run):
    h = History()
    h.results.append(result(h.changed, "unchanged", 1600))
    expect(h, "duplicate")


@scenario(broker=False)
def the_checker_finds_results_of_events_nobody_sent(_run):
    h = History()
    h.results.append(result(word("changed", 0, "stranger"), "applied", 10))
    expect(h, "unknown")


@scenario(broker=False)
def the_checker_finds_results_of_refused_webhooks(_run):
    h = History()
    forged = word("changed", 1200, "forged")
    h.deliveries.append(delivery(forged, 1200, status=401))
    expect(h)
    h.results.append(result(forged, "applied", 1300))
    expect(h, "unknown")


@scenario(broker=False)
def the_checker_finds_results_at_foreign_targets_and_malformed_ids(_run):
    h = History()
    value = {**h.results[0].value, "target": "other"}
    h.results.append(dataclasses.replace(h.results[0], value=value))
    expect(h, "unknown", "malformed")


@scenario(broker=False)
def an_unanswered_webhook_may_have_happened_or_not(_run):
    h = History()
    maybe = word("changed", 1200, "e4", profile={"department": "Lost"})
    h.deliveries.append(delivery(maybe, 1200, status=503))
    expect(h)
    h.without_leaver()
    h.deliveries.append(delivery(maybe, 1200, status=503))
    expect(h)
    h.results.append(result(maybe, "applied", 1300))
    expect(h, "state")


@scenario(broker=False)
def the_checker_finds_a_leaver_who_is_still_active(_run):
    h = History()
    h.account.active = True
    h.account.history.pop()
    expect(h, "state", "revived")


@scenario(broker=False)
def the_checker_does_not_excuse_a_leaver_whose_deactivation_was_rejected(_run):
    h = History()
    h.results[2] = result(h.left, "rejected", 2500)
    h.dead_letters = [dead_letter(h.results[2])]
    h.account.active = True
    h.account.history.pop()
    expect(h, "state")


@scenario(broker=False)
def the_checker_finds_an_access_that_has_ended_unless_the_accounts_were_read_before(_run):
    h = History().without_leaver()
    contract = word("changed", 1200, "e4", access_until_ms=T0 + 60_000)
    h.deliveries.append(delivery(contract, 1200))
    h.results.append(result(contract, "unchanged", 1300))
    expect(h, "state")
    h.at_ms = T0 + 60_000 + CUT_SLACK_MS + 1
    expect(h, "state")
    h.at_ms = T0 + 60_000 + CUT_SLACK_MS - 1  # the cut may be on its way
    expect(h)
    h.at_ms = T0 + 59_000
    expect(h)


@scenario(broker=False)
def the_checker_finds_a_joiner_without_an_account(_run):
    h = History().without_leaver()
    h.account.active = False
    expect(h, "state")
    h.results[0] = result(h.joined, "rejected", 500)
    h.dead_letters = [dead_letter(h.results[0])]
    expect(h)


@scenario(broker=False)
def the_checker_finds_an_attribute_that_is_not_the_last_word(_run):
    h = History().without_leaver()
    h.account.attributes["department"] = "Sales"
    expect(h, "state")


@scenario(broker=False)
def the_last_word_is_the_last_to_happen_not_the_last_to_arrive(_run):
    h = History()
    h.deliveries.reverse()
    expect(h)
    late = word("joined", 1500, "e5")
    h.deliveries.append(delivery(late, 9000))
    h.results.append(result(late, "superseded", 9100))
    expect(h)


@scenario(broker=False)
def of_two_words_at_one_instant_the_more_restrictive_wins(_run):
    h = History()
    again = word("joined", 2000, "e6")
    h.deliveries.append(delivery(again, 2000))
    h.results.append(result(again, "superseded", 2500))
    expect(h)
    h.account.active = True
    h.account.history.pop()
    assert expect(h, "state", "revived")


@scenario(broker=False)
def the_checker_finds_somebody_who_came_back_for_a_moment(_run):
    h = History()
    h.account.history += [Activity(T0 + 5000, True), Activity(T0 + 5100, False)]
    expect(h, "revived")


@scenario(broker=False)
def coming_back_is_right_after_a_later_word(_run):
    h = History()
    back = word("joined", 4000, "e7")
    h.deliveries.append(delivery(back, 4000))
    h.results.append(result(back, "applied", 5100))
    h.account.history.append(Activity(T0 + 5000, True))
    h.account.active = True
    expect(h)
    h.account.history[-1] = Activity(T0 + 3500, True)
    expect(h, "revived")


@scenario(broker=False)
def a_suspended_person_is_out_until_resumed(_run):
    h = History().without_leaver()
    suspended, resumed = word("suspended", 3000, "s1"), word("resumed", 4000, "s2")
    h.deliveries += [delivery(suspended, 3000), delivery(resumed, 4000)]
    h.results += [result(suspended, "applied", 3500), result(resumed, "applied", 4500)]
    h.account.history += [Activity(T0 + 3400, False), Activity(T0 + 4400, True)]
    expect(h)
    h.account.history[-1] = Activity(T0 + 3700, True)
    expect(h, "revived")
    del h.deliveries[-1], h.results[-1]
    expect(h, "state", "revived")


def write(department, arrived):
    """A PATCH of Ann's department; None: to nothing."""
    path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
    operation = {"op": "Replace", "path": path, "value": department} if department else {"op": "Remove", "path": path}
    return {**call("PATCH", "/Users/1", arrived, arrived + 10), "name": "ann@example.com",
            "body": json.dumps({"Operations": [operation]})}


@scenario(broker=False)
def the_checker_finds_a_write_that_came_after_its_time(_run):
    h = History().without_leaver()
    h.journal = [write("Sales", 1300), write("Design", 1450), write("Design", 1600)]
    expect(h)
    h.journal.append(write("Sales", 1700))
    expect(h, "reordered")
    h.journal[-1] = write(None, 1700)
    expect(h, "reordered")
    h.journal[-1] = write("Sales", 1700)
    h.results[1] = result(h.changed, "merged", 1500)
    expect(h)


@scenario(broker=False)
def the_checker_finds_a_late_value_in_a_create(_run):
    h = History().without_leaver()
    body = {"userName": "ann@example.com", "active": True,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Design"}}
    h.journal = [{**call("POST", "/Users", 1700, 1750), "name": "ann@example.com", "body": json.dumps(body)}]
    expect(h)
    h.journal[-1]["body"] = h.journal[-1]["body"].replace("Design", "Sales")
    expect(h, "reordered")


@scenario(broker=False)
def the_checker_finds_calls_over_the_limit(_run):
    h = History()
    h.limit.over = 1
    expect(h, "limit")
    h.limit.over, h.limit.max_sliding = 0, 101
    expect(h, "limit")


@scenario(broker=False)
def the_checker_finds_calls_over_the_limit_that_the_target_did_not_count(_run):
    h = History()
    h.limit.limit, h.limit.max_sliding, h.limit.max_fixed = 1, 1, 1
    h.limit.window_ms = 990
    expect(h)
    h.limit.window_ms = 991
    expect(h, "limit")
    h.limit.max_sliding = 2
    expect(h, "limit", "limit")


@scenario(broker=False)
def the_checker_finds_two_calls_at_once_for_one_account(_run):
    h = History()
    h.journal.insert(2, call("GET", "/Users/1", 1409, 1450))
    expect(h, "overlap")
    h.disturbed_ms = [T0 + 1400]
    expect(h)
    h.disturbed_ms = [T0 + 1500]
    expect(h, "overlap")
    h.journal[1]["answeredAt"] = None
    expect(h)
    h.journal[2]["path"] = "/Users/2"
    expect(h)


@scenario(broker=False)
def who_left_is_not_suspended_when_hired_again(_run):
    h = History()
    words = [word("suspended", 500, "s1"), word("joined", 4000, "e7")]
    h.deliveries += [delivery(w, at) for w, at in zip(words, (600, 4000))]
    h.results += [result(words[0], "applied", 700), result(words[1], "applied", 5000)]
    h.account.history[1:] = [Activity(T0 + 650, False), Activity(T0 + 4900, True)]
    h.account.active = True
    expect(h)
    h.deliveries.append(delivery(word("suspended", 3000, "s2"), 5100))
    h.results.append(result(h.deliveries[-1].word, "applied", 5200))
    expect(h, "revived", "state")


@scenario(broker=False)
def the_checker_finds_rejections_without_their_dead_letter(_run):
    h = History()
    h.results[1] = result(h.changed, "rejected", 1500)
    expect(h, "deadletter")
    h.dead_letters = [dead_letter(h.results[1])]
    expect(h)
    h.dead_letters *= 2
    expect(h, "deadletter")


@scenario(broker=False)
def effects_without_an_event_do_not_count(_run):
    h = History()
    value = {**h.results[0].value, "id": "effect:0123456789abcdef/miro", "eventId": None}
    h.results.append(dataclasses.replace(h.results[0], value=value))
    assert expect(h).counts["effects"] == 1
