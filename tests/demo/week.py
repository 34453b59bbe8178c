"""A believable week: what HR's system (Standard Webhooks) and the identity provider (Okta Event Hooks) send, in the
order in which it arrives, and what must come of it. Pure data."""
from dataclasses import dataclass, field

from harness.words import Word, now_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def at(day, hour):
    """day 0 is seven days ago: the whole week lies in the past, as webhooks do."""
    return now_ms() // DAY_MS * DAY_MS - 7 * DAY_MS + day * DAY_MS + hour * HOUR_MS


def profile(name, department=None):
    given, family = name.split()
    user = {"userName": f"{given.lower()}@example.com", "displayName": name, "name.givenName": given,
            "name.familyName": family}
    return {**user, "department": department} if department else user


def okta(user):
    """What an Okta hook tells of a user: login and display name."""
    return {name: user[name] for name in ("userName", "displayName")}


@dataclass
class Post:
    """One request. outcomes: what the result of each word must be; None: it gets no result."""

    say: str
    source: str
    words: list
    outcomes: list
    forged: bool = False


@dataclass
class Week:
    posts: list
    after: dict = field(default_factory=dict)  # userName → (active, department) at the end


def make_week():
    ann, bo, cy, dee = (profile(*p) for p in (("Ann Ames", "Sales"), ("Bo Berg", "Design"), ("Cy Cole", "Finance"),
                                              ("Dee Dahl", "Support")))
    eve, flo = profile("Eve Earl"), profile("Flo Falk")
    move = Word("changed", "1002", at(2, 9), {"department": "Engineering"})
    posts = [
        Post("HR: Ann joins", "hr", [Word("joined", "1001", at(0, 9), ann)], ["applied"]),
        Post("HR: Bo joins; his account was made by hand long ago", "hr", [Word("joined", "1002", at(0, 9), bo)],
             ["applied"]),
        Post("HR: Cy joins", "hr", [Word("joined", "1003", at(0, 10), cy)], ["applied"]),
        Post("HR: Dee joins", "hr", [Word("joined", "1004", at(0, 11), dee)], ["applied"]),
        Post("Okta: Eve and Flo are activated, two events in one hook", "okta",
             [Word("joined", "1005", at(1, 8), eve), Word("joined", "1006", at(1, 8), flo)], ["applied", "applied"]),
        Post("HR: Bo moves to Engineering", "hr", [move], ["applied"]),
        Post("HR sends the same webhook again", "hr", [move], [None]),
        Post("HR: Cy leaves, Wednesday 17:00", "hr", [Word("left", "1003", at(3, 17))], ["applied"]),
        Post("HR: late news of Cy's move, Wednesday 10:00", "hr",
             [Word("changed", "1003", at(3, 10), {"department": "Legal"})], ["unchanged"]),
        Post("Okta: Dee is suspended", "okta", [Word("suspended", "1004", at(4, 9), okta(dee))], ["applied"]),
        Post("somebody posts a forged leaver", "hr", [Word("left", "1002", at(4, 10))], [None], forged=True),
        Post("Okta: Dee is back", "okta", [Word("resumed", "1004", at(5, 9), okta(dee))], ["applied"]),
        Post("HR: Cy is hired again", "hr", [Word("joined", "1003", at(5, 12), {"department": "Legal"})],
             ["applied"]),
        Post("Okta: Ann is deactivated", "okta", [Word("left", "1001", at(6, 18), okta(ann))], ["applied"]),
    ]
    after = {"ann@example.com": (False, "Sales"), "bo@example.com": (True, "Engineering"),
             "cy@example.com": (True, "Legal"), "dee@example.com": (True, "Support"),
             "eve@example.com": (True, None), "flo@example.com": (True, None)}
    return Week(posts, after)
