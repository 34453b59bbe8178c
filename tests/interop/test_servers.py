"""Our worker at SCIM servers that we did not write: each lifecycle, read back from the server behind Rollcall's back."""
from pathlib import Path

from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

from servers import ENTERPRISE, scim2_server, scim2_server_without_patch, scimmy

POLICY = Path(__file__).with_name("policy.lua")
SOON_S = 30
BY_MAIL = "externalId, emails.work"
TEAMS = "Design", "Ops"
QUICK = {"kind": "scim", "match": "externalId", "call_life_ms": 1000, "timeout_ms": 1000,
         "retry": {"base_ms": 100, "cap_ms": 500, "deadline_ms": 60_000}, "breaker": {"pause_ms": 100, "pause_max_ms": 500},
         "teams": {"relist_ms": 0, "missing_ms": 1000},
         "limits": [{"class": c, "count": 10_000, "window_ms": 1000} for c in
                    ("users.read", "users.create", "users.update", "users.delete", "groups.read", "groups.update")]}


class Walk:
    """One server, one worker, and what is told of people."""

    def __init__(self, run, server, **target):
        self.run, self.server = run, server
        run.config.document["worker"]["policy"] = str(POLICY)
        self.source = run.source("hr")
        run.config.add_target(server, "acme", **{**QUICK, **target})
        self.at_ms = now_ms() - 60_000

    def start(self):
        ingest = self.run.ingest().start()
        self.run.worker().start()
        self.sender, self.results = self.run.sender(ingest), self.run.topics.follow("results")

    def say(self, *said):
        """said: (type, subject, profile)."""
        self.at_ms += 1000
        self.sender.deliver(self.source, *(Word(kind, subject, self.at_ms, profile) for kind, subject, profile in said))

    def results_at(self, target):
        """The last one of each subject."""
        return {r.value["subject"]: r.value for r in self.results.find(lambda r: r.value["target"] == target)}

    def tell(self, *said):
        """Says it, and returns their results by subject, when all are there."""
        self.say(*said)
        self.run.await_results(self.results, SOON_S)
        last = self.results_at(self.server.name)
        return {subject: last[subject] for _, subject, _ in said}

    def outcome(self, kind, subject, profile=None):
        result = self.tell((kind, subject, profile or {}))[subject]
        return result["outcome"], result


def mail(name):
    return f"{name}@example.com"


def profile(name, department="Design", **more):
    return {"userName": mail(name), "displayName": name.title(), "name.givenName": name.title(),
            "name.familyName": "Tester", "emails.work": mail(name), "department": department, **more}


def joins_moves_leaves_and_comes_back(walk, design, ops):
    server = walk.server
    other = server.add_user(mail("other"))
    outcome, result = walk.outcome("joined", "zoe", profile("zoe", employeeNumber="1", title="Chef"))
    assert outcome == "applied", result
    zoe = server.user(mail("zoe"))
    assert zoe["active"] is True and zoe["displayName"] == "Zoe" and zoe["title"] == "Chef", zoe
    assert zoe["name"]["familyName"] == "Tester" and zoe["externalId"] == "zoe", zoe
    assert zoe[ENTERPRISE]["department"] == "Design" and zoe[ENTERPRISE]["employeeNumber"] == "1", zoe
    assert [e["value"] for e in zoe["emails"]] == [mail("zoe")], zoe
    assert server.members(design) == [zoe["id"]] and server.members(ops) == [], server.members(design)

    outcome, result = walk.outcome("changed", "zoe", {"displayName": "Zoe T.", "title": None, "department": "Ops",
                                                       "emails.work": mail("z.t")})
    assert outcome == "applied", result
    moved = server.user(mail("zoe"))
    assert moved["displayName"] == "Zoe T." and not moved.get("title"), moved
    assert moved[ENTERPRISE]["department"] == "Ops" and moved["name"]["familyName"] == "Tester", moved
    assert [e["value"] for e in moved["emails"]] == [mail("z.t")], moved
    assert server.members(ops) == [zoe["id"]] and server.members(design) == [], server.members(design)

    assert walk.outcome("changed", "zoe", {"userName": mail("zora")})[0] == "applied"
    assert server.user(mail("zora"))["id"] == zoe["id"] and not server.users(mail("zoe"))
    assert walk.outcome("changed", "zoe", {"displayName": "Zoe T."})[0] == "unchanged"

    assert walk.outcome("left", "zoe")[0] == "applied"
    assert server.user(mail("zora"))["active"] is False
    assert walk.outcome("joined", "zoe", {"displayName": "Zoe again"})[0] == "applied"
    again = server.user(mail("zora"))
    assert again["active"] is True and again["displayName"] == "Zoe again" and again["id"] == zoe["id"], again
    assert server.user(mail("other"))["id"] == other and server.user(mail("other"))["active"] is True


