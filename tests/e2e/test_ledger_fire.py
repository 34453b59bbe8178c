"""P2 and P6 where Kafka, the group or a worker itself is in trouble: each trouble is ridden through, or the worker ends
with a message and a code that says whether a restart helps. Never silently stuck, never a second result.

test_crash has kills, two processes with one slot, a late call and the refusals at start."""
from harness import kafka_admin
from harness.scenario import scenario
from harness.storm import WORKER
from harness.topics import ToolFailed
from harness.wait import wait_until
from harness.words import Word, now_ms

MANAGED = ("displayName",)
CONFIG_EXIT, AGAIN_EXIT = 78, 75
PARTITIONS = 4


def joiners(count, prefix="p"):
    at = now_ms() - 60_000
    return [Word("joined", f"{prefix}{n}", at + n, {"userName": f"{prefix}{n}@example.com", "displayName": f"P {n}"})
            for n in range(count)]


class Scene:
    """Tenants enough for every partition, an ingest, supervised workers, and words that are told and awaited."""

    def __init__(self, run, workers=2, tenants=4, properties=(), **worker):
        self.run = run
        run.config.document["worker"].update({**WORKER, **worker})
        run.config.document["kafka"]["properties"] = [{"name": n, "value": v} for n, v in properties]
        names = [f"tenant{n}" for n in range(tenants)]
        self.sources = [run.source(f"hr-{t}", tenant=t) for t in names]
        self.sandboxes = [run.sandbox(f"miro-{t}", t, target={"call_life_ms": 3000, "timeout_ms": 1000}) for t in names]
        self.supervisor = run.supervisor()
        self.workers = [self.supervisor.add(run.worker(f"w{n}")) for n in range(workers)]
        self.ingest = run.ingest().start()
        self.sender = run.sender(self.ingest)
        self.told = 0
        self.results = None

    def start(self, failpoint=None):
        """failpoint: of the first life of the first worker."""
        self.workers[0].arm_once(failpoint)
        self.supervisor.start()
        self.results = self.run.topics.follow("results")
        return self

    def tell(self, count=2):
        """Joiners of every tenant, accepted; their results are not awaited."""
        self.told += 1
        for source in self.sources:
            self.sender.deliver(source, *joiners(count, f"t{self.told}-"))

    def answered(self, timeout=60):
        self.run.await_results(self.results, timeout)
        self.supervisor.check()

    def tell_and_answer(self):
        self.tell()
        self.answered()

    def partitions(self, worker):
        return worker.program.metrics().get("rollcall_worker_partitions", 0)

    def await_shares(self, *shares):
        wait_until(lambda: [self.partitions(w) for w in self.workers] == list(shares), 30,
                   lambda: f"partitions are shared {shares}, not {[self.partitions(w) for w in self.workers]}")

    def await_shares_of(self, worker, count):
        wait_until(lambda: self.partitions(worker) == count, 30, f"{worker.name} has {count} partitions")

    def await_ending(self, worker, *words, code=AGAIN_EXIT, timeout=30):
        """The worker ends by itself with that code and says these words. Returns its log."""
        wait_until(lambda: worker.endings, timeout, f"{worker.name} ends")
        log = worker.program.process.log()
        assert worker.endings[0].code == code, (worker.endings, log[-800:])
        missing = [w for w in words if w not in log]
        assert not missing, f"{missing} not in: {log[-1500:]}"
        return log

    def let_away(self, *words, timeout=60):
        """Waits until a worker has said these words or has begun anew."""
        def said():
            return any(all(w in worker.program.process.log() for w in words) for worker in self.workers)

        wait_until(said, timeout, f"a worker says {words}")

    def finish(self):
        self.tell_and_answer()
        return self.run.assert_clean(MANAGED)


# ---- the group ----


@scenario(needs_real=True)
def a_restarted_slot_gets_its_partitions_back_and_the_other_does_not_notice(run):
    scene = Scene(run).start()
    scene.await_shares(2, 2)
    scene.tell_and_answer()
    for victim, other in (scene.workers, reversed(scene.workers)):
        before = other.program.metrics()["rollcall_worker_rebalances_total"]
        victim.kill()
        wait_until(lambda v=victim: len(v.endings) == 1, 10, "it is gone")
        wait_until(lambda v=victim: scene.partitions(v) == 2, 20, "it has its partitions back")
        scene.tell_and_answer()
        assert other.program.metrics()["rollcall_worker_rebalances_total"] == before, "the other was rebalanced"
    scene.finish()


