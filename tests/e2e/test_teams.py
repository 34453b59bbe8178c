"""Teams: joined and left by name, a missing one holds nothing up, one of ours is made and attached to a team by REST, and the
guard counts removals."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms, rfc3339

SOON_S = 20
CREW, ROOM = 6, 3
SCOPES = "organizations:groups:read+organizations:teams:read+organizations:teams:write"
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


def allow_rest(run, sandbox):
    """A team of Miro's own, and the REST API by which the group of ours is to be in it; a function that tells whether it is."""
    org = "/v2/orgs/" + sandbox.rest("GET", "/v1/oauth-token", "attacher")["organization"]["id"]
    team = sandbox.rest("POST", f"{org}/teams", "attacher", {"name": "Guildhall"})["id"]
    run.config.document["targets"][0]["rest"] = {
        "url": f"http://127.0.0.1:{sandbox.port}", "org": org.rsplit("/", 1)[1], "token": run.config.secret("rest", "attacher")}
    run.config.document["targets"][0]["teams"]["attached"] = [{"group": "rc Guild", "team": "Guildhall"}]
    return lambda: len(sandbox.rest("GET", f"{org}/teams/{team}/groups", "attacher")["data"]) == 1


def set_up(run):
    """(worker, sandbox, a function that tells words and awaits their results, results, whether the group is in its team)"""
    policy = run.directory / "teams.lua"
    policy.write_text(POLICY, encoding="utf-8")
    run.config.document["worker"]["policy"] = str(policy)
    source = run.source("hr")
    sandbox = run.sandbox(target={"guard": {"removals": {"count": ROOM, "percent": 0, "floor": 0}},
                                  "group_mode": "user_group",
                                  "teams": {"relist_ms": 2000, "missing_ms": 1000, "owned": ["rc *"],
                                            "names": [{"name": "Ops", "group": "SG Ops"}]}},
                          default_team="Everybody", group_mode="user_group", rest_token=f"attacher={SCOPES}")
    attached = allow_rest(run, sandbox)
    for team in ("Design", "SG Ops"):
        sandbox.add_team(team)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")

    def tell(*words, wait=True):
        sender.deliver(source, *words)
        if wait:
            run.await_results(results)

    return worker, sandbox, tell, results, attached


def result_of(results, subject, event_type):
    return results.find(lambda r: r.value["subject"] == subject and r.value["eventType"]
                        and r.value["eventType"].endswith(event_type))[-1].value


@scenario(seconds=30)
def people_join_move_wait_for_a_team_or_have_it_made_and_are_not_all_removed_at_once(run):
    worker, sandbox, tell, results, attached = set_up(run)
    begin = now_ms() - 60_000
    tell(*(Word("joined", f"p{n}", begin, {"userName": user_name(n), "displayName": f"P {n}"},
                groups=("Design", "Void", "rc Guild") if n == 0 else ("Design", "rc Guild")) for n in range(CREW)))
    assert members(sandbox, "rc Guild") == set(range(CREW))
    made = [e for e in sandbox.journal() if e["method"] == "POST" and e["path"].endswith("/Groups")]
    assert len(made) == 1 and made[0]["status"] == 201, made
    wait_until(attached, SOON_S, "the group is attached to its team")
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
    bonds = [e for e in sandbox.journal() if e["method"] == "POST" and e["path"].endswith("/groups")]
    assert [e["status"] for e in bonds] == [201] and worker.metrics().get('rollcall_worker_groups_unattached{target="miro"}') == 0
    checked = run.command("target", "test", "miro").stdout
    assert "takes the token, for groups in teams" in checked, checked
    run.assert_clean(("displayName",))
