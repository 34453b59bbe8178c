"""The checker: from what went in and what came out, everything that broke a promise. Jepsen's way: it knows
nothing of how Rollcall works, only what it promised.

In:  deliveries of webhooks, dumps of results and dead letters, for each target its accounts, limits, journal.
Out: a Report: what was counted, and a list of violations, each with its kind:

    lost            an accepted event has no result at a target of its tenant                (P1, P2, P6)
    duplicate       it has more than one                                                            (P2, P6)
    unknown         a result names an event or a target that there is not, or a refused webhook     (P2, P8)
    malformed       a result's id is not made of event and target                                   (P2)
    deadletter      rejected results and dead letters do not match one to one                       (P2)
    state           an account is not as the last words about its person want it                    (P3, P6)
    reordered       a write carried an older word's value after a newer word's result was final     (P3, P6)
    revived         an account was active although a final result had said that its person was out  (P3, P6)
    limit           more calls in a window than the target allows                                   (P5)
    overlap         a call for an account began while another for it was under way                  (P6)

A webhook that got no answer or a 5xx is *unknown*: its events may have happened or not. They count as
happened when they have a result anywhere; then they must have all of them, once.

The fold is the checker's own: words in the order of (occurredAt, more restrictive, event id); per register
the last one wins; joined, left and deleted set one register, suspended and resumed another, attributes each
their own. occurredAt must not lie in the future of its arrival (Rollcall clamps that, the checker does not).
"""
import bisect
import json
import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from .webhooks import ACCEPTED, REFUSED
from .words import EMPLOYMENT, SUSPENSION, now_ms, parse_rfc3339

FINAL_CUT = ("applied", "unchanged", "merged", "superseded")
FINAL_WORD = ("applied", "unchanged")  # the values of the word, or of later ones, stand in the account
CUT_SLACK_MS = 5000  # so long after its end an access may still be on its way out
CLOCK_SLACK_MS = 20  # history and results are stamped by two processes
DISTURBED_MS = 500   # so long a killed or continued program's calls may still arrive
USER_PATH = re.compile(r"/Users/([^/?]+)")


@dataclass
class Violation:
    kind: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


@dataclass
class Target:
    name: str
    tenant: str
    accounts: list              # sandbox.Account
    limits: list = field(default_factory=list)  # sandbox.LimitUse
    attributes: tuple = ()      # attributes that the policy manages and the fold must find at active accounts
    directory: str = ""         # whose persons it takes; "": the only one that its tenant has
    journal: list = field(default_factory=list)  # calls in order of arrival, as Sandbox.journal gives them

    def takes(self, person):
        return self.tenant == person[0] and self.directory in ("", person[1])


@dataclass
class Event:
    """One event id with everything that was sent for it."""

    id: str
    word: object
    person: tuple               # (tenant, directory, subject)
    sent_ms: int                # of the first attempt
    accepted: bool = False
    only_refused: bool = True


@dataclass
class Report:
    counts: dict
    violations: list

    @property
    def ok(self):
        return not self.violations

    def of(self, kind):
        return [v for v in self.violations if v.kind == kind]

    def __str__(self):
        counted = ", ".join(f"{n} {what}" for what, n in self.counts.items())
        lines = [f"checked: {counted}; {len(self.violations)} violations"]
        for kind, n in sorted(Counter(v.kind for v in self.violations).items()):
            lines.append(f"  {kind}: {n}")
            lines += [f"    {v.text}" for v in self.of(kind)[:5]]
        return "\n".join(lines)


def _sort_key(event, ranks):
    return event.word.occurred_ms, ranks.get(event.word.type, 0), event.id


ENDS_SUSPENSION = ("left", "deleted")


@dataclass
class Person:
    """What the last words say. Registers hold the event that won; None: no word."""

    employment: Event = None
    suspension: Event = None
    access: Event = None        # the last that said until when access lasts
    attributes: dict = field(default_factory=dict)

    @property
    def active(self):
        """True, False, or None when no word says whether the person is in."""
        if self.employment is None:
            return False if self.suspension and self.suspension.word.type == "suspended" else None
        return not self.cuts()

    def has_access(self, at_ms):
        """Whether somebody has said that the person is in, and neither a word nor time has ended it."""
        until = self.access.word.access_until_ms if self.access else 0
        return self.active is True and not (until and until <= at_ms)

    def cuts(self):
        """The words that take access away; any of them is enough."""
        cuts = [self.employment] if self.employment and self.employment.word.type != "joined" else []
        if self.suspension and self.suspension.word.type == "suspended":
            cuts.append(self.suspension)
        return cuts


