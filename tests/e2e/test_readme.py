"""What the README shows works as pasted."""
import json
import re
import subprocess
import urllib.request

from harness.config import REPO
from harness.processes import ProcessFailed
from harness.scenario import scenario
from harness.wait import wait_until

UP_S, ACCOUNT_S = 60, 15
NAME = "gus@example.com"


def printed(log):
    """The curl lines and the address of the sandbox's page, once `make up` has printed both."""
    curls = re.findall(r"^curl .*$", log, re.MULTILINE)
    page = re.search(r"(http://\S+/_sandbox/)", log)
    return (curls, page.group(1)) if len(curls) == 2 and page and "Ctrl-C" in log else None


def pasted(line):
    """Status of the answer to a line run as a shell runs it."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[1])


def account(page):
    with urllib.request.urlopen(page + "state", timeout=10) as reply:
        users = json.load(reply)["users"]
    return next((u for u in users if u["userName"] == NAME and not u.get("deleted")), None)


@scenario(broker=False)
def the_curl_lines_of_make_up_make_an_account_and_end_it(run):
    argv = ["python3", REPO / "tests" / "demo" / "demo.py", "--build", run.build, "up"]
    env = {"PYTHONPATH": str(REPO / "tests" / "e2e"), "PYTHONDONTWRITEBYTECODE": "1"}
    up = run.processes.add("make-up", argv, env)
    up.await_ready(lambda: printed(up.log()), UP_S, "it has printed what to paste")
    (joiner, leaver), page = printed(up.log())
    assert 200 <= pasted(joiner) < 300
    wait_until(lambda: (account(page) or {}).get("active"), ACCOUNT_S, "the joiner has an account")
    wait_until(lambda: up.log().count("applied") == 1, ACCOUNT_S, "the joiner's result is shown")
    assert 200 <= pasted(leaver) < 300
    wait_until(lambda: not account(page)["active"], ACCOUNT_S, "the leaver's account is inactive")
    wait_until(lambda: up.log().count("applied") == 2, ACCOUNT_S, "the leaver's result is shown")
    code = up.terminate()
    if code != 143:
        raise ProcessFailed(f"make up ended with {code} after SIGTERM")
