"""A week of the simulator's year with real programs: half a year's events of three hundred people and sixty teams in seven days
of four seconds. YEAR_PERSONS=10000 takes the simulator's company, in minutes; everything grows with it."""
import os
import signal

from harness.checker import collect_events, fold
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339
from harness.year import MANAGED, Year

PERSONS = int(os.environ.get("YEAR_PERSONS", "300"))
SIZE = PERSONS / 300
SLOWER = max(1, SIZE ** 0.7)  # so much longer everything takes
SCALE = 0.02  # of Miro's windows of 30 s
LIMITS = {"users.read": 200, "users.create": 200, "users.update": 100, "users.delete": 20, "groups.list": 5, "groups.update": 100}
TARGET = {"timeout_ms": 2000, "call_life_ms": 3000, "retry": {"base_ms": 200, "cap_ms": 1500, "deadline_ms": 3_600_000},
          "limits": [{"class": c, "count": n, "window_ms": int(30_000 * SCALE)} for c, n in LIMITS.items()],
          "teams": {"relist_ms": 10_000, "missing_ms": 1000},
          "guard": {"window_ms": 60_000, "removals": {"count": int(64 * SIZE), "percent": 0, "floor": 0},
                    "upgrades": {"count": 0, "percent": 0},
                    "deactivations": {"count": 0, "percent": 0}, "deletions": {"count": 0, "percent": 0},
                    "creations": {"count": 0}}}
WORKER = {"session_timeout_ms": 3000, "heartbeat_ms": 300, "transaction_timeout_ms": 4000, "drain_ms": 2000}
STORY = {"persons": PERSONS, "teams": 60, "days": 7, "pace": 26, "seed": 28, "last_s": 28 * SLOWER}
EVERYBODY = "Everybody"  # Miro's default team: who is made is in it, and no policy names it
FAULTS = [{"fault": "500", "probability": 0.01}, {"fault": "503", "probability": 0.01},
          {"fault": "drop_after_commit", "probability": 0.01}, {"fault": "429", "probability": 0.003}]
SETTLE_S = 90 * SLOWER
LOOK_S = max(1, SIZE / 6)  # between two looks at everybody