@scenario(needs_real=True, seconds=12, long=True)
def a_worker_that_stood_still_past_its_session_comes_back_or_ends_and_answers_nothing_twice(run):
    scene = Scene(run).start()
    scene.await_shares(2, 2)
    scene.tell_and_answer()
    stopped = scene.workers[0]
    stopped.pause()
    run.disturbed_ms.append(now_ms())
    scene.tell(5)
    scene.await_shares(0, 4)
    run.disturbed_ms.append(now_ms())
    stopped.resume()
    scene.tell(5)
    scene.answered()
    wait_until(stopped.program.ready, 30, "it serves again, in this life or the next")
    scene.finish()


@scenario(needs_real=True)
def a_worker_that_stood_still_in_its_restore_does_not_mistake_its_successor_for_a_stranger(run):
    scene = Scene(run, workers=2)
    scene.start()
    scene.tell_and_answer()
    worker, other = scene.workers
    worker.kill(then="before-restore=stop")
    wait_until(lambda: worker.program.process and worker.program.process.stopped, 30, "it stands still")
    run.disturbed_ms.append(now_ms())
    scene.await_shares_of(other, PARTITIONS)
    scene.tell_and_answer()
    run.disturbed_ms.append(now_ms())
    worker.resume()
    scene.finish()
    wait_until(worker.program.ready, 30, "it serves again, in this life or the next")


@scenario(needs_real=True, seconds=12, long=True)
def a_restore_that_ended_too_early_is_found_out_before_anything_is_written(run):
    """As if a leader that was none any more had said where the records end. What was aborted there is nobody's."""
    scene = Scene(run, workers=1, session_timeout_ms=20000).start()
    scene.tell_and_answer()
    worker, said = scene.workers[0], "but were restored up to"
    for end, endings in (("abort", 1), ("commit", 3)):
        worker.kill(then="after-restore=stop")
        wait_until(lambda: worker.program.process and worker.program.process.stopped, 30, "it stands still")
        run.disturbed_ms.append(now_ms())
        run.topics.produce("persons", [{"partition": 1, "key": "tenant0/hr-tenant0/nobody"}], transaction="another", end=end)
        worker.resume()
        scene.tell_and_answer()
        wait_until(worker.program.ready, 30, "it serves")
        assert len(worker.endings) == endings, (end, worker.endings)
        assert (said in worker.program.process.log()) == (end == "commit"), worker.program.process.log()[-1500:]
    assert worker.endings[-1].code == AGAIN_EXIT, worker.endings
    scene.finish()


@scenario(needs_real=True)
def an_idle_worker_stays_in_the_group(run):
    """Nothing arrives for longer than max.poll.interval.ms, and nobody is taken for hung."""
    scene = Scene(run, workers=1, session_timeout_ms=1500, properties=[("max.poll.interval.ms", "2000")]).start()
    scene.tell_and_answer()
    end = now_ms() + 4000
    wait_until(lambda: now_ms() > end, 10, "twice the interval is over")
    assert scene.workers[0].program.metrics()["rollcall_worker_rebalances_total"] == 1
    log = scene.workers[0].program.process.log()
    assert "poll interval" not in log, log[-800:]
    scene.finish()


# ---- hung threads ----


@scenario(needs_real=True)
def a_hung_ledger_ends_the_worker(run):
    scene = Scene(run, workers=1, stuck_ms=10000)
    scene.start(f"after-produce=pause_until_file:{run.directory}/never:2")
    scene.tell()
    scene.await_ending(scene.workers[0], "a thread does not move", '"ledger"')
    scene.answered()
    scene.finish()


@scenario(needs_real=True, seconds=8, long=True)
def a_hung_loop_ends_the_worker(run):
    scene = Scene(run, workers=1, stuck_ms=10000)
    scene.start(f"before-call=pause_until_file:{run.directory}/never:2")
    scene.tell()
    scene.await_ending(scene.workers[0], "a thread does not move", '"loop"')
    scene.answered()
    scene.finish()


@scenario(needs_real=True, seconds=10, long=True)
def a_hung_loop_loses_its_partitions_before_it_is_ended(run):
    go = run.directory / "go"
    scene = Scene(run, session_timeout_ms=3000, properties=[("max.poll.interval.ms", "3000")])
    scene.start(f"before-call=pause_until_file:{go}")
    scene.tell()
    wait_until(lambda: scene.partitions(scene.workers[1]) == 4, 30, "the other has all")
    go.touch()
    scene.answered()
    wait_until(scene.workers[0].program.ready, 30, "it serves again, in this life or the next")
    scene.finish()


