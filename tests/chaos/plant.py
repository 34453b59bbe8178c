"""Violations planted in a history that has none: the checker must find each. Each function spoils one thing, as a
broken Rollcall would, and names the kind that has to be found."""
import copy
import dataclasses

from harness.checker import FINAL_WORD, collect_events, fold
from harness.sandbox import Activity
from harness.words import parse_rfc3339, rfc3339

LATE_MS = 60_000


def lost(history, rng):
    """A result is missing."""
    of_events = [n for n, r in enumerate(history.results) if r.value["eventId"]]
    del history.results[rng.choice(of_events)]
    return "lost"


def duplicate(history, rng):
    """A result is there twice."""
    history.results.append(rng.choice([r for r in history.results if r.value["eventId"]]))
    return "duplicate"


def unknown(history, rng):
    """A result of an event that nobody sent."""
    of = rng.choice(history.results)
    value = {**of.value, "eventId": "0" * 32, "id": f"{'0' * 32}/{of.value['target']}"}
    history.results.append(dataclasses.replace(of, value=value))
    return "unknown"


def _persons(history):
    """{person: (events, fold)} of those with words of which all were accepted."""
    persons = {}
    for event in collect_events(history.deliveries).values():
        persons.setdefault(event.person, []).append(event)
    return {key: (events, fold(events)) for key, events in persons.items() if all(e.accepted for e in events)}


def _accounts(history, wanted):
    """(target, person's events, account) where wanted(person, account) holds."""
    return [(target, events, account)
            for target in history.targets
            for key, (events, person) in _persons(history).items() if target.takes(key)
            for account in target.accounts
            if account.user_name == person.attributes.get("userName") and wanted(person, account)]


def state(history, rng):
    """An account holds the department of an older word, and nothing was refused to its person there."""
    refused = {(r.value["eventId"], r.value["target"]) for r in history.results
               if r.value["outcome"] in ("rejected", "denied")}
    found = _accounts(history, lambda p, a: p.active and a.active and "department" in p.attributes)
    account = rng.choice([a for target, events, a in found
                          if not any((e.id, target.name) in refused for e in events)])
    account.attributes["department"] = "of long ago"
    return "state"


def reordered(history, rng):
    """Long after all is final an old value is written, and right again before anybody looks."""
    done = {(r.value["eventId"], r.value["target"]) for r in history.results if r.value["outcome"] in FINAL_WORD}
    target, _, account = rng.choice([(t, events, a) for t, events, a in _accounts(history, lambda p, a: True)
                                     if any("displayName" in e.word.profile and (e.id, t.name) in done
                                            for e in events)])
    last = max(parse_rfc3339(r.value["finishedAt"]) for r in history.results)
    target.journal.append({"method": "PATCH", "path": f"/Users/{account.id}", "id": account.id,
                           "name": account.user_name, "class": "", "arrivedAt": last + LATE_MS,
                           "answeredAt": last + LATE_MS + 1, "late": False,
                           "body": '{"Operations":[{"op":"Replace","path":"displayName","value":"Nobody"}]}'})
    return "reordered"


def revived(history, rng):
    """A leaver's account is active for a moment."""
    _, _, account = rng.choice(_accounts(history, lambda p, a: p.active is False and not a.active))
    last = max(parse_rfc3339(r.value["finishedAt"]) for r in history.results)
    account.history += [Activity(last + LATE_MS, True), Activity(last + LATE_MS + 1, False)]
    return "revived"


def limit(history, rng):
    """As many calls at one instant as a window may hold, and one more."""
    target = rng.choice([t for t in history.targets if t.journal and any(u.limit for u in t.limits)])
    use = rng.choice([u for u in target.limits if u.limit])
    last = target.journal[-1]["arrivedAt"] + LATE_MS
    target.journal += [{"method": "GET", "path": "/Users", "id": None, "name": None, "class": use.name, "body": None,
                        "arrivedAt": last, "answeredAt": last, "late": False}] * (use.limit + 1)
    return "limit"


def malformed(history, rng):
    """A result's id is not made of event and target."""
    n = rng.choice([n for n, r in enumerate(history.results) if r.value["eventId"]])
    value = {**history.results[n].value, "id": rfc3339(0)}
    history.results[n] = dataclasses.replace(history.results[n], value=value)
    return "malformed"


PLANTS = (lost, duplicate, unknown, state, reordered, revived, limit, malformed)


def check_all(history, rng):
    """Names of what was not found. history must be without violations."""
    missed = []
    for plant in PLANTS:
        spoilt = copy.deepcopy(history)
        kind = plant(spoilt, rng)
        found = spoilt.check().of(kind)
        print(f"    planted: {kind}: {found[0].text if found else 'NOT FOUND'}")
        if not found:
            missed.append(kind)
    return missed
