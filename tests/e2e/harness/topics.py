"""Kafka topics as Python lists, through kafka-tool."""
import json
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from .wait import wait_until

TOOL_S = 60
CLOSE_S = 5
# A broker that stood still is fenced for a moment when it goes on: nobody leads its partitions then.
LEADERS_S = 20
LEADERLESS = ("Unknown partition", "Leader not available", "Not leader for partition")


class ToolFailed(Exception):
    """kafka-tool did not do it; carries what it said."""


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: object      # str, or {"base64": …} if it is no text, or None
    headers: dict
    value: object    # parsed JSON; None for a tombstone
    value_base64: str = None  # of a value that is not JSON
    tombstone: bool = False


def _record(line):
    return Record(line["topic"], line["partition"], line["offset"], line["timestamp"], line["key"],
                  line["headers"], line.get("value"), line.get("valueBase64"), line.get("tombstone", False))


class Follower:
    """Reads topics as they grow, in a thread of its own. `records` only ever gets longer."""

    def __init__(self, argv):
        self.records = []
        self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for text in self._child.stdout:
            line = json.loads(text)
            if "end" not in line:
                self.records.append(_record(line))

    def find(self, predicate):
        """The records so far that fulfil it. Fails when nobody reads any more."""
        if self._child.poll() is not None:
            raise ToolFailed(f"kafka-tool dump --follow ended with {self._child.returncode}")
        return [r for r in list(self.records) if predicate(r)]

    def await_count(self, predicate, count, timeout, what):
        """Waits until at least count records fulfil predicate and returns them."""

        def enough():
            found = self.find(predicate)
            return found if len(found) >= count else None

        return wait_until(enough, timeout, lambda: f"{what}: {len(self.find(predicate))} of {count} seen")

    def close(self):
        self._child.terminate()
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:  # librdkafka's tear-down hangs when a topic has been deleted
            self._child.kill()
            self._child.wait()
        self._thread.join()
        self._child.stdout.close()


@dataclass
class Topics:
    build: Path
    bootstrap: str
    prefix: str
    followers: list = field(default_factory=list)

    def name(self, short):
        """"results" → "<prefix>.results"; a name with a dot is taken as it is."""
        return short if "." in short else f"{self.prefix}.{short}"

    def _tool(self, command, *args, stdin=None, check=True):
        argv = [str(self.build / "kafka-tool"), command, "--brokers", self.bootstrap, *map(str, args)]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=TOOL_S, check=False)
        if check and done.returncode != 0:
            raise ToolFailed(f"{' '.join(argv[1:3])}: {done.stderr.strip()} (exit {done.returncode})")
        return [json.loads(line) for line in done.stdout.splitlines()]

    @staticmethod
    def text(value):
        """JSON as a program writes it."""
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def list(self):
        """{name: {"partitions", "led", "replicas"}}; empty when nobody answers."""
        lines = self._tool("topics", "--timeout-ms", 2000, check=False)
        return {line["topic"]: line for line in lines if "topic" in line}

    def create(self, short, partitions, *config):
        """config: "cleanup.policy=compact" … Real broker only."""
        name = self.name(short)
        self._tool("create", ":".join([name, str(partitions), *config]))
        wait_until(lambda: self.list().get(name, {}).get("led") == partitions, 20, f"{name} has leaders")

    def dump(self, *shorts, uncommitted=False):
        """All records from the beginning to the end at this moment, as a read_committed reader sees them."""
        flags = ["--uncommitted"] if uncommitted else []
        names = [self.name(s) for s in shorts]
        lines = wait_until(lambda: self._dump(*flags, *names), LEADERS_S, "partitions have leaders")
        return [_record(line) for line in lines if "end" not in line]

    def _dump(self, *args):
        """Lines, at least one; None while the partitions are between two leaders."""
        try:
            return self._tool("dump", *args)
        except ToolFailed as e:
            if any(reason in str(e) for reason in LEADERLESS):
                return None
            raise

    def latest(self, short):
        """Of a compacted topic: the last value of each key, tombstones left out."""
        last = {r.key: r for r in self.dump(short)}
        return {key: r.value for key, r in last.items() if not r.tombstone}

    def follow(self, *shorts, uncommitted=False):
        flags = ["--uncommitted"] if uncommitted else []
        argv = [str(self.build / "kafka-tool"), "dump", "--follow", "--brokers", self.bootstrap, *flags]
        follower = Follower(argv + [self.name(s) for s in shorts])
        self.followers.append(follower)
        return follower

    def produce(self, short, lines, transaction=None, end="commit"):
        """lines: dicts of key, partition, headers, value | valueText | valueBase64. end: see kafka-tool."""
        flags = ["--transaction", transaction, "--end", end] if transaction else []
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self._tool("produce", *flags, self.name(short), stdin=text)[0]["produced"]

    def group_offsets(self, group, *shorts):
        """{(topic, partition): (committed or -1, end)}."""
        lines = self._tool("group-offsets", group, *map(self.name, shorts))
        return {(line["topic"], line["partition"]): (line["committed"], line["end"]) for line in lines}

    def close(self):
        for follower in self.followers:
            follower.close()
        self.followers.clear()
