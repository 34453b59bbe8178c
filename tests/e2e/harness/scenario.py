"""How a test says what it is: a function whose name is a sentence, marked with @scenario.

    @scenario()                         runs on either broker
    @scenario(needs_real=True)          P2, P6: always on a real broker; fails without one
    @scenario(nodes=3)                  three real nodes (implies needs_real)
    @scenario(own_broker=True)          hurts its broker: gets one of its own
    @scenario(broker=False)             needs none
    @scenario(seconds=60)               takes that long: --jobs shares the scenarios out by it
    @scenario(long=True)                only with --long: make test-all
    @scenario(native=True)              has no meaning for programs with a sanitizer (valgrind)
"""
from dataclasses import dataclass

DEADLINE_S = 180


@dataclass
class Scenario:
    function: object
    needs_real: bool
    own_broker: bool
    broker: bool
    nodes: int
    partitions: int
    deadline_s: int
    native: bool
    seconds: int  # what it takes, roughly
    long: bool = False

    @property
    def full_name(self):
        """"module: sentence", with blanks for underscores in both."""
        return f"{self.function.__module__}: {self.function.__name__}".replace("_", " ")


def scenario(*, needs_real=False, own_broker=False, broker=True, nodes=1, partitions=4,
             deadline_s=DEADLINE_S, native=False, seconds=6, long=False):
    def mark(function):
        function.scenario = Scenario(function, needs_real or nodes > 1, own_broker, broker, nodes, partitions,
                                     deadline_s, native, seconds, long)
        return function

    return mark


def scenarios_of(module):
    """In the order in which they stand in the file."""
    marked = [f for f in vars(module).values() if hasattr(f, "scenario")]
    return [f.scenario for f in marked if f.__module__ == module.__name__]
