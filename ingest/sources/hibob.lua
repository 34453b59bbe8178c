-- HiBob (Bob) webhooks, version 2.
--
-- Set up in Bob under Settings > Integrations > Webhooks: URL https://HOST/hooks/NAME, version 2, events employee.created,
-- updated, deleted, joined, left, activated, inactivated, and the table entries of work and employment. The secret shown
-- there goes into the source's `secrets`. Bob first posts "Ping test", which is answered.
--
-- What it sends: Bob-Signature, the HMAC-SHA512 of the body in base64; no time and no id, so the body's hash is the
-- event's id. {"companyId", "type", "triggeredBy", "triggeredAt" (without a zone: option `zone`, default UTC), "version",
-- "data": {"employeeId", …}}, in order, tried for up to 3 days. Lifecycle events come at midnight, site-local, of the day
-- from which they hold. Option `key` names another path to the employee's id than data.employeeId.
--
-- What we make of it: joined → joined; left (also the beginning of garden leave) → left; inactivated → suspended;
-- activated → resumed; deleted → deleted; created, updated and table entries → changed. Joined, created and changed are to
-- be fetched. Bob's name for a temporary leave, and for access that is revoked at once, are not confirmed: options
-- `suspended_types` and `left_types` name further types, separated by commas. Everything else is skipped.
--
-- API (optional): base_url https://api.hibob.com/v1, token SERVICE-USER-ID:TOKEN.

local kinds = {
    ["employee.joined"] = "person.joined",
    ["employee.left"] = "person.left",
    ["employee.inactivated"] = "person.suspended",
    ["employee.activated"] = "person.resumed",
    ["employee.deleted"] = "person.deleted",
    ["employee.created"] = "person.changed",
    ["employee.updated"] = "person.changed",
    ["table.entry.created"] = "person.changed",
    ["table.entry.updated"] = "person.changed",
}

local function named(list, name)
    return list and string.find("," .. list .. ",", "," .. name .. ",", 1, true) ~= nil
end

local function kind_of(name, options)
    if named(options.left_types, name) then
        return "person.left"
    elseif named(options.suspended_types, name) then
        return "person.suspended"
    end
    return kinds[name]
end

local FIELDS = {
    "root.id", "root.email", "root.displayName", "root.firstName", "root.surname", "work.title", "work.department",
    "work.site", "work.manager", "work.employeeIdInCompany", "internal.status", "internal.terminationDate",
}

-- A field is nested, or by its path with {"value": …}, as the request asked.
local function field(employee, path)
    local plain = string.gsub(path, "^root%.", "")
    local value = rollcall.get(employee, path) or rollcall.get(employee, plain)
        or rollcall.get(employee, "/" .. string.gsub(path, "%.", "/") .. ".value")
    return (type(value) == "string" or type(value) == "number") and tostring(value) or nil
end

local profile_of = {
    userName = "root.email",
    ["emails.work"] = "root.email",
    displayName = "root.displayName",
    ["name.givenName"] = "root.firstName",
    ["name.familyName"] = "root.surname",
    title = "work.title",
    department = "work.department",
    manager = "work.manager",
    employeeNumber = "work.employeeIdInCompany",
}

local function person(employee)
    local profile = {}
    for name, path in pairs(profile_of) do
        profile[name] = field(employee, path)
    end
    local status = rollcall.lower(field(employee, "internal.status") or "")
    local ends = rollcall.time(field(employee, "internal.terminationDate"))
    return {
        subject = field(employee, "root.id"),
        employment = ends and ends <= rollcall.now() and "left" or (status == "active" and "joined" or nil),
        profile = profile,
    }
end

return {
    options = { "key", "left_types", "suspended_types", "zone" },

    content_types = { "application/json", "text/plain" },

    handshakes = {
        { method = "POST", text = "Ping test" },
        { method = "POST", body = "text", is = "Ping test" },
    },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha512", min = 16, max = 256 },
        accept = { {
            header = "bob-signature",
            algorithm = "hmac-sha512",
            encoding = "base64",
            signed = { { body = true } },
        } },
    },

    events = function(request)
        local body = request.body
        if type(body) == "string" or body.text == "Ping test" then
            return {}, { "a ping" }
        end
        local kind = kind_of(body.type, request.options)
        local employee = rollcall.get(body, request.options.key or "data.employeeId")
        if not kind then
            return {}, { tostring(body.type) .. ": of no concern" }
        elseif type(employee) ~= "string" and type(employee) ~= "number" then
            return { { rejected = "the event names no employee: see option key" } }
        end
        return { {
            type = kind,
            subject = tostring(employee),
            occurredAt = rollcall.time(body.triggeredAt, request.options.zone),
            needsFetch = kind == "person.joined" or kind == "person.changed",
        } }
    end,

    api = { base_url = "https://api.hibob.com/v1", auth = "basic", limit = { requests = 50, per_s = 60 } },

    fetch = function(subject)
        return {
            method = "POST",
            path = "/people/" .. rollcall.escape(subject),
            body = '{"fields":["' .. table.concat(FIELDS, '","') .. '"],"humanReadable":"REPLACE"}',
        }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function()
        return {
            method = "POST",
            path = "/people/search",
            body = '{"showInactive":true,"humanReadable":"REPLACE","fields":["' .. table.concat(FIELDS, '","') .. '"]}',
        }
    end,

    page = function(reply)
        return rollcall.map(reply.body.employees, person)
    end,
}
