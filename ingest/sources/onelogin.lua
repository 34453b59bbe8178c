-- OneLogin event webhooks ("Event Broadcaster").
--
-- Set up under Developers > Webhooks > New Event Webhook: listener URL https://HOST/hooks/NAME, custom header
-- `Authorization: …` with a long random text, the same as in the source's `secrets`; format JSON Array or SIEM (NDJSON).
--
-- What it sends: batches of events of every type, flat objects: uuid, event_type_id, event_timestamp such as
-- "2017-12-05 19:13:06 UTC", user_id, user_name, role_name, …. Whether it tries again is not documented.
--
-- What we make of it: by event_type_id, for those with a user_id. The numbers are OneLogin's usual ones, but not confirmed
-- here: look at GET /api/1/events/types and correct them by options type.<id> = person.…, or type.<id> = skip.
--   13 created → joined        16 activated, 20 reactivated → joined and resumed        19 suspended → suspended
--   14 updated → changed, to be fetched        15 deactivated → left        17 deleted → deleted
-- The rest is skipped.
--
-- API (optional): base_url https://SUBDOMAIN.onelogin.com/api/2, token: an access token (10 hours; keep the file fresh).

local types = {
    [13] = "person.joined",
    [14] = "person.changed",
    [15] = "person.left",
    [16] = "back",
    [17] = "person.deleted",
    [19] = "person.suspended",
    [20] = "back",
}

local function event(item, kind, options)
    return {
        id = item.uuid or rollcall.get(item, "create._id"),
        type = kind,
        subject = tostring(item.user_id),
        occurredAt = rollcall.time(item.event_timestamp, options.zone),
        profile = rollcall.pick(item, { displayName = "user_name" }),
        needsFetch = kind == "person.changed" or kind == "person.joined",
    }
end

-- Who is active again has joined if that was missing, and is held no longer: two words, two ids.
local function events(item, options)
    local kind = options["type." .. tostring(item.event_type_id)] or types[item.event_type_id]
    if not kind or kind == "skip" or not item.user_id then
        return nil
    elseif kind ~= "back" then
        return event(item, kind, options)
    end
    local joined, resumed = event(item, "person.joined", options), event(item, "person.resumed", options)
    resumed.id = resumed.id and resumed.id .. "/resumed"
    return { joined, resumed }
end

-- status 1: active; 2: suspended; 3: locked; 5: awaiting a password; 0, 4, 7, 8: not yet, or waiting.
local function person(user)
    return {
        subject = tostring(user.id),
        occurredAt = rollcall.time(user.updated_at),
        employment = "joined",
        suspended = user.status == 2,
        profile = rollcall.pick(user, {
            userName = "email",
            ["emails.work"] = "email",
            ["name.givenName"] = "firstname",
            ["name.familyName"] = "lastname",
            title = "title",
            department = "department",
            organization = "company",
            manager = "manager_user_id",
        }),
    }
end

return {
    options = { "type.*", "zone" },

    content_types = { "application/json", "application/x-ndjson", "text/plain" },
    format = "lines",

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
        accept = { { header = "authorization", algorithm = "static" } },
    },

    events = function(request)
        return rollcall.each(request.body, function(item)
            return events(item, request.options),
                "event_type_id " .. tostring(item.event_type_id) .. ": of no concern, or without user_id"
        end)
    end,

    api = { auth = "bearer", limit = { requests = 5000, per_s = 3600 } },

    fetch = function(subject)
        return { path = "/users/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor)
        return { path = "/users?limit=100" .. (cursor and "&cursor=" .. rollcall.escape(cursor) or "") }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body, person)
        local after = reply.headers["after-cursor"]
        return people, after ~= "" and after or nil
    end,
}