class Week:
    """The company of the story, and another one with a person and a policy that nobody changes."""

    def __init__(self, run):
        self.run, self.year = run, Year(run.build, **STORY)
        self.policy = run.directory / "year.lua"
        self.year.write_policy(self.policy, reorganised=False)
        run.config.document["worker"].update(WORKER)
        run.config.document["log"]["level"] = "info"
        run.config.add_tenant("acme", spread=4, policy=str(self.policy))
        self.hr, self.other = run.source("hr"), run.source("others", tenant="globex")
        self.miro = run.sandbox(target=TARGET, window_scale=SCALE, default_team=EVERYBODY, default_licence="Free",
                                journal_max=max(100_000, int(100_000 * SIZE / 4)))
        self.second = run.sandbox("second", tenant="globex")
        self.admins = {a.user_name for a in self.miro.accounts()}
        for team in self.year.company["teams"]:
            self.miro.add_team(team)
        for account in self.year.company["accounts"]:
            self.miro.add_user(account)
        for fault in FAULTS:
            self.miro.add_fault(**fault)
        self.sender = run.sender(run.ingest().start())
        self.workers = [run.worker(slot).start() for slot in ("w0", "w1")]
        self.results = run.topics.follow("results")
        self.approvals = self.farewells = self.licences = 0

    def held(self):
        return sum(w.metrics().get("rollcall_worker_persons_held", 0) for w in self.workers)

    def approve(self):
        """What the guards hold is a person's to decide; this one looks now and then."""
        if self.held() > 0:
            self.run.command("control", "approve", "--target", "miro", "--before", rfc3339(now_ms() + 1000), "--reason",
                             "as planned", "--by", "tester")
            self.approvals += 1

    def reorganise(self):
        self.year.write_policy(self.policy, reorganised=True)
        for worker in self.workers:
            worker.process.signal(signal.SIGHUP)

    def events(self):
        """{subject: events} of the story's company."""
        events = {}
        for event in collect_events(self.run.deliveries()).values():
            if event.person[0] == "acme":
                events.setdefault(event.person[2], []).append(event)
        return events

    def _strays_there(self, person, events, account):
        """What is not as the policy says of an account that is active."""
        (role, admin_roles, leads), has = self.year.rights_of(person.attributes), account.attributes.get("userType")
        led = any((e.word.profile.get("title") or "").startswith("Lead ") for e in events)
        self.licences += has == "Full"
        return [f"{what} {is_}, wanted {wanted}" for what, is_, wanted in (
            ("in", set(account.teams) - {EVERYBODY}, self.year.teams_of(person.attributes)),
            ("role", account.role, role), ("admin roles", set(account.admin_roles), admin_roles),
            ("licence Full", has == "Full", leads or (led and has == "Full"))) if is_ != wanted]

    def _strays_gone(self, subject, person, events, account):
        """Who leaves all teams before the cut is in none, or a result says why. Whoever was cut before stays in them."""
        cut = max((h.at_ms for before, h in zip(account.history, account.history[1:]) if before.active and not h.active), default=0)
        left = max((max(e.sent_ms, e.word.effective_ms or 0) for e in events if e.word.type == "left"), default=0)
        if not self.year.says_farewell(person) or cut < left:
            return []
        self.farewells += not account.teams
        said = {r["value"] for result in self.results.find(lambda r: r.value["subject"] == subject and r.value["target"] == "miro")
                for r in result.value.get("refused", []) if r["attribute"] == "teams"} if account.teams else set()
        return [f"in {team}, which was to be left before the cut" for team in account.teams if team not in said]

    def strays(self):
        """Everything that is not as the policy says: of everybody's access and rights, of every team from both sides."""
        accounts = {a.user_name.lower(): a for a in self.miro.accounts() if not a.deleted and a.user_name not in self.admins}
        wrong, now = [], now_ms()
        self.farewells = self.licences = 0
        for subject, events in self.events().items():
            person = fold(events)
            account = accounts.pop((person.attributes.get("userName") or "").lower(), None)
            active = account is not None and account.active
            if active != person.has_access(now):
                wrong.append(f"{subject}: active is {active}")
            elif account:
                found = self._strays_there(person, events, account) if active else self._strays_gone(subject, person, events, account)
                wrong += [f"{subject}: {what}" for what in found]
        return wrong + [f"nobody's account {name} is active" for name, account in accounts.items() if account.active]


@scenario(needs_real=True, seconds=60, deadline_s=int(180 * SLOWER))
def a_week_of_a_company_ends_with_everybody_as_the_policy_says(run):
    week = Week(run)
    week.sender.deliver(week.other, Word("joined", "g1", now_ms() - 1000, {"userName": "g1@example.com", "displayName": "G"}))
    story = week.year.tell(week.sender, week.hr)

    wait_until(lambda: now_ms() >= week.year.reorganised_at_ms, STORY["last_s"], "half of the week is over", every_s=0.05)
    week.reorganise()
    wait_until(lambda: week.held() > 0, SETTLE_S, "the reorganisation is held")
    week.workers[0].kill()
    run.disturbed_ms.append(now_ms())
    week.workers[0].start()

    def told():
        week.approve()
        return story.over

    wait_until(told, STORY["last_s"] + SETTLE_S, "all is told", every_s=1)
    week.miro.clear_faults()

    def settled():
        week.approve()
        return not week.strays()

    wait_until(settled, SETTLE_S, lambda: f"everybody is as the policy says: {week.strays()[:5]}", every_s=LOOK_S)
    run.await_results(week.results)
    run.assert_clean(MANAGED)
    assert week.approvals > 0 and week.farewells > 0 and week.licences > 0 and week.second.account("g1@example.com").active
    assert not any(u.over for u in week.miro.limits())
    print(f"    {story.told} webhooks, {week.approvals} approvals, {week.farewells} farewells, {week.licences} licences")
