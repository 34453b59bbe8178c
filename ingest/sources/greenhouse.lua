-- Greenhouse Recruiting (hires) and Greenhouse Onboarding (employees).
--
-- Set up under Configure > Dev Center > Web Hooks: URL https://HOST/hooks/NAME, secret key: the same as in the source's
-- `secrets`; in Recruiting events "Candidate has been hired" and "Candidate unhired". Recruiting posts a ping at once,
-- signed, which is answered. HTTP Basic beside the signature: option basic = yes, and USER:PASSWORD as key `basic` in
-- `keys`.
--
-- What it sends: `Signature: sha256 <hex>`, the HMAC-SHA256 of the body exactly as it is. Recruiting: {"action",
-- "payload"} and Greenhouse-Event-ID (not signed, so not used). Onboarding: {"event_type": "employee:updated", "id",
-- "payload": {…}}. It wants 200 and tries for 15 hours.
--
-- What we make of it:
--   hire_candidate    joined, from the offer's start date (in the time zone of option `zone`, UTC), about the candidate
--   unhire_candidate  left
--   employee:created  joined, employee:updated  changed, both to be fetched; employee:deleted  deleted
-- A candidate's address is mostly a private one and no user name: only one of type work is taken, unless option userName =
-- candidate. Recruiting's subjects are candidate ids and Onboarding's employee ids: they do not meet, so give each a source and
-- directory of its own. Moves and departures are the HR system's to tell.
--
-- API (optional, Onboarding's): GraphQL at base_url https://onboarding-api.greenhouse.io, token ACCESS-KEY:SECRET-KEY (Settings >
-- API Management). Who has a date of termination that has come has left. How many requests it allows in which time is not
-- confirmed. Recruiting's API is about candidates and is not asked: hires are told whole.

local onboarding = {
    ["employee:created"] = { "person.joined", "created_employee_id" },
    ["employee:updated"] = { "person.changed", "updated_employee_id" },
    ["employee:deleted"] = { "person.deleted", "deleted_employee_id" },
}

-- The work address if there is one; the candidate's own only if the option says so.
local function email(candidate, options)
    local first
    for _, address in ipairs(rollcall.list(candidate.email_addresses)) do
        first = first or address.value
        if address.type == "work" then
            return address.value
        end
    end
    return options.userName == "candidate" and first or nil
end

local function recruiting(body, options)
    local application = rollcall.get(body, "payload.application")
    local candidate = rollcall.get(application, "candidate")
    if not candidate or not candidate.id then
        return { rejected = "payload.application has no candidate" }
    end
    local joined = body.action == "hire_candidate"
    local offer = rollcall.get(application, "offer") or rollcall.get(body, "payload.offer")
    local profile = rollcall.pick(candidate, {
        ["name.givenName"] = "first_name",
        ["name.familyName"] = "last_name",
        title = "title",
    })
    profile.userName = email(candidate, options)
    local job = rollcall.list(application.jobs)[1]
    profile.title = job and job.name or profile.title
    local department = job and rollcall.list(job.departments)[1]
    profile.department = department and department.name or nil
    return {
        type = joined and "person.joined" or "person.left",
        subject = tostring(candidate.id),
        -- Not the offer's resolved_at: hire and unhire of one offer share it.
        occurredAt = rollcall.time(application.last_activity_at),
        effectiveAt = joined and rollcall.due(rollcall.get(offer, "starts_at"), options.zone) or nil,
        profile = profile,
    }
end

local function employee(body)
    local kind, key = table.unpack(onboarding[body.event_type])
    local id = rollcall.get(body, "payload." .. key) or rollcall.get(body, "payload.employee_id")
    if not id then
        return { rejected = "payload names no employee" }
    end
    return {
        id = body.id,
        delivery = body.id,
        type = kind,
        subject = tostring(id),
        occurredAt = rollcall.time(rollcall.get(body, "payload.updated_at") or rollcall.get(body, "payload.created_at")),
        needsFetch = kind ~= "person.deleted",
    }
end

local EMPLOYEE = "id email firstName lastName preferredFirstName preferredLastName title startDate dateOfTermination "
    .. "department { name } manager { id }"

-- Values stand beside the query, never in it; they are numbers or null, or quoted.
local function ask(query, name, value)
    return { method = "POST", path = "/graphql", body = '{"query":"' .. query .. '","variables":{"' .. name .. '":' .. value .. "}}" }
end

local function come(day)
    local at = rollcall.time(day)
    return at and at <= rollcall.now()
end

local function person(node)
    local given = node.preferredFirstName or node.firstName
    local family = node.preferredLastName or node.lastName
    return {
        subject = tostring(node.id),
        employment = (come(node.dateOfTermination) and "left") or ((not node.startDate or come(node.startDate)) and "joined") or nil,
        profile = {
            userName = node.email,
            ["emails.work"] = node.email,
            displayName = given and family and given .. " " .. family or nil,
            ["name.givenName"] = given,
            ["name.familyName"] = family,
            title = node.title,
            department = rollcall.get(node, "department.name"),
            manager = node.manager and tostring(node.manager.id),
        },
    }
end

-- It answers 200 to everything; with `errors` the request has failed.
local function data(body)
    for _, fault in ipairs(rollcall.list(body.errors)) do
        if fault.errorCode ~= "NotFound" then
            error("the API says: " .. tostring(fault.message))
        end
    end
    return body.data
end

return {
    options = { "basic", "userName", "zone" },

    content_types = { "application/json" },

    verify = function(options)
        return {
            secrets = { encoding = "text", algorithm = "hmac-sha256", min = 8, max = 256 },
            accept = { {
                header = "signature",
                algorithm = "hmac-sha256",
                prefix = "sha256 ",
                encoding = "hex",
                signed = { { body = true } },
            } },
            demand = options.basic and { {
                header = "authorization",
                algorithm = "static",
                prefix = "Basic ",
                encoding = "base64",
                key = "basic",
                secrets = { encoding = "text", algorithm = "static", min = 8, max = 512 },
            } } or nil,
        }
    end,

    events = function(request)
        local body = request.body
        if body.action == "hire_candidate" or body.action == "unhire_candidate" then
            return { recruiting(body, request.options) }
        elseif onboarding[body.event_type] then
            return { employee(body) }
        end
        return {}, { tostring(body.action or body.event_type) .. ": of no concern" }
    end,

    api = { base_url = "https://onboarding-api.greenhouse.io", auth = "basic", limit = { requests = 60, per_s = 60 } },

    fetch = function(subject)
        if not string.match(subject, "^%d+$") then
            error("an employee's id is a number")
        end
        return ask("query($id: Int) { employee(id: $id) { " .. EMPLOYEE .. " } }", "id", subject)
    end,

    person = function(reply)
        local node = rollcall.get(data(reply.body), "employee")
        return node and person(node)
    end,

    list = function(cursor)
        return ask("query($after: String) { employees(first: 25, after: $after) { pageInfo { hasNextPage endCursor } edges { node { "
            .. EMPLOYEE .. " } } } }", "after", cursor and '"' .. string.gsub(cursor, "[^%w+/=_-]", "") .. '"' or "null")
    end,

    page = function(reply)
        local employees = data(reply.body).employees
        local people = rollcall.map(employees.edges, function(edge)
            return person(edge.node)
        end)
        return people, employees.pageInfo.hasNextPage and employees.pageInfo.endCursor or nil
    end,
}
