"""make demo, make up: everything on this machine, on free loopback ports, with the embedded broker.

demo posts a week of webhooks, shows each result as it arrives and ends; exit 0 only if every outcome is as week.py
says. up does the same set-up and stays. --check is the demo as a test: its last line counts.
"""
import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from harness.broker import Embedded, rollcall_topics
from harness.run import Run
from harness.wait import wait_until
from harness.webhooks import okta_event_hook, standard_webhook
from week import make_week

REPO = Path(__file__).resolve().parents[2]
PREFIX, PARTITIONS = "rollcall", 4
RESULT_S = 30


class Demo:
    """The set-up: broker, sandbox, ingest, worker, one tenant with two sources and one target."""

    def __init__(self, directory, build):
        self.broker = Embedded(directory, build, rollcall_topics(PREFIX, PARTITIONS))
        self.broker.start()
        self.run = Run(directory, build, self.broker, PREFIX, PARTITIONS)
        self.run.config.document["worker"]["policy"] = str(REPO / "deploy" / "config" / "policy.lua")
        self.run.config.document["log"]["level"] = "info"
        self.sources = {"hr": self.run.source("hr", directory="people"),
                        "okta": self.run.source("okta", kind="okta", directory="people")}
        self.sandbox = self.run.sandbox(target={"directory": "people"})
        self.results = self.run.topics.follow("results")
        self.ingest = self.run.ingest().start()
        self.worker = self.run.worker().start()
        self.sender = self.run.sender(self.ingest)

    def close(self):
        problems = self.run.close()
        self.broker.stop()
        return problems


# ---- showing ---------------------------------------------------------------------------------------------------


def show_users(demo, title):
    print(f"\n{title}")
    print(f"  {'userName':<22} {'active':<8} {'displayName':<14} {'department':<14} id")
    for a in demo.sandbox.accounts():
        state = "deleted" if a.deleted else "yes" if a.active else "no"
        print(f"  {a.user_name:<22} {state:<8} {a.attributes.get('displayName', ''):<14} "
              f"{a.attributes.get('department', ''):<14} {a.id}")


def show_result(result, begin):
    operations = " ".join(f"{o['method']}:{o['status']}" for o in result["operations"]) or "-"
    changes = ", ".join(f"{c['attribute']}={c['after']}" for c in result["changes"])
    print(f"      {time.monotonic() - begin:6.2f} s  {result['outcome']:<10} {operations:<24} {changes}")


# ---- the week --------------------------------------------------------------------------------------------------


def existing_account(demo):
    """Somebody whose account is older than Rollcall."""
    status, _ = demo.sandbox.scim("POST", "/Users", {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bo@example.com",
        "displayName": "Bo Berg"})
    assert status == 201, status


def post_forged(demo, post):
    headers, body = standard_webhook(demo.sources[post.source], post.words[0])
    headers["webhook-signature"] = "v1," + "A" * 43 + "="
    status, _ = demo.sender.send_raw(f"/hooks/{post.source}", headers, body)
    print(f"      answered {status}")
    return [] if status == 401 else [f"{post.say}: answered {status}, not 401"]


def play(demo, post, begin):
    """Posts it, shows its results; returns what is not as it should be."""
    print(f"\n  {post.say}")
    if post.forged:
        return post_forged(demo, post)
    demo.sender.deliver(demo.sources[post.source], *post.words)
    deliveries = demo.sender.deliveries[-len(post.words):]
    problems = []
    for delivery in sorted(deliveries, key=lambda d: post.words.index(d.word)):
        wanted = post.outcomes[post.words.index(delivery.word)]
        if wanted is None:
            print(f"      answered {delivery.status}; a redelivery gets no result of its own")
            continue
        found = demo.results.await_count(lambda r, d=delivery: r.value["eventId"] == d.event_id, 1, RESULT_S,
                                         f"the result of: {post.say}")
        show_result(found[0].value, begin)
        if found[0].value["outcome"] != wanted:
            problems.append(f"{post.say}: {found[0].value['outcome']}, not {wanted}")
    return problems


