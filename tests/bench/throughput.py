"""Events a second through one worker, in order per person, beside its peers: the same broker, target and events.

Rollcall is fed as fast as it can have one call for each event: a person's next event is published when the target sees
the call for the one before. Its peers take every record by itself, so they get all of them in advance.
"""
import subprocess
import time

from stage import BENCH, BenchFailed, Stage, add_bench_target, check_calls, check_order, pin, table, wait_until

PERSONS = 1000
SPREAD = 16            # buckets of the tenant, over 12 partitions as the peers' records are
IN_FLIGHT = 1000
DELAYS_MS = (0, 10, 50, 100)
WARM_S, MEASURE_S = 20, 10   # the JVM's compiler is done by then
BACKLOG = {"vertx": 560000, "transactional": 140000}
NAMES = {"rollcall": "Rollcall, one transaction after the other, results exactly once",
         "vertx": "Parallel Consumer, vert.x, at least once",
         "transactional": "Parallel Consumer, threads, transactional"}


def figures(m):
    return {"rate": m["calls"] * 1000 / m["ms"], "cpu_us": m["cpuUs"] / max(m["calls"], 1),
            "mb": m["residentKib"] / 1024, "in_flight": m["inFlightMax"]}


def measure(target, process, warm_s):
    time.sleep(warm_s)  # not a wait for a condition: the warm-up is part of what is measured
    return figures(target.ask("measure", MEASURE_S, process.pid))


def run_rollcall(stage, delay_ms):
    prefix = f"rollcall{delay_ms}"
    config = stage.config(prefix)
    target = stage.target(f"{prefix}.events", persons=PERSONS, spread=SPREAD)
    config.add_tenant("t00", spread=SPREAD)
    config.document["sources"].append({"name": "hr", "kind": "standard_webhooks", "tenant": "t00",
                                       "secrets": [config.secret("hr", "whsec_" + "A" * 44)]})
    add_bench_target(config, target, "t00", 0, IN_FLIGHT)
    worker = stage.worker(config)
    target.ask("delay", delay_ms)
    target.ask("feed")
    result = measure(target, worker, WARM_S)
    target.ask("stop")
    published = target.report()["published"]
    target.await_calls(published, 60, "every event has had its call")
    report = target.report()
    check_calls(report)
    check_results(target, f"{prefix}.results", published)
    worker.terminate()
    return result


def check_results(target, topic, published):
    """Exactly one result for each event, as read_committed readers see them; the last ones may be on their way."""
    wait_until(lambda: target.ask("results", topic)["records"] >= published, 60, "every event has its result")
    results = target.ask("results", topic)
    if results != {"records": published, "events": published}:
        raise BenchFailed(f"{published} events, {results['records']} results of {results['events']}")


def run_peer(stage, mode, delay_ms):
    name = f"{mode}{delay_ms}"
    stage.config(name)
    stage.topics.create("events", 12)
    stage.topics.create("results", 12)
    target = stage.target(f"{name}.events", persons=PERSONS)
    target.ask("delay", delay_ms)
    target.ask("backlog", f"{name}.events", BACKLOG[mode])
    path = subprocess.run([BENCH / "peers" / "peers", "build"], check=True, capture_output=True, text=True).stdout.strip()
    argv = ["java", "-cp", path, "Peer", mode, stage.broker.bootstrap, f"{name}.events", f"{name}.results", name,
            target.port, IN_FLIGHT]
    peer = stage.processes.add(name, pin(argv))
    target.await_calls(1, 60, f"{name} makes its first call")
    result = measure(target, peer, WARM_S)
    report = target.report()
    if report["answered"] >= BACKLOG[mode]:
        raise BenchFailed(f"{name}: the backlog of {BACKLOG[mode]} was too short")
    check_order(report)
    peer.kill()
    return result


def run(build, quick):
    """Rows of {"delay", "who", "rate", "cpu_us", "mb"}."""
    rows = []
    with Stage(build, "throughput") as stage:
        for delay_ms in (50,) if quick else DELAYS_MS:
            for who in NAMES:
                result = run_rollcall(stage, delay_ms) if who == "rollcall" else run_peer(stage, who, delay_ms)
                rows.append({"delay": delay_ms, "who": who, **result})
                print(f"    {delay_ms} ms, {who}: {result['rate']:,.0f}/s, {result['cpu_us']:.0f} µs, "
                      f"{result['mb']:.0f} MB", flush=True)
    return rows


def show(rows):
    delays = sorted({r["delay"] for r in rows})
    by = {(r["who"], r["delay"]): r for r in rows}
    head = ["events/s", *[f"{d} ms" for d in delays], "CPU µs/event", "memory, MB"]
    lines = []
    for who, name in NAMES.items():
        mine = [by[who, d] for d in delays]
        lines.append([name, *[f"{r['rate']:,.0f}" for r in mine],
                      " ".join(f"{r['cpu_us']:.0f}" for r in mine), f"{max(r['mb'] for r in mine):.0f}"])
    return table(head, lines)
