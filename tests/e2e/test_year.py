"""A week of the simulator's year with real programs: two hundred people's half a year of events in seven days of five seconds."""
import signal

from harness.checker import collect_events, fold
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339
from harness.year import MANAGED, Year

SCALE = 0.02  # of Miro's windows of 30 s
LIMITS = {"users.read": 200, "users.create": 200, "users.update": 100, "users.delete": 20, "groups.list": 5, "groups.update": 100}
TARGET = {"timeout_ms": 2000, "call_life_ms": 3000, "retry": {"base_ms": 200, "cap_ms": 1500, "deadline_ms": 3_600_000},
          "limits": [{"class": c, "count": n, "window_ms": int(30_000 * SCALE)} for c, n in LIMITS.items()],
          "teams": {"relist_ms": 10_000, "missing_ms": 1000},
          "guard": {"window_ms": 60_000, "removals": {"count": 30, "percent": 0, "floor": 0},
                    "deactivations": {"count": 0, "percent": 0}, "deletions": {"count": 0, "percent": 0},
                    "creations": {"count": 0}}}
WORKER = {"session_timeout_ms": 3000, "heartbeat_ms": 300, "transaction_timeout_ms": 4000, "drain_ms": 2000}
STORY = {"persons": 300, "teams": 12, "days": 7, "pace": 26, "seed": 11, "last_s": 28}
EVERYBODY = "Everybody"  # Miro's default team: who is made is in it, and no policy names it
FAULTS = [{"fault": "500", "probability": 0.01}, {"fault": "503", "probability": 0.01},
          {"fault": "drop_after_commit", "probability": 0.01}, {"fault": "429", "probability": 0.003}]
SETTLE_S = 90


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
        self.miro = run.sandbox(target=TARGET, window_scale=SCALE, default_team=EVERYBODY)
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
        self.approvals = 0

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

    def expected(self):
        """{subject: person} as the last words say, of the story's company."""
        events = {}
        for event in collect_events(self.run.deliveries()).values():
            if event.person[0] == "acme":
                events.setdefault(event.person[2], []).append(event)
        return {subject: fold(of_one) for subject, of_one in events.items()}

    def strays(self):
        """Everything that is not as the policy says: of everybody's access, of every team from both sides."""
        active = {a.user_name.lower(): a for a in self.miro.accounts() if a.active and not a.deleted and a.user_name not in self.admins}
        wrong, now = [], now_ms()
        for subject, person in self.expected().items():
            account = active.pop((person.attributes.get("userName") or "").lower(), None)
            wanted, teams = self.year.teams_of(person.attributes), set(account.teams if account else ()) - {EVERYBODY}
            if (account is not None) != person.has_access(now):
                wrong.append(f"{subject}: active is {account is not None}")
            elif account and teams != wanted:
                wrong.append(f"{subject}: in {sorted(teams)}, wanted {sorted(wanted)}")
        return wrong + [f"nobody's account {name} is active" for name in active]


@scenario(needs_real=True, seconds=60)
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

    wait_until(settled, SETTLE_S, lambda: f"everybody is as the policy says: {week.strays()[:5]}", every_s=1)
    run.await_results(week.results)
    run.assert_clean(MANAGED)
    assert week.approvals > 0 and week.second.account("g1@example.com").active
    assert not any(u.over for u in week.miro.limits())
    print(f"    {story.told} webhooks, {week.approvals} approvals")
