"""P1 from the sender's side: an answer in time, whatever Kafka does; what a stored request would become."""
import http.client
import json
import subprocess
import time

from harness.scenario import scenario
from harness.wait import wait_until
from harness.webhooks import okta_event_hook, standard_webhook
from harness.words import Word, event_id, now_ms

ANSWER_S = 3  # several senders wait no longer
ANN = {"userName": "ann@example.com", "displayName": "Ann Ames"}


def post(ingest, source, word):
    """(status, Retry-After, seconds)."""
    headers, body = standard_webhook(source, word)
    connection = http.client.HTTPConnection("127.0.0.1", ingest.ports["listen"], timeout=10)
    begin = time.monotonic()
    connection.request("POST", f"/hooks/{source.name}", body, headers)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status, reply.getheader("Retry-After"), time.monotonic() - begin


@scenario()
def without_kafka_a_sender_is_told_in_time_to_come_again(run):
    source, sandbox = run.source("hr"), run.sandbox()
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    sender.deliver(source, Word("joined", "1", now_ms() - 60_000, ANN))
    run.await_results(results)
    left = Word("left", "1", now_ms() - 30_000)
    run.broker.pause()
    try:
        for _ in range(2):
            status, retry_after, took = post(ingest, source, left)
            assert status == 503 and retry_after and int(retry_after) > 0, (status, retry_after)
            assert took < ANSWER_S, f"answered after {took:.1f} s"
    finally:
        run.broker.resume()
    wait_until(lambda: run.topics.list(), 20, "the broker answers")
    sender.deliver(source, left)
    run.await_results(results)
    assert not sandbox.account(ANN["userName"]).active
    run.assert_clean(("displayName",))


@scenario()
def an_ingest_whose_producers_may_not_go_on_makes_new_ones(run):
    source = run.source("hr")
    if run.broker.kind == "embedded":  # a real one has to be set up with rights for that
        run.broker.refuse_producers()
    ingest = run.ingest().start()
    left = Word("left", "1", now_ms())
    wait_until(lambda: post(ingest, source, left)[0] == 200, 20, "an event is acknowledged")
    died = run.broker.kind == "embedded"
    assert ("the producer is made anew" in ingest.process.log()) == died


def stored(run, name, path, headers, body):
    """The request as a file, as `curl --trace` or a proxy would keep it."""
    lines = [f"POST {path} HTTP/1.1", "Host: ingest", *(f"{n}: {v}" for n, v in headers.items())]
    file = run.directory / name
    file.write_bytes("\r\n".join([*lines, "", ""]).encode() + body)
    return file


def would_become(run, source, file, *more):
    """(exit code, output) of rollcall-ingest check."""
    config = run.config.write("check", {})
    argv = [run.build / "rollcall-ingest", "--config", config, *more, "check", source.name, file]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout + done.stderr


@scenario()
def check_shows_what_a_stored_request_would_become(run):
    source, okta = run.source("hr"), run.source("idp", kind="okta")
    run.config.document["sources"][1]["directory"] = "hr"
    word = Word("joined", "1", now_ms() - 60_000, ANN)
    headers, body = standard_webhook(source, word)
    file = stored(run, "good", "/hooks/hr", headers, body)
    code, said = would_become(run, source, file)
    assert code == 0, said
    value = json.loads(next(line for line in said.splitlines() if line.strip().startswith("{")))
    assert value["subject"] == "1" and value["profile"]["displayName"] == "Ann Ames", value
    for part in (event_id("hr", word.sender_id), "rollcall.person.joined", "events: 1"):
        assert part in said, (part, said)

    code, said = would_become(run, source, stored(run, "forged", "/hooks/hr", headers, body + b" "))
    assert code == 65 and "forged" in said, (code, said)
    code, said = would_become(run, source, file, "--at", "2030-01-01T00:00:00Z")
    assert code == 65 and "stale" in said, (code, said)

    headers, body = okta_event_hook(okta, [word, Word("left", "2", now_ms())])
    code, said = would_become(run, okta, stored(run, "okta", "/hooks/idp", headers, body))
    assert code == 0 and "events: 2" in said, said
    if run.broker.kind == "embedded":  # a real one has no topic at all yet
        assert not run.topics.dump("events"), "check publishes nothing"
    else:
        assert run.topics.name("events") not in run.topics.list(), "check needs no Kafka"
