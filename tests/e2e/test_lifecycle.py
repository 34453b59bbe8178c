"""Every case in the life of an account at Miro, in one start of the programs: worker/lifecycle.md lists them."""
from harness.scenario import scenario
from harness.words import Word, now_ms

# The tests' own words in a profile: gives and takes (an admin role), out (of a team that it may be in), farewell.
POLICY = """
local OWN = {gives = true, takes = true, out = true, farewell = true}
local CLEARED = {"department", "costCenter", "photo", "manager", "manager.displayName", "preferredLanguage"}
return {desired = function(person)
    local profile = person.profile
    if person.employment == "deleted" then
        return {delete = true}
    end
    if not person.active then
        return {active = false, leave_teams = profile.farewell == "yes" or nil}
    end
    local account = {active = true, teams = {}, admin_roles = {}}
    for _, name in ipairs(CLEARED) do
        account[name] = rollcall.null
    end
    for name, value in pairs(profile) do
        if not OWN[name] then
            account[name] = value
        end
    end
    for name in pairs(person.groups) do
        account.teams[name] = true
    end
    if profile.out then
        account.teams[profile.out] = false
    end
    for name, given in pairs({gives = true, takes = false}) do
        if profile[name] then
            account.admin_roles[profile[name]] = given
        end
    end
    return account
end}
"""
FULL = {"displayName": "Zoe Zimmer", "name.givenName": "Zoe", "name.familyName": "Zimmer", "department": "Art",
        "costCenter": "K7", "division": "South", "organization": "Acme", "employeeNumber": "1042",
        "manager": "3458764577585056871", "manager.displayName": "Max", "preferredLanguage": "de_DE",
        "photo": "https://acme.example/z.png", "userType": "Full"}
BOSS = "boss@example.com"  # the company's only admin


class Life:
    """Tells words, phase by phase, and looks at what became of them."""

    def __init__(self, run):
        policy = run.directory / "lifecycle.lua"
        policy.write_text(POLICY, encoding="utf-8")
        run.config.document["worker"]["policy"] = str(policy)
        self.source = run.source("hr")
        self.sandbox = run.sandbox(
            target={"timeout_ms": 2000, "call_life_ms": 2000, "retry": {"base_ms": 20},
                    "teams": {"relist_ms": 2000, "missing_ms": 1000}},
            default_team="Everybody", default_licence="Free", full_licences=2, admin=BOSS,
            allowed_domains="example.com,elsewhere.example", claimed_domains="example.com")
        for team in ("Design", "Ops"):
            self.sandbox.add_team(team)
        self.run, self.at = run, now_ms() - 600_000

    def start(self):
        ingest = self.run.ingest().start()
        self.run.worker().start()
        self.sender, self.results = self.run.sender(ingest), self.run.topics.follow("results")

    def tell(self, words):
        """words: {subject: (type, profile, groups)}; all at once, then waits for every result."""
        self.at += 1000
        self.sender.deliver(self.source, *(Word(kind, subject, self.at, profile, groups=groups)
                                           for subject, (kind, profile, groups) in words.items()))
        self.run.await_results(self.results)

    def account(self, name):
        return self.sandbox.account(f"{name}@example.com")

    def user(self, name):
        """The account as SCIM shows it."""
        return self.sandbox.scim("GET", f"/Users/{self.account(name).id}")[1]

    def admin_roles(self, name):
        return {r["value"] for r in self.user(name)["roles"] if not r["primary"]}

    def by_hand(self, name, *operations):
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        status, _ = self.sandbox.scim("PATCH", f"/Users/{self.account(name).id}", {"schemas": schemas, "Operations": operations})
        assert status == 200, status

    def result(self, subject, kind):
        found = self.results.find(lambda r: r.value["subject"] == subject and (r.value["eventType"] or "").endswith(kind))
        assert found, (subject, kind)
        return found[-1].value

    def expect(self, subject, kind, outcome, cause=None, action=None, refused=None):
        """The newest result of that type: its outcome, a part of cause and action, parts of what each refused attribute says."""
        result = self.result(subject, kind)
        assert result["outcome"] == outcome, result
        if cause:
            assert cause in result["cause"] and action in result["action"], result
        said = {r["attribute"]: (r["reason"], r["action"]) for r in result.get("refused", [])}
        assert set(said) == set(refused or {}), result
        for attribute, (reason, advice) in (refused or {}).items():
            assert reason in said[attribute][0] and advice in said[attribute][1], result
        return result


