"""Teams: joined and left by name, a missing one holds nothing up, one of ours is made, and the guard counts removals."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339

SOON_S = 20
CREW, ROOM = 6, 3
# A word in a test's policy: in or out of Design, whoever made the membership; of other teams only who is in.
POLICY = """
return {desired = function(person)
    if not person.active then
        return {active = false}
    end
    local teams = {Design = false}
    for name in pairs(person.groups) do
        teams[name] = true
    end
    return {active = true, userName = person.profile.userName, displayName = person.profile.displayName, teams = teams}
end}
"""


def user_name(n):
    return f"p{n}@example.com"


def members(sandbox, team):
    return {n for n in range(CREW) if team in sandbox.account(user_name(n)).teams}


def set_up(run):
    """(worker, sandbox, a function that tells words and awaits their results, results)"""
    policy = run.directory / "teams.lua"
    policy.write_text(POLICY, encoding="utf-8")
    run.config.document["worker"]["policy"] = str(policy)
    source = run.source("hr")
    sandbox = run.sandbox(target={"guard": {"removals": {"count": ROOM, "percent": 0, "floor": 0}},
                                  "group_mode": "user_group",
                                  "teams": {"relist_ms": 2000, "missing_ms": 1000, "owned": ["rc *"],
                                            "names": [{"name": "Ops", "group": "SG Ops"}]}},
                          default_team="Everybody", group_mode="user_group")
    for team in ("Design", "SG Ops"):
        sandbox.add_team(team)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")

    def tell(*words, wait=True):
        sender.deliver(source, *words)
        if wait:
            run.await_results(results)

    return worker, sandbox, tell, results


def result_of(results, subject, event_type):
    return results.find(lambda r: r.value["subject"] == subject and r.value["eventType"]
                        and r.value["eventType"].endswith(event_type))[-1].value


@scenario(seconds=30)
def people_join_move_wait_for_a_team_or_have_it_made_and_are_not_all_removed_at_once(run):
    worker, sandbox, tell, results = set_up(run)
    begin = now_ms() - 60_000
    tell(*(Word("joined", f"p{n}", begin, {"userName": user_name(n), "displayName": f"P {n}"},
                groups=("Design", "Void", "rc Guild") if n == 0 else ("Design", "rc Guild")) for n in range(CREW)))
    assert members(sandbox, "rc Guild") == set(range(CREW))
    made = [e for e in sandbox.journal() if e["method"] == "POST" and e["path"].endswith("/Groups")]
    assert len(made) == 1 and made[0]["status"] == 201, made
    assert members(sandbox, "Design") == set(range(CREW))
    joined = result_of(results, "p0", "joined")
    assert joined["outcome"] == "applied" and {"attribute": "teams", "before": None, "after": "Design"} in joined["changes"]
    assert [(r["attribute"], r["value"]) for r in joined["refused"]] == [("teams", "Void")], joined

    tell(Word("membership.added", "p1", begin + 1000, groups=("Ops",)),
         Word("membership.removed", "p1", begin + 1000, groups=("Design",)))
    assert members(sandbox, "SG Ops") == {1} and members(sandbox, "Design") == {0, 2, 3, 4, 5}
    assert "Everybody" in sandbox.account(user_name(1)).teams

    sandbox.add_team("Void")
    wait_until(lambda: members(sandbox, "Void") == {0}, SOON_S, "the team is taken up when it appears")

    tell(*(Word("membership.removed", f"p{n}", begin + 2000, groups=("Design",)) for n in (0, 2, 3, 4, 5)), wait=False)
    kept = CREW - ROOM
    wait_until(lambda: worker.metrics().get("rollcall_worker_persons_held") == kept, SOON_S, "what is unusual is held")
    wait_until(lambda: len(members(sandbox, "Design")) == kept, SOON_S, "the usual number leaves")
    listed = run.command("control", "holds").stdout.splitlines()
    assert len(listed) == kept and all("removal of acme/hr/p" in line and " from Design at miro" in line for line in listed), listed
    run.command("control", "approve", "--target", "miro", "--before", rfc3339(now_ms() + 1000),
                "--reason", "the test wants it", "--by", "tester")
    run.await_results(results)
    assert not members(sandbox, "Design")

    tell(Word("left", "p1", begin + 3000))
    assert not sandbox.account(user_name(1)).active and members(sandbox, "SG Ops") == {1}
    moves = [e for e in sandbox.journal() if "/Groups/" in e["path"]]
    assert moves and all(e["bodyBytes"] < 500 and "attributes=id" in e["path"] for e in moves), moves
    run.assert_clean(("displayName",))
