"""What happens to programs, targets and brokers during a storm. A nemesis deals one disturbance after the other from a
shuffled deck, in a thread of its own; a deck is dealt to its end before it is shuffled again, so that each of
its cards is played."""
import random
import signal
import threading
import time
from collections import Counter

from harness import kafka_admin
from harness.wait import wait_until
from harness.words import now_ms

PAUSE_S = 0.8        # at most, between two disturbances
PROGRESS, PROGRESS_S = 10, 3  # results between two troubles, and how long they are waited for
TAKE_OVER_S = 12     # a session, and a restore on a busy machine
NODES = (1, 2, 3)
COORDINATORS = 8     # partitions of Kafka's own topics: tests/kafka/kafka


class Nemesis:
    def __init__(self, chaos, seed, deck):
        self.chaos = chaos
        self.rng = random.Random(seed)
        self.played = Counter()
        self._deck = dict(deck)  # name → function
        self._stop = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def _run(self):
        try:
            cards = []
            while not self._stop.is_set():
                cards = cards or self.rng.sample(sorted(self._deck), len(self._deck))
                name = cards.pop()
                begin = now_ms()
                self._deck[name]()
                print(f"    {(begin - self.chaos.begun_ms) / 1000:6.1f} s  {name} ({now_ms() - begin} ms)", flush=True)
                self.played[name] += 1
                self.breathe()
        except BaseException as e:  # said by check(), in the main thread
            self._failure = e

    def breathe(self):
        """Troubles that follow each other so closely that nothing gets done between them try nothing."""
        seen = len(self.chaos.results.records)
        try:
            wait_until(lambda: self._stop.is_set() or len(self.chaos.results.records) >= seen + PROGRESS, PROGRESS_S,
                       "something gets done")
        except TimeoutError:
            pass
        self._stop.wait(self.rng.uniform(0, PAUSE_S))

    def check(self):
        if self._failure:
            raise self._failure

    @property
    def dealt(self):
        """Every card has been played."""
        return len(self.played) == len(self._deck)

    def stop(self):
        """Waits until the card in play is over: nothing stays stopped or killed."""
        self._stop.set()
        self._thread.join()
        self.check()

    def some_time(self, low_s, high_s):
        """How long a trouble lasts is what the storm is about; nothing is awaited."""
        time.sleep(self.rng.uniform(low_s, high_s))


class Programs(Nemesis):
    """Workers, ingests and targets."""

    def __init__(self, chaos, seed):
        super().__init__(chaos, seed, {
            "kill a worker": self.kill_worker,
            "kill all workers": self.kill_workers,
            "stop a worker for a moment": self.stop_worker,
            "stop a worker past its session": self.stop_past_session,
            "stop a worker between lease and write": self.stop_before_write,
            "end a worker": self.end_worker,
            "reload a worker": self.reload_worker,
            "start a second process with one slot": self.start_twin,
            "kill an ingest": self.kill_ingest,
            "stop an ingest for a moment": self.stop_ingest,
            "a target answers nobody": self.target_down,
            "a target refuses everybody": self.target_refuses,
        })
        self._twins = 0

    def _worker(self):
        return self.rng.choice(self.chaos.workers)

    def kill_worker(self):
        self._worker().kill()

    def kill_workers(self):
        for worker in self.chaos.workers:
            worker.kill()

    def stop_worker(self):
        worker = self._worker()
        worker.pause()
        self.some_time(0.1, 2.5)
        worker.resume()

    def _await_take_over(self, stopped):
        """Until all partitions are with the others; no longer than it may take: the brokers have troubles too."""
        others = [w for w in self.chaos.workers if w is not stopped]
        try:
            wait_until(lambda: sum(self.chaos.partitions(w) for w in others) == self.chaos.PARTITIONS, TAKE_OVER_S,
                       "others have taken over")
        except TimeoutError:
            pass

    def stop_past_session(self):
        worker = self._worker()
        worker.pause()
        try:
            self._await_take_over(worker)
        finally:
            worker.resume()

    def stop_before_write(self):
        """The call goes out late, when a successor has long looked at the account."""
        worker = self._worker()
        worker.kill("after-request-written=stop")
        try:
            wait_until(lambda: worker.program.process.stopped, TAKE_OVER_S, "it has stopped itself")
        except TimeoutError:
            worker.kill()  # it had nothing to write yet; nobody would let it go on later
            return
        try:
            self._await_take_over(worker)
            self.chaos.late += 1
        finally:
            worker.resume()

    def _tell(self, number):
        """Service managers too send signals only to what has said that it is there."""
        worker = self._worker()
        if worker.program.ready():
            worker.signal(number)

    def end_worker(self):
        self._tell(signal.SIGTERM)

    def reload_worker(self):
        self._tell(signal.SIGHUP)

    def start_twin(self):
        """Of two with one slot the older ends. The supervisor starts it again, and then the younger one ends."""
        slot = self.rng.choice(self.chaos.workers).name.removeprefix("worker-")
        self._twins += 1
        twin = self.chaos.run.worker(slot, name=f"twin{self._twins}-{slot}").launch()
        try:
            code = twin.process.await_exit(TAKE_OVER_S)
            self.chaos.twin_codes.append(code)
        except TimeoutError:
            twin.kill()

    def kill_ingest(self):
        self.rng.choice(self.chaos.ingests).kill()

    def stop_ingest(self):
        ingest = self.rng.choice(self.chaos.ingests)
        ingest.pause()
        self.some_time(0.1, 3)
        ingest.resume()

    def _trouble(self, fault):
        sandbox = self.rng.choice(self.chaos.sandboxes)
        sandbox.clear_faults()
        sandbox.add_fault(fault)
        self.some_time(1, 3)
        self.chaos.rain_on(sandbox)

    def target_down(self):
        self._trouble("drop")

    def target_refuses(self):
        self._trouble("401")


