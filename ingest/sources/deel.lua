-- Deel webhooks.
--
-- Set up under Apps & Integrations > Developer Center > Webhooks: URL https://HOST/hooks/NAME, events on contracts,
-- onboarding, terminations, workers. The signing key goes into the source's `secrets`; with several subscriptions, each key
-- into `keys`, under the subscription's label.
--
-- What it sends: x-deel-signature, the HMAC-SHA256 in hex of "POST" and the body; x-deel-hmac-label, the subscription's
-- label. {"data": {"meta": {"event_type", "tracking_id", …}, "resource": {…} or […]}, "timestamp"}. No time is signed.
--
-- What we make of it: by event_type (the names beyond these are not confirmed: options type.<event_type> = person.…)
--   contract.signed, worker.created, onboarding.status.updated to completed → joined from start_date
--   contract.terminated, gp.termination.confirmed, eor.termination.confirmed → left from end_date or termination_date
--   worker.updated, contract.updated → changed              worker.deleted → deleted
-- The subject is the worker's id (worker.id, worker_id, hris_profile_id; option `key` names another path); a resource
-- without one becomes a dead letter. A day begins in the time zone of option `zone` (UTC). Everything else is skipped.
--
-- API (optional): base_url https://api.letsdeel.com/rest/v2, token: an API token with people:read. Subjects have to be ids
-- of people (option key = hris_profile_id or what your events carry).

local types = {
    ["contract.signed"] = "person.joined",
    ["worker.created"] = "person.joined",
    ["worker.updated"] = "person.changed",
    ["contract.updated"] = "person.changed",
    ["contract.terminated"] = "person.left",
    ["contract.termination.confirmed"] = "person.left",
    ["gp.termination.confirmed"] = "person.left",
    ["eor.termination.confirmed"] = "person.left",
    ["worker.deleted"] = "person.deleted",
}

local ids = { "worker.id", "worker_id", "hris_profile_id", "employee_id" }

local function subject(resource, options)
    if options.key then
        return rollcall.get(resource, options.key)
    end
    for _, path in ipairs(ids) do
        local id = rollcall.get(resource, path)
        if id then
            return id
        end
    end
end

local function known(name, options)
    return options["type." .. name] or types[name]
end

local function kind_of(name, resource, options)
    if name == "onboarding.status.updated" then
        return resource.status == "completed" and "person.joined" or nil
    end
    return known(name, options)
end

local function effective(kind, resource, zone)
    if kind == "person.joined" then
        return rollcall.due(resource.start_date, zone)
    elseif kind == "person.left" then
        return rollcall.due(resource.end_date or resource.termination_date or resource.last_day_of_work, zone)
    end
end

local function event(resource, meta, request)
    local options = request.options
    local kind = kind_of(meta.event_type or "", resource, options)
    if not kind then
        return nil
    end
    local id = subject(resource, options)
    if not id then
        return { rejected = "the resource names no worker: see option key" }
    end
    return {
        type = kind,
        subject = tostring(id),
        occurredAt = rollcall.time(request.body.timestamp),
        effectiveAt = effective(kind, resource, options.zone),
        profile = rollcall.pick(resource, {
            userName = "worker.email",
            ["emails.work"] = "worker.email",
            displayName = "worker.name",
            ["name.givenName"] = "worker.first_name",
            ["name.familyName"] = "worker.last_name",
            title = "job_title",
            department = "department",
        }),
    }
end

local function person(item)
    return {
        subject = item.id,
        occurredAt = rollcall.time(item.updated_at),
        employment = (item.hiring_status == "inactive" and "left") or (item.hiring_status == "active" and "joined") or nil,
        profile = rollcall.pick(item, {
            userName = "work_email",
            displayName = "full_name",
            ["name.givenName"] = "first_name",
            ["name.familyName"] = "last_name",
            title = "job_title",
            department = "department.name",
            manager = "direct_manager.id",
            employeeNumber = "worker_id",
        }),
    }
end

return {
    options = { "key", "type.*", "zone" },

    content_types = { "application/json" },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 256 },
        accept = { {
            header = "x-deel-signature",
            algorithm = "hmac-sha256",
            encoding = "hex",
            key_header = "x-deel-hmac-label",
            signed = { { method = true }, { body = true } },
        } },
    },

    events = function(request)
        local body = request.body
        local meta = rollcall.get(body, "data.meta") or body.meta
        if not meta then
            error("data.meta is missing")
        end
        local resources = rollcall.list(rollcall.get(body, "data.resource"))
        if #resources == 0 and known(meta.event_type or "", request.options) then
            return { { rejected = "the event has no resource" } }
        end
        return rollcall.each(resources, function(resource, i)
            local ev = event(resource, meta, request)
            if not ev then
                return nil, (meta.event_type or "?") .. ": of no concern"
            end
            ev.id = meta.tracking_id and meta.tracking_id .. "/" .. i
            ev.delivery = meta.tracking_id
            return ev
        end)
    end,

    api = { base_url = "https://api.letsdeel.com/rest/v2", auth = "bearer", limit = { requests = 240, per_s = 60 } },

    fetch = function(id)
        return { path = "/people/" .. rollcall.escape(id) }
    end,

    person = function(reply)
        return person(reply.body.data or reply.body)
    end,

    list = function(cursor)
        return { path = "/people?limit=100&offset=" .. (cursor or "0") }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body.data, person)
        local seen = (rollcall.get(reply.body, "page.offset") or 0) + #people
        local total = rollcall.get(reply.body, "page.total_rows") or 0
        return people, #people > 0 and seen < total and tostring(seen) or nil
    end,
}