def fold(events):
    """The person that these events, in whatever order given, amount to."""
    person = Person()
    for event in sorted(events, key=lambda e: _sort_key(e, EMPLOYMENT)):
        if event.word.type in EMPLOYMENT:
            person.employment = event
    for event in sorted(events, key=lambda e: _sort_key(e, SUSPENSION)):
        if event.word.type in SUSPENSION or event.word.type in ENDS_SUSPENSION:
            person.suspension = event
    for event in sorted(events, key=lambda e: _sort_key(e, {})):
        if event.word.access_until_ms is not None:
            person.access = event
        if event.word.complete:
            person.attributes = dict.fromkeys(person.attributes)
        person.attributes.update(event.word.profile)
    return person


def collect_events(deliveries):
    """Deliveries → {event id: Event}; redeliveries become one."""
    events = {}
    for d in deliveries:
        person = (*d.source.names(), d.word.subject)
        event = events.setdefault(d.event_id, Event(d.event_id, d.word, person, d.sent_ms))
        event.sent_ms = min(event.sent_ms, d.sent_ms)
        event.accepted |= d.outcome == ACCEPTED
        event.only_refused &= d.outcome == REFUSED
    return events


class Checker:
    def __init__(self, deliveries, results, dead_letters, targets, disturbed_ms=(), at_ms=0):
        """results, dead_letters: topics.Record of read_committed dumps, made when nothing is under way.
        at_ms: when the accounts of the targets were read: what ended later is no matter of theirs; 0: now.
        disturbed_ms: when programs were killed, stopped or continued: then calls may meet their successors'."""
        self.at_ms = at_ms or now_ms()
        self.disturbed_ms = sorted(disturbed_ms)
        self.events = collect_events(deliveries)
        self.results = [r.value for r in results]
        self.dead_letters = [r.value for r in dead_letters]
        self.targets = {(t.tenant, t.name): t for t in targets}
        self.violations = []
        self.by_event = defaultdict(list)  # (event id, target) → results
        for result in self.results:
            if result["eventId"] is not None:
                self.by_event[result["eventId"], result["target"]].append(result)
        with_result = {event_id for event_id, _ in self.by_event}
        self.happened = {i: e for i, e in self.events.items() if e.accepted or i in with_result}

    def _violation(self, kind, text):
        self.violations.append(Violation(kind, text))

    def _targets_of(self, person):
        return [t for t in self.targets.values() if t.takes(person)]

    def _say(self, event):
        return f"{event.id} ({event.word.type} of {'/'.join(event.person)})"

    def check_results(self):
        """accepted × targets = results."""
        for event in self.happened.values():
            for target in self._targets_of(event.person):
                found = self.by_event.get((event.id, target.name), [])
                if not found:
                    self._violation("lost", f"{self._say(event)} has no result at {target.name}")
                if len(found) > 1:
                    outcomes = [r["outcome"] for r in found]
                    self._violation("duplicate", f"{self._say(event)} has {outcomes} at {target.name}")

    def check_unknown(self):
        for (event_id, target), found in self.by_event.items():
            event = self.events.get(event_id)
            if event is None:
                self._violation("unknown", f"result of event {event_id}, which nobody sent")
            elif event.only_refused:
                self._violation("unknown", f"result of {self._say(event)}, which was refused")
            elif all(t.name != target for t in self._targets_of(event.person)):
                self._violation("unknown", f"result of {self._say(event)} at {target}, none of its targets")
            for result in found:
                if result["id"] != f"{event_id}/{target}":
                    self._violation("malformed", f"{event_id} at {target}: result has the id {result['id']}")

    def check_dead_letters(self):
        rejected = Counter(r["id"] for r in self.results if r["outcome"] == "rejected")
        letters = Counter(d["result"]["id"] for d in self.dead_letters if d["kind"] == "rejected")
        for result_id in rejected.keys() | letters.keys():
            if rejected[result_id] != letters[result_id]:
                self._violation("deadletter", f"{result_id}: rejected {rejected[result_id]} times, "
                                              f"{letters[result_id]} dead letters")

    def _persons(self):
        persons = defaultdict(list)
        for event in self.happened.values():
            persons[event.person].append(event)
        return persons

    def _accounts(self, target, person):
        """Every account that the person has or had under the present name, deleted ones included."""
        name = (person.attributes.get("userName") or "").lower()
        return [a for a in target.accounts if a.user_name.lower() == name]

    def _excused(self, events, target):
        """A refusal for good, by target or person, explains a missing account, never a remaining one."""
        outcomes = {r["outcome"] for e in events for r in self.by_event.get((e.id, target.name), [])}
        return bool(outcomes & {"rejected", "denied"})

    def check_states(self):
        for key, events in self._persons().items():
            person = fold(events)
            for target in self._targets_of(key):
                self._check_state("/".join(key), person, target, self._excused(events, target))

    def _check_state(self, who, person, target, excused):
        account = next((a for a in self._accounts(target, person) if a.active and not a.deleted), None)
        is_active = account is not None
        if person.active is True and not person.has_access(self.at_ms):
            if is_active and not person.has_access(self.at_ms - CUT_SLACK_MS):
                self._violation("state", f"{who} is active at {target.name} after {self._say(person.access)} has ended")
            return
        if person.active is False and is_active:
            cuts = ", ".join(self._say(e) for e in person.cuts())
            self._violation("state", f"{who} is active at {target.name} in spite of {cuts}")
        if person.active is True and not is_active and not excused:
            self._violation("state", f"{who} has no active account at {target.name}")
        if person.active is True and is_active and not excused:
            self._check_attributes(who, person, account, target)

    def _check_attributes(self, who, person, account, target):
        for name in target.attributes:
            if name not in person.attributes:
                continue
            wanted, found = person.attributes[name], account.attributes.get(name)
            if (wanted or None) != (found or None):
                self._violation("state", f"{who} has {name} {found!r} at {target.name}, not {wanted!r}")

    def check_revivals(self):
        """Nobody is active between the final result of a word that cuts and the next that grants."""
        for key, events in self._persons().items():
            for target in self._targets_of(key):
                for account in self._accounts(target, fold(events)):
                    self._check_history("/".join(key), events, target, account)

    def _check_history(self, who, events, target, account):
        active = active_intervals(account.history)
        for begin, end in self._forbidden(events, target):
            for on, off in active:
                if max(on, begin + CLOCK_SLACK_MS) < min(off, end):
                    self._violation("revived", f"{who} is active at {target.name} from {on} to {off} ms, "
                                               f"but out from {begin} to {end} ms")

    def _forbidden(self, events, target):
        """Intervals in which everything sent so far says "out" and a result has confirmed it."""
        sent = sorted({e.sent_ms for e in events})
        for at, until in zip(sent, [*sent[1:], float("inf")]):
            person = fold([e for e in events if e.sent_ms <= at])
            if person.active is not False:
                continue
            finals = [f for e in person.cuts() for f in self._final_times(e, target)]
            if finals and max(at, min(finals)) < until:
                yield max(at, min(finals)), until

    def _final_times(self, event, target, outcomes=FINAL_CUT):
        return [parse_rfc3339(r["finishedAt"]) for r in self.by_event.get((event.id, target.name), [])
                if r["outcome"] in outcomes]

    def check_order(self):
        """No write carries the value of a word when the result of a later one is final."""
        for target in self.targets.values():
            writes = defaultdict(list)  # user name → calls
            for call in target.journal:
                if call["method"] in ("POST", "PATCH", "PUT") and call.get("name"):
                    writes[call["name"].lower()].append(call)
            for key, events in self._persons().items():
                if target.takes(key) and writes:
                    name = (fold(events).attributes.get("userName") or "").lower()
                    self._check_writes("/".join(key), events, target, writes.get(name, ()))

    def _check_writes(self, who, events, target, calls):
        order = {name: self._order_of(events, target, name) for name in target.attributes}
        for call in calls:
            for name, value in written_values(call).items():
                if name in order:
                    self._check_write(who, target, call, (name, value), order[name])

    def _order_of(self, events, target, name):
        """(words that set the attribute, oldest first; [(final at, its place)…] as time goes)."""
        setting = sorted((e for e in events if name in e.word.profile or e.word.complete),
                         key=lambda e: _sort_key(e, {}))
        finals = sorted((min(times), place) for place, e in enumerate(setting)
                        if (times := self._final_times(e, target, FINAL_WORD)))
        return setting, finals

    def _check_write(self, who, target, call, written, order):
        (name, value), (setting, finals) = written, order
        known = bisect.bisect_left(finals, (call["arrivedAt"] - CLOCK_SLACK_MS, -1))
        if known == 0:
            return
        newest = max(place for _, place in finals[:known])
        allowed = {e.word.profile.get(name) or None for e in setting[newest:]}
        if (value or None) not in allowed:
            self._violation("reordered", f"{who} is written {name} {value!r} at {target.name} at "
                                         f"{call['arrivedAt']}, after the result of {self._say(setting[newest])}")

    def check_limits(self):
        for target in self.targets.values():
            for use in target.limits:
                most = max(use.max_sliding, use.max_fixed)
                if use.limit and (use.over or most > use.limit):
                    self._violation("limit", f"{target.name}: {use.name}: {use.over} calls over the limit of "
                                             f"{use.limit}, at most {most} in a window")
                self._check_window(target, use)

    def _check_window(self, target, use):
        """Counts once more, from the journal alone: no window of any kind holds more than the limit."""
        window, most = deque(), 0
        for at in (c["arrivedAt"] for c in target.journal if c["class"] == use.name and use.limit):
            window.append(at)
            while at - window[0] >= use.window_ms:
                window.popleft()
            most = max(most, len(window))
        if most > use.limit:
            self._violation("limit", f"{target.name}: {use.name}: {most} calls within {use.window_ms} ms, by "
                                     f"the journal; {use.limit} are allowed")

    def check_overlaps(self):
        """At most one call per account is under way. One without an answer may still be: doubt covers that."""
        for target in self.targets.values():
            by_account = defaultdict(list)
            for call in target.journal:
                found = USER_PATH.search(call["path"])
                if found or call["id"]:
                    by_account[found.group(1) if found else call["id"]].append(call)
            for account, calls in by_account.items():
                self._check_calls(f"{target.name}: account {account}", calls)

    def _check_calls(self, what, calls):
        last = None  # of the answered ones, that with the latest answer
        for call in calls:
            if last and call["arrivedAt"] < last["answeredAt"] and not self._disturbed(last, call):
                ran = f"{last['method']} ran from {last['arrivedAt']} to {last['answeredAt']}"
                self._violation("overlap", f"{what}: {call['method']} at {call['arrivedAt']}, but {ran}")
            if call["answeredAt"] and (last is None or call["answeredAt"] > last["answeredAt"]):
                last = call

    def _disturbed(self, first, second):
        begin, end = first["arrivedAt"] - DISTURBED_MS, second["arrivedAt"]
        return any(begin <= at <= end for at in self.disturbed_ms)

    def run(self):
        self.check_results()
        self.check_unknown()
        self.check_dead_letters()
        self.check_states()
        self.check_order()
        self.check_revivals()
        self.check_limits()
        self.check_overlaps()
        counts = {
            "events": len(self.events),
            "accepted": sum(e.accepted for e in self.events.values()),
            "unanswered": sum(not e.accepted and not e.only_refused for e in self.events.values()),
            "refused": sum(e.only_refused for e in self.events.values()),
            "persons": len(self._persons()),
            "targets": len(self.targets),
            "results": sum(r["eventId"] is not None for r in self.results),
            "effects": sum(r["eventId"] is None for r in self.results),
            "leavers": sum(fold(e).active is False for e in self._persons().values()),
            "dead letters": len(self.dead_letters),
            "accounts": sum(len(t.accounts) for t in self.targets.values()),
            "calls": sum(u.arrivals for t in self.targets.values() for u in t.limits),
            "late calls": sum(c["late"] for t in self.targets.values() for c in t.journal),
        }
        return Report(counts, self.violations)


