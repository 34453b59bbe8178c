-- Auth0: event streams (user.created, updated, deleted), and log streams.
--
-- Set up an Event Stream (Webhook, events user.created, user.updated, user.deleted) or a Log Stream (Custom Webhook, any
-- content format): URL https://HOST/hooks/NAME, authorization: a bearer token, or basic. The source's secret is the
-- whole value of the Authorization header: "Bearer …", or for a log stream the text as it was typed.
--
-- What it sends: event streams one CloudEvents-like object per request: {"id", "type", "time", "data": {"object": user}};
-- log streams batches of records {"log_id", "data": {"type", "date", "user_id", "user_name"}}. Both perhaps twice and in
-- any order, log streams at most four times.
--
-- What we make of it: user.created → joined; user.updated → suspended if blocked, else changed; user.deleted → deleted,
-- each with the whole user (complete). An unblocked user's update is changed only: option unblocked = person.resumed
-- makes it lift a suspension, with every update of a user who is not blocked. Of a log's types: ss, sapi's are not
-- confirmed; ss (signup) → joined and sdu (user deleted) → deleted are taken, options type.<code> = person.… adds others.
--
-- API (optional): base_url https://TENANT.auth0.com/api/v2, token: a Management API token with read:users (24 hours).

local logs = { ss = "person.joined", sdu = "person.deleted" }

local names = {
    userName = "email",
    ["emails.work"] = "email",
    displayName = "name",
    ["name.givenName"] = "given_name",
    ["name.familyName"] = "family_name",
    title = "user_metadata.title",
    department = "user_metadata.department",
}

local function stream_kind(name, user, options)
    if name == "user.created" then
        return "person.joined"
    elseif name == "user.deleted" then
        return "person.deleted"
    elseif name == "user.updated" then
        return user.blocked and "person.suspended" or options.unblocked or "person.changed"
    end
end

local function from_stream(item, options)
    local user = rollcall.get(item, "data.object")
    local name = string.match(item.type, "(user%.%l+)$")
    local kind = user and stream_kind(name, user, options)
    if not kind then
        return nil
    end
    return {
        id = item.id,
        delivery = item.id,
        type = kind,
        subject = user.user_id,
        occurredAt = rollcall.time(item.time or user.updated_at),
        profile = rollcall.pick(user, names),
        complete = kind ~= "person.deleted",
    }
end

local function from_log(item, options)
    local record = item.data or item
    local kind = options["type." .. tostring(record.type)] or logs[record.type]
    if not kind or not record.user_id then
        return nil
    end
    return {
        id = item.log_id or record.log_id,
        type = kind,
        subject = record.user_id,
        occurredAt = rollcall.time(record.date),
        profile = rollcall.pick(record, { userName = "user_name" }),
        needsFetch = kind ~= "person.deleted" and kind ~= "person.left",
    }
end

local function person(user)
    return {
        subject = user.user_id,
        occurredAt = rollcall.time(user.updated_at),
        employment = "joined",
        suspended = user.blocked,
        profile = rollcall.pick(user, names),
    }
end

return {
    options = { "type.*", "unblocked" },

    content_types = { "application/json", "application/cloudevents+json", "application/x-ndjson", "application/x-json-stream" },
    format = "lines",

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
        accept = { { header = "authorization", algorithm = "static" } },
    },

    events = function(request)
        return rollcall.each(request.body, function(item)
            local stream = type(item.type) == "string" and string.find(item.type, "user.", 1, true)
            return stream and from_stream(item, request.options) or from_log(item, request.options),
                "a record of no concern: see options type.<code>"
        end)
    end,

    api = { auth = "bearer", limit = { requests = 120, per_s = 60 } },

    fetch = function(subject)
        return { path = "/users/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    -- By page number; Auth0 shows the first 1,000 users this way.
    list = function(cursor)
        return { path = "/users?per_page=100&include_totals=true&sort=user_id:1&page=" .. (cursor or "0") }
    end,

    page = function(reply)
        local body = reply.body
        local people = rollcall.map(body.users, person)
        local start = body.start or 0
        return people, #people > 0 and start + #people < (body.total or 0) and tostring(start // 100 + 1) or nil
    end,
}