def joined(profile=None, groups=(), domain="example.com", **names):
    """{name: word} of people who join, each with the profile of its own."""
    return {name: ("joined", {"userName": f"{name}@{domain}", **(profile or {}), **own}, groups) for name, own in names.items()}


def changed(**profiles):
    return {name: ("changed", profile, ()) for name, profile in profiles.items()}


def left(*names):
    return {name: ("left", {}, ()) for name in names}


def who_is_there_already(life):
    for name, spec in {"adopt": {}, "inactive": {"inactive": True}, "number": {}, "guest": {"guest": True},
                       "other": {"otherOrg": True}, "taken": {}, "unregistered": {"unregistered": True}}.items():
        life.sandbox.add_user(f"{name}@example.com", **spec)
    life.by_hand("number", {"op": "Replace", "path": "employeeNumber", "value": "9"})


OTHER = ("more than one organi", "another organisation")
SHORT = ("not sent: the target takes at most", "shorten")
PHOTO = ("jpg", "change the value")
LAST_ADMIN = ("at least one admin", "somebody else an admin")
DOWN = ("not sent: finding: by SCIM licences only go up, and the account has Full", "user management")


def people_join(life):
    life.tell({
        **joined(full={**FULL, "role": "ORGANIZATION_INTERNAL_USER", "gives": "Content Admin"},
                 clear=FULL | {"userType": "Free", "employeeNumber": "2"}, adopt={"department": "Art"},
                 inactive={}, number={"employeeNumber": "1"}, guest={}, other={"department": "Art", "costCenter": "K7"},
                 long={"displayName": "x" * 61, "department": "y" * 121, "employeeNumber": "z" * 21, "manager": "max",
                       "costCenter": "K7"},
                 badphoto={"photo": "https://acme.example/z.tiff", "department": "Art"},
                 rename={}, up={}, roles={}, leaver={}, purged={}, vanished={}, held={}),
        **joined(groups=("Design",), mover={"department": "Art"}, farewell={"farewell": "yes"}, unregistered={}),
        **joined(domain="nowhere.example", notallowed={}),
        "boss": ("joined", {"userName": BOSS, "role": "ORGANIZATION_INTERNAL_USER"}, ())})
    attributes = life.account("full").attributes
    assert attributes == {**attributes, **FULL}, attributes
    assert life.admin_roles("full") == {"Content Admin"} and life.account("full").teams == ["Everybody"]
    life.expect("full", "joined", "applied")
    life.expect("adopt", "joined", "applied")
    life.expect("inactive", "joined", "rejected", "finding: the account exists and is inactive", "activate it")
    life.expect("number", "joined", "rejected", "another employeeNumber", "whose account it is")
    life.expect("guest", "joined", "rejected", "no lookup finds it", "guest")
    life.expect("notallowed", "joined", "rejected", "not whitelisted", "allow the domain")
    life.expect("other", "joined", "rejected", refused={"department": OTHER, "costCenter": OTHER})
    assert life.account("long").attributes["costCenter"] == "K7"
    life.expect("long", "joined", "applied", refused={
        "displayName": SHORT, "department": SHORT, "employeeNumber": SHORT, "manager": ("no number", "manager.displayName")})
    life.expect("badphoto", "joined", "applied", refused={"photo": PHOTO})
    life.expect("boss", "joined", "rejected", *LAST_ADMIN, refused={"role": LAST_ADMIN})
    assert set(life.account("mover").teams) == {"Everybody", "Design"}


CLEARED = ("department", "costCenter", "photo", "manager", "manager.displayName", "preferredLanguage")


