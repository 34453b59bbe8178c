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
-- API (optional): base_url https://api.tryfinch.com, token: the connection's access token. There is no `list`: Finch's directory tells
-- of everybody no more than name, department, manager and whether he is active, and what a page does not name is cleared,
-- so each load would take the titles away that fetches have brought.

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
    }
end

return {
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

    -- One individual's employment; Finch answers requests in batches.
    fetch = function(subject)
        return {
            method = "POST",
            path = "/employer/employment",
            headers = { ["finch-api-version"] = "2020-09-17" },
            body = '{"requests":[{"individual_id":"' .. string.gsub(subject, '[%c"\\]', "") .. '"}]}',
        }
    end,

    person = function(reply, subject)
        local answer = rollcall.list(reply.body.responses)[1]
        if not answer or answer.code ~= 200 or not answer.body then
            return nil
        end
        return person(subject, answer.body)
    end,
}
