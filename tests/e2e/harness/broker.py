"""Brokers to run a test on, with one interface: Embedded (librdkafka's mock cluster) and Real (Apache Kafka).

The embedded broker shows aborted records to everybody, forgets offsets sent in transactions and fences nobody
(tests/kafka/README.md). So nothing that is to prove P2 or P6 may run on it: `proves_transactions` says which
broker may, and `require_transactions` refuses the other.
"""
import resource
import shutil
import signal
import subprocess
from pathlib import Path

from .processes import Process, ProcessFailed
from .wait import wait_until

KAFKA = Path(__file__).resolve().parents[2] / "kafka" / "kafka"
TOPICS = ("events", "persons", "results", "deadletters", "control", "targets", "plans")
COMPACTED = ("persons", "control", "targets")


class BrokerRefused(Exception):
    """The test needs what this broker does not have."""


class BrokerMissing(Exception):
    """The broker does not start. The test that needs it has failed."""


class Broker:
    kind = ""
    proves_transactions = False  # may stand under tests of P2 and P6
    manages_topics = False       # the programs may create topics

    def __init__(self, directory, build):
        self.directory = Path(directory)
        self.build = Path(build)
        self.bootstrap = ""  # "host:port,…", valid after start

    def require_transactions(self):
        if not self.proves_transactions:
            raise BrokerRefused(f"the {self.kind} broker cannot prove P2 or P6: it has no real transactions")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Embedded(Broker):
    kind = "embedded"
    START_S = 20

    def __init__(self, directory, build, topics=(), brokers=1):
        """topics: (name, partitions) of every topic of the test; it cannot create them later."""
        super().__init__(directory, build)
        self.topics = tuple(topics)
        self.brokers = brokers
        self.process = None

    def start(self):
        ready = self.directory / "embedded.ready"
        ready.unlink(missing_ok=True)
        argv = [self.build / "kafka-embedded", "--brokers", self.brokers, "--ready-file", ready]
        for name, partitions in self.topics:
            argv += ["--topic", f"{name}:{partitions}"]
        self.process = Process("kafka-embedded", argv, self.directory)
        try:
            self.process.start()
            self.process.await_ready(ready.exists, self.START_S, "it is ready")
        except (OSError, ProcessFailed, TimeoutError) as e:
            raise BrokerMissing(f"embedded broker: {e}") from e
        self.bootstrap = ready.read_text(encoding="ascii").strip()

    def _switch(self, number, word):
        seen = self.process.log().count(word)
        self.process.signal(number)
        wait_until(lambda: self.process.log().count(word) > seen, 5, f"the embedded broker says {word}")

    def down(self):
        """Connections break and new ones are refused, until up(). Topics stay."""
        self._switch(signal.SIGUSR1, '"down"')

    def up(self):
        self._switch(signal.SIGUSR2, '"up"')

    def refuse_producers(self):
        """The next two that ask for an id get a fatal error."""
        self._switch(signal.SIGHUP, '"refusing"')

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def stop(self):
        if self.process and self.process.terminate() not in (0, None):
            raise ProcessFailed(f"the embedded broker ended with {self.process.exit_code}")
        if self.process and self.process.sanitizer_report():
            raise ProcessFailed(f"sanitizer report in {self.process.log_path}")


class Real(Broker):
    kind = "real"
    proves_transactions = True
    manages_topics = True
    COMMAND_S = 300  # the first run downloads

    def __init__(self, directory, build, nodes=1):
        super().__init__(directory, build)
        if nodes not in (1, 3):
            raise ValueError("one node or three")
        self.nodes = nodes
        self.data = self.directory / "kafka"
        self.replication_factor = nodes

    def _kafka(self, command, directory):
        try:
            done = subprocess.run([KAFKA, command, directory], capture_output=True, text=True,
                                  timeout=self.COMMAND_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise BrokerMissing(f"kafka {command}: {e}") from e
        if done.returncode != 0:
            raise BrokerMissing(f"kafka {command}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _all(self, command):
        """The command for the whole cluster: start, stop or kill."""
        return self._kafka(command if self.nodes == 1 else command + "3", self.data)

    def _node(self, node):
        return self.data if self.nodes == 1 else self.data / f"n{node}"

    def start(self):
        try:
            self.bootstrap = self._all("start")
        except BaseException:  # SIGTERM and Ctrl-C too
            self._all("kill")  # half of it may run
            raise

    def stop(self):
        self._all("stop")
        shutil.rmtree(self.data, ignore_errors=True)

    def down(self):
        """kill -9 of every node."""
        self._all("kill")

    def up(self):
        self._all("start")

    def kill_node(self, node=1):
        self._kafka("kill", self._node(node))

    def stop_node(self, node=1):
        """SIGTERM: it hands its partitions over first, as in a rolling restart."""
        self._kafka("stop", self._node(node))

    def start_node(self, node=1):
        self._kafka("start", self._node(node))

    def _pid(self, node):
        return int((self._node(node) / "pid").read_text(encoding="ascii"))

    def alive(self, node=1):
        return subprocess.run([KAFKA, "status", self._node(node)], capture_output=True, check=False).returncode == 0

    def fill_disk(self, node=1):
        """From now on no file of the node may grow, as on a full disk; its next life has space again."""
        _, hard = resource.prlimit(self._pid(node), resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid(node), resource.RLIMIT_FSIZE, (0, hard))

    def pause(self, node=None):
        for n in (node,) if node else range(1, self.nodes + 1):
            self._kafka("pause", self._node(n))

    def resume(self, node=None):
        for n in (node,) if node else range(1, self.nodes + 1):
            self._kafka("resume", self._node(n))


def rollcall_topics(prefix, partitions):
    """(name, partitions) of the topics that the programs use."""
    return [(f"{prefix}.{name}", partitions) for name in TOPICS]
