"""A company's days, as the simulator's generator tells them (`sim --year --print-events`), in real time but faster.

The story's milliseconds are stretched to the time that the test gives it: what is dated ahead falls due, contracts end and
words come late within seconds. The policy is written from what the story says of the company, and decides as the simulator's
does (tests/sim/year_company.c); `teams_of`, `rights_of` and `says_farewell` are its twins.
"""
import json
import subprocess
import threading
import time

from .words import Word, now_ms

POLICY = """
local reorganised, successors = %(reorganised)s, %(successors)s
local admins = { Analyst = "Content Admin", Tester = "User Admin" }
local kept = { "userName", "displayName", "name.givenName", "name.familyName" }
local cleared = { "department", "costCenter", "division", "employeeNumber", "manager" }

return {
    desired = function(person)
        local profile, account, teams = person.profile, { active = true }, {}
        if person.employment == "deleted" then
            return { delete = true }
        end
        if not person.active then
            local number = person.employment == "left" and profile.employeeNumber
            return { active = false, leave_teams = number and tonumber(number:sub(2)) %% 2 == 0 or nil }
        end
        for _, name in ipairs(kept) do
            account[name] = profile[name]
        end
        for _, name in ipairs(cleared) do
            account[name] = profile[name] or ""
        end
        if profile.department then
            teams[reorganised and successors[profile.department] or profile.department] = true
        end
        if profile.location then
            teams[profile.location] = true
        end
        local profession = profile.title and profile.title:match("%%S+$")
        account.role = profession == "Manager" and "ORGANIZATION_INTERNAL_ADMIN" or "ORGANIZATION_INTERNAL_USER"
        account.admin_roles = {}
        if profession then
            teams[profession] = true
            if admins[profession] then
                account.admin_roles[admins[profession]] = true
            end
            if profile.title:find("^Lead ") then
                account.userType = "Full"
            end
        end
        account.teams = teams
        return account
    end,
}
"""
ADMINS = {"Analyst": "Content Admin", "Tester": "User Admin"}
MANAGED = ("displayName", "department", "costCenter", "division", "employeeNumber", "manager")
POST_AT_ONCE = 40


class Year:
    def __init__(self, build, *, persons, teams, days, pace, seed, last_s):
        """last_s: seconds that the story takes when it is told."""
        argv = [build / "sim", "--year", "--print-events", "--persons", persons, "--teams", teams, "--days", days,
                "--pace", pace, "--seed", seed]
        out = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True).stdout.splitlines()
        self.company, *self._told = [json.loads(line) for line in out]
        self._factor = last_s * 1000 / (self.company["days"] * 86_400_000)
        self._begin_ms = 0

    def _real_ms(self, story_ms):
        return self._begin_ms + round(story_ms * self._factor)

    def _word(self, told):
        more = {"effective_ms": self._real_ms(told["effectiveAt"])} if "effectiveAt" in told else {}
        if "accessUntil" in told:
            until = told["accessUntil"]
            more["access_until_ms"] = 0 if until is None else self._real_ms(until)
        kind = told["type"].removeprefix("rollcall.").removeprefix("person.")
        return Word(kind, told["subject"], self._real_ms(told["occurredAt"]), told["profile"], told["complete"],
                    sender_id=told["id"], **more)

    @property
    def reorganised_at_ms(self):
        return self._real_ms(self.company["reorganisedAt"])

    def write_policy(self, path, reorganised):
        pairs = ", ".join(f'["{d["name"]}"] = "{d["successor"]}"' for d in self.company["departments"])
        path.write_text(POLICY % {"reorganised": str(reorganised).lower(), "successors": "{ " + pairs + " }"},
                        encoding="utf-8")

    def teams_of(self, profile, reorganised=True):
        successors = {d["name"]: d["successor"] for d in self.company["departments"]}
        department, location, title = (profile.get(n) for n in ("department", "location", "title"))
        teams = {successors[department] if reorganised and department else department, location,
                 title.split()[-1] if title else None}
        return teams - {None}

    @staticmethod
    def rights_of(profile):
        """(role, admin roles, whether the licence is to be Full)"""
        title = profile.get("title") or ""
        profession = title.split()[-1] if title else None
        role = "ORGANIZATION_INTERNAL_ADMIN" if profession == "Manager" else "ORGANIZATION_INTERNAL_USER"
        return role, {ADMINS[profession]} if profession in ADMINS else set(), title.startswith("Lead ")

    @staticmethod
    def says_farewell(person):
        """Whether somebody who has left is to leave all teams before the cut."""
        number = person.attributes.get("employeeNumber")
        return person.employment is not None and person.employment.word.type == "left" and bool(number) and int(number[1:]) % 2 == 0

    def tell(self, sender, source):
        """In a thread of its own; a Telling."""
        self._begin_ms = now_ms()
        return Telling(sender, source, [(self._real_ms(t["at"]), self._word(t)) for t in self._told])


class Telling:
    def __init__(self, sender, source, words):
        self._sender, self._source, self._words = sender, source, words
        self.told, self._failure = 0, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while self.told < len(self._words):
                time.sleep(max(0, self._words[self.told][0] - now_ms()) / 1000)
                due = [w for at, w in self._words[self.told:self.told + POST_AT_ONCE] if at <= now_ms()]
                self._sender.deliver_all([(self._source, w) for w in due])
                self.told += len(due)
        except BaseException as e:  # said by `over`, in the test's own thread
            self._failure = e

    @property
    def over(self):
        if self._failure:
            raise self._failure
        return not self._thread.is_alive()
