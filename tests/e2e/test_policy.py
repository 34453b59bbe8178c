"""Policies are tried before they are let loose: `policy test` on cases, `target test` on a target."""
import json
import subprocess

from harness.config import REPO
from harness.scenario import scenario

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
    cases = run.directory / "cases.json"
    cases.write_text(json.dumps({"cases": [{"name": "x", "person": {"groups": "A"}}]}), encoding="utf-8")
    assert "cases[0].person.groups: must be a list" in policy_test(run, cases, "--policy", SAMPLES / "policy.lua", code=65)
    policy_test(run, "--policy", SAMPLES / "policy.lua", code=64)