# ---- transactions ----


def offsets_are_told(run):
    """Not while a transaction that holds some is open."""
    try:
        return run.topics.group_offsets(run.config.document["worker"]["group"], "events")
    except ToolFailed:
        return False


def stand_still_in_a_transaction(run, scene, failpoint):
    """The worker stops at the failpoint and goes on when the broker has aborted its transaction."""
    scene.start(failpoint)
    worker = scene.workers[0]
    scene.tell()
    wait_until(lambda: worker.program.process and worker.program.process.stopped, 20, "it stands still")
    run.disturbed_ms.append(now_ms())
    over = now_ms() + 4000  # the broker looks once a second
    wait_until(lambda: now_ms() > over, 10, "the transaction's time is over")
    wait_until(lambda: offsets_are_told(run), 60, "the broker has ended it, however late it looks")
    run.disturbed_ms.append(now_ms())
    worker.resume()


PATIENT = {"session_timeout_ms": 20000, "transaction_timeout_ms": 1500}


@scenario(needs_real=True, seconds=12, long=True)
def a_transaction_that_outlived_its_timeout_before_its_offsets_is_done_again(run):
    scene = Scene(run, workers=1, **PATIENT)
    stand_still_in_a_transaction(run, scene, "after-produce=stop:3")
    scene.answered()
    log = scene.workers[0].program.process.log()
    assert "transaction aborted" in log or "transaction timeout" in log, log[-800:]
    scene.finish()


@scenario(needs_real=True, seconds=10, long=True)
def a_transaction_that_outlived_its_timeout_before_its_commit_ends_the_worker(run):
    scene = Scene(run, workers=1, **PATIENT)
    stand_still_in_a_transaction(run, scene, "before-commit=stop:3")
    scene.await_ending(scene.workers[0], "stood still longer than the transaction timeout")
    scene.answered()
    scene.finish()


@scenario(needs_real=True)
def a_slot_does_not_wait_for_what_its_last_life_left_open(run):
    """A transaction left open over the targets topic, which is read before the group is joined: Kafka ends it after 60 s."""
    source, _ = run.source("hr"), run.sandbox()
    ingest, worker = run.ingest().start(), run.worker("w0").start()
    worker.stop()
    run.topics.produce("targets", [{"key": "teams/nobody", "value": {}}], end="leave",
                       transaction=f"{run.config.document['worker']['group']}-w0")
    begun = now_ms()
    worker.start()
    assert now_ms() - begun < 30_000, "it has waited for its own transaction"
    run.sender(ingest).deliver(source, *joiners(2))
    run.await_results(run.topics.follow("results"))
    run.assert_clean(MANAGED)


# ---- topics ----


def delete(run, short):
    kafka_admin.delete_topic(run.broker.bootstrap, run.topics.name(short))


@scenario(needs_real=True)
def partitions_added_under_a_running_worker_stop_it(run):
    scene = Scene(run, workers=1, properties=[("topic.metadata.refresh.interval.ms", "1000")]).start()
    scene.tell_and_answer()
    kafka_admin.create_partitions(run.broker.bootstrap, run.topics.name("events"), 6)
    worker = scene.workers[0]
    wait_until(lambda: worker.wrong, 30, "the worker has ended")
    log = worker.program.process.log()
    assert worker.endings[-1].code == CONFIG_EXIT, worker.wrong
    assert "had 4 partitions at start" in log and "recreate it with 4 partitions" in log, log[-800:]


@scenario(needs_real=True, seconds=30, long=True)
def a_results_topic_that_is_deleted_comes_back_and_the_worker_goes_on(run):
    scene = Scene(run, workers=1, stuck_ms=10000).start()
    scene.tell_and_answer()
    answered = len(scene.results.records)
    delete(run, "results")
    scene.tell()
    scene.await_ending(scene.workers[0], timeout=60)
    wait_until(lambda: len(scene.results.records) >= answered + 8, 60, "what was told since has its results")
    scene.supervisor.check()


