-- Workday: a document that an integration of yours posts, or the notification of an integration system's subscription.
--
-- Workday has no one webhook. Two ways are understood:
--   A document  A Studio or Orchestrate integration as a step of the business processes Hire, Termination, Change Job,
--               Leave of Absence, behind their completion: an HttpOut of a report's rows, as JSON {"Report_Entry": [ … ]}
--               or XML <wd:Report_Data><wd:Report_Entry>…. The report's columns are yours; name them (XML aliases) as in
--               `columns` below. The event is in column Event, or in the URL: https://HOST/hooks/NAME?event=hire.
--   SOAP        Edit Subscriptions > External Endpoint: Workday posts a notification with the worker's reference only.
-- Authentication is HTTP Basic: the source's secret is USER:PASSWORD. Option header = X-… and a key of that name in
-- `keys` demand a header of your own beside it; mutual TLS goes in front.
--
-- The worker of a SOAP notification is the Employee_ID below Worker_Reference, or below option `worker`: a path in the SOAP
-- body, such as Receive_Notification.Notification_Data.Employee_Reference.
--
-- What we make of it: by event (case and blanks do not matter)
--   hire, rehire → joined from Effective_Date or Hire_Date        terminate → left from Termination_Date
--   leave → suspended, return → resumed from Effective_Date       change → changed; rescind_termination → joined
-- Without an event: Active_Status 0 or false → left, otherwise changed. A SOAP notification is to be fetched. A date begins
-- in the time zone of option `zone` (UTC). The day itself is Workday's word: terminations hold from the day after the
-- last one worked only if your report says so.
--
-- API (optional): base_url https://HOST.workday.com, Basic token USER@TENANT:PASSWORD of an integration user, option
-- `report`: the path of a custom report with the columns below, e.g. /ccx/service/customreport2/TENANT/OWNER/REPORT, with
-- a prompt Employee_ID that may be empty.

local columns = {
    userName = "Email",
    ["emails.work"] = "Email",
    displayName = "Preferred_Name",
    ["name.givenName"] = "First_Name",
    ["name.familyName"] = "Last_Name",
    title = "Job_Title",
    department = "Department",
    division = "Division",
    organization = "Company",
    costCenter = "Cost_Center",
    employeeNumber = "Employee_ID",
    manager = "Manager_ID",
}

local meaning = {
    hire = "person.joined",
    rehire = "person.joined",
    rescind_termination = "person.joined",
    terminate = "person.left",
    termination = "person.left",
    leave = "person.suspended",
    leave_of_absence = "person.suspended",
    ["return"] = "person.resumed",
    return_from_leave = "person.resumed",
    change = "person.changed",
    change_job = "person.changed",
    transfer = "person.changed",
}

local days = {
    ["person.joined"] = { "Effective_Date", "Hire_Date" },
    ["person.left"] = { "Effective_Date", "Termination_Date" },
    ["person.suspended"] = { "Effective_Date" },
    ["person.resumed"] = { "Effective_Date" },
    ["person.changed"] = { "Effective_Date" },
}

-- A column's text; XML has attributes (a Descriptor) beside it at times.
local function column(row, name)
    local value = row[name]
    if type(value) == "userdata" then
        value = value["#text"] or value["@Descriptor"]
    end
    return value ~= nil and value ~= "" and tostring(value) or nil
end

local function profile(row)
    local result = {}
    for name, from in pairs(columns) do
        result[name] = column(row, from)
    end
    return result
end

local function inactive(row)
    local status = rollcall.lower(column(row, "Active_Status") or "1")
    return status == "0" or status == "false" or status == "no" or status == "terminated"
end

local function event(row, request)
    local name = column(row, "Event") or request.query.event
    local kind
    if name then
        kind = meaning[string.gsub(rollcall.lower(rollcall.trim(name)), "[ -]", "_")]
        if not kind then
            return { rejected = "an event that workday.lua does not know" }
        end
    else
        kind = inactive(row) and "person.left" or "person.changed"
    end
    local effective
    for _, from in ipairs(days[kind]) do
        effective = effective or rollcall.due(column(row, from), request.options.zone)
    end
    return {
        id = column(row, "Event_ID"),
        type = kind,
        subject = column(row, "Employee_ID"),
        occurredAt = rollcall.time(column(row, "Entry_Moment"), request.options.zone),
        effectiveAt = effective,
        profile = profile(row),
    }
end

-- Adds each <ID type="Employee_ID"> to `ids`: below an element Worker_Reference only, unless `below`. Others are named too
-- (who initiated it, a manager).
local function employee_ids(node, below, ids, depth)
    if type(node) ~= "userdata" or depth > 12 then
        return
    end
    if below and node["@type"] == "Employee_ID" and node["#text"] then
        ids[node["#text"]] = true
    end
    for name, child in pairs(node) do
        employee_ids(child, below or name == "Worker_Reference", ids, depth + 1)
    end
end

local function notification(body, request)
    local path, ids = request.options.worker, {}
    employee_ids(rollcall.get(body, path or ""), path ~= nil, ids, 0)
    local subject = next(ids)
    local name = request.query.event and string.gsub(rollcall.lower(request.query.event), "[ -]", "_")
    if not subject then
        return { rejected = "no Employee_ID below Worker_Reference: see option worker" }
    elseif next(ids, subject) then
        return { rejected = "the notification names several workers: see option worker" }
    end
    return { type = name and meaning[name] or "person.changed", subject = subject, needsFetch = true }
end

local function person(row)
    return {
        subject = column(row, "Employee_ID"),
        employment = inactive(row) and "left" or "joined",
        profile = profile(row),
    }
end

return {
    options = { "header", "report", "worker", "zone" },

    content_types = { "application/json", "application/xml", "text/xml", "application/soap+xml" },

    query = { "event" },

    verify = function(options)
        return {
            secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
            accept = { { header = "authorization", algorithm = "static", prefix = "Basic ", encoding = "base64" } },
            demand = options.header and { { header = options.header, algorithm = "static", key = options.header } } or nil,
        }
    end,

    events = function(request)
        local body = request.body
        if body.Envelope then
            return { notification(body.Envelope.Body, request) }
        end
        local rows = body.Report_Entry or rollcall.get(body, "Report_Data.Report_Entry") or body
        return rollcall.each(rows, function(row)
            return event(row, request)
        end)
    end,

    api = { auth = "basic", limit = { requests = 60, per_s = 60 } },

    fetch = function(subject, options)
        return { path = (options.report or "") .. "?format=json&Employee_ID=" .. rollcall.escape(subject) }
    end,

    -- Nobody is an empty report.
    person = function(reply)
        local row = rollcall.list(reply.body.Report_Entry)[1]
        return row and person(row)
    end,

    list = function(_, options)
        return { path = (options.report or "") .. "?format=json" }
    end,

    page = function(reply)
        return rollcall.map(reply.body.Report_Entry, person)
    end,
}
