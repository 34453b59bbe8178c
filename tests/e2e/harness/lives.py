"""Many people's lives, as webhooks tell them: joins, moves, holds, leavings; late, twice and out of order.

Everything follows from the random generator given, so a seed tells the same story again.
"""
from .words import Word, now_ms

SPAN_MS = 600_000  # the lives lie in the ten minutes before the test
TELLING = (("changed", 55), ("left", 12), ("joined", 13), ("suspended", 8), ("resumed", 9), ("deleted", 3))
DEPARTMENTS = ("Design", "Sales", "Legal", "Support", "Finance", "Research", None)
LATE_SHARE, LATE, JITTER = 0.1, 0.4, 0.04  # parts of the whole by which a word may be told too late
TWICE_SHARE, TWICE = 0.2, 0.3


def _profile(rng, subject, kind):
    names = {"userName": f"{subject}@example.com"}
    if kind == "joined":
        names["displayName"] = f"{subject} the {rng.choice('ABCDEFGH')}"
    return {**names, "department": rng.choice(DEPARTMENTS)}


def live(rng, subject, count):
    """[(place in the story, 0 to 1; word)] of one person. Now and then two words bear one instant."""
    places = sorted([rng.uniform(0, 0.1), *(rng.random() for _ in range(count - 1))])
    begin = now_ms() - SPAN_MS - 60_000
    kinds = ["joined", *rng.choices(*zip(*TELLING), k=count - 1)]
    words, at = [], 0
    for place, kind in zip(places, kinds):
        at = at if words and rng.random() < 0.03 else begin + int(place * SPAN_MS)
        profile = _profile(rng, subject, kind) if kind in ("joined", "changed") else {}
        words.append((place, Word(kind, subject, at, profile, sender_id=f"{subject}-{len(words)}")))
    return words


def _share(rng, total, count):
    """count numbers from 1 that add up to total."""
    shares = [1] * count
    for _ in range(total - count):
        shares[rng.randrange(count)] += 1
    return shares


def tell(rng, lives):
    """lives: [(place, anything)…] → the same in the order of their webhooks, some of them twice."""
    told = []
    for place, what in lives:
        late = rng.uniform(0, LATE) if rng.random() < LATE_SHARE else abs(rng.gauss(0, JITTER))
        told.append((place + late, what))
        if rng.random() < TWICE_SHARE:
            told.append((place + late + rng.uniform(0, TWICE), what))
    return [what for _, what in sorted(told, key=lambda t: t[0])]


def populate(rng, sources, persons, events):
    """Lives of that many persons, so many events in all, over all sources: [(source, word)…] as they arrive."""
    lives = []
    for number, count in enumerate(_share(rng, events, persons)):
        source = sources[number % len(sources)]
        lives += [(place, (source, word)) for place, word in live(rng, f"p{number}", count)]
    return tell(rng, lives)
