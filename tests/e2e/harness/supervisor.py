"""A supervisor for programs that tests kill: starts again what ended, as systemd does with the units of deploy/
(Restart=always, RestartPreventExitStatus=64 78), each time with the next failpoint of its list.

    slot = supervisor.add(run.worker("w0"), ["after-produce=kill:3", …])
    supervisor.start()
    …
    wait_until(lambda: slot.finished, …)     # each failpoint has killed it
    supervisor.check()                       # and nothing else did
"""
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass

from .words import now_ms

POLL_S = 0.02
RESTART_S = 0.1  # systemd's pause is a second; nothing depends on it
KILLED = -signal.SIGKILL
AGAIN = (0, 71, 75)  # exit codes after which a supervisor starts the program again


@dataclass
class Ending:
    at_ms: int
    code: int
    why: str  # a failpoint, "kill -9", or "" for an end of its own


class Supervised:
    def __init__(self, program, failpoints, on_sigterm):
        self.program = program
        self.endings = []
        self.hit = []        # failpoints that have killed it
        self.wrong = ""      # how it ended when it must not have
        self._left = deque(failpoints)
        self._on_sigterm = on_sigterm  # names of failpoints that lie on the way out
        self._armed = self._left.popleft() if failpoints else None
        self._told = False   # SIGTERM has been sent to reach the failpoint
        self._killed = False
        self._once = None    # the failpoint of the next life alone
        self._lock = threading.RLock()

    @property
    def name(self):
        return self.program.name

    @property
    def finished(self):
        """All failpoints have been hit."""
        return self._armed is None

    def launch(self):
        self._told = self._killed = False
        self.program.launch(self._once or self._armed)
        self._once = None

    def kill(self, then=None):
        """kill -9 from outside; the armed failpoint stays armed. then: a failpoint that stops the next life."""
        with self._lock:
            self._once = then
            if self.program.process.alive:
                self._killed = True
                self.program.kill()

    def arm_once(self, failpoint):
        """For the next life alone, before those of the list; one that stops or holds it."""
        with self._lock:
            self._once = failpoint

    def signal(self, number):
        with self._lock:
            self.program.process.signal(number)

    def pause(self):
        with self._lock:
            self.program.pause()

    def resume(self):
        with self._lock:
            self.program.resume()

    def _note(self, code):
        by_failpoint = code == KILLED and not self._killed and self._armed
        why = self._armed if by_failpoint else "kill -9" if self._killed else ""
        self.endings.append(Ending(now_ms(), code, why))
        if by_failpoint:
            self.hit.append(self._armed)
            self._armed = self._left.popleft() if self._left else None
        elif not self._killed and code not in AGAIN:
            self.wrong = f"{self.name} ended with {code}, failpoint {self._armed}"

    def _reach(self):
        """Sends it to a failpoint that lies on the way out."""
        on_the_way_out = self._armed and self._armed.partition("=")[0] in self._on_sigterm
        if on_the_way_out and not self._told and self.program.ready():
            self._told = True
            self.program.process.signal(signal.SIGTERM)

    def turn(self):
        with self._lock:
            if self.wrong:
                return
            if self.program.process.alive:
                self._reach()
                return
            self._note(self.program.process.exit_code)
        time.sleep(RESTART_S)
        with self._lock:
            if not self.wrong:
                self.launch()


class Supervisor:
    def __init__(self):
        self.all = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure = None

    def add(self, program, failpoints=(), on_sigterm=()):
        self.all.append(Supervised(program, list(failpoints), on_sigterm))
        return self.all[-1]

    def start(self):
        for supervised in self.all:
            supervised.launch()
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.wait(POLL_S):
                for supervised in self.all:
                    supervised.turn()
        except Exception as e:  # said by check(), in the test's own thread
            self._failure = e

    def check(self):
        """Fails when a program ended in a way that no failpoint or kill explains."""
        if self._failure:
            raise self._failure
        wrong = [s.wrong for s in self.all if s.wrong]
        assert not wrong, wrong

    def deaths(self):
        return [e.at_ms for s in self.all for e in s.endings]

    def close(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
