#!/usr/bin/env python3
"""miro-sandbox judged by software that we did not write: scim2-tester, scim2-cli and scim2-client of PyPI.

    tests/interop/tester.py [--build DIR]

The profile scim must pass everything that the tester knows, the Miro profile what applies to it: Miro makes no teams by SCIM,
so a team of its own is read and patched, and its people have e-mail addresses for names. A number of checks is asserted with
each group, since a tester that finds nothing to check is content. Groups named "broken" have a fault switched on and must not
pass: the tester can fail. Prints a line per group, "N passed, M failed" at the end; exits 0 when all is as it should be.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest.mock
import urllib.request
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness.wait import wait_until  # noqa: E402
VENV = ROOT / "build" / "interop" / "tester"
REQUIREMENTS = HERE / "tester_requirements.txt"
START_S = 20
CLI_S = 120
TOKEN = "tester-token"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


# --- the environment -----------------------------------------------------------------------------------------------
def inside():
    return Path(sys.prefix) == VENV


def set_up():
    """Makes the environment unless it is as the requirements say."""
    stamp, wanted = VENV / "installed", REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    venv.create(VENV, clear=True, with_pip=True)
    subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS], check=True)
    stamp.write_text(wanted, encoding="utf-8")


# --- the sandbox ---------------------------------------------------------------------------------------------------
class Sandbox:
    """The program, as long as the with statement."""

    def __init__(self, build, *options):
        self.argv = [str(build / "miro-sandbox"), "--port", "0", "--token", TOKEN, *options]

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        port_file = Path(self._directory.name) / "port"
        self.process = subprocess.Popen([*self.argv, "--port-file", str(port_file)], stdout=subprocess.DEVNULL)
        wait_until(lambda: port_file.exists() or self.process.poll() is not None, START_S, f"{' '.join(self.argv)} starts")
        if not port_file.exists():
            raise RuntimeError(f"{' '.join(self.argv)} does not start")
        self.address = f"http://127.0.0.1:{int(port_file.read_text(encoding='ascii'))}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(START_S)
        self._directory.cleanup()

    def control(self, path, body, method="POST"):
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/_sandbox{path}", json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=START_S) as reply:
            return json.load(reply)


# --- the tester ----------------------------------------------------------------------------------------------------
def client_of(base):
    from httpx2 import Client
    from scim2_client.engines.httpx2 import SyncSCIMClient
    return SyncSCIMClient(Client(base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}))


def judge(base, **selection):
    from scim2_tester import check_server
    return check_server(client_of(base), **selection)


def judge_by_cli(base):
    """The command as a person would run it: (SUCCESS lines, its word)"""
    run = subprocess.run([VENV / "bin" / "scim2", "-u", base, "test"], capture_output=True, text=True, check=False,
                         timeout=CLI_S, env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {TOKEN}"})
    return run.stdout.count("SUCCESS "), run.returncode == 0


class Fixtures:
    """Instead of the tester's resource manager: groups are not made but are there, users have e-mail addresses."""

    def __init__(self, context, sandbox, group):
        self.context = context
        self.sandbox = sandbox
        self.group = group
        self.resources = []
        self.made = 0
        self._member = None

    def create_and_register(self, model, fill_all=False):
        if model.__name__.startswith("Group"):
            if fill_all:
                add = {"op": "Add", "path": "members", "value": [{"value": self.member().id}]}
                self.sandbox.control(f"/scim/Groups/{self.group}", {"schemas": [PATCH], "Operations": [add]}, "PATCH")
            return self.context.client.query(model, self.group)
        user = self._user(model)
        self.resources.append(user)
        return user

    def _user(self, model):
        self.made += 1
        return self.context.client.create(model(user_name=f"tester{id(self)}.{self.made}@example.com"))

    def member(self):
        """One for all checks, so that what was added is what a check reads."""
        self._member = self._member or self._user(self.context.client.get_resource_model("User"))
        return self._member

    def remove_member(self):
        if self._member:
            self.context.client.delete(type(self._member), self._member.id)

    def cleanup(self):
        for user in self.resources:
            try:
                self.context.client.delete(type(user), user.id)
            except Exception:  # deleted by the check itself
                pass
        self.resources.clear()


@contextlib.contextmanager
def member_values(context):
    """The tester does not know what a member is where the schema has no $ref: a user, as Miro shows one."""
    from scim2_tester.checkers import patch_add, patch_replace
    from scim2_tester.filling import generate_random_value

    def value_for(context, path, **more):
        if str(path) != "members":
            return generate_random_value(context, path=path, **more)
        user = context.resource_manager.member()
        return [path.resolve().target_type(value=user.id, type="User", display=user.user_name)]

    with contextlib.ExitStack() as stack:
        for module in (patch_add, patch_replace):
            stack.enter_context(unittest.mock.patch.object(module, "generate_random_value", value_for))
        yield


