"""P8: what nobody else may do. hostile.py has the cases; here they meet a running rollcall-ingest."""
import hostile
from harness.scenario import scenario

DEADLINE_MS = 1000


@scenario()
def hostile_requests_get_their_4xx_and_publish_nothing(run):
    run.config.document["ingest"]["deadline_ms"] = DEADLINE_MS
    source = run.source("hostile")
    run.sandbox()
    ingest = run.ingest().start()
    more = {"source": source.name, "deadline_s": DEADLINE_MS / 1000}
    if not run.sanitizer:  # a sanitizer's memory says nothing
        more["pid"] = ingest.process.pid
    failures = hostile.run_all("127.0.0.1", ingest.ports["listen"], ingest.admin_port,
                               hostile.signer(source.secret), **more)
    for name, why in failures:
        print(f"    --- {name}\n{why}")
    print(f"    {len(hostile.CASES)} cases, {len(failures)} failed")
    assert not failures, [name for name, _ in failures]
    events = run.topics.dump("events")
    assert len(events) == 1, f"{len(events)} events are published; only the good request at the end may be"
