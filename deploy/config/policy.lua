-- policy.lua: which account a person should have at a target.
--
-- rollcall-worker calls desired(person, target) whenever it has learnt something about a person, and carries out the
-- difference between the answer and what the target holds. SIGHUP loads a new version; one that does not load, or an
-- error in a call, changes nothing for anybody. No files, no network, no clock: the same person gives the same answer.
--
--   person.tenant, person.directory, person.subject
--   person.employment   "joined", "left", "deleted", or "unknown": nobody has said yet
--   person.suspended    on hold (long leave, investigation …)
--   person.active       may have access now: joined, not suspended, access not ended
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

-- The longest values that Miro takes, in characters. A longer name is cut; a longer number would be a wrong number and
-- is left out.
local LONGEST = {
    displayName = 60,
    department = 120,
    division = 120,
    organization = 120,
    costCenter = 120,
}
local EMPLOYEE_NUMBER_MAX = 20
local FULL_NAME_MAX = 60 -- givenName and familyName together

-- Cuts text to max characters (not bytes); text that is not UTF-8 is left to the target to refuse.
local function cut(text, max)
    if #text <= max then
        return text -- no more bytes than characters are allowed
    end
    local length = utf8.len(text)
    if not length or length <= max then
        return text
    end
    return text:sub(1, utf8.offset(text, max + 1) - 1)
end

local function display_name(profile)
    if profile.displayName then
        return profile.displayName
    end
    local given, family = profile["name.givenName"], profile["name.familyName"]
    if given and family then
        return given .. " " .. family
    end
    return given or family
end

-- Miro wants both parts of a name or none.
local function add_name(account, profile)
    local given, family = profile["name.givenName"], profile["name.familyName"]
    if not given or not family then
        return
    end
    if #given + #family > FULL_NAME_MAX and (utf8.len(given) or #given) + (utf8.len(family) or #family) > FULL_NAME_MAX then
        return -- displayName says it, cut
    end
    account["name.givenName"] = given
    account["name.familyName"] = family
end

local function add_number(account, profile)
    local number = profile.employeeNumber
    if number and #number <= EMPLOYEE_NUMBER_MAX then
        account.employeeNumber = number
    end
end

local function attributes(profile)
    local account = {userName = profile.userName, displayName = display_name(profile)}
    add_name(account, profile)
    add_number(account, profile)
    for name, max in pairs(LONGEST) do
        local value = account[name] or profile[name]
        if value then
            account[name] = cut(value, max)
        end
    end
    return account
end

local function desired(person, target)
    -- Leavers first, whatever else is known of them. The account is found by its link or by person.profile.userName.
    if person.employment == "left" or person.employment == "deleted" or person.suspended then
        return {active = false}
    end
    -- An account is found and made by its userName, the e-mail address by which Miro knows a person.
    if not person.profile.userName then
        return nil
    end
    if person.employment == "unknown" then
        return attributes(person.profile) -- nobody gains or loses access by a mere change of profile
    end
    if not person.active then
        return {active = false} -- accessUntil has passed
    end
    local account = attributes(person.profile)
    account.active = true
    -- Ideas, to be made one's own:
    --   if target == "miro-design" and not person.groups["Design"] then return nil end
    --   if person.groups["Whiteboards"] then account.userType = "Full" end   -- licences only go up by SCIM
    --   account.teams = {Design = person.groups["Design"] == true}              -- in and out, whoever put them there
    return account
end

return {desired = desired}
