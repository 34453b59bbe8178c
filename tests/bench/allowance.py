"""Share of Miro's allowance that a backlog gets in ten minutes of virtual time. No broker, no clock: the same figures
everywhere."""
import json
import subprocess

from stage import BenchFailed, table


def run(build, quick):
    del quick  # a few seconds anyway
    done = subprocess.run([build / "bench-allowance"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def show(rows):
    over = [r["name"] for r in rows if r["over"]]
    if over:
        raise BenchFailed(f"429 in: {', '.join(over)}")
    head = ["backlog", "class", "calls", "of", "share", "429"]
    return table(head, [[r["name"], r["class"], f"{r['calls']:,}", f"{r['allowance']:,}",
                         f"{100 * r['calls'] / r['allowance']:.1f} %", r["over"]] for r in rows])
