-- Factorial webhooks.
--
-- Set up with POST /resources/api_public/webhook_subscriptions, one for each type, with target_url
-- https://HOST/hooks/NAME?type=<type> and a `challenge`: a long random text, the same as in the source's `secrets`. There
-- is no signature: the challenge comes back in x-factorial-wh-challenge with every delivery. After 20 failures in 48 hours
-- Factorial disables the subscription.
--
-- What it sends: the bare resource, an employee, without a word of what happened to it: hence the URL's type.
--
-- What we make of it: by type, with dots, slashes or underscores, of employees themselves (employee_created,
-- employees/employee/create; a contract's changes are others)
--   …created, …create, …invited, …invite → joined from start_date     …updated, …update → changed
--   …terminated, …terminate → left from terminated_on                …unterminated, …unterminate → joined
--   …deleted, …delete → deleted
-- An employee whose terminated_on is set is one who leaves that day, whatever the type. Profiles are complete. A day begins
-- in the time zone of option `zone` (UTC). Other types are skipped; no type, or no id, becomes a dead letter.
--
-- API (optional): base_url https://api.factorialhr.com/api/2026-01-01/resources, header x-api-key.

local endings = {
    created = "person.joined", create = "person.joined", invited = "person.joined", invite = "person.joined",
    updated = "person.changed", update = "person.changed",
    terminated = "person.left", terminate = "person.left",
    unterminated = "person.joined", unterminate = "person.joined",
    deleted = "person.deleted", delete = "person.deleted",
}

local names = {
    userName = "login_email",
    ["emails.work"] = "login_email",
    displayName = "full_name",
    ["name.givenName"] = "first_name",
    ["name.familyName"] = "last_name",
    title = "job_title",
    employeeNumber = "company_identifier",
    manager = "manager_id",
}

local function person(employee)
    return {
        subject = employee.id and tostring(employee.id),
        occurredAt = rollcall.time(employee.updated_at),
        employment = employee.active == false and "left" or "joined",
        profile = rollcall.pick(employee, names),
    }
end

local function event(employee, kind, effective)
    local says = person(employee)
    return {
        type = kind,
        subject = says.subject,
        occurredAt = says.occurredAt,
        effectiveAt = effective,
        profile = says.profile,
        complete = kind ~= "person.deleted",
    }
end

-- Whoever has a day to leave, leaves; a new one who leaves in the future joins before.
local function events(employee, name, request)
    local kind, zone = endings[name], request.options.zone
    local leaves = rollcall.due(employee.terminated_on, zone)
    if not employee.id then
        return { rejected = "the resource has no id" }
    elseif kind == "person.joined" then
        local joined = event(employee, kind, rollcall.due(employee.start_date, zone))
        if not leaves or string.sub(name, 1, 2) == "un" then
            return joined
        end
        local left = event(employee, "person.left", leaves)
        return leaves > request.receivedAt and { joined, left } or left
    elseif kind == "person.left" or (kind == "person.changed" and leaves) then
        return event(employee, "person.left", leaves)
    end
    return event(employee, kind)
end

return {
    options = { "zone" },

    content_types = { "application/json" },

    query = { "type" },

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 256 },
        accept = { { header = "x-factorial-wh-challenge", algorithm = "static" } },
    },

    events = function(request)
        local name = request.query.type
        if not name then
            return { { rejected = "the URL says no type" } }
        end
        local plain = string.gsub(rollcall.lower(name), "[./]", "_")
        local ending = string.match(plain, "^employee_(%l+)$") or string.match(plain, "^employees_employee_(%l+)$")
        if not endings[ending or ""] then
            return {}, { name .. ": no event of an employee" }
        end
        return rollcall.each({ request.body }, function(employee)
            return events(employee, ending, request)
        end)
    end,

    api = {
        base_url = "https://api.factorialhr.com/api/2026-01-01/resources",
        auth = "header",
        header = "x-api-key",
        limit = { requests = 100, per_s = 60 },
    },

    fetch = function(subject)
        return { path = "/employees/employees/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor)
        return { path = "/employees/employees?limit=100" .. (cursor and "&after_id=" .. rollcall.escape(cursor) or "") }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body.data, person)
        local more = rollcall.get(reply.body, "meta.has_next_page")
        local after = rollcall.get(reply.body, "meta.end_cursor")
        return people, more and after and tostring(after) or nil
    end,
}
