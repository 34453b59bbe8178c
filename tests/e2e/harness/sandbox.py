"""miro-sandbox: the program and its control API."""
import http.client
import json
from dataclasses import dataclass, field

from .processes import ProcessFailed

BASE_PATH = "/api/v1/scim"
START_S = 20
TIMEOUT_S = 30


@dataclass
class Activity:
    at_ms: int
    active: bool
    cause: str = ""


@dataclass
class Account:
    id: str
    user_name: str
    active: bool
    deleted: bool
    attributes: dict = field(default_factory=dict)  # flat names, as in include/attr.h
    teams: list = field(default_factory=list)
    history: list = field(default_factory=list)     # of Activity, oldest first
    role: str = ""
    admin_roles: list = field(default_factory=list)


@dataclass
class LimitUse:
    """Calls of one class, and the most that one window of either kind has held."""

    name: str
    limit: int        # 0: not limited
    arrivals: int
    max_sliding: int
    max_fixed: int
    over: int         # arrivals above the limit
    window_ms: int = 0


class ControlFailed(Exception):
    """The sandbox refused a control request."""


def _account(user):
    history = [Activity(h["at"], h["active"], h.get("cause", "")) for h in user.get("history", [])]
    return Account(user["id"], user["userName"], user["active"], user.get("deleted", False),
                   user.get("attributes", {}), user.get("teams", []), history, user.get("role", ""),
                   user.get("adminRoles", []))


class Sandbox:
    def __init__(self, processes, build, directory, name="miro", token="sandbox-token", **options):
        """options: of miro-sandbox, with underscores: window_scale=0.1, window="sliding", latency_ms=5 …"""
        self.name = name
        self.token = token
        self.port = 0
        self._port_file = directory / f"{name}.port"
        self._port_file.unlink(missing_ok=True)
        argv = [build / "miro-sandbox", "--port", "0", "--port-file", self._port_file, "--token", token]
        for option, value in options.items():
            argv += ["--" + option.replace("_", "-")] + ([] if value is True else [str(value)])
        self.process = processes.add(f"sandbox-{name}", argv)
        self.process.await_ready(self._listening, START_S, "it listens")

    def _listening(self):
        try:
            self.port = int(self._port_file.read_text(encoding="ascii"))
            return self._request("GET", "/_sandbox/limits")[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}{BASE_PATH}"

    def _request(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            headers["Authorization"] = f"Bearer {token or self.token}"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def rest(self, method, path, token, body=None):
        """A call to Miro's REST side, path as in /v2/orgs/…; what it answers."""
        status, reply = self._request(method, path, body, token)
        if status >= 300:
            raise ControlFailed(f"{method} {path}: {status} {reply!r}")
        return json.loads(reply) if reply else None

    def _control(self, method, path, body=None):
        if not self.process.alive:
            raise ProcessFailed(f"{self.process.name} ended with {self.process.exit_code}")
        status, reply = self._request(method, path, body)
        if not 200 <= status < 300:
            raise ControlFailed(f"{method} {path}: {status} {reply[:200]!r}")
        return json.loads(reply) if reply else None

    def state(self):
        return self._control("GET", "/_sandbox/state")

    def accounts(self):
        """All accounts ever, deleted ones included, in order of creation."""
        return [_account(u) for u in self.state()["users"]]

    def account(self, user_name):
        """The account of that name; None if there is none or it was deleted."""
        for a in self.accounts():
            if a.user_name.lower() == user_name.lower() and not a.deleted:
                return a
        return None

    def journal(self, since=0):
        """SCIM requests after that number, in order of arrival: seq, arrivedAt, method, path, status …"""
        entries = []
        while True:
            page = self._control("GET", f"/_sandbox/journal?since={since}")
            entries += page["entries"]
            if not page["entries"] or page["next"] >= page["last"]:
                return entries
            since = page["next"]

    def limits(self):
        classes = self._control("GET", "/_sandbox/limits")["classes"]
        return [LimitUse(c["class"], c["limit"], c["arrivals"], c["maxSliding"], c["maxFixed"], c["over"],
                         c["windowMs"])
                for c in classes]

    def add_fault(self, fault, **rule):
        """fault: "429", "timeout", "drop_after_commit" …; rule: method, path, match, times, skip, delay_ms …"""
        self._control("POST", "/_sandbox/faults", {"fault": fault, **rule})

    def clear_faults(self):
        self._control("DELETE", "/_sandbox/faults")

    def change(self, settings):
        """Options of the sandbox while it runs, by their names on the command line."""
        self._control("PATCH", "/_sandbox/settings", settings)

    def reset(self):
        self._control("POST", "/_sandbox/reset", {})

    def add_user(self, user_name, **spec):
        """What an administrator could do in Miro's pages. spec: inactive, guest, otherOrg, admin …: true."""
        return self._control("POST", "/_sandbox/users", {"userName": user_name, **spec})["id"]

    def add_team(self, name):
        return self._control("POST", "/_sandbox/teams", {"displayName": name})["id"]

    def scim(self, method, path, body=None):
        """(status, parsed reply) of a SCIM request behind Rollcall's back: no limits, no faults, no journal."""
        status, reply = self._request(method, "/_sandbox/scim" + path, body)
        return status, json.loads(reply) if reply else None
