"""Runs tests/interop/test_*.py on the harness of tests/e2e: Rollcall's real programs, an embedded broker, foreign servers.

    tests/interop/run [--build DIR] [--keep] [PART OF A NAME…]
"""
import argparse
import importlib
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

from harness import runner
from harness.scenario import scenarios_of

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "test"


def parse(argv):
    parser = argparse.ArgumentParser(description="Runs the tests with foreign software.")
    parser.add_argument("--build", default=BUILD, help="where the programs are")
    parser.add_argument("--keep", action="store_true", help="keep the files of passed tests")
    parser.add_argument("parts", nargs="*", help="run scenarios whose module and name contain one of these")
    return parser.parse_args(argv)


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGALRM, runner.overdue)
    signal.signal(signal.SIGTERM, runner.terminated)
    found = [s for p in sorted(HERE.glob("test_*.py")) for s in scenarios_of(importlib.import_module(p.stem))]
    wanted = [s for s in found if not options.parts
              or any(p.replace("_", " ") in s.full_name for p in options.parts)]
    settings = SimpleNamespace(build=options.build, keep=options.keep, broker="embedded")
    return runner.Runner(settings, "interop").all(wanted)


if __name__ == "__main__":
    sys.exit(main())