def adopts_with_care(walk, design):
    server = walk.server
    home = {"value": "ada@home.example", "type": "home"}  # which is neither the one for work nor to be lost
    server.add_user(mail("ada"), displayName="Old", externalId="ada", emails=[home])
    server.add_user(mail("eve"), displayName="Old")  # no externalId: a look-up misses, and a create is refused with 409
    server.add_user(mail("ivy"), displayName="Old", externalId="ivy", active=False)
    server.add_user(mail("kim"), displayName="Old", externalId="kim", **{ENTERPRISE: {"employeeNumber": "99"}})
    results = walk.tell(*(("joined", name, profile(name, employeeNumber="7")) for name in ("ada", "eve", "ivy", "kim")))
    for name in ("ada", "eve"):
        assert results[name]["outcome"] == "applied", results[name]
        account = server.user(mail(name))
        assert account["displayName"] == name.title() and account.get("externalId") == name, (account, results[name])
        assert account["id"] in server.members(design)
        assert {"work": mail(name)}.items() <= {e.get("type"): e["value"] for e in account["emails"]}.items(), account
    assert {e["value"] for e in server.user(mail("ada"))["emails"]} == {mail("ada"), home["value"]}, server.user(mail("ada"))
    for name in ("ivy", "kim"):
        assert results[name]["outcome"] == "rejected" and "finding" in results[name]["cause"], results[name]
        assert server.user(mail(name))["displayName"] == "Old"


def finds_by_mail(walk, design):
    """By two calls: a filter that is refused, or passed over, would cost a list of everybody."""
    server = walk.server
    mia = server.add_user(mail("mia.b"), displayName="Old", emails=[{"value": mail("mia"), "type": "work", "primary": True}])
    outcome, result = walk.outcome("joined", "mia", profile("mia"))
    assert outcome == "applied" and result["operations"][0]["attempts"] == 2, result
    assert server.user(mail("mia"))["id"] == mia and mia in server.members(design)


def walk_through(walk, by_mail=False):
    design, ops = (walk.server.add_group(team) for team in TEAMS)
    walk.start()
    joins_moves_leaves_and_comes_back(walk, design, ops)
    adopts_with_care(walk, design)
    if by_mail:
        finds_by_mail(walk, design)
    nobody_is_twice_in(walk, design, ops)


def nobody_is_twice_in(walk, *groups):
    for group in groups:
        members = walk.server.members(group)
        assert len(members) == len(set(members)), members


@scenario(seconds=8)
def scim2_server_of_today(run):
    walk_through(Walk(run, scim2_server(run, "0.8.3"), match=BY_MAIL), by_mail=True)


@scenario(seconds=12)
def scim2_server_without_patch_and_filters_by_cursor(run):
    walk = Walk(run, scim2_server_without_patch(run), capabilities={"members": "on"})  # it leaves empty lists out
    walk_through(walk)
    methods = {o["method"] for r in walk.results.find(lambda _: True) for o in r.value["operations"]}
    assert methods == {"GET", "POST", "PUT"}, methods


@scenario(seconds=8)
def scim2_server_as_it_was(run):
    walk_through(Walk(run, scim2_server(run, "0.1.7")))


def one_of_three_is_away_for_a_while(walk, away, miro):
    """away hangs, whatever it is asked; the person is done at the two others meanwhile, and there when it is back."""
    done = walk.server.name, miro.name
    away.process.pause()
    for kind, said in (("joined", profile("kai")), ("changed", {"displayName": "Kai T."})):
        walk.say((kind, "kai", said))
        wait_until(lambda: all(walk.results_at(name).get("kai", {}).get("eventType", "").endswith(kind) for name in done),
                   SOON_S, f"the two others are done with {kind}")
    assert walk.server.user(mail("kai"))["displayName"] == miro.account(mail("kai")).attributes["displayName"] == "Kai T."
    assert "kai" not in walk.results_at(away.name)
    away.process.resume()
    walk.run.await_results(walk.results, SOON_S)
    kai = away.user(mail("kai"))
    assert kai["displayName"] == "Kai T." and kai["externalId"] == "kai" and kai["active"] is True, kai
    outcomes = {name: walk.results_at(name)["kai"]["outcome"] for name in (*done, away.name)}
    assert set(outcomes.values()) == {"applied"}, outcomes


@scenario(seconds=20)
def scimmy_for_node_beside_two_other_targets_one_of_which_is_away(run):
    walk, away = Walk(run, scimmy(run), match=BY_MAIL), scim2_server(run, "0.8.3")
    run.config.add_target(away, "acme", **QUICK)
    miro = run.sandbox(target={k: v for k, v in QUICK.items() if k not in ("kind", "match", "limits")})
    for team in TEAMS:
        miro.add_team(team)
        away.add_group(team)
    walk_through(walk, by_mail=True)
    one_of_three_is_away_for_a_while(walk, away, miro)
