"""Words: what a test says about a person, before any source's format; and the ids that Rollcall gives them.

A word is one lifecycle event as its sender means it. webhooks.py turns words into requests, checker.py folds
them.
"""
import datetime
import hashlib
import time
import uuid
from dataclasses import dataclass, field

# Values of the two registers, by event type; the number says how restrictive the value is (for ties).
EMPLOYMENT = {"joined": 0, "left": 1, "deleted": 2}
SUSPENSION = {"resumed": 0, "suspended": 1}
TYPES = (*EMPLOYMENT, *SUSPENSION, "changed", "membership.added", "membership.removed")


def now_ms():
    return time.time_ns() // 1_000_000


def rfc3339(ms):
    at = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def parse_rfc3339(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(at.timestamp() * 1000)


def event_id(source, sender_id):
    """128 bits of SHA-256 over source, NUL, sender's id, as in include/event.h."""
    return hashlib.sha256(f"{source}\0{sender_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Word:
    type: str                 # "joined", "left", "membership.added" …
    subject: str
    occurred_ms: int = field(default_factory=now_ms)
    profile: dict = field(default_factory=dict)  # flat SCIM names; None clears
    complete: bool = False
    groups: tuple = ()
    thin: bool = False        # says only that something changed: the source has to be asked
    effective_ms: int = 0     # dated ahead; 0: at once
    access_until_ms: int = None  # says until when access lasts; 0: without end; None: says nothing of it
    sender_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self):
        if self.type not in TYPES:
            raise ValueError(f"no such type of word: {self.type}")

    @property
    def full_type(self):
        return self.type if self.type.startswith("membership.") else f"person.{self.type}"
