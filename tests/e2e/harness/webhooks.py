"""Senders: words as signed webhooks over keep-alive connections, with bounded concurrency.

What became of each is recorded as the checker needs it: accepted (2xx: P1 holds for it), refused (4xx: it
must have no effect), unknown (5xx, timeout, broken connection: it may have arrived or not).
"""
import base64
import hashlib
import hmac
import http.client
import json
import queue
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass

from .words import event_id, now_ms, rfc3339

TIMEOUT_S = 10
REDELIVER_S = 0.2  # a sender's pause before it tries again
ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"

OKTA_TYPES = {
    "joined": "user.lifecycle.activate",
    "left": "user.lifecycle.deactivate",
    "suspended": "user.lifecycle.suspend",
    "resumed": "user.lifecycle.unsuspend",
    "deleted": "user.lifecycle.delete.initiated",
    "changed": "user.account.update_profile",
    "membership.added": "group.user_membership.add",
    "membership.removed": "group.user_membership.remove",
}


@dataclass(frozen=True)
class Source:
    """A configured source, and the secret that its sender knows. kind: standard_webhooks or okta."""

    name: str
    tenant: str
    kind: str = "standard_webhooks"
    directory: str = ""  # "": the source's name
    secret: str = ""     # as it stands in the secret file

    def names(self):
        return self.tenant, self.directory or self.name


@dataclass
class Delivery:
    """One word in one request."""

    word: object
    source: Source
    event_id: str
    sent_ms: int
    answered_ms: int = 0
    status: int = 0   # HTTP; 0: no answer
    error: str = ""

    @property
    def outcome(self):
        if 200 <= self.status < 300:
            return ACCEPTED
        return REFUSED if 400 <= self.status < 500 and self.status != 429 else UNKNOWN


def new_secret(kind):
    raw = uuid.uuid4().bytes + uuid.uuid4().bytes
    if kind == "standard_webhooks":
        return "whsec_" + base64.b64encode(raw).decode()
    return raw.hex()


def standard_webhook(source, word, at_s=None):
    """(headers, body) as a Standard Webhooks v1 sender makes them."""
    data = {"id": word.subject}
    if word.profile:
        data["profile"] = word.profile
    if word.complete:
        data["complete"] = True
    if word.groups:
        data["groups"] = list(word.groups)
    if word.effective_ms:
        data["effectiveAt"] = rfc3339(word.effective_ms)
    if word.access_until_ms is not None:
        data["accessUntil"] = rfc3339(word.access_until_ms) if word.access_until_ms else None
    if word.thin:
        data["needsFetch"] = True
    body = json.dumps({"type": word.full_type, "timestamp": rfc3339(word.occurred_ms), "data": data}).encode()
    at = str(int(time.time() if at_s is None else at_s))
    key = base64.b64decode(source.secret.removeprefix("whsec_"))
    signed = b".".join([word.sender_id.encode(), at.encode(), body])
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    headers = {"Content-Type": "application/json", "webhook-id": word.sender_id, "webhook-timestamp": at,
               "webhook-signature": f"v1,{signature}"}
    return headers, body


def _okta_entry(word):
    name = word.profile.get("userName", word.subject)
    target = [{"id": word.subject, "type": "User", "alternateId": name,
               "displayName": word.profile.get("displayName", name)}]
    target += [{"id": f"00g{g}", "type": "UserGroup", "displayName": g} for g in word.groups]
    return {"uuid": word.sender_id, "published": rfc3339(word.occurred_ms),
            "eventType": OKTA_TYPES[word.type], "version": "0", "severity": "INFO",
            "outcome": {"result": "SUCCESS"}, "target": target}


def okta_event_hook(source, words):
    """(headers, body) of one Okta event hook with all the words."""
    body = {"eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1",
            "source": "https://example.okta.com/api/v1/eventHooks/whotest", "eventId": str(uuid.uuid4()),
            "eventTime": rfc3339(now_ms()), "contentType": "application/json",
            "data": {"events": [_okta_entry(w) for w in words]}}
    return {"Content-Type": "application/json", "Authorization": source.secret}, json.dumps(body).encode()


class Connection:
    """One keep-alive connection; opens itself anew when it broke. One thread at a time."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self._http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)

    def post(self, path, headers, body):
        """(status, reply body). Raises OSError or HTTPException when there is no answer."""
        try:
            self._http.request("POST", path, body, headers)
            reply = self._http.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def close(self):
        self._http.close()


class Sender:
    """Posts to one rollcall-ingest. `deliveries` holds every attempt, in the order of their answers."""

    def __init__(self, url, connections=8):
        self.url = url
        self.connections = connections
        self.deliveries = []
        self._lock = threading.Lock()

    def _post(self, connection, source, words, make):
        headers, body = make(source, words)
        sent = now_ms()
        status, error = 0, ""
        try:
            status, _ = connection.post(f"/hooks/{source.name}", headers, body)
        except (OSError, http.client.HTTPException) as e:
            error = f"{type(e).__name__}: {e}"
        done = [Delivery(w, source, event_id(source.name, w.sender_id), sent, now_ms(), status, error)
                for w in words]
        with self._lock:
            self.deliveries += done
        return done

    def _run(self, jobs, results):
        connection = Connection(self.url)
        try:
            while True:
                index, source, words, make = jobs.get_nowait()
                results[index] = self._post(connection, source, words, make)
        except queue.Empty:
            connection.close()

    def _post_all(self, requests):
        """requests: (source, words, make)…; returns their deliveries in the same order."""
        jobs, results = queue.Queue(), [None] * len(requests)
        for index, request in enumerate(requests):
            jobs.put((index, *request))
        threads = [threading.Thread(target=self._run, args=(jobs, results))
                   for _ in range(min(self.connections, len(requests)))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return [d for group in results for d in group]

    def send(self, source, *words):
        """Posts the words: one request for each, or one Okta hook for all. Returns their deliveries."""
        if source.kind == "okta":
            return self._post_all([(source, list(words), okta_event_hook)])
        return self.send_all([(source, w) for w in words])

    def send_all(self, posts):
        """posts: (source of Standard Webhooks, word)…, a request for each, several at once."""
        return self._post_all([(s, [w], lambda source, ws: standard_webhook(source, ws[0])) for s, w in posts])

    def send_raw(self, path, headers, body):
        """A request as it is: (status, reply body)."""
        connection = Connection(self.url)
        try:
            return connection.post(path, headers, body)
        finally:
            connection.close()

    def deliver(self, source, *words, timeout=60):
        """Sends, and redelivers as real senders do, until every word is accepted."""
        if source.kind == "okta":
            self._deliver(list(words), lambda left: self.send(source, *left), lambda d: d.word, timeout)
        else:
            self.deliver_all([(source, w) for w in words], timeout)

    def deliver_all(self, posts, timeout=60):
        self._deliver(list(posts), self.send_all, lambda d: (d.source, d.word), timeout)

    def _deliver(self, left, send, again, timeout):
        """again: a delivery → what send takes to repeat it."""
        deadline = time.monotonic() + timeout
        count = len(left)
        while left:
            done = send(left)
            refused = [d for d in done if d.outcome == REFUSED]
            if refused:
                raise AssertionError(f"refused with {refused[0].status}: {refused[0].word}")
            left = [again(d) for d in done if d.outcome == UNKNOWN]
            if left and time.monotonic() > deadline:
                raise TimeoutError(f"{len(left)} of {count} words not accepted within {timeout} s")
            if left:
                time.sleep(REDELIVER_S)
