"""Twelve tenants with a target each, on one, two and four workers that share one core: what more workers cost, and how
long the calls of a killed worker's tenants stand still, with its slot restarted at once and without.
"""
import time

from stage import BenchFailed, Stage, add_bench_target, await_ready, check_order, table, wait_until

TENANTS, PERSONS, DELAY_MS, IN_FLIGHT = 12, 1200, 50, 100
WORKERS = (1, 2, 4)
WARM_S, MEASURE_S = 12, 10
SESSION_MS, HEARTBEAT_MS = 10000, 3000  # as by default
SETTLE_S = 0.1                          # what a dead process had written has arrived
TAKE_OVER_S = 90


def start(stage, count):
    prefix = f"tenants{count}"
    config = stage.config(prefix)
    config.document["worker"].update(session_timeout_ms=SESSION_MS, heartbeat_ms=HEARTBEAT_MS)
    target = stage.target(f"{prefix}.events", persons=PERSONS, tenants=TENANTS)
    for i in range(TENANTS):
        tenant = f"t{i:02d}"
        config.add_tenant(tenant)
        config.document["sources"].append({"name": f"hr-{tenant}", "kind": "standard_webhooks", "tenant": tenant,
                                           "directory": "hr", "secrets": [config.secret("hr", "whsec_" + "A" * 44)]})
        add_bench_target(config, target, tenant, i, IN_FLIGHT)
    workers = [stage.worker(config, f"{prefix}-w{i}", ready=False) for i in range(count)]
    for worker in workers:
        await_ready(worker)
    return config, target, workers


def measure(target, workers):
    target.ask("delay", DELAY_MS)
    target.ask("feed")
    wait_until(lambda: target.report()["answered"] >= PERSONS, 60, "every person has been called for")
    time.sleep(WARM_S)
    m = target.ask("measure", MEASURE_S, *[w.pid for w in workers])
    check_order(target.report())
    return {"rate": m["calls"] * 1000 / m["ms"], "cpu_us": m["cpuUs"] / max(m["calls"], 1),
            "mb": m["residentKib"] / 1024}


def stand_still(target, worker, restart):
    """Milliseconds from kill -9 until every tenant is called for again; the last one's."""
    worker.kill()
    killed_ms = time.monotonic() * 1000
    time.sleep(SETTLE_S)
    target.ask("watch")
    if restart:
        worker.start()

    def first_calls():
        first = target.report()["firstCallMs"]
        return first if all(first) else None

    return max(wait_until(first_calls, TAKE_OVER_S, "every tenant is called for again")) - killed_ms


def run(build, quick):
    rows = []
    with Stage(build, "tenants") as stage:
        for count in (2,) if quick else WORKERS:
            _, target, workers = start(stage, count)
            row = {"workers": count, **measure(target, workers)}
            row["restarted_ms"] = stand_still(target, workers[0], True)
            if count > 1:
                await_ready(workers[0])
                row["gone_ms"] = stand_still(target, workers[1], False)
            target.ask("stop")
            for worker in workers:
                if worker.alive:
                    worker.terminate()
            rows.append(row)
            print(f"    {row}", flush=True)
    if not rows:
        raise BenchFailed("nothing measured")
    return rows


def show(rows):
    head = ["workers on one core", "events/s", "CPU µs/event", "memory, MB", "stand still: restarted, s", "not restarted, s"]
    lines = [[r["workers"], f"{r['rate']:,.0f}", f"{r['cpu_us']:.0f}", f"{r['mb']:.0f}",
              f"{r['restarted_ms'] / 1000:.1f}", f"{r['gone_ms'] / 1000:.1f}" if "gone_ms" in r else "–"] for r in rows]
    return table(head, lines)
