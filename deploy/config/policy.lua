-- policy.lua: which account a person should have at a target.
--
-- rollcall-worker calls desired(person, target) whenever it has learnt something about a person, and carries out the
-- difference between the answer and what the target holds. SIGHUP loads a new version; one that does not load, or an
-- error in a call, changes nothing for anybody. No files, no network, no clock: the same person gives the same answer.
-- policy.yaml beside it says the same without code (worker.policy takes either); policy-cases.yaml holds both to their word:
--   rollcall-worker policy test policy-cases.yaml
--
--   person.tenant, person.directory, person.subject
--   person.employment   "joined", "left", "deleted", or "unknown": nobody has said yet
--   person.suspended    on hold (long leave, investigation …)
--   person.active       may have access now: joined, not suspended, access not ended
--   person.accessUntil  when access ends or ended ("2026-12-31T23:00:00Z"), if a source has said so
--   person.profile      by name: userName, displayName, ["name.givenName"], ["name.familyName"], title, department,
--                       division, organization, costCenter, employeeNumber, manager, ["emails.work"] …; all strings;
--                       attributes without a value are absent
--   person.groups       person.groups["Design"] is true for a member, nil otherwise
--   target              the target's name in the configuration
--
-- The answer:
--   nil                 leave alone: nothing is looked up, created or changed
--   {active = true, userName = …, …}   an active account with these attributes; it is created if need be
--   {active = false}    cut: an account that exists is deactivated; none is created
--   {active = false, leave_teams = true}   out of all teams first, so that its boards go to the oldest team admins, then cut.
--                       What cannot be left at once is not waited for
--   {userName = …, …}   without `active`: keep what is there up to date, neither give nor take access
--   {delete = true}     delete the account. Miro hands the boards of a deleted user to the oldest team admin, for good;
--                       deactivation releases the licence just as well and can be taken back
-- Attributes that the answer does not name are never changed; rollcall.null empties one.
--
-- `teams` goes with an account that is not cut: {"Design", "Ops"}, or {Design = true, Sales = false}, or both. At most 64,
-- by the exact name that SCIM shows (at Miro the security group's, which need not be the team's own):
--   named true          a member: joined if need be
--   named false         no member: left, whoever made the membership
--   not named           left only if we made the membership; otherwise it stays. A team that is renamed at the target counts
--                       as named as long as its old name is
--   no `teams`          no membership is touched; {} takes back those that we made
-- Teams are never made. One that is not there (or whose name is there twice) is told in the result, holds up nothing else,
-- and is taken up when it appears. Who is cut keeps the teams, unless leave_teams says otherwise. Nobody else leaves the last
-- team at Miro.
--
-- More attributes of an account: preferredLanguage ("en_US"), photo (a URL), ["manager.displayName"], manager (at Miro a
-- number), and what gives rights:
--   userType            the licence, "Full". By SCIM licences only go up: a lower one is told in the result, and not sent
--   role                "ORGANIZATION_INTERNAL_USER" or "ORGANIZATION_INTERNAL_ADMIN"
--   admin_roles         as `teams`: {"Content Admin"}, {["User Admin"] = false}; named true: had; named false: taken, whoever
--                       gave it; not named: taken only if we gave it; no `admin_roles`: none is touched
-- An account that is cut keeps all of these as they are. A value that is longer than the target takes is not sent, and told in
-- the result; the rest goes on.

-- rollcall.rules has the usual rules: conditions ("division is Sales*"), expressions ("{name.givenName} {name.familyName}"),
-- accounts made of them. deploy/policy.md describes them; a mistake in one is told when the policy is loaded.
local rules = rollcall.rules

local account = rules.account({
    attributes = {
        userName = "{userName}",
        -- The longest values that Miro takes, in characters. A longer name is cut; a longer number would be a wrong number
        -- and is left out.
        displayName = {
            value = { "{displayName}", "{name.givenName} {name.familyName}", "{name.givenName}", "{name.familyName}" },
            filter = "cut:60",
        },
        ["name.givenName"] = "{name.givenName}",
        ["name.familyName"] = "{name.familyName}",
        employeeNumber = "{employeeNumber|max:20}",
        costCenter = "{costCenter|cut:120}",
        department = "{department|cut:120}",
        division = "{division|cut:120}",
        organization = "{organization|cut:120}",
        -- Also: preferredLanguage = "{preferredLanguage}", ["manager.displayName"] = "{manager.displayName|cut:60}", photo = …
        -- Licences only go up by SCIM:
        --   userType = { value = "Full", when = { groups = "Whiteboards" } },
    },
    -- Miro wants both parts of a name or none, of 60 characters at most; else displayName says it, cut.
    together = { { attributes = { "name.givenName", "name.familyName" }, max = 60 } },
    -- In and out, whoever put them there:
    --   teams = { { team = "Design", when = { department = "Design*" }, otherwise = "leave" } },
})

local function desired(person, target)
    -- Leavers first, whatever else is known of them. The account is found by its link or by person.profile.userName.
    if person.employment == "left" or person.employment == "deleted" or person.suspended then
        return { active = false }
    end
    local wanted = account(person)
    -- An account is found and made by its userName, the e-mail address by which Miro knows a person.
    if not wanted.userName then
        return nil
    end
    if person.employment == "unknown" then
        wanted.teams = nil
        return wanted -- nobody gains or loses access by a mere change of profile
    end
    if not person.active then
        return { active = false } -- accessUntil has passed
    end
    wanted.active = true
    -- An idea, to be made one's own:
    --   if target == "miro-design" and not person.groups["Design"] then return nil end
    return wanted
end

return { desired = desired }
