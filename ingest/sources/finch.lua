-- Finch (tryfinch.com).
--
-- Set up in the Finch dashboard under Webhooks: URL https://HOST/hooks/NAME. The secret, in base64, goes into the source's
-- `secrets`. Finch speaks for many HR systems: one Rollcall source for each connection; option `connection_id` lets others
-- be skipped.
--
-- What it sends: Finch-Event-Id, Finch-Timestamp (seconds), Finch-Signature: v1,<base64> …, as Standard Webhooks has it.
-- {"event_type", "connection_id", "data": {"individual_id"}}: thin.
--
-- What we make of it: directory.created, employment.created → joined; directory.deleted, individual.deleted → left;
-- individual.created, updated, directory.updated, employment.updated, deleted → changed; all but left are to be fetched.
-- The rest is skipped.
--
-- API (optional): base_url https://api.tryfinch.com, token: the connection's access token. Finch tells of a person in parts:
-- employment has title and department, individual the addresses (option ask = individual: the work address is then the
-- userName), and the directory, which everybody is loaded from, names, department and manager. So each is a part of the
-- profile and clears nothing. Where Finch is the only source, the policy makes the account's name, or a second
-- source of the same directory asks the other part.

local kinds = {
    ["directory.created"] = "person.joined",
    ["employment.created"] = "person.joined",
    ["directory.deleted"] = "person.left",
    ["directory.updated"] = "person.changed",
    ["employment.updated"] = "person.changed",
    ["employment.deleted"] = "person.changed",
    ["individual.deleted"] = "person.left",
    ["individual.created"] = "person.changed",
    ["individual.updated"] = "person.changed",
}

-- Of employment and directory.
local function person(id, body)
    local active = body.is_active
    return {
        subject = id,
        employment = (active == false and "left") or (active and "joined") or nil,
        profile = rollcall.pick(body, {
            ["name.givenName"] = "first_name",
            ["name.familyName"] = "last_name",
            title = "title",
            department = "department.name",
            manager = "manager.id",
        }),
        complete = false,
    }
end

local function individual(id, body)
    local profile = rollcall.pick(body, {
        ["name.givenName"] = "first_name",
        ["name.familyName"] = "last_name",
        displayName = "preferred_name",
    })
    for _, email in ipairs(rollcall.list(body.emails)) do
        if email.type == "work" then
            profile.userName, profile["emails.work"] = email.data, email.data
        end
    end
    return { subject = id, profile = profile, complete = false }
end

local PAGE = 100
local VERSION = { ["finch-api-version"] = "2020-09-17" }

return {
    options = { "ask", "connection_id" },

    content_types = { "application/json" },

    verify = {
        secrets = { encoding = "base64-strict", algorithm = "hmac-sha256", min = 16, max = 128 },
        accept = { {
            header = "finch-signature",
            versions = { v1 = "hmac-sha256" },
            encoding = "base64",
            signed = { { header = "finch-event-id" }, ".", { header = "finch-timestamp" }, ".", { body = true } },
            time = { header = "finch-timestamp", unit = "s", tolerance = 300 },
            delivery = "finch-event-id",
        } },
    },

    events = function(request)
        local body = request.body
        local kind = kinds[body.event_type]
        local subject = rollcall.get(body, "data.individual_id")
        local wanted = request.options.connection_id
        if not kind or (wanted and wanted ~= body.connection_id) then
            return {}, { tostring(body.event_type) .. ": of no concern, or of another connection" }
        elseif type(subject) ~= "string" then
            return { { rejected = "data names no individual" } }
        end
        return { {
            id = request.delivery,
            type = kind,
            subject = subject,
            needsFetch = kind ~= "person.left",
        } }
    end,

    api = { base_url = "https://api.tryfinch.com", auth = "bearer", limit = { requests = 20, per_s = 60 } },

    -- Of one individual; Finch answers requests in batches.
    fetch = function(subject, options)
        return {
            method = "POST",
            path = options.ask == "individual" and "/employer/individual" or "/employer/employment",
            headers = VERSION,
            body = '{"requests":[{"individual_id":"' .. string.gsub(subject, '[%c"\\]', "") .. '"}]}',
        }
    end,

    person = function(reply, subject, options)
        local answer = rollcall.list(reply.body.responses)[1]
        if not answer or answer.code ~= 200 or not answer.body then
            return nil
        end
        return (options.ask == "individual" and individual or person)(subject, answer.body)
    end,

    list = function(cursor)
        return { path = "/employer/directory?limit=" .. PAGE .. "&offset=" .. (cursor or "0"), headers = VERSION }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body.individuals, function(item) return person(item.id, item) end)
        local offset = rollcall.get(reply.body, "paging.offset") or 0
        local more = offset + #people < (rollcall.get(reply.body, "paging.count") or 0)
        return people, #people > 0 and more and tostring(offset + #people) or nil
    end,
}
