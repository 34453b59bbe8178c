"""SIGTERM drains, in whatever mode the programs are built; valgrind and the sanitizers find nothing."""
import threading

from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

MANAGED = ("displayName", "department")
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--num-callers=30"]


def joiners(count):
    at = now_ms() - 60_000
    return [Word("joined", f"p{n}", at + n, {"userName": f"p{n}@example.com", "displayName": f"P {n}",
                                             "department": "Sales"}) for n in range(count)]


def gauge(program, name):
    return program.metrics().get(f"rollcall_{name}", 0)


@scenario(needs_real=True)
def sigterm_awaits_the_calls_in_flight_and_commits_their_outcome(run):
    source, sandbox = run.source("hr"), run.sandbox(latency_ms=700)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    words = joiners(12)
    sender.deliver(source, *words)
    wait_until(lambda: gauge(worker, "worker_events_total") == len(words), 20, "all events are read")
    wait_until(lambda: gauge(worker, "worker_calls_in_flight") > 3, 20, "calls are in flight")
    worker.stop()
    assert all(c["answeredAt"] for c in sandbox.journal()), "a call was cut off"
    offsets = run.topics.group_offsets(run.config.document["worker"]["group"], "events")
    behind = {at: (committed, end) for at, (committed, end) in offsets.items() if max(committed, 0) != end}
    assert not behind, f"not committed: {behind}"
    worker.start()
    assert worker.metrics()["rollcall_worker_accounts_doubtful"] == 0, "a graceful end leaves no doubt"
    run.await_results(results)
    run.assert_clean(MANAGED)


@scenario()
def sigterm_answers_the_webhooks_under_way(run):
    source = run.source("hr")
    run.sandbox()
    ingest = run.ingest().start()
    sender = run.sender(ingest)
    sender.deliver(source, *joiners(3))
    run.broker.pause()
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(sender.send(source, *joiners(5))))
    try:
        thread.start()
        wait_until(lambda: gauge(ingest, "ingest_connections") >= 5, 10, "webhooks are under way")
        ingest.stop()
        thread.join()
    finally:
        run.broker.resume()
    assert [d.status for d in answers] == [503] * 5, [(d.status, d.error) for d in answers]


def a_few_words(run, sender, source, results):
    """Something of everything: joins, a move, a leaver, a redelivery, a refused request."""
    words = joiners(3)
    at = now_ms() - 30_000
    words += [Word("changed", "p0", at, {"department": "Design"}), Word("left", "p1", at + 1),
              Word("suspended", "p2", at)]
    sender.deliver(source, *words)
    sender.deliver(source, words[0])
    assert sender.send_raw(f"/hooks/{source.name}", {"Content-Type": "application/json"}, b"{")[0] == 401
    run.await_results(results)


@scenario(needs_real=True, native=True, deadline_s=300, seconds=20)
def valgrind_finds_no_error_and_no_leak(run):
    source = run.source("hr")
    run.sandbox()
    ingest, worker = run.ingest(), run.worker()
    for program in (ingest, worker):
        program.argv = VALGRIND + program.argv
        program.ready_s, program.end_s = 90, 60
        program.start()
    a_few_words(run, run.sender(ingest), source, run.topics.follow("results"))
    worker.stop()
    ingest.stop()
    found = [p.process.log() for p in (ingest, worker) if "==" in p.process.log()]
    assert not found, found
    run.assert_clean(MANAGED)


@scenario()
def after_a_few_words_the_programs_end_clean(run):
    """In the sanitizers' builds this is their test; the harness looks into the logs."""
    source = run.source("hr")
    run.sandbox()
    ingest, worker = run.ingest().start(), run.worker().start()
    a_few_words(run, run.sender(ingest), source, run.topics.follow("results"))
    worker.stop()
    ingest.stop()
    run.assert_clean(MANAGED)