def written_values(call):
    """{attribute: value} that a call for a user writes, by the rules of SCIM; None: removed."""
    try:
        body = json.loads(call.get("body") or "{}")
    except ValueError:
        return {}
    if call["method"] != "PATCH":
        members = [body, *(v for k, v in body.items() if k.startswith("urn:") and isinstance(v, dict))]
        return {k: v for m in members for k, v in m.items() if isinstance(v, str)}
    return {o["path"].rpartition(":")[2]: o.get("value") for o in body.get("Operations", []) if o.get("path")}


def active_intervals(history):
    """[(from, to)] in which the account was active; history: oldest first; the last may have no end."""
    intervals, since = [], None
    for activity in history:
        if activity.active and since is None:
            since = activity.at_ms
        if not activity.active and since is not None:
            intervals.append((since, activity.at_ms))
            since = None
    if since is not None:
        intervals.append((since, float("inf")))
    return intervals


@dataclass
class History:
    """What Checker takes, as one thing."""

    deliveries: list
    results: list
    dead_letters: list
    targets: list
    disturbed_ms: list = field(default_factory=list)
    at_ms: int = 0

    def check(self):
        return Checker(self.deliveries, self.results, self.dead_letters, self.targets, self.disturbed_ms, self.at_ms).run()


def check(deliveries, results, dead_letters, targets, disturbed_ms=(), at_ms=0):
    return History(deliveries, results, dead_letters, targets, disturbed_ms, at_ms).check()
