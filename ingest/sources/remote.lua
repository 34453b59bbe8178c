-- Remote (remote.com) webhooks.
--
-- Set up in Remote under Integrations > Webhooks, or with POST /v1/webhook-callbacks: URL https://HOST/hooks/NAME, events
-- on employments. The signing key goes into the source's `secrets`.
--
-- What it sends: X-Remote-Signature, the HMAC-SHA256 in hex of body ":" X-Remote-Timestamp; the timestamp, in milliseconds,
-- is that of the first attempt, also in later ones: hence a day of tolerance. The body's form is not confirmed:
-- {"event_type", "employment_id", …}; also data.employment_id and employment.id are tried, or what option `key` says.
--
-- What we make of it (options type.<event_type> = person.… correct and add):
--   employment.activated, employment.onboarding.completed → joined       employment.user_status.deactivated → left
--   offboarding.completed → left       offboarding.deactivated, employment.deleted → left
--   employment.details.updated, employment.personal_information.updated, employment.updated → changed
-- Joined and changed are to be fetched. The body's hash and the signed time are the
-- event's id. The rest is skipped.
--
-- API (optional): base_url https://gateway.remote.com/v1, token: an API token.

local types = {
    ["employment.activated"] = "person.joined",
    ["employment.onboarding.completed"] = "person.joined",
    ["employment.user_status.activated"] = "person.joined",
    ["employment.user_status.deactivated"] = "person.left",
    ["employment.deleted"] = "person.left",
    ["offboarding.completed"] = "person.left",
    ["offboarding.deactivated"] = "person.left",
    ["employment.updated"] = "person.changed",
    ["employment.details.updated"] = "person.changed",
    ["employment.personal_information.updated"] = "person.changed",
}

-- key: the only path that counts.
local function employment(body, key)
    if key then
        return rollcall.get(body, key)
    end
    return body.employment_id or rollcall.get(body, "data.employment_id") or rollcall.get(body, "employment.id")
end

local function person(item)
    return {
        subject = item.id,
        occurredAt = rollcall.time(item.updated_at),
        employment = (item.status == "active" and "joined")
            or ((item.status == "inactive" or item.status == "archived") and "left") or nil,
        profile = rollcall.pick(item, {
            userName = "work_email",
            ["emails.work"] = "work_email",
            displayName = "full_name",
            title = "job_title",
            department = "department.name",
            manager = "manager_employment_id",
            employeeNumber = "external_id",
        }),
    }
end

return {
    options = { "key", "type.*" },

    content_types = { "application/json" },
    headers = { "x-remote-timestamp" },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 256 },
        accept = { {
            header = "x-remote-signature",
            algorithm = "hmac-sha256",
            encoding = "hex",
            signed = { { body = true }, ":", { header = "x-remote-timestamp" } },
            time = { header = "x-remote-timestamp", unit = "ms", tolerance = 86400, future = 300 },
        } },
    },

    events = function(request)
        local body = request.body
        local kind = request.options["type." .. tostring(body.event_type)] or types[body.event_type]
        local subject = employment(body, request.options.key)
        if not kind then
            return {}, { tostring(body.event_type) .. ": of no concern: see options type.<event_type>" }
        elseif not subject then
            return { { rejected = "the event names no employment: see option key" } }
        end
        local attempt = request.headers["x-remote-timestamp"]
        return { {
            -- The body has no time in it: a second departure reads like the first.
            id = rollcall.sha256_hex(tostring(body)) .. "/" .. tostring(attempt),
            type = kind,
            subject = tostring(subject),
            -- The first attempt's: as near to the change as Remote says.
            occurredAt = rollcall.time(attempt),
            needsFetch = kind == "person.joined" or kind == "person.changed",
        } }
    end,

    api = { base_url = "https://gateway.remote.com/v1", auth = "bearer", limit = { requests = 300, per_s = 60 } },

    fetch = function(subject)
        return { path = "/employments/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(rollcall.get(reply.body, "data.employment") or reply.body)
    end,

    list = function(cursor)
        return { path = "/employments?page_size=100&page=" .. (cursor or "1") }
    end,

    page = function(reply)
        local data = reply.body.data
        local people = rollcall.map(rollcall.get(data, "employments"), person)
        local page = rollcall.get(data, "current_page") or 1
        return people, page < (rollcall.get(data, "total_pages") or 1) and tostring(page + 1) or nil
    end,
}
