"""What storms have in common (test_crash on one node, tests/chaos on three): tenants whose targets fail, lie and have
tight limits, programs under a supervisor, words fed in the background. What happens to the programs is up to
the test."""
from .feed import Feed
from .lives import populate
from .wait import wait_until
from .words import now_ms

WINDOW_SCALE = 0.2  # of Miro's 30 s
RATES = "help"  # the tighter of Miro's two tables
LIMITS = {"users.read": 200, "users.create": 20, "users.update": 20, "users.delete": 20}
WORKER = {"session_timeout_ms": 3000, "heartbeat_ms": 300, "transaction_timeout_ms": 4000, "drain_ms": 2000}
ANY_NUMBER = {"count": 0, "percent": 0}
TARGET = {"timeout_ms": 2000, "call_life_ms": 4000,
          # Half of the people leave within minutes, and nobody is there to approve what the guard would hold.
          "guard": {"deactivations": ANY_NUMBER, "deletions": ANY_NUMBER},
          "retry": {"base_ms": 200, "cap_ms": 1500, "deadline_ms": 3_600_000},
          "limits": [{"class": name, "count": count, "window_ms": int(30_000 * WINDOW_SCALE)}
                     for name, count in LIMITS.items()]}

# What the sandboxes do to calls, each with its share of them.
FAULTS = [
    {"fault": "500", "probability": 0.02}, {"fault": "503", "probability": 0.02},
    {"fault": "504", "probability": 0.01}, {"fault": "500_applied", "probability": 0.02},
    {"fault": "429", "probability": 0.01}, {"fault": "429_retry_after", "probability": 0.02, "times": 3},
    {"fault": "drop", "probability": 0.02}, {"fault": "drop_after_commit", "probability": 0.03},
    {"fault": "apply_late", "method": "PATCH", "probability": 0.08, "delay_ms": 1500},
    {"fault": "apply_late", "method": "POST", "probability": 0.08, "delay_ms": 1500},
    {"fault": "timeout", "probability": 0.01}, {"fault": "slow", "probability": 0.03, "delay_ms": 400},
]


class Storm:
    """Tenants with a target each, the first with two; everything that the test adds is supervised."""

    def __init__(self, run, rng, tenants, sandbox_options=None):
        self.run, self.rng = run, rng
        self._sandbox_options = sandbox_options or {}
        run.config.document["worker"].update(WORKER)
        run.config.document["log"]["level"] = "info"
        names = [f"tenant{n}" for n in range(tenants)]
        self.sources = [run.source(f"hr-{t}", tenant=t) for t in names]
        self.sandboxes = [self._sandbox(f"miro-{t}", t) for t in names]
        self.sandboxes.append(self._sandbox("second", names[0]))
        self.rain()
        self.supervisor = run.supervisor()
        self.workers, self.ingests, self.feeds = [], [], []
        self.results = None  # a follower, after start

    def _sandbox(self, name, tenant):
        return self.run.sandbox(name, tenant, target=TARGET, window_scale=WINDOW_SCALE, rates=RATES, latency_ms=2,
                                latency_jitter_ms=10, seed=self.rng.randrange(1 << 30), **self._sandbox_options)

    def rain(self):
        for sandbox in self.sandboxes:
            sandbox.clear_faults()
            for fault in FAULTS:
                sandbox.add_fault(**fault, seed=self.rng.randrange(1 << 30))

    def clear_up(self):
        for sandbox in self.sandboxes:
            sandbox.clear_faults()

    def add_worker(self, name, failpoints=(), on_sigterm=()):
        self.workers.append(self.supervisor.add(self.run.worker(name), failpoints, on_sigterm))

    def add_ingest(self, name, failpoints=()):
        self.ingests.append(self.supervisor.add(self.run.ingest(name), failpoints))

    def start(self, persons, events):
        """Starts the programs and a feed per ingest; the story is dealt out to them in turns."""
        self.supervisor.start()
        for ingest in self.ingests:
            wait_until(ingest.program.ready, 60, f"{ingest.name} is ready")
        self.results = self.run.topics.follow("results")
        posts = populate(self.rng, self.sources, persons, events)
        for n, ingest in enumerate(self.ingests):
            self.feeds.append(Feed(self.run.sender(ingest.program), posts[n::len(self.ingests)]))

    def check(self):
        self.supervisor.check()
        for feed in self.feeds:
            feed.check()

    def wait(self, condition, timeout, what):
        def done():
            self.check()
            return condition()

        wait_until(done, timeout, what)

    def pass_time(self, ms):
        """A random moment is what a kill at random wants; nothing is awaited here."""
        end = now_ms() + self.rng.uniform(0, ms)
        self.wait(lambda: now_ms() >= end, ms, "the moment has come")

    def release(self, count):
        for feed in self.feeds:
            feed.release(count)

    def release_all(self):
        """Everything that is left of the story; waits until it is accepted."""
        for feed in self.feeds:
            feed.release(len(feed.posts))
        self.wait(lambda: all(f.finished for f in self.feeds), 120, "all words are accepted")

    @staticmethod
    def partitions(worker):
        return worker.program.metrics().get("rollcall_worker_partitions", 0)

    def close(self):
        for feed in self.feeds:
            feed.close()
        for s in self.supervisor.all:
            print(f"    {s.name}: " + ", ".join(f"{e.why or 'itself'} ({e.code})" for e in s.endings))