def judge_miro(sandbox, resource_type, tags):
    """The tester's checks of one resource type with our fixtures in the place of its own."""
    from scim2_tester.checkers import resource_type_tests
    from scim2_tester.utils import CheckConfig, CheckContext
    group = sandbox.control("/teams", {"displayName": f"Team of {resource_type}"})["id"]
    client = client_of(sandbox.address + "/api/v1/scim")
    client.discover()
    context = CheckContext(client, CheckConfig(include_tags=tags))
    context.resource_manager = Fixtures(context, sandbox, group)
    wanted = [t for t in client.provider.resource_types if t.name == resource_type]
    with member_values(context), contextlib.ExitStack() as stack:
        stack.callback(context.resource_manager.remove_member)
        results = [r for t in wanted for r in resource_type_tests(context, t)]
    return [r for r in results if not (isinstance(r.data, dict) and r.data.get("urn") == "externalId")]  # Miro keeps none


# --- groups of checks ----------------------------------------------------------------------------------------------
class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def line(self, name, good, text):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'}  {name}: {text}", flush=True)

    def clean(self, name, results, at_least):
        """Every check has passed, and there were as many as we know of."""
        from scim2_tester import Status
        bad = [r for r in results if r.status not in (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED)]
        n = sum(r.status in (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE) for r in results)
        self.line(name, not bad and n >= at_least, f"{n} checks passed (at least {at_least}), {len(bad)} failed")
        for r in bad:
            print(f"      {r.status.name} {r.resource_type or ''} {r.title}: {r.reason}")

    def broken(self, name, results, title):
        """The named check must have failed."""
        from scim2_tester import Status
        bad = sorted({r.title for r in results if r.status in (Status.ERROR, Status.CRITICAL)})
        self.line(f"broken: {name}", title in bad, f"fails {', '.join(bad) or 'nothing'}")


def scim_profile(report, build):
    with Sandbox(build, "--profile", "scim") as sandbox:
        base = sandbox.address + "/scim/v2"
        report.clean("scim, everything", judge(base), 135)
        report.clean("scim, User", judge(base, resource_types=["User"]), 117)
        report.clean("scim, Group", judge(base, resource_types=["Group"]), 43)
        n, good = judge_by_cli(base)
        report.line("scim, by scim2-cli", good and n >= 135, f"{n} checks passed (at least 135)")


def scim_dialects(report, build):
    """Other answers that the standard allows."""
    for options, at_least in ((["--patch", "empty"], 135), (["--patch", "501"], 47), (["--paging", "both"], 135)):
        with Sandbox(build, "--profile", "scim", *options) as sandbox:
            report.clean(f"scim {' '.join(options)}", judge(sandbox.address + "/scim/v2"), at_least)


def miro_profile(report, build):
    with Sandbox(build, "--enforce-limits=false") as sandbox:
        base = sandbox.address + "/api/v1/scim"
        report.clean("miro, discovery", judge(base, include_tags={"discovery", "misc"}), 25)
        report.clean("miro, Group", judge_miro(sandbox, "Group", {"crud:read", "patch:add", "patch:remove",
                                                                   "patch:replace"}), 6)
        report.clean("miro, User", judge_miro(sandbox, "User", {"crud:read", "crud:delete"}), 3)


def broken_ones(report, build):
    faults = (("writes that are not applied", {"fault": "unchanged", "method": "PATCH"}, "check_add_attribute"),
              ("users that are not stored", {"fault": "not_stored", "method": "POST", "path": "/Users"}, "object_query"),
              ("500 for lists", {"fault": "500", "method": "GET", "path": "/Users?"}, "object_list_with_attributes"),
              ("deletions that do nothing", {"fault": "unchanged", "method": "DELETE"}, "object_deletion"))
    for name, rule, title in faults:
        with Sandbox(build, "--profile", "scim") as sandbox:
            sandbox.control("/faults", rule)
            report.broken(name, judge(sandbox.address + "/scim/v2", resource_types=["User"]), title)
    with Sandbox(build, "--profile", "scim", "--members", "hidden") as sandbox:
        report.broken("hidden members", judge(sandbox.address + "/scim/v2", resource_types=["Group"]), "check_add_attribute")


def main():
    parser = argparse.ArgumentParser(description="Judges miro-sandbox with scim2-tester.")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "test", help="where the programs are")
    options = parser.parse_args()
    if not inside():
        set_up()
        os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), "-B", str(HERE / "tester.py"), *sys.argv[1:]])
    report = Report()
    for part in (scim_profile, scim_dialects, miro_profile, broken_ones):
        part(report, options.build.resolve())
    print(f"tester: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
