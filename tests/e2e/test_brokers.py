"""The brokers themselves: what every other scenario stands on."""
import os
from contextlib import contextmanager

from harness.broker import BrokerMissing, BrokerRefused, Embedded, Real
from harness.scenario import scenario
from harness.topics import ToolFailed
from harness.wait import wait_until

LINES = [
    {"key": "a", "headers": {"ce_id": "1"}, "value": {"n": 1, "text": "é\n"}},
    {"key": "a", "value": [1, 2]},
    {"key": "b", "valueText": "{broken"},
    {"key": "b", "value": None},
]


@contextmanager
def environment(**changes):
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def make_topic(run, short, partitions=4):
    """On the embedded broker the topic is there already."""
    if run.broker.manages_topics:
        run.topics.create(short, partitions)


def committed_keys(run, short):
    return sorted(r.key for r in run.topics.dump(short))


@scenario()
def what_is_produced_can_be_read_back(run):
    make_topic(run, "events")
    assert run.topics.produce("events", LINES) == len(LINES)
    records = run.topics.dump("events")
    of_a = [r for r in records if r.key == "a"]
    of_b = [r for r in records if r.key == "b"]
    assert [r.value for r in of_a] == [{"n": 1, "text": "é\n"}, [1, 2]], of_a
    assert of_a[0].headers == {"ce_id": "1"} and len({r.partition for r in of_a}) == 1, of_a
    assert of_b[0].value_base64 and of_b[1].tombstone, of_b
    assert run.topics.latest("events") == {"a": [1, 2]}


@scenario()
def followers_see_what_comes_later(run):
    make_topic(run, "results")
    follower = run.topics.follow("results")
    for n in range(3):
        run.topics.produce("results", [{"key": str(n), "value": n}])
        found = follower.await_count(lambda r, n=n: r.value == n, 1, 20, f"record {n} arrives")
        assert found[0].key == str(n)


@scenario()
def topics_that_do_not_exist_are_an_error(run):
    try:
        run.topics.dump("nosuch")
    except ToolFailed as e:
        assert "there is no topic" in str(e)
    else:
        raise AssertionError("a dump of nothing succeeded")
    assert f"{run.topics.prefix}.nosuch" not in run.topics.list(), "reading must not create topics"


@scenario()
def a_paused_broker_answers_again_after_resuming(run):
    make_topic(run, "events")
    run.broker.pause()
    try:
        assert run.topics.list() == {}
    finally:
        run.broker.resume()
    run.topics.produce("events", LINES)
    assert len(run.topics.dump("events")) == len(LINES)


@scenario(own_broker=True)
def a_broker_that_was_down_keeps_what_was_acknowledged(run):
    make_topic(run, "events")
    run.topics.produce("events", LINES)
    run.broker.down()
    assert run.topics.list() == {}
    run.broker.up()
    wait_until(run.topics.list, 30, "the broker answers")
    assert len(run.topics.dump("events")) == len(LINES)


@scenario(needs_real=True)
def aborted_records_are_invisible_on_the_real_broker(run):
    make_topic(run, "results", 1)
    transaction = f"{run.topics.prefix}-1"
    run.topics.produce("results", [{"key": "committed", "value": 1}], transaction)
    run.topics.produce("results", [{"key": "aborted", "value": 2}], transaction, end="abort")
    run.topics.produce("results", [{"key": "plain", "value": 3}])
    assert committed_keys(run, "results") == ["committed", "plain"]
    assert len(run.topics.dump("results", uncommitted=True)) == 3


@scenario(needs_real=True)
def an_open_transaction_hides_what_follows_until_it_is_fenced(run):
    make_topic(run, "results", 1)
    transaction = f"{run.topics.prefix}-open"
    run.topics.produce("results", [{"key": "open", "value": 1}], transaction=transaction, end="leave")
    run.topics.produce("results", [{"key": "behind", "value": 2}])
    assert committed_keys(run, "results") == []
    run.topics.produce("results", [{"key": "successor", "value": 3}], transaction=transaction)
    expected = ["behind", "successor"]
    wait_until(lambda: committed_keys(run, "results") == expected, 20, "the transaction is over")


@scenario(nodes=3, own_broker=True, deadline_s=240, seconds=35)
def three_nodes_survive_the_loss_of_one(run):
    run.topics.create("events", 3, "3")
    run.topics.produce("events", LINES)
    run.broker.kill_node(2)
    run.topics.produce("events", LINES)
    assert len(run.topics.dump("events")) == 2 * len(LINES)
    run.broker.start_node(2)
    events = run.topics.name("events")
    wait_until(lambda: run.topics.list().get(events, {}).get("led") == 3, 30, "all partitions are led")


@scenario(broker=False)
def the_embedded_broker_is_refused_for_p2_and_p6(run):
    broker = Embedded(run.directory, run.build)
    assert not Embedded.proves_transactions and Real.proves_transactions
    try:
        broker.require_transactions()
    except BrokerRefused as e:
        assert "P2 or P6" in str(e)
    else:
        raise AssertionError("the embedded broker was let through")
    Real(run.directory, run.build).require_transactions()


@scenario(broker=False)
def a_broker_that_cannot_be_had_is_a_failure(run):
    nowhere = run.directory / "nowhere"
    nowhere.mkdir()
    mvn = nowhere / "mvn"
    mvn.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    mvn.chmod(0o755)
    with environment(PATH=f"{nowhere}:{os.environ['PATH']}", ROLLCALL_KAFKA_LIBS=str(nowhere / "libs")):
        for broker in (Embedded(run.directory, nowhere), Real(run.directory, run.build)):
            try:
                broker.start()
            except BrokerMissing:
                continue
            broker.stop()
            raise AssertionError(f"{broker.kind} started from nothing")
