"""P4 on a real Kafka: a record that ends every worker that merges it stops nobody else."""
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

PERSONS, LETHAL = 40, "666"
LETHAL_EVENTS = 3
WORKER = {"session_timeout_ms": 3000, "heartbeat_ms": 300, "transaction_timeout_ms": 4000}
DEATHS_MAX = 6


def subjects():
    everybody = [str(1000 + n) for n in range(PERSONS)]
    everybody.insert(PERSONS // 2, LETHAL)
    return everybody


@scenario(needs_real=True, partitions=1, seconds=20)
def a_record_that_ends_every_worker_is_a_dead_letter_and_stops_nobody(run):
    run.config.document["worker"].update(WORKER)
    source, sandbox = run.source("hr"), run.sandbox()
    ingest = run.ingest().start()
    sender, results, letters = run.sender(ingest), run.topics.follow("results"), run.topics.follow("deadletters")
    for n, subject in enumerate(subjects()):
        sender.deliver(source, Word("joined", subject, now_ms() - 60_000 + n,
                                    profile={"userName": f"p{subject}@example.com", "displayName": subject}))
    supervisor = run.supervisor()
    worker = supervisor.add(run.worker("w0"), [f"merge=kill_for:{LETHAL}"] * DEATHS_MAX)
    supervisor.start()

    letter = letters.await_count(lambda r: True, 1, 60, "a dead letter")[0].value
    assert letter["kind"] == "invalid" and letter["reason"].startswith("poison"), letter
    assert f'"subject":"{LETHAL}"' in letter["value"], letter
    results.await_count(lambda r: r.value["outcome"] == "applied", PERSONS, 60, "everybody else's result")
    assert not results.find(lambda r: r.value["subject"] == LETHAL)
    assert not sandbox.account(f"p{LETHAL}@example.com")
    wait_until(lambda: worker.program.metrics().get("rollcall_worker_poison_total") == 1, 20, "it is counted")
    supervisor.check()
    assert 1 < len(worker.endings) < DEATHS_MAX, worker.endings
    assert len(letters.find(lambda r: True)) == 1


@scenario(needs_real=True, partitions=1, seconds=60, long=True, deadline_s=240)
def records_that_hang_every_worker_one_after_the_other_are_dead_letters(run):
    run.config.document["worker"].update(WORKER, stuck_ms=10_000)
    source, _ = run.source("hr"), run.sandbox()
    ingest = run.ingest().start()
    sender, results, letters = run.sender(ingest), run.topics.follow("results"), run.topics.follow("deadletters")
    for n, subject in enumerate([LETHAL] * LETHAL_EVENTS + ["1001"]):
        sender.deliver(source, Word("joined", subject, now_ms() - 60_000 + n,
                                    profile={"userName": f"p{subject}@example.com", "displayName": subject}))
    supervisor = run.supervisor()
    worker = supervisor.add(run.worker("w0"), [f"merge=hang_for:{LETHAL}"])
    supervisor.start()

    letters.await_count(lambda r: r.value["reason"].startswith("poison"), LETHAL_EVENTS, 180, "the dead letters")
    results.await_count(lambda r: r.value["outcome"] == "applied", 1, 60, "the other person's result")
    supervisor.check()
    assert 1 < len(worker.endings) < DEATHS_MAX, worker.endings
    assert len(letters.find(lambda r: True)) == LETHAL_EVENTS
