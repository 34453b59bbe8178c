-- Personio webhooks, version 2.
--
-- Set up under Marketplace > Webhooks, or with POST /v2/webhooks: URL https://HOST/hooks/NAME, authentication TOKEN (the
-- text is sent as it is in `Authorization`) or CUSTOM (a header of your own: option `header` names it); the text goes into
-- the source's `secrets`. There is no signature: whoever claims an X-Personio-Signature is mistaken.
-- Events: person.created, updated, deleted, employment.created, updated, deleted, started, terminated.
--
-- What it sends: {"company_id", "event_name", "occurred_at", "payload": { ids }, "meta"}. No id: the body's hash is the
-- event's. It waits 3 seconds and tries again after 5xx, six times within 3 days.
--
-- What we make of it: employment.started → joined and employment.terminated → left, each on the day itself; person.deleted
-- → deleted; the others → changed. All but left and deleted are to be fetched. The names within payload are not
-- confirmed: person_id, person.id, and id in person.* are tried, or what option `person_key` says. A change of job alone
-- is reported to fire nothing: let the worker load everybody now and then.
--
-- API (optional): base_url https://api.personio.de/v2, token: an access token (client credentials, 24 hours; keep the
-- file fresh by a timer, and reload).

local kinds = {
    ["employment.started"] = "person.joined",
    ["employment.terminated"] = "person.left",
    ["person.deleted"] = "person.deleted",
    ["person.created"] = "person.changed",
    ["person.updated"] = "person.changed",
    ["employment.created"] = "person.changed",
    ["employment.updated"] = "person.changed",
    ["employment.deleted"] = "person.changed",
}

local function subject(body, options)
    local payload = body.payload
    local id
    if options.person_key then
        id = rollcall.get(payload, options.person_key)
    else
        id = rollcall.get(payload, "person_id") or rollcall.get(payload, "person.id")
        if not id and string.sub(body.event_name, 1, 7) == "person." then
            id = rollcall.get(payload, "id")
        end
    end
    return id and tostring(id)
end

local function person(item)
    return {
        subject = tostring(item.id),
        occurredAt = rollcall.time(item.updated_at),
        employment = item.status == "INACTIVE" and "left" or (item.status == "ACTIVE" and "joined" or nil),
        profile = rollcall.pick(item, {
            userName = "email",
            ["emails.work"] = "email",
            displayName = "preferred_name",
            ["name.givenName"] = "first_name",
            ["name.familyName"] = "last_name",
        }),
    }
end

return {
    options = { "header", "person_key" },

    content_types = { "application/json" },

    verify = function(options)
        return {
            secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
            accept = { { header = options.header or "authorization", algorithm = "static" } },
        }
    end,

    events = function(request)
        local body = request.body
        local kind = kinds[body.event_name]
        if not kind then
            return {}, { tostring(body.event_name) .. ": of no concern" }
        end
        local id = subject(body, request.options)
        if not id then
            return { { rejected = "payload names no person: see option person_key" } }
        end
        return { {
            type = kind,
            subject = id,
            occurredAt = rollcall.time(body.occurred_at),
            needsFetch = kind == "person.joined" or kind == "person.changed",
        } }
    end,

    api = { base_url = "https://api.personio.de/v2", auth = "bearer", limit = { requests = 200, per_s = 60 } },

    fetch = function(id)
        return { path = "/persons/" .. rollcall.escape(id) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor)
        return { path = "/persons?limit=50" .. (cursor and "&cursor=" .. rollcall.escape(cursor) or "") }
    end,

    page = function(reply)
        local people = rollcall.map(reply.body._data, person)
        local next_page = rollcall.get(reply.body, "_meta.links.next.href")
        return people, string.match(next_page or "", "[?&]cursor=([^&]+)")
    end,
}