def check_end(demo, week):
    problems = []
    results = [r.value["eventId"] for r in demo.results.records]
    if len(results) != len(set(results)):
        problems.append("an event got two results")
    for name, (active, department) in week.after.items():
        account = demo.sandbox.account(name)
        is_now = (account.active, account.attributes.get("department")) if account else None
        if is_now != (active, department):
            problems.append(f"{name} ends as {is_now}, not {(active, department)}")
    problems += [f"{u.name}: {u.over} calls over the limit" for u in demo.sandbox.limits() if u.over]
    return problems


def play_week(demo):
    week = make_week()
    existing_account(demo)
    show_users(demo, "Miro before:")
    print("\nThe week, as its webhooks arrive, and what comes of each:")
    begin = time.monotonic()
    problems = [p for post in week.posts for p in play(demo, post, begin)]
    problems += check_end(demo, week)
    show_users(demo, "Miro after:")
    return problems, len(week.posts)


# ---- commands --------------------------------------------------------------------------------------------------


def demo_command(demo):
    problems, posts = play_week(demo)
    problems += demo.close()
    print()
    for problem in problems:
        print(f"  WRONG: {problem}")
    if not problems:
        print("Everything is as it should be, and everything that was started is stopped.")
    failed = len(problems)
    print(f"demo: {max(posts - failed, 0)} passed, {failed} failed")
    return 1 if problems else 0


def curl_line(demo):
    """A signed joiner, valid for five minutes from now."""
    from harness.words import Word

    word = Word("joined", "2001", profile={"userName": "gus@example.com", "displayName": "Gus Gray",
                                           "department": "Sales"})
    headers, body = standard_webhook(demo.sources["hr"], word)
    flags = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    return f"curl -i {flags} --data-binary '{body.decode()}' {demo.ingest.url}/hooks/hr"


def okta_line(demo):
    from harness.words import Word

    word = Word("left", "2001", profile={"userName": "gus@example.com"})
    headers, body = okta_event_hook(demo.sources["okta"], [word])
    flags = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    return f"curl -i {flags} --data-binary '{body.decode()}' {demo.ingest.url}/hooks/okta"


def up_command(demo):
    sandbox = f"http://127.0.0.1:{demo.sandbox.port}"
    config = demo.run.config.directory / f"{demo.worker.name}.yaml"
    print(f"""
  ingest     {demo.ingest.url}/hooks/hr (Standard Webhooks), {demo.ingest.url}/hooks/okta
  admin      http://127.0.0.1:{demo.ingest.admin_port}/metrics (ingest)
             http://127.0.0.1:{demo.worker.admin_port}/metrics (worker)
  Miro       {sandbox}/_sandbox/ (users, teams, limits, requests)
  Kafka      {demo.broker.bootstrap} (embedded, in memory)
  results    {demo.run.build}/kafka-tool dump --follow --brokers {demo.broker.bootstrap} {PREFIX}.results
  decisions  {demo.run.build}/rollcall-worker control list --config {config} (--help: pause, provision, holds …;
             likewise plan, target test miro, deadletters)

A joiner (signed now, valid for five minutes), then the same person's leaver from Okta:

{curl_line(demo)}

{okta_line(demo)}

Results appear below. Ctrl-C ends everything.""", flush=True)
    shown = 0
    begin = time.monotonic()
    while True:
        wait_until(lambda: len(demo.results.records) > shown, 10**9, "a result")
        for record in demo.results.records[shown:]:
            print(f"  {record.value['eventType'] or record.value['cause']} {record.value['subject']}")
            show_result(record.value, begin)
            shown += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=Path)
    parser.add_argument("command", choices=("demo", "up"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="rollcall-demo-") as directory:
        demo = Demo(Path(directory), options.build)
        try:
            return demo_command(demo) if options.command == "demo" else up_command(demo)
        except KeyboardInterrupt:
            print("\nstopping")
            return 0
        except BaseException:
            demo.run.processes.show_logs()
            raise
        finally:
            demo.close()


if __name__ == "__main__":
    sys.exit(main())