class Brokers(Nemesis):
    """Nodes, leaders, replicas and coordinators. At most one node is away at a time, unless asked for."""

    def __init__(self, chaos, seed, lose_all):
        deck = {
            "kill a node": self.kill_node,
            "restart a node": self.restart_node,
            "stop a node for a moment": self.stop_node,
            "move partitions": self.move_partitions,
            "move the group's coordinators": self.move_group_coordinators,
            "move the transactions' coordinators": self.move_transaction_coordinators,
        }
        if lose_all:
            deck["kill all nodes"] = self.kill_nodes
        super().__init__(chaos, seed, deck)
        self.broker = chaos.run.broker
        self.leaders_moved = 0

    def kill_node(self):
        node = self.rng.choice(NODES)
        self.broker.kill_node(node)
        self.some_time(0, 2)
        self.broker.start_node(node)

    def restart_node(self):
        node = self.rng.choice(NODES)
        self.broker.stop_node(node)
        self.broker.start_node(node)

    def stop_node(self):
        """Longer than its session with the controller at times: it goes on as the leader it no longer is."""
        node = self.rng.choice(NODES)
        self.broker.pause(node)
        self.some_time(0.5, 4)
        self.broker.resume(node)

    def kill_nodes(self):
        self.broker.down()
        self.broker.up()

    def _insist(self, action):
        """The cluster may be busy with its last trouble."""
        failure = None

        def done():
            nonlocal failure
            try:
                return [action()]
            except kafka_admin.AdminFailed as e:
                failure = e
                return None

        return wait_until(done, 20, lambda: f"Kafka obeys: {failure}")[0]

    def _move(self, topic, replicas):
        bootstrap = self.broker.bootstrap
        self._insist(lambda: kafka_admin.reassign(bootstrap, topic, replicas))
        self.leaders_moved += self._insist(lambda: kafka_admin.elect_preferred(bootstrap, topic, list(replicas)))

    def _draw(self, partitions):
        return {p: self.rng.sample(NODES, len(NODES)) for p in range(partitions)}

    def move_partitions(self):
        """Each gives up one of its replicas and gets it back, empty, and another leader. Two at rest would be too few:
        with min.insync.replicas=2 they are read-only while one of them is away."""
        for topic in ("events", "persons", "results"):
            name = self.chaos.run.topics.name(topic)
            new = self._draw(self.chaos.PARTITIONS)
            self._move(name, {p: brokers[:2] for p, brokers in new.items()})
            self._move(name, new)

    def move_group_coordinators(self):
        self._move("__consumer_offsets", self._draw(COORDINATORS))

    def move_transaction_coordinators(self):
        self._move("__transaction_state", self._draw(COORDINATORS))
