"""The raw archive: encrypted bodies, replayed through a corrected source, and erased for one person."""
import base64
import shutil
import subprocess

import hostile_client as attacker
from harness import kafka_admin
from harness.config import SOURCES_DIR
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, event_id, now_ms, rfc3339

KEY, OTHER_KEY = "5a" * 32, "c3" * 32
ANN = {"userName": "ann@example.com", "displayName": "Ann Ames"}
BOB = {"userName": "bob@example.com", "displayName": "Bob Bell"}
KEPT_DAYS = 7
NOWHERE = "127.0.0.1:9"
MARK = b".erased"  # in the place of a source's name: who was erased
FAULT = 'if body.type == "person.left" then error("nobody leaves") end\n        local data = body.data'


def tool(run, *args, code=0):
    """rollcall-ingest with a command: what it printed."""
    config = run.config.write("tool", {})
    done = subprocess.run([run.build / "rollcall-ingest", "--config", config, *args], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def bodies(run):
    last = {r.key: r for r in run.topics.dump("raw")}
    return [r for r in last.values() if not r.tombstone and MARK not in base64.b64decode(r.value_base64)]


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
                     "archive": {"keys": [run.config.secret("archive", KEY)], "retention_days": KEPT_DAYS}})
    source, sandbox = run.source("hr"), run.sandbox()
    run.config.document["sources"][0]["unreadable"] = "refuse"
    run.config.document["sources"].append({"name": "graph", "kind": "graph", "tenant": "acme", "directory": "hr",
                                           "secrets": [run.config.secret("graph", "the client state of ours")]})
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    begun = rfc3339(now_ms())
    at = now_ms() - 60_000

    wait_until(lambda: ingest.metrics()["rollcall_ingest_spool_events"] == 0, 20, "the topics are there")
    kept_ms = kafka_admin.topic_setting(run.broker.bootstrap, run.topics.name("raw"), "retention.ms")
    assert kept_ms == str(KEPT_DAYS * 24 * 3600 * 1000), kept_ms
    sender.deliver(source, Word("joined", "person-1", at, ANN), Word("joined", "person-2", at, BOB))
    left = Word("left", "person-1", at + 1000)
    assert sender.send(source, left)[0].status == 422, "the source's fault"
    run.await_results(results)
    assert sandbox.account(ANN["userName"]).active
    t = attacker.Target("127.0.0.1", ingest.ports["listen"], ingest.admin_port, attacker.signer(source.secret), source.name)
    cat = attacker.event(id="person-3", profile={"userName": "cat@example.com"})
    large = attacker.encode({**cat, "padding": "x" * 1_000_000})  # more than a record may have by default, once sealed
    assert attacker.ask(t, attacker.request(t, large))[0] == 200
    for nobodys, status in ((b'{"value":[{"clientState":"theirs","resource":"Users/person-1"}]}', 202), (b"garbage", 202),
                            (b"[" + b"1," * 20_000 + b"1]", 413)):
        assert attacker.ask(t, attacker.request(t, nobodys, path="/hooks/graph"))[0] == status
    run.broker.pause()
    changed = Word("changed", "person-1", at + 2000, {"displayName": "Ann Adams"})
    sender.deliver(source, changed)
    gone = Word("left", "person-1", at + 1500)
    assert sender.send(source, gone)[0].status == 422, "refused while Kafka is away"
    run.broker.resume()
    wait_until(lambda: len(bodies(run)) == 6, 30, "all six are archived, two by way of the spool")
    run.await_results(results)
    told = {n: v for n, v in ingest.metrics().items() if 'source="graph"' in n and v}
    assert told == {'rollcall_ingest_rejected_total{source="graph",reason="forged_item"}': 1,
                    'rollcall_ingest_rejected_total{source="graph",reason="missing"}': 1,
                    'rollcall_ingest_rejected_total{source="graph",reason="too_many_values"}': 1,
                    'rollcall_ingest_requests_total{source="graph",answer="rejected"}': 3}, "of nobody's requests only counts are left"
    assert not [r for r in run.topics.dump("events", "deadletters") if "graph" in str(r)]
    sealed = [base64.b64decode(r.value_base64) for r in run.topics.dump("raw")]
    assert all(value.startswith(b"RRA1") and b"example.com" not in value for value in sealed), "a name can be read"

    window = ["--since", begun]
    lua.write_text(good, encoding="utf-8")
    events = len(run.topics.dump("events"))
    assert "6 bodies, 6 events would be published" in tool(run, "replay", "hr", *window, "--dry-run")
    assert len(run.topics.dump("events")) == events
    assert "no source is called nobody" in tool(run, "replay", "nobody", *window, code=78)
    tool(run, "replay", "hr", code=64)
    for _ in range(2):
        assert "6 bodies, 6 events published" in tool(run, "replay", "hr", *window)
    new = [r for r in run.topics.dump("events") if "replayOf" in r.value]
    assert {r.value["replayOf"] for r in new} >= {event_id("hr", w.sender_id) for w in (left, changed, gone)}, new
    assert len(new) == 12 and len({r.headers["ce_id"] for r in new}) == 6, "a second replay makes the same ids"
    wait_until(lambda: not sandbox.account(ANN["userName"]).active, 30, "the leaver is out, by the replay")
    assert sandbox.account(BOB["userName"]).active

    kafka = run.config.document["kafka"]
    brokers, kafka["brokers"] = kafka["brokers"], NOWHERE
    ingest.stop()
    ingest.start()
    sender.deliver(source, Word("changed", "person-1", at + 3000, {"displayName": "Ann Atkins"}))
    ingest.stop()  # with it in the spool
    kafka["brokers"] = brokers
    assert "4 of 6 bodies" in tool(run, "erase", "acme/hr/person-1")
    assert len(bodies(run)) == 2
    ingest.start()
    wait_until(lambda: len(bodies(run)) == 3, 30, "what lay in the spool comes after the erasure")
    told = tool(run, "replay", "hr", "--since", begun, "--dry-run")
    assert "3 bodies, 2 events would be published" in told and "1 name somebody who was erased" in told, told
    assert "1 of 3 bodies" in tool(run, "erase", "acme/hr/person-9"), "any erasure takes it along"
    assert len(bodies(run)) == 2
    assert "2 bodies, 2 events would" in tool(run, "replay", "hr", "--since", begun, "--until", rfc3339(now_ms()), "--dry-run")
    tool(run, "erase", "person-1", code=78)
    lua.write_text(good.replace("local data = body.data", FAULT.replace("left", "joined")), encoding="utf-8")
    assert "nobody leaves" in tool(run, "replay", "hr", *window, "--dry-run"), "what the file refuses is told"
    document["archive"]["keys"] = [run.config.secret("another", OTHER_KEY)]
    assert "4 unreadable" in tool(run, "replay", "hr", *window), "two bodies, and who was erased"