@scenario(needs_real=True, seconds=20, long=True)
def a_persons_topic_that_is_deleted_stops_the_worker_for_good(run):
    scene = Scene(run, workers=1, stuck_ms=10000).start()
    scene.tell_and_answer()
    delete(run, "persons")
    scene.tell()
    worker = scene.workers[0]
    wait_until(lambda: worker.wrong, 60, "the worker has ended for good")
    assert worker.endings[-1].code == CONFIG_EXIT, worker.wrong
    log = worker.program.process.log()
    assert "records are gone" in log, log[-1500:]


@scenario(needs_real=True, seconds=12, long=True)
def an_events_topic_that_is_deleted_stops_the_worker_for_good(run):
    scene = Scene(run, workers=1, stuck_ms=10000).start()
    scene.tell_and_answer()
    delete(run, "events")
    worker = scene.workers[0]
    wait_until(lambda: worker.wrong, 90, "the worker has ended for good")
    assert worker.endings[-1].code == CONFIG_EXIT, worker.wrong
    log = worker.program.process.log()
    assert "has no committed offset" in log, log[-1500:]


# ---- brokers ----


@scenario(needs_real=True, own_broker=True, seconds=40, long=True)
def while_the_broker_is_away_the_worker_says_so_begins_anew_once_and_goes_on(run):
    scene = Scene(run, workers=1, stuck_ms=13000).start()
    scene.tell_and_answer()
    worker = scene.workers[0]
    run.broker.down()
    scene.let_away("no progress")
    assert not worker.program.ready(), "it takes itself for ready though Kafka does not answer"
    wait_until(lambda: worker.endings, 30, "it has ended to begin anew")
    wait_until(lambda: '"waiting for Kafka"' in worker.program.process.log(), 30, "the next one waits for Kafka")
    assert len(worker.endings) == 1 and worker.endings[0].code == AGAIN_EXIT, worker.endings
    run.broker.up()
    wait_until(worker.program.ready, 60, "it serves again")
    assert len(worker.endings) == 1, worker.endings
    scene.finish()


@scenario(needs_real=True, own_broker=True, seconds=40, long=True)
def a_full_disk_of_the_broker_loses_nothing(run):
    """Nothing can be written any more: Kafka gives its log up and the node ends. Space, a start, and all goes on."""
    scene = Scene(run, workers=1, stuck_ms=10000).start()
    scene.tell_and_answer()
    run.broker.fill_disk()
    refused = scene.sender.send(scene.sources[0], *joiners(3, "full-"))
    assert {d.status for d in refused} == {503}, refused
    wait_until(lambda: not run.broker.alive(), 60, "the node has ended")
    run.broker.up()
    wait_until(scene.workers[0].program.ready, 60, "the worker serves again, in this life or the next")
    scene.finish()


@scenario(nodes=3, own_broker=True, deadline_s=300, seconds=60, long=True)
def a_full_disk_of_one_node_of_three_is_ridden_through(run):
    scene = Scene(run).start()
    scene.tell_and_answer()
    run.broker.fill_disk(2)
    scene.tell(10)
    wait_until(lambda: not run.broker.alive(2), 60, "the node has ended")
    scene.answered()
    run.broker.start_node(2)
    scene.finish()


@scenario(nodes=3, deadline_s=300, seconds=45, long=True)
def leaders_and_coordinators_move_and_who_takes_over_follows_them(run):
    """A worker that has asked for a partition's end once must ask its new leader the next time."""
    scene = Scene(run).start()
    scene.await_shares(2, 2)
    scene.tell_and_answer()
    endings = [len(w.endings) for w in scene.workers]
    for turn in (1, 2, 3):
        for topic, count in (("events", PARTITIONS), ("persons", PARTITIONS), ("results", PARTITIONS),
                             ("__consumer_offsets", 8), ("__transaction_state", 8)):
            name = topic if topic.startswith("__") else run.topics.name(topic)
            replicas = {p: [(p + turn + n) % 3 + 1 for n in range(3)] for p in range(count)}
            kafka_admin.reassign(run.broker.bootstrap, name, replicas)
            kafka_admin.elect_preferred(run.broker.bootstrap, name, list(replicas))
        scene.tell_and_answer()
        scene.workers[turn % 2].pause()
        try:
            scene.await_shares_of(scene.workers[1 - turn % 2], PARTITIONS)
        finally:
            run.disturbed_ms.append(now_ms())
            scene.workers[turn % 2].resume()
        scene.tell_and_answer()
        scene.await_shares(2, 2)
    print(f"    endings {[len(w.endings) for w in scene.workers]}, before {endings}")
    scene.finish()
