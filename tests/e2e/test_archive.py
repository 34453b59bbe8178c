"""The raw archive: encrypted bodies, replayed through a corrected source, and erased for one person."""
import shutil
import subprocess

from harness.config import SOURCES_DIR
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, event_id, now_ms, rfc3339

KEY, OTHER_KEY = "5a" * 32, "c3" * 32
ANN = {"userName": "ann@example.com", "displayName": "Ann Ames"}
BOB = {"userName": "bob@example.com", "displayName": "Bob Bell"}
FAULT = 'if body.type == "person.left" then error("nobody leaves") end\n        local data = body.data'


def tool(run, *args, code=0):
    """rollcall-ingest with a command: what it printed."""
    config = run.config.write("tool", {})
    done = subprocess.run([run.build / "rollcall-ingest", "--config", config, *args], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def bodies(run):
    return run.topics.latest("raw")


@scenario(needs_real=True, seconds=20)
def archived_bodies_are_sealed_replayed_through_a_mended_source_and_erased(run):
    sources = run.directory / "sources"
    shutil.copytree(SOURCES_DIR, sources)
    lua = sources / "standard_webhooks.lua"
    good = lua.read_text(encoding="utf-8")
    assert "local data = body.data" in good
    lua.write_text(good.replace("local data = body.data", FAULT), encoding="utf-8")
    document = run.config.document["ingest"]
    (run.directory / "spool").mkdir()
    document.update({"sources_dir": str(sources), "spool": {"path": str(run.directory / "spool" / "s")},
                     "archive": {"keys": [run.config.secret("archive", KEY)], "retention_days": 7}})
    source, sandbox = run.source("hr"), run.sandbox()
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    begun = rfc3339(now_ms())
    at = now_ms() - 60_000

    wait_until(lambda: ingest.metrics()["rollcall_ingest_spool_events"] == 0, 20, "the topics are there")
    sender.deliver(source, Word("joined", "person-1", at, ANN), Word("joined", "person-2", at, BOB))
    left = Word("left", "person-1", at + 1000)
    assert sender.send(source, left)[0].status == 422, "the source's fault"
    run.await_results(results)
    assert sandbox.account(ANN["userName"]).active
    run.broker.pause()
    changed = Word("changed", "person-1", at + 2000, {"displayName": "Ann Adams"})
    sender.deliver(source, changed)
    run.broker.resume()
    wait_until(lambda: len(bodies(run)) == 4, 30, "all four are archived, one by way of the spool")
    run.await_results(results)
    assert not any("Ann" in str(vars(r)) for r in run.topics.dump("raw")), "a name can be read"

    window = ["--since", begun]
    assert "nobody leaves" in tool(run, "replay", "hr", *window, "--dry-run")
    lua.write_text(good, encoding="utf-8")
    events = len(run.topics.dump("events"))
    assert "4 bodies, 4 events would be published" in tool(run, "replay", "hr", *window, "--dry-run")
    assert len(run.topics.dump("events")) == events
    assert "0 bodies" in tool(run, "replay", "hr", "--since", "2020-01-01T00:00:00Z", "--until", begun)
    assert "no source is called nobody" in tool(run, "replay", "nobody", *window, code=78)
    tool(run, "replay", "hr", code=64)
    for _ in range(2):
        assert "4 bodies, 4 events published" in tool(run, "replay", "hr", *window)
    new = [r for r in run.topics.dump("events") if "replayOf" in r.value]
    assert {r.value["replayOf"] for r in new} >= {event_id("hr", w.sender_id) for w in (left, changed)}, new
    assert len(new) == 8 and len({r.headers["ce_id"] for r in new}) == 4, "a second replay makes the same ids"
    wait_until(lambda: not sandbox.account(ANN["userName"]).active, 30, "the leaver is out, by the replay")
    assert sandbox.account(BOB["userName"]).active

    assert "3 of 4 bodies" in tool(run, "erase", "acme/hr/person-1")
    assert len(bodies(run)) == 1
    assert "0 of 1 bodies" in tool(run, "erase", "acme/hr/person-1")
    assert "1 bodies, 1 events would" in tool(run, "replay", "hr", *window, "--dry-run")
    tool(run, "erase", "person-1", code=78)
    document["archive"]["keys"] = [run.config.secret("another", OTHER_KEY)]
    assert "1 unreadable" in tool(run, "replay", "hr", *window)
