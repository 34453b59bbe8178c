"""Run: all that one test has: directory, broker, topics, processes, configuration, programs under test."""
import http.client
import re
import subprocess
from pathlib import Path

from .checker import History, Target
from .config import Config, merge
from .processes import TERM_S, ProcessFailed, Processes, free_port
from .sandbox import Sandbox
from .supervisor import Supervisor
from .topics import Topics
from .wait import wait_until
from .webhooks import Sender, Source, new_secret
from .words import now_ms

READY_S = 30
ATTEMPTS = 3  # another process may take a free port first
ADDRESS_TAKEN = re.compile(r"address (already )?in use|EADDRINUSE", re.IGNORECASE)
QUIET_S = 60
COMMAND_S = 90


def sanitizer_of(build):
    """From what the worker is linked with."""
    try:
        program = (Path(build) / "rollcall-worker").read_bytes()
    except FileNotFoundError:
        return ""
    marks = {"asan": b"__asan_init", "tsan": b"__tsan_init"}
    return next((name for name, mark in marks.items() if mark in program), "")


def http_get(port, path):
    """(status, body); status 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


class Program:
    """rollcall-ingest or rollcall-worker. `process` changes when it is started again."""

    def __init__(self, run, name, argv, sections):
        """sections: {config section: members that get a free port}."""
        self.run = run
        self.name = name
        self.argv = argv
        self.sections = sections
        self.ports = {}
        self.changes = {}  # what its configuration has that others have not
        self.process = None
        self.ready_s, self.end_s = READY_S, TERM_S  # more under valgrind

    @property
    def admin_port(self):
        return self.ports["admin"]

    def _write_config(self):
        """A program keeps its ports over restarts, as its clients expect."""
        if not self.ports:
            self.ports = {member: free_port() for members in self.sections.values() for member in members}
        changes = {section: {m: f"127.0.0.1:{self.ports[m]}" for m in members}
                   for section, members in self.sections.items()}
        return self.run.config.write(self.name, merge(self.changes, changes))

    def launch(self, failpoint=None):
        """Starts it without waiting. failpoint: "name=kill[:nth]" … (include/failpoint.h)."""
        env = {"ROLLCALL_FAILPOINT": failpoint} if failpoint else {}
        config = self._write_config()
        self.process = self.run.processes.add(self.name, [*self.argv, "--config", config], env)
        return self

    def start(self, failpoint=None):
        """Starts it and waits until it is ready."""
        for attempt in range(ATTEMPTS):
            before = len(self.process.log()) if self.process else 0
            self.launch(failpoint)
            try:
                self.process.await_ready(self.ready, self.ready_s, "it is ready")
                return self
            except ProcessFailed:
                if attempt == ATTEMPTS - 1 or not ADDRESS_TAKEN.search(self.process.log()[before:]):
                    raise
                self.ports = {}
        return self

    def ready(self):
        return http_get(self.admin_port, "/readyz")[0] == 200

    def metrics(self):
        """{"name{labels}": value} of the Prometheus page."""
        _, text = http_get(self.admin_port, "/metrics")
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def stop(self):
        code = self.process.terminate(self.end_s)
        if code != 0:
            raise ProcessFailed(f"{self.name} ended with {code} after SIGTERM")


class Ingest(Program):
    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['listen']}"


class Run:
    def __init__(self, directory, build, broker, prefix, partitions):
        self.directory = Path(directory)
        self.build = Path(build)
        self.broker = broker  # None for tests without one
        self.processes = Processes(directory)
        self.sandboxes = {}   # name → (Sandbox, tenant)
        self.sources = []
        self.senders = []
        self.supervisors = []
        self.disturbed_ms = []  # when a program was stopped, continued or killed
        self.config = Config(directory, broker, prefix, partitions) if broker else None
        self.topics = Topics(self.build, broker.bootstrap, prefix) if broker else None

    def source(self, name, tenant="acme", kind="standard_webhooks", directory=""):
        source = Source(name, tenant, kind, directory, new_secret(kind))
        self.sources.append(source)
        self.config.add_source(source)
        return source

    def sandbox(self, name="miro", tenant="acme", target=None, **options):
        """Starts a sandbox and makes it a target of the tenant. target: more members of its entry."""
        sandbox = Sandbox(self.processes, self.build, self.directory, name, **options)
        self.sandboxes[name] = sandbox, tenant
        self.config.add_target(sandbox, tenant, **(target or {}))
        return sandbox

    def ingest(self, name="ingest"):
        """A rollcall-ingest that is not started yet."""
        return Ingest(self, name, [self.build / "rollcall-ingest"], {"ingest": ("listen", "admin")})

    def worker(self, slot="w0", name=None):
        """A rollcall-worker that is not started yet."""
        argv = [self.build / "rollcall-worker", "--slot", slot]
        return Program(self, name or f"worker-{slot}", argv, {"worker": ("admin",)})

    def command(self, *args, code=0):
        """rollcall-worker with a command (control, deadletters): what it printed. Fails when it ends with another code."""
        config = self.config.write("command", {})
        done = subprocess.run([self.build / "rollcall-worker", *args, "--config", config], capture_output=True, text=True,
                              timeout=COMMAND_S, check=False)
        if done.returncode != code:
            raise ProcessFailed(f"{' '.join(args)}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done

    def supervisor(self):
        self.supervisors.append(Supervisor())
        return self.supervisors[-1]

    @property
    def sanitizer(self):
        """"asan", "tsan" or "": what the programs were built with."""
        return sanitizer_of(self.build)

    def sender(self, ingest, connections=8):
        sender = Sender(ingest.url, connections)
        self.senders.append(sender)
        return sender

    def deliveries(self):
        return [d for s in self.senders for d in s.deliveries]

    def expected_results(self):
        """(event id, target) of every accepted event at every target that takes its person."""
        return {(d.event_id, t) for d in self.deliveries() if d.outcome == "accepted"
                for t in self.config.targets_of(*d.source.names())}

    def await_results(self, follower, timeout=QUIET_S):
        """Waits until every accepted event has its results. follower: of "results"."""

        def missing():
            seen = {(r.value["eventId"], r.value["target"]) for r in follower.find(lambda _: True)}
            return self.expected_results() - seen

        wait_until(lambda: not missing(), timeout,
                   lambda: f"every accepted event has its results: {self._lives_of(missing())}")

    def _lives_of(self, missing):
        """What the topics hold of the first of those (event id, target) that have no result, for whoever has to find out
        why."""
        ids = {event_id for event_id, _ in missing}
        events = [r for r in self.topics.dump("events") if r.headers.get("ce_id") in ids]
        persons = {"/".join(r.value[part] for part in ("tenant", "directory", "subject")) for r in events[:3]}
        records = [r for r in self.topics.dump("persons") if r.key in persons]
        return "\n".join([f"{len(missing)} are missing", *map(str, sorted(missing)[:20]),
                          *(str((r.topic, r.partition, r.offset, r.key, r.headers, r.value)) for r in events[:20] + records)])

    def history(self, attributes=()):
        """All that went in and came out, on dumps made now, which takes seconds: accounts are as of before."""
        at_ms = now_ms()
        targets = [Target(name, tenant, sandbox.accounts(), sandbox.limits(), attributes,
                          self.config.target_directory(name), sandbox.journal())
                   for name, (sandbox, tenant) in self.sandboxes.items()]
        disturbed = self.disturbed_ms + [at for s in self.supervisors for at in s.deaths()]
        return History(self.deliveries(), self.topics.dump("results"), self.topics.dump("deadletters"), targets,
                       disturbed, at_ms)

    def check(self, attributes=()):
        """The checker's report of this run."""
        return self.history(attributes).check()

    def assert_clean(self, attributes=()):
        report = self.check(attributes)
        print(f"    {report}")
        assert report.ok, str(report)
        return report

    def close(self):
        """Ends everything; returns what went wrong, as sentences."""
        for supervisor in self.supervisors:
            supervisor.close()
        problems = self.processes.stop_all()
        if self.topics:
            self.topics.close()
        return problems
