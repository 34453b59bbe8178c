"""P4: trouble delays nobody else. P8: what opens a target stands in no log, and is replaced while the worker runs."""
import shutil
import signal

from harness.certificates import Authority, Certificates
from harness.scenario import scenario
from harness.tls_front import TlsFront
from harness.wait import wait_until
from harness.words import Word, now_ms

MANAGED = ("displayName",)
SOON_S = 10
QUICK = {"timeout_ms": 1000, "call_life_ms": 1000,
         "retry": {"base_ms": 200, "cap_ms": 500, "deadline_ms": 3_600_000}}


def joiners(count):
    at = now_ms() - 60_000
    return [Word("joined", f"p{n}", at + n, {"userName": f"p{n}@example.com", "displayName": f"P {n}"})
            for n in range(count)]


def results_at(results, target):
    return {r.value["subject"] for r in results.find(lambda r: r.value["target"] == target)}


@scenario()
def one_target_that_is_down_delays_neither_of_two_others(run):
    source = run.source("hr")
    for name in ("well", "fine"):
        run.sandbox(name, target=QUICK)
    ill = run.sandbox("ill", target=QUICK)
    ill.add_fault("drop")
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    words = joiners(15)
    sender.deliver(source, *words)
    for name in ("well", "fine"):
        wait_until(lambda: len(results_at(results, name)) == len(words), SOON_S, f"all are done at {name}")
    assert not results_at(results, "ill"), "results of a target that answers nobody"
    assert not run.topics.dump("deadletters"), "the target's trouble is nobody's fault"
    ill.clear_faults()
    run.await_results(results)
    run.assert_clean(MANAGED)


@scenario()
def one_persons_failing_call_does_not_delay_others(run):
    source, sandbox = run.source("hr"), run.sandbox(target=QUICK)
    sandbox.add_fault("500", match="p0@example.com")
    ingest = run.ingest().start()
    run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    words = joiners(15)
    sender.deliver(source, *words)
    wait_until(lambda: len(results_at(results, "miro")) == len(words) - 1, SOON_S, "all others are done")
    assert "p0" not in results_at(results, "miro")
    sandbox.clear_faults()
    run.await_results(results)
    outcomes = {r.value["outcome"] for r in results.records}
    assert outcomes == {"applied"}, outcomes
    run.assert_clean(MANAGED)


class Guarded:
    """A SCIM service that gives tokens for client credentials and lets in who has a certificate."""

    LIFE_S = 4
    SECRETS = ("hush-1", "hush-2")

    def __init__(self, run):
        """Authorities: the one whose certificate the worker has, and the next."""
        self.run, self.log = run, ""
        self.authorities = Authority(run.directory, "ca-1"), Authority(run.directory, "ca-2")
        server = Certificates(run.directory, "front")
        server.make()
        self.pair = run.directory / "worker.pem", run.directory / "worker.key"
        self.show(self.authorities[0])
        self.secret = run.config.secret("oauth", self.SECRETS[0])
        self.sandbox = run.sandbox("guarded", profile="scim", oauth_client=f"rollcall={self.SECRETS[0]}", oauth_life_s=self.LIFE_S,
                                   target=QUICK)
        self.front = TlsFront(server, self.sandbox.port)
        self.front.trust(self.authorities[0].ca)
        target = run.config.document["targets"][-1]
        del target["token"]
        target.update(kind="scim", base_url=f"{self.front.url}/scim/v2", breaker={"pause_ms": 200, "pause_max_ms": 400},
                      auth={"oauth": {"token_url": f"{self.front.url}/oauth/token", "client_id": "rollcall",
                                      "client_secret": self.secret}},
                      tls={"certificate": f"file:{self.pair[0]}", "key": f"file:{self.pair[1]}", "ca": f"file:{server.certificate}"})

    def show(self, authority):
        """Another certificate, and its key, where the worker reads them."""
        name = authority.ca.stem.replace("ca", "client")
        for made, read in zip(authority.certify(f"/CN={name}", "clientAuth", name), self.pair):
            shutil.copy(made, read)

    def journal(self, path, status=None):
        return [e for e in self.sandbox.journal() if e["path"].startswith(path) and status in (None, e["status"])]

    def token_gaps(self):
        """Seconds between the tokens that were given."""
        at = [e["answeredAt"] for e in self.journal("/oauth/token", 200)]
        return [(b - a) / 1000 for a, b in zip(at, at[1:])]

    def in_trouble(self, worker):
        return worker.metrics().get('rollcall_worker_breaker{target="guarded"}') == 1


def reload(worker, word):
    before = worker.process.log().count(word)
    worker.process.signal(signal.SIGHUP)
    wait_until(lambda: worker.process.log().count(word) > before, SOON_S, f"it says {word}")


@scenario(seconds=20)
def tokens_and_certificates_are_renewed_under_way_and_stand_in_no_log(run):
    source, service = run.source("hr"), Guarded(run)
    ingest, worker = run.ingest().start(), run.worker().start()
    sender, results = run.sender(ingest), run.topics.follow("results")
    people = iter(joiners(500))

    def deliver(count=1):
        sender.deliver(source, *[next(people) for _ in range(count)])

    def renewed_twice():
        deliver()
        run.await_results(results)
        return len(service.token_gaps()) >= 2

    def trouble():
        deliver()
        return service.in_trouble(worker)

    # Renewed while it is good, so that nobody waits and nobody is refused.
    wait_until(renewed_twice, 30, "three tokens were given")
    assert min(service.token_gaps()) < service.LIFE_S, service.token_gaps()
    # One that is refused all the same is replaced, and the call goes again.
    given = len(service.journal("/oauth/token", 200))
    service.sandbox.add_fault("401", method="POST", path="/Users", times=1)
    deliver(3)
    run.await_results(results)
    assert len(service.journal("/oauth/token", 200)) > given
    assert "in trouble" not in worker.process.log(), "a token that ran out is no trouble of the target's"

    # Another secret there, and then other certificates: the target is in trouble until we have them, too.
    service.sandbox.change({"oauth-client": f"rollcall={service.SECRETS[1]}"})
    wait_until(trouble, 30, "the secret is refused", every_s=0.3)
    assert "no token: its endpoint answers 401" in worker.process.log()
    run.config.secret("oauth", service.SECRETS[1])
    reload(worker, '"reloaded"')
    run.await_results(results)

    service.front.trust(service.authorities[1].ca)
    wait_until(trouble, 30, "the certificate is refused", every_s=0.3)
    shutil.copy(service.pair[0], run.directory / "old.pem")
    service.show(service.authorities[1])
    new = service.pair[0].read_bytes()
    shutil.copy(run.directory / "old.pem", service.pair[0])
    reload(worker, "reload refused")
    assert "do not belong together" in worker.process.log(), "a certificate without its key is not taken"
    service.pair[0].write_bytes(new)
    reload(worker, '"reloaded"')
    run.await_results(results)
    assert service.front.clients == {"client-1", "client-2"}

    run.assert_clean(MANAGED)
    assert {r.value["outcome"] for r in results.records} == {"applied"}
    assert not run.topics.dump("deadletters"), "the target's trouble is nobody's fault"
    assert len(service.journal("/scim/v2/Users", 201)) == len(results.records), "made once each"
    hidden = {*service.front.tokens, *service.SECRETS, service.pair[1].read_text(encoding="ascii").splitlines()[1]}
    assert len(service.front.tokens) > 4
    for log in run.directory.glob("*.log"):
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not [word for word in hidden if word in text], log
    service.front.close()
