"""Processes of a test: started, awaited by condition, stopped in every case, their logs kept.

Main thread only, except Process.alive and Process.log.
"""
import os
import random
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from .wait import wait_until

TERM_S = 20  # how long SIGTERM may take before it is a failure
LOG_TAIL_LINES = 60
PORTS = (12000, 30000)

# What a sanitizer writes when it has found something.
SANITIZER = re.compile(
    rb"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: |SUMMARY: \w+Sanitizer"
)


class ProcessFailed(Exception):
    """A process ended when it should not have, or did not end when it should have."""


class Process:
    """One child. Standard output and error go to <run dir>/<name>.log, appended over restarts. foreign: a program that
    SIGTERM may end as it likes, with children of its own."""

    def __init__(self, name, argv, directory, env=None, foreign=False):
        self.name = name
        self.foreign = foreign
        self.argv = [str(a) for a in argv]
        self.log_path = Path(directory) / f"{name}.log"
        self.env = {**os.environ, **(env or {})}
        self._child = None

    def start(self):
        if self.alive:
            raise ProcessFailed(f"{self.name} runs already")
        with open(self.log_path, "ab") as log:
            try:
                self._child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               env=self.env, start_new_session=True)
            except OSError as e:
                raise ProcessFailed(f"{self.name} does not start: {e}") from None
        return self

    @property
    def pid(self):
        return self._child.pid

    @property
    def alive(self):
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self):
        """None while it runs; -N after signal N."""
        return self._child.poll() if self._child else None

    @property
    def stopped(self):
        """By SIGSTOP, of a test or of a failpoint."""
        try:
            stat = Path(f"/proc/{self._child.pid}/stat").read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    def log(self):
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def await_ready(self, condition, timeout, what):
        """Waits for condition(); fails at once when the process ends before."""

        def ready_or_dead():
            if not self.alive:
                raise ProcessFailed(f"{self.name} ended with {self.exit_code} before {what}")
            return condition()

        return wait_until(ready_or_dead, timeout, f"{self.name}: {what}")

    def signal(self, number):
        if self.alive and self.foreign:
            os.killpg(self._child.pid, number)
        elif self.alive:
            os.kill(self._child.pid, number)

    def ended_well(self, code):
        return code == 0 or (self.foreign and code in (-signal.SIGTERM, 128 + signal.SIGTERM))

    def pause(self):
        """Until it stands still: it may do a last thing before it gets to see the signal."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.stopped or not self.alive, 5, f"{self.name} stands still")

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self._child.wait()

    def await_exit(self, timeout):
        wait_until(lambda: not self.alive, timeout, f"{self.name} ends")
        return self.exit_code

    def terminate(self, timeout=TERM_S):
        """SIGTERM; returns the exit code. Fails, after killing it, when it takes longer than timeout."""
        if self._child is None:
            return None
        self.resume()
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailed(f"{self.name} did not end within {timeout} s of SIGTERM") from None

    def sanitizer_report(self):
        """The log from the first report on; "" if there is none."""
        try:
            data = self.log_path.read_bytes()
        except FileNotFoundError:
            return ""
        found = SANITIZER.search(data)
        return data[max(0, found.start() - 200):].decode("utf-8", "replace") if found else ""


class Processes:
    """All processes of a test, stopped in reverse order of their start."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.all = []

    def add(self, name, argv, env=None, foreign=False):
        process = Process(name, argv, self.directory, env, foreign)
        self.all.append(process)
        return process.start()

    def stop_all(self):
        """Ends everything; returns what went wrong on the way, as sentences."""
        problems = []
        for process in reversed(self.all):
            try:
                was_alive = process.alive
                code = process.terminate()
                if was_alive and not process.ended_well(code):
                    problems.append(f"{process.name} ended with {code} after SIGTERM")
            except ProcessFailed as e:
                problems.append(str(e))
        problems += [f"{p.name}: sanitizer report in {p.log_path}" for p in self.all if p.sanitizer_report()]
        return problems

    def show_logs(self, out=sys.stderr):
        for path in sorted(self.directory.glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            print(f"--- {path} (last {min(len(lines), LOG_TAIL_LINES)} of {len(lines)} lines)", file=out)
            for line in lines[-LOG_TAIL_LINES:]:
                print(f"    {line}", file=out)


def free_port():
    """A loopback port that is free at this moment; who uses it may still clash and should try another. It lies
    below the ephemeral range: no client's connection takes it while its program is being restarted."""
    low, high = PORTS
    while True:
        port = random.randrange(low, high)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
