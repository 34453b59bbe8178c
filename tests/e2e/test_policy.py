"""Policies are tried before they are let loose: `policy test` on cases, `target test` on a target."""
import json
import signal
import subprocess

from harness.config import REPO
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

SOON_S = 20
SAMPLES = REPO / "deploy" / "config"
CASES = SAMPLES / "policy-cases.yaml"


def policy_test(run, *args, code):
    done = subprocess.run([run.build / "rollcall-worker", "policy", "test", *args], capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@scenario(broker=False, seconds=2)
def the_sample_policies_hold_what_their_cases_say_and_a_wrong_one_is_told(run):
    assert " as expected, 0 differ\n" in policy_test(run, CASES, "--config", SAMPLES / "rollcall.yaml", code=0)
    assert " as expected, 0 differ\n" in policy_test(run, CASES, "--policy", SAMPLES / "policy.yaml", code=0)

    wrong = run.directory / "policy.yaml"
    text = (SAMPLES / "policy.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("leavers: deactivate", "leavers: delete").replace("cut:60", "cut:50"), encoding="utf-8")
    told = policy_test(run, CASES, "--policy", wrong, code=1).splitlines()
    left = told.index("who has left is cut, and nothing else is changed: differs")
    assert told[left + 1].split() == ["answer", "expected", '"account"', "got", '"delete"'], told
    long = told.index("a name that is too long is shown, cut to 60 characters: differs")
    assert told[long + 1].startswith('    displayName          expected "Pablo Diego'), told
    assert told[-1].endswith(" as expected, 4 differ"), told

    wrong.write_text(text.replace("leavers:", "leaver:"), encoding="utf-8")
    assert "policy.yaml: leaver: unknown key" in policy_test(run, CASES, "--policy", wrong, code=78)
    config = run.directory / "rollcall.yaml"
    (run.directory / "acme.yaml").write_text(text.replace("cut:60", "cut:50"), encoding="utf-8")
    (run.directory / "policy.lua").write_text((SAMPLES / "policy.lua").read_text(encoding="utf-8"), encoding="utf-8")
    sample = (SAMPLES / "rollcall.yaml").read_text(encoding="utf-8")
    config.write_text(sample.replace("#policy: acme.lua", "policy: acme.yaml"), encoding="utf-8")
    assert " as expected, 0 differ\n" in policy_test(run, CASES, "--config", config, code=0), "nobody is acme's"
    policy_test(run, CASES, "--config", config, "--tenant", "acme", code=1)
    assert "knows no tenant acne" in policy_test(run, CASES, "--config", config, "--tenant", "acne", code=78)

    cases = run.directory / "cases.json"
    cases.write_text(json.dumps({"cases": [{"name": "x", "person": {"groups": "A"}}]}), encoding="utf-8")
    assert "cases[0].person.groups: must be a list" in policy_test(run, cases, "--policy", SAMPLES / "policy.lua", code=65)
    policy_test(run, "--policy", SAMPLES / "policy.lua", code=64)


# Of p0 it wants another name; of the others what no policy should say.
BROKEN = """
local faults = {
    ["p1@example.com"] = function() error("no luck") end,
    ["p2@example.com"] = function() return { active = "false" } end,
    ["p3@example.com"] = function() while true do end end,
    ["p4@example.com"] = function() local all = {} for i = 1, 1e5 do all[i] = ("x"):rep(60000) .. i end end,
    ["p5@example.com"] = function() return nil end,
    ["p6@example.com"] = function() return "delete" end,
}
return { desired = function(person)
    local name = person.profile.userName
    local fault = faults[name]
    if fault then return fault() end
    return { active = true, userName = name, displayName = "changed" }
end }
"""
PERSONS, FAILING = 7, 5


def reload(worker):
    done, refused = (f'rollcall_worker_reloads_total{{outcome="{o}"}}' for o in ("done", "refused"))
    before = worker.metrics()
    worker.process.signal(signal.SIGHUP)
    wait_until(lambda: any(worker.metrics().get(m, 0) > before.get(m, 0) for m in (done, refused)), SOON_S, "reloaded")
    return worker.metrics().get(done, 0) > before.get(done, 0)


def writes(sandbox):
    return [(c["method"], c["name"]) for c in sandbox.journal() if c["method"] != "GET"]


@scenario(seconds=8)
def a_mistake_in_a_policy_takes_nothing_away(run):
    source, sandbox = run.source("hr"), run.sandbox()
    path = run.directory / "policy.yaml"
    good = (SAMPLES / "policy.yaml").read_text(encoding="utf-8")
    path.write_text(good, encoding="utf-8")
    run.config.document["worker"]["policy"] = str(path)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, *(Word("joined", f"p{n}", now_ms() - 60_000, {"userName": f"p{n}@example.com"})
                             for n in range(PERSONS)))
    run.await_results(results)
    before = writes(sandbox)

    path.write_text(good.replace("leavers: deactivate", "leavers: everybody"), encoding="utf-8")
    assert not reload(worker), "a policy that does not load is taken"
    assert "leavers: must be deactivate, leave_teams, delete" in worker.process.log()
    assert writes(sandbox) == before

    run.config.document["worker"]["policy"] = str(run.directory / "policy.lua")
    (run.directory / "policy.lua").write_text(BROKEN, encoding="utf-8")
    worker._write_config()
    assert reload(worker)
    sender.deliver(source, *(Word("changed", f"p{n}", now_ms(), {"title": "x"}) for n in range(PERSONS)))
    wait_until(lambda: worker.metrics()["rollcall_worker_policy_errors_total"] >= FAILING, SOON_S, "the policy fails for some")
    wait_until(lambda: sandbox.account("p0@example.com").attributes.get("displayName") == "changed", SOON_S, "p0 is changed")
    wait_until(lambda: len(results.find(lambda r: r.value["outcome"] == "ignored")) == 1, SOON_S, "p5 is left alone")
    wait_until(lambda: worker.metrics()["rollcall_worker_sweep_left"] == 0, SOON_S, "everybody was planned")
    assert writes(sandbox) == before + [("PATCH", "p0@example.com")], writes(sandbox)
    assert all(a.active for a in sandbox.accounts())

    run.config.document["worker"]["policy"] = str(path)
    path.write_text(good, encoding="utf-8")
    worker._write_config()
    assert reload(worker)
    run.await_results(results)
    assert all(a.active for a in sandbox.accounts())
    worker.stop()
    path.write_text("leavers: [", encoding="utf-8")
    done = run.command("--check", code=78)
    assert "worker.policy: policy.yaml: line " in done.stdout + done.stderr, done.stderr


def checks(run, target, *args, code=0):
    """The lines of `target test` by level and name: {("ok", "token"): "accepted"}; of several the first."""
    found = {}
    for line in run.command("target", "test", target, *args, code=code).stdout.splitlines():
        level, _, rest = line.partition(" ")
        if level in ("ok", "warning", "failed"):
            name, _, text = rest.strip().partition(" ")
            found.setdefault((level, name), text.strip())
    return found


@scenario(seconds=14)
def a_target_is_checked_before_it_is_switched_on(run):
    source, sandbox = run.source("hr"), run.sandbox()
    off = run.sandbox("off", scim_disabled=True)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    run.command("control", "pause", "off", "--reason", "not yet switched on", "--by", "tester")
    sender.deliver(source, *(Word("joined", f"p{n}", now_ms() - 60_000, {"userName": f"p{n}@example.com", "department": "Design"})
                             for n in range(PERSONS)))
    wait_until(lambda: len(results.find(lambda r: r.value["target"] == "miro")) == PERSONS, SOON_S, "all have accounts")

    policy = run.directory / "policy.yaml"
    policy.write_text("attributes: {userName: '{userName}', department: '{department|upper}'}\n"
                      "teams: [{team: '{department}', when: {department: '*'}}, {team: Everybody}]\n", encoding="utf-8")
    run.config.document["worker"].update(policy=str(policy), dry_run={"limit_percent": 100})
    before = len(writes(sandbox))
    told = checks(run, "miro", "--sample", "5", code=69)
    assert told["ok", "token"] == "accepted" and told["ok", "look-ups"].startswith("by filter"), told
    assert told["failed", "teams"] == '"Design" is not there', told
    sandbox.add_team("Design")
    told = checks(run, "miro", "--sample", "5")
    assert told["ok", "teams"] == "the policy names 2, all of them are there (of 2)", told
    assert told["ok", "people"].startswith("of 5: 0 agree, 0 would be made, 5 changed, 0 deactivated"), told
    assert told["ok", "changes"].startswith("department 5"), told
    told = checks(run, "miro", "--person", "acme/hr/p0,acme/hr/p1")
    assert told["ok", "people"].startswith("of 2: "), told
    assert "nobody has told of this person" in run.command("target", "test", "miro", "--person", "acme/hr/x", code=78).stderr

    later = run.sandbox("later")
    later.add_team("Design")
    told = checks(run, "later", "--sample", "5")
    assert told["ok", "people"].startswith("of 5: 0 agree, 5 would be made, 0 changed"), told
    assert not writes(later), "a check has changed something"

    policy.write_text("attributes: {userName: '{userName}'}\nonly: {department: Sales}\noutside: deactivate\n"
                      "targets: {mrio: {leavers: delete}, later: {leavers: delete}}\n", encoding="utf-8")
    told = checks(run, "miro", "--sample", "7")
    assert told["warning", "policy"].startswith("has rules for mrio, which is no target"), told
    assert told["warning", "access"] == "7 of 7 accounts would be deactivated or deleted", told
    cases = ("--cases", CASES)
    assert checks(run, "miro", *cases)["ok", "policy"].startswith("has a word for each of "), told

    assert checks(run, "off", *cases, code=69)["failed", "SCIM"].startswith("switched off"), "403"
    target = run.config.document["targets"][0]
    target["token"] = run.config.secret("wrong", "wrong")
    assert checks(run, "miro", *cases, code=69)["failed", "token"] == "refused (401)"
    target["base_url"] = "http://127.0.0.1:9/api/v1/scim"
    assert checks(run, "miro", code=69)["failed", "reachable"].startswith("no connection to 127.0.0.1"), "nobody listens"
    assert "knows no target nope" in run.command("target", "test", "nope", code=78).stderr
    assert len(writes(sandbox)) == before and not writes(off), "a check has changed something"
    assert worker.process.alive
