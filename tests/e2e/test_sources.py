"""Sources that are asked: what a thin webhook leaves out, an outage that holds up no leaver, everybody at once."""
import signal

from harness.config import SOURCES_DIR
from harness.people_api import TOKEN, PeopleApi, write_source
from harness.scenario import scenario
from harness.wait import wait_until
from harness.words import Word, now_ms

SOON_S, LOAD_S = 15, 60
SCALE = 0.02
CREATES = 200
WHY = ("--reason", "the test wants it", "--by", "tester")
TARGET = {"limits": [{"class": name, "count": CREATES, "window_ms": int(30_000 * SCALE)}
                     for name in ("users.read", "users.create")]}
QUICK = {"timeout_ms": 1000, "retry": {"base_ms": 100, "cap_ms": 500},
         "breaker": {"pause_ms": 100, "pause_max_ms": 500}}


def person(subject, **attributes):
    return {"profile": {"userName": f"{subject}@example.com", "displayName": subject.title(), **attributes}}


class Scene:
    def __init__(self, run):
        self.run = run
        self.api = PeopleApi()
        self.source = run.source("hr")
        self.sandbox = run.sandbox(window_scale=SCALE, target=TARGET)
        document = run.config.document
        document["ingest"]["sources_dir"] = str(write_source(run.directory, self.source.kind, SOURCES_DIR))
        document["sources"][0]["api"] = {"base_url": self.api.base_url, "token": run.config.secret("api", TOKEN), **QUICK}
        self.ingest, self.worker = run.ingest().start(), run.worker().start()
        self.sender, self.results = run.sender(self.ingest), run.topics.follow("results")

    def tell(self, *words):
        """Returns the deliveries."""
        self.sender.deliver(self.source, *words)
        return self.sender.deliveries[-len(words):]

    def result(self, delivery):
        return next(iter(self.results.find(lambda r: r.value["eventId"] == delivery.event_id)), None)

    def await_result(self, delivery):
        return wait_until(lambda: self.result(delivery), SOON_S, f"{delivery.event_id} has its result").value

    def account(self, subject):
        return self.sandbox.account(f"{subject}@example.com")


def thin(kind, subject, **more):
    return Word(kind, subject, now_ms(), thin=True, **more)


def a_change_is_fetched(scene):
    scene.api.people["ann"] = person("ann", department="Sales")
    joined, = scene.tell(thin("joined", "ann"))
    assert scene.await_result(joined)["outcome"] == "applied"
    assert scene.account("ann").attributes["department"] == "Sales"

    scene.api.people["ann"] = person("ann", department="Design")
    changed, = scene.tell(thin("changed", "ann"))
    result = scene.await_result(changed)
    assert result["outcome"] == "applied" and "notFetched" not in result, result
    assert scene.account("ann").attributes["department"] == "Design"
    assert scene.api.fetches("ann") == 2, scene.api.requests
    assert scene.api.refused == 0


def an_outage_holds_up_no_leaver(scene):
    others = [f"bob{n}" for n in range(4)]
    scene.api.people.update({subject: person(subject) for subject in others})
    scene.api.fault = 0
    waiting = scene.tell(*(thin("joined", subject) for subject in others), thin("changed", "ann"))
    breaker = 'rollcall_worker_breaker{target="source.hr"}'
    wait_until(lambda: scene.worker.metrics().get(breaker) == 1, SOON_S, "the source's breaker opens")
    left, = scene.tell(Word("left", "ann", now_ms()))
    assert scene.await_result(left)["outcome"] == "applied"
    assert not scene.account("ann").active
    assert not any(scene.result(d) for d in waiting), "results of what could not be asked"

    scene.api.fault = None
    for delivery in waiting:
        assert "notFetched" not in scene.await_result(delivery)
    assert all(scene.account(subject).active for subject in others)
    assert not scene.account("ann").active, "the source still says joined: that revives nobody"


def an_unknown_person_is_told_of(scene):
    told, = scene.tell(thin("joined", "eve", profile={"userName": "eve@example.com", "displayName": "Eve"}))
    result = scene.await_result(told)
    assert result["outcome"] == "applied" and "does not know" in result["notFetched"], result
    assert scene.account("eve").active


def everybody_is_loaded_once(scene, count=500):
    scene.api.people = {f"p{n:03}": person(f"p{n:03}") for n in range(count)}
    for n in range(0, count, 50):
        scene.api.people[f"p{n:03}"]["gone"] = True
    before = len(scene.run.topics.dump("events"))
    first = scene.run.processes.add("load", [scene.run.build / "rollcall-worker", "control", "load", "hr", *WHY,
                                             "--config", scene.run.config.write("load", {})],
                                    {"ROLLCALL_FAILPOINT": "page-published=kill:4"})
    wait_until(lambda: not first.alive, LOAD_S, "the load is killed")
    assert first.exit_code == -signal.SIGKILL, first.log()
    assert "load/hr" in scene.run.command("control", "list").stdout

    scene.api.faults = {len(scene.api.requests) + 2: 429, len(scene.api.requests) + 4: 500, len(scene.api.requests) + 6: 0}
    done = scene.run.command("control", "load", "hr", *WHY)
    assert "goes on after page 3" in done.stdout and f"hr: {count} people on 10 pages" in done.stdout, done.stdout
    assert "answers 429" in done.stderr and "answers 500" in done.stderr, done.stderr
    assert "load/hr" not in scene.run.command("control", "list").stdout

    events = scene.run.topics.dump("events")[before:]
    assert len(events) == count + 50, f"{len(events)}: the page that was published and not noted comes twice"
    loaded = lambda: {r.value["subject"] for r in scene.results.find(lambda r: r.value["subject"][0] == "p")}
    wait_until(lambda: len(loaded()) == count, LOAD_S, lambda: f"all have a result, {len(loaded())} do")
    assert len(scene.results.find(lambda r: r.value["subject"][0] == "p")) == count, "somebody has two results"
    accounts = [a for a in scene.sandbox.accounts() if a.user_name[0] == "p"]
    assert len(accounts) == len({a.user_name for a in accounts}) == count - count // 50, len(accounts)
    assert all(a.active for a in accounts)
    over = [u.name for u in scene.sandbox.limits() if u.over]
    assert not over, over


@scenario()
def a_thin_webhook_is_fetched_and_a_company_is_loaded(run):
    scene = Scene(run)
    try:
        a_change_is_fetched(scene)
        an_outage_holds_up_no_leaver(scene)
        an_unknown_person_is_told_of(scene)
        everybody_is_loaded_once(scene)
        scene.run.command("control", "load", "nobody", *WHY, code=64)
        scene.api.fault = 403
        assert "answers 403" in scene.run.command("control", "load", "hr", *WHY, code=69).stderr
    finally:
        scene.api.close()
