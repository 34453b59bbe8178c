"""Waiting for conditions. Tests never sleep for a fixed time; they say what they wait for."""
import time

POLL_S = 0.02


def wait_until(condition, timeout, what, every_s=POLL_S):
    """Calls condition() until it returns something true, and returns that.

    what: a sentence, or a function that makes one when the time is over, for the failure's message.
    every_s: longer where a look costs something.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain until {what() if callable(what) else what}")
        time.sleep(every_s)
