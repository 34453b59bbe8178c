-- Okta Event Hooks.
--
-- Set up in the Okta admin console under Workflow > Event Hooks: URL https://HOST/hooks/NAME,
-- authentication field `Authorization`, authentication secret: a long random text, the same as in the
-- source's `secrets`. Subscribe to the event types in `meaning` below, save, then press Verify: Okta sends
-- one GET with a challenge.
--
-- What it sends: one POST with up to many entries of Okta's system log in data.events, at least once, in
-- any order; no signature and no timestamp of the delivery, so the secret header is the only proof (let
-- only Okta's addresses reach the URL, and keep the header out of proxies' logs). It waits 3 seconds and
-- tries once more after a 5xx or no answer, never after a 4xx.
--
-- What we make of it: one event for each entry whose outcome is SUCCESS and whose type is below, about the
-- target of type User; its uuid becomes the event's id. The entry carries login and display name only and
-- never what changed, so a profile change, and a joiner's profile, ask for a fetch. A user who is created may be staged
-- until a day to come: joined is who is activated, which Okta tells by an entry of its own, also if both happen at once.
-- Everything else is counted as skipped and answered with success.
--
-- API (optional): base_url https://ORG.okta.com, token: an API token of a read-only administrator. 600 requests a minute
-- are Okta's smallest allowance for users. Deactivated users are not in its list.

local meaning = {
    ["user.lifecycle.create"] = "person.changed",
    ["user.lifecycle.activate"] = "person.joined",
    ["user.lifecycle.reactivate"] = "person.joined",
    ["user.lifecycle.deactivate"] = "person.left",
    ["user.lifecycle.suspend"] = "person.suspended",
    ["user.lifecycle.unsuspend"] = "person.resumed",
    ["user.lifecycle.delete.initiated"] = "person.deleted",
    ["user.account.update_profile"] = "person.changed",
    ["group.user_membership.add"] = "membership.added",
    ["group.user_membership.remove"] = "membership.removed",
}

local function target(entry, kind)
    local targets = entry.target
    for i = 1, targets and #targets or 0 do
        if targets[i].type == kind then
            return targets[i]
        end
    end
end

local function event(entry)
    local kind = meaning[entry.eventType]
    local outcome = entry.outcome
    local user = target(entry, "User")
    if not kind or not user or not outcome or outcome.result ~= "SUCCESS" then
        return nil
    end
    local membership = string.sub(kind, 1, 11) == "membership."
    local group = membership and target(entry, "UserGroup")
    if membership and not group then
        return nil
    end
    return {
        id = entry.uuid,
        type = kind,
        subject = user.id,
        occurredAt = entry.published,
        profile = { userName = user.alternateId, displayName = user.displayName },
        needsFetch = kind == "person.changed" or kind == "person.joined",
        groups = membership and { group.displayName } or nil,
    }
end

-- What Okta says of a user is one object, wherever it stands.
local function person(user)
    local staged = user.status == "STAGED"
    return {
        subject = user.id,
        occurredAt = user.lastUpdated,
        employment = not staged and (user.status == "DEPROVISIONED" and "left" or "joined") or nil,
        suspended = user.status == "SUSPENDED",
        profile = rollcall.pick(user, {
            userName = "profile.login",
            displayName = "profile.displayName",
            ["name.givenName"] = "profile.firstName",
            ["name.familyName"] = "profile.lastName",
            ["emails.work"] = "profile.email",
            title = "profile.title",
            department = "profile.department",
            division = "profile.division",
            organization = "profile.organization",
            costCenter = "profile.costCenter",
            employeeNumber = "profile.employeeNumber",
            manager = "profile.managerId",
            locale = "profile.locale",
            timezone = "profile.timezone",
        }),
    }
end

return {
    options = {},

    content_types = { "application/json" },

    handshakes = {
        { method = "GET", header = "x-okta-verification-challenge", reply = { member = "verification" } },
    },

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
        accept = { { header = "authorization", algorithm = "static", encoding = "text" } },
    },

    events = function(request)
        local body = request.body
        local entries = body.data and body.data.events
        if not entries then
            error("data.events is missing")
        end
        return rollcall.each(entries, function(entry)
            local ev = event(entry)
            if not ev then
                return nil, (entry.eventType or "?") .. ": not SUCCESS, no user in it, or of no concern"
            end
            ev.delivery = body.eventId
            return ev
        end)
    end,

    api = {
        auth = "header",
        header = "authorization",
        prefix = "SSWS ",
        limit = { requests = 600, per_s = 60 },
    },

    fetch = function(subject)
        return { path = "/api/v1/users/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    -- The next page stands in a Link header: <https://ORG.okta.com/api/v1/users?after=…&limit=200>; rel="next".
    list = function(cursor)
        return { path = "/api/v1/users?limit=200" .. (cursor and "&after=" .. cursor or "") }
    end,

    page = function(reply)
        return rollcall.map(reply.body, person), string.match(reply.headers.link or "", '[?&]after=([^&>]+)[^>]*>; rel="next"')
    end,
}
