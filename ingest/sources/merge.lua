-- Merge (merge.dev), HRIS category.
--
-- Set up in Merge under Webhooks: URL https://HOST/hooks/NAME, events "Employee changed" (created, changed, removed). The
-- signature key (Security) goes into the source's `secrets`. Merge speaks for many HR systems: one Rollcall source for each
-- linked account; option `linked_account` = its id lets others be skipped.
--
-- What it sends: X-Merge-Webhook-Signature, the HMAC-SHA256 of the body in base64url, padded or not. {"hook": {"event"},
-- "linked_account": {…}, "data": employee}. No id and no time is signed: the body's hash is the event's id, modified_at its
-- time.
--
-- What we make of it: Employee.changed, created → by employment_status: ACTIVE → joined from start_date, INACTIVE → left
-- from termination_date, others → changed. Employee.removed, deleted → deleted. The common model is whole: complete. A day
-- begins in the time zone of option `zone` (UTC). The rest is skipped.
--
-- API (optional): base_url https://api.merge.dev/api/hris/v1, token: an API key, option `account_token`: the linked
-- account's token. (It is sent from the configuration in clear; prefer webhooks with data where that matters.)

local names = {
    userName = "work_email",
    ["emails.work"] = "work_email",
    displayName = "display_full_name",
    ["name.givenName"] = "first_name",
    ["name.familyName"] = "last_name",
    employeeNumber = "employee_number",
    manager = "manager",
}

local function person(employee)
    local profile = rollcall.pick(employee, names)
    local job = rollcall.list(employee.employments)[1]
    profile.title = type(job) == "userdata" and job.job_title or nil
    return {
        subject = employee.id,
        occurredAt = rollcall.time(employee.modified_at or employee.remote_updated_at),
        employment = (employee.employment_status == "ACTIVE" and "joined")
            or (employee.employment_status == "INACTIVE" and "left") or nil,
        profile = profile,
    }
end

local function event(name, employee, zone)
    local says = person(employee)
    local kind = "person.changed"
    if string.find(name, "removed", 1, true) or string.find(name, "deleted", 1, true) then
        kind = "person.deleted"
    elseif says.employment then
        kind = "person." .. says.employment
    end
    local day = kind == "person.joined" and employee.start_date or (kind == "person.left" and employee.termination_date)
    return {
        type = kind,
        subject = says.subject,
        occurredAt = says.occurredAt,
        effectiveAt = day and rollcall.due(day, zone) or nil,
        profile = says.profile,
        complete = kind ~= "person.deleted",
    }
end

return {
    options = { "account_token", "linked_account", "zone" },

    content_types = { "application/json" },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 256 },
        accept = { {
            header = "x-merge-webhook-signature",
            algorithm = "hmac-sha256",
            encoding = "base64",
            signed = { { body = true } },
        } },
    },

    events = function(request)
        local body, options = request.body, request.options
        local name = rollcall.get(body, "hook.event") or ""
        local account = rollcall.get(body, "linked_account.id")
        if string.sub(name, 1, 9) ~= "Employee." or (options.linked_account and options.linked_account ~= account)
            or not body.data then
            return {}, { name .. ": no employee, or of another linked account" }
        end
        return { event(name, body.data, options.zone) }
    end,

    api = { base_url = "https://api.merge.dev/api/hris/v1", auth = "bearer", limit = { requests = 100, per_s = 60 } },

    fetch = function(subject, options)
        return {
            path = "/employees/" .. rollcall.escape(subject) .. "?expand=employments",
            headers = { ["x-account-token"] = options.account_token },
        }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor, options)
        return {
            path = "/employees?page_size=100&expand=employments" .. (cursor and "&cursor=" .. rollcall.escape(cursor) or ""),
            headers = { ["x-account-token"] = options.account_token },
        }
    end,

    page = function(reply)
        return rollcall.map(reply.body.results, person), string.match(reply.body.next or "", "[?&]cursor=([^&]+)") or reply.body.next
    end,
}
