-- BambooHR webhooks: event-based and field-based, JSON or form-encoded.
--
-- Set up with POST /api/v1/webhooks: url https://HOST/hooks/NAME, format json (form-encoded works too), and either
-- `events` (recommended): employee.created, employee.updated, employee.deleted; or, without it, fields to monitor and to
-- post. Post at least: Status, Employment Status, Termination Date, Hire Date, Work Email, First Name, Last Name, Job
-- Title, Department, Division. The answer's privateKey is shown once: it goes into the source's `secrets`.
--
-- What it sends: X-BambooHR-Signature, the HMAC-SHA256 in hex of body and X-BambooHR-Timestamp (body first, nothing
-- between). No id: the body's hash is the event's. A 4xx is never tried again, a 5xx five times within 155 minutes.
-- Whether the timestamp is that of the first attempt is not documented, nor is its form: hence the day of tolerance, and
-- both forms.
--   event-based  {"type": "employee.updated", "timestamp", "data": {"companyId", "employeeId", "changedFields": [ … ]}}
--   field-based  {"employees": [{"id", "action", "timestamp", "changedFields", "fields": {"First Name": {"value"}}}]}
--
-- What we make of it: created → joined; deleted → deleted; updated → changed, to be fetched, as the event-based form has
-- no values. (Created is followed by an updated of its own.) In the field-based form Status says it: Inactive → left at
-- the termination date, Active → joined; other fields → changed. A day begins in the time zone of option `zone`
-- (UTC). Updates that touch none of the fields below are skipped. Whom a fetch found Inactive and who is hired again comes as
-- updated in the event-based form: two fetches that find so take back what the fetch before has said.
--
-- API (optional): base_url https://api.bamboohr.com/api/gateway.php/COMPANY/v1, token KEY:x.

local wanted = {}
for _, name in ipairs({
    "status", "employmentHistoryStatus", "employmentStatus", "terminationDate", "hireDate", "originalHireDate", "firstName",
    "lastName", "preferredName", "displayName", "workEmail", "jobTitle", "department", "division", "location", "supervisor",
    "supervisorId", "employeeNumber", "Status", "Employment Status", "Termination Date", "Hire Date", "First Name", "First name",
    "Last Name", "Last name", "Work Email", "Job Title", "Department", "Division", "Location", "Reporting to",
    "Employee #",
}) do
    wanted[name] = true
end

local kinds = {
    ["employee.created"] = "person.joined",
    ["employee.updated"] = "person.changed",
    ["employee.deleted"] = "person.deleted",
    ["employee_with_fields.created"] = "person.joined",
    ["employee_with_fields.updated"] = "person.changed",
    ["employee_with_fields.deleted"] = "person.deleted",
}
local actions = { created = "person.joined", updated = "person.changed", deleted = "person.deleted" }

local function text(value)
    return value ~= nil and tostring(value) or nil
end

local function event_based(body, zone)
    local kind = kinds[body.type]
    local data = body.data
    if not kind or (kind == "person.changed" and data.changedFields and not rollcall.overlap(data.changedFields, wanted)) then
        return nil
    end
    return {
        type = kind,
        subject = text(data.employeeId),
        occurredAt = rollcall.time(body.timestamp, zone),
        needsFetch = kind ~= "person.deleted",
    }
end

-- Labels are what the webhook's set-up made of them: these are BambooHR's own.
local labels = {
    userName = { "Work Email", "workEmail" },
    ["emails.work"] = { "Work Email", "workEmail" },
    ["name.givenName"] = { "First Name", "First name", "firstName" },
    ["name.familyName"] = { "Last Name", "Last name", "lastName" },
    title = { "Job Title", "jobTitle" },
    department = { "Department", "department" },
    division = { "Division", "division" },
    employeeNumber = { "Employee #", "employeeNumber" },
}

local function field(fields, names)
    for _, name in ipairs(names) do
        local value = fields and fields[name]
        if value then
            return value.value
        end
    end
end

local function field_profile(fields)
    local profile = {}
    for name, from in pairs(labels) do
        local value = text(field(fields, from))
        if value and value ~= "" then
            profile[name] = value
        end
    end
    return profile
end

local function field_based(employee, zone)
    local kind = actions[rollcall.lower(employee.action or "updated")]
    local fields = employee.fields
    if not kind then
        return { rejected = "an action that bamboohr.lua does not know" }
    elseif (kind == "person.changed" and employee.changedFields
            and not rollcall.overlap(employee.changedFields, wanted)) then
        return nil
    end
    local status = field(fields, { "Status", "status" })
    local touched = not employee.changedFields or rollcall.overlap(employee.changedFields, { Status = true, status = true })
    local effective
    if kind ~= "person.deleted" and status == "Inactive" then
        kind = "person.left" -- Inactive holds already, even where the day cannot be read
        effective = rollcall.time(field(fields, { "Termination Date", "terminationDate" }), zone)
    elseif kind == "person.changed" and status == "Active" and touched then
        kind = "person.joined"
    end
    if kind == "person.joined" then
        effective = rollcall.due(field(fields, { "Hire Date", "hireDate" }), zone)
    end
    return {
        type = kind,
        subject = text(employee.id),
        occurredAt = rollcall.time(employee.timestamp, zone),
        effectiveAt = effective,
        profile = field_profile(fields),
    }
end

local API_FIELDS = {
    "id", "status", "workEmail", "displayName", "firstName", "lastName", "jobTitle", "department", "division",
    "employeeNumber", "supervisorEId", "hireDate", "terminationDate",
}

local function person(employee)
    return {
        subject = text(employee.id),
        employment = employee.status == "Inactive" and "left" or "joined",
        profile = rollcall.pick(employee, {
            userName = "workEmail",
            ["emails.work"] = "workEmail",
            displayName = "displayName",
            ["name.givenName"] = "firstName",
            ["name.familyName"] = "lastName",
            title = "jobTitle",
            department = "department",
            division = "division",
            employeeNumber = "employeeNumber",
            manager = "supervisorEId",
        }),
    }
end

return {
    options = { "zone" },

    content_types = { "application/json", "application/x-www-form-urlencoded" },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 128 },
        accept = { {
            header = "x-bamboohr-signature",
            algorithm = "hmac-sha256",
            encoding = "hex",
            signed = { { body = true }, { header = "x-bamboohr-timestamp" } },
            time = { header = "x-bamboohr-timestamp", unit = "auto", tolerance = 86400, future = 300 },
        } },
    },

    events = function(request)
        local body, zone = request.body, request.options.zone
        local by_fields = body.employees ~= nil
        return rollcall.each(by_fields and body.employees or { body }, function(item)
            return (by_fields and field_based or event_based)(item, zone),
                "no field of ours has changed, or a type of no concern"
        end)
    end,

    api = { auth = "basic", limit = { requests = 100, per_s = 60 } },

    fetch = function(subject)
        return {
            path = "/employees/" .. rollcall.escape(subject) .. "/?fields=" .. table.concat(API_FIELDS, ","),
            headers = { accept = "application/json" },
        }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    -- A report is everybody at once.
    list = function()
        return {
            method = "POST",
            path = "/reports/custom?format=JSON&onlyCurrent=false",
            headers = { accept = "application/json" },
            body = '{"title":"Rollcall","fields":["' .. table.concat(API_FIELDS, '","') .. '"]}',
        }
    end,

    page = function(reply)
        return rollcall.map(reply.body.employees, person)
    end,
}