def they_change(life):
    life.by_hand("roles", {"op": "Add", "path": "roles",
                           "value": [{"value": "Security Admin", "type": "organization_admin_role"}]})
    life.tell({
        **changed(clear={name: None for name in CLEARED}, full={"gives": None},
                  rename={"userName": "renamed@example.com"}, adopt={"userName": "taken@example.com", "department": "Ops"},
                  badphoto={"userName": "p@elsewhere.example"}, up={"userType": "Full"},
                  roles={"takes": "Security Admin", "gives": "User Admin", "role": "ORGANIZATION_INTERNAL_ADMIN"},
                  mover={"department": "Ops", "out": "Design"}),
        "held": ("suspended", {}, ()), "unregistered": ("membership.removed", {}, ("Design",))})
    assert not set(CLEARED) & set(life.account("clear").attributes), life.account("clear").attributes
    life.expect("clear", "changed", "applied")
    life.expect("rename", "changed", "applied")
    assert life.account("renamed").active
    life.expect("adopt", "changed", "applied", refused={"userName": ("not unique", "another account has this name")})
    life.expect("badphoto", "changed", "rejected", refused={"userName": ("not claimed", "claim the domain"), "photo": PHOTO})
    life.expect("up", "changed", "applied")
    assert life.account("up").attributes["userType"] == "Full"
    life.expect("roles", "changed", "applied")
    assert life.admin_roles("roles") == {"User Admin"} and not life.admin_roles("full")
    assert life.user("roles")["roles"][0]["value"] == "ORGANIZATION_INTERNAL_ADMIN"
    life.expect("mover", "changed", "applied")
    assert life.account("mover").teams == ["Everybody"] and life.account("mover").attributes["department"] == "Ops"
    assert not life.account("held").active
    life.expect("unregistered", "removed", "rejected", "last team", "another team first", refused={"teams": ("last team", "another")})
    assert life.account("unregistered").teams == ["Design"]


def they_leave(life):
    life.sandbox.scim("DELETE", f"/Users/{life.account('vanished').id}")
    life.tell({**joined(seat={"userType": "Full"}), **changed(up={"userType": "Free"}),
               **left("leaver", "farewell", "vanished", "other", "boss"),
               "held": ("resumed", {}, ()), "purged": ("deleted", {}, ())})
    life.expect("seat", "joined", "applied", refused={"userType": ("kept the licence", "no licence left")})
    life.expect("up", "changed", "rejected", *DOWN, refused={"userType": DOWN})
    assert life.account("held").active and not life.account("purged")
    life.expect("held", "resumed", "applied")
    life.expect("purged", "deleted", "applied")
    leaver, farewell = life.account("leaver"), life.account("farewell")
    assert not leaver.active and leaver.teams == ["Everybody"]
    assert not farewell.active and farewell.teams == []
    result = life.expect("farewell", "left", "applied")
    assert {c["before"] for c in result["changes"] if c["attribute"] == "teams"} == {"Design", "Everybody"}, result
    life.expect("vanished", "left", "unchanged", "the account that we knew is not there any more", "guest")
    life.expect("other", "left", "rejected", *OTHER, refused={"department": OTHER, "costCenter": OTHER})
    life.expect("boss", "left", "rejected", *LAST_ADMIN, refused={"role": LAST_ADMIN})


def they_come_back(life):
    life.tell(changed(leaver={"userName": "back@example.com", "userType": "Full"}))
    life.expect("leaver", "changed", "unchanged")
    assert not life.account("leaver").active and life.account("leaver").attributes["userType"] == "Free"
    life.tell({**joined(purged={}), "leaver": ("joined", {"department": "Art", "userType": "Free"}, ("Ops",))})
    life.expect("leaver", "joined", "applied")
    back = life.account("back")
    assert back.active and back.attributes["department"] == "Art" and set(back.teams) == {"Everybody", "Ops"}
    assert life.account("purged").active


@scenario(seconds=60)
def every_case_is_done_told_and_advised(run):
    life = Life(run)
    who_is_there_already(life)
    life.start()
    people_join(life)
    they_change(life)
    they_leave(life)
    they_come_back(life)
    report = run.check(())  # access that cannot be ended from here is ended by a person
    assert sorted(v.kind + v.text.split()[0] for v in report.violations) == ["stateacme/hr/boss", "stateacme/hr/other"], str(report)
