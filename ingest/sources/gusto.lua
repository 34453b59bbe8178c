-- Gusto webhooks (Embedded Payroll and App Integrations).
--
-- Set up: POST /v1/webhook_subscriptions with url https://HOST/hooks/NAME and subscription_types ["Employee"]. Gusto posts
-- {"verification_token": "…"} at once, unsigned: it is written to the source's `capture_file` (the first one only). Look
-- at the file, call PUT /v1/webhook_subscriptions/UUID/verify with the token, and let the source's `secrets` name the
-- file; until then any secret of 16 characters lets the source load. The token is the key of the signatures.
--
-- What it sends: X-Gusto-Signature, the HMAC-SHA256 of the body in hex (Gusto does not say the encoding; everybody finds
-- hex; option encoding = base64 if yours is not). {"uuid", "event_type", "entity_type": "Employee", "entity_uuid",
-- "timestamp" (seconds)}; uuid is the event's id. Up to 16 more attempts.
--
-- What we make of it: employee.created → changed (a record, not yet at work), employee.onboarded → joined,
-- employee.rehired → changed, rehire_effective → joined; employee.terminated → changed (recorded),
-- termination_effective (also written terminated_effective) → left, at 00:00 Pacific time of the day after the last;
-- termination_cancelled, rehire_cancelled, updated → changed; deleted → deleted. Joined and changed are to be fetched.
-- A termination that was carried out and is cancelled later is undone by option termination_cancelled = person.joined.
-- The rest is skipped.
--
-- API (optional): base_url https://api.gusto.com/v1, token: an access token (2 hours; keep the file fresh). To load
-- everybody, option `company` is the company's uuid.

local types = {
    ["employee.created"] = "person.changed",
    ["employee.updated"] = "person.changed",
    ["employee.onboarded"] = "person.joined",
    ["employee.terminated"] = "person.changed",
    ["employee.termination_effective"] = "person.left",
    ["employee.terminated_effective"] = "person.left",
    ["employee.rehired"] = "person.changed",
    ["employee.rehire_effective"] = "person.joined",
    ["employee.rehire_cancelled"] = "person.changed",
    ["employee.deleted"] = "person.deleted",
}

local function person(item)
    local job = rollcall.list(item.jobs)[1]
    local profile = rollcall.pick(item, {
        userName = "work_email",
        ["emails.work"] = "work_email",
        ["name.givenName"] = "first_name",
        ["name.familyName"] = "last_name",
        department = "department",
        manager = "manager_uuid",
    })
    profile.title = job and job.title or nil
    return {
        subject = item.uuid,
        employment = item.terminated and "left" or (item.onboarded and "joined" or nil),
        profile = profile,
    }
end

return {
    options = { "company", "encoding", "termination_cancelled" },

    content_types = { "application/json" },

    handshakes = { { method = "POST", body = "verification_token", capture = true } },

    verify = function(options)
        return {
            secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 256 },
            accept = { {
                header = "x-gusto-signature",
                algorithm = "hmac-sha256",
                encoding = options.encoding or "hex",
                signed = { { body = true } },
            } },
        }
    end,

    events = function(request)
        local body = request.body
        local kind = types[body.event_type]
        if body.event_type == "employee.termination_cancelled" then
            kind = request.options.termination_cancelled or "person.changed"
        end
        if not kind or body.entity_type ~= "Employee" then
            return {}, { tostring(body.event_type) .. ": of no concern" }
        end
        return { {
            id = body.uuid,
            delivery = body.uuid,
            type = kind,
            subject = body.entity_uuid,
            occurredAt = rollcall.time(body.timestamp),
            needsFetch = kind == "person.joined" or kind == "person.changed",
        } }
    end,

    api = { base_url = "https://api.gusto.com/v1", auth = "bearer", limit = { requests = 200, per_s = 60 } },

    fetch = function(subject)
        return { path = "/employees/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor, options)
        return {
            path = "/companies/" .. rollcall.escape(options.company or "") .. "/employees?per=100&page=" .. (cursor or "1"),
        }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body, person)
        local page = math.tointeger(tonumber(reply.headers["x-page"]))
        local pages = math.tointeger(tonumber(reply.headers["x-total-pages"]))
        return people, page and pages and page < pages and tostring(page + 1) or nil
    end,
}
