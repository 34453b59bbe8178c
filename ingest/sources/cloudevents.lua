-- CloudEvents 1.0 over HTTP: binary, structured and batched mode, with the webhook handshake.
--
-- Set up at the sender (Azure Event Grid, a broker, your own): URL https://HOST/hooks/NAME, and `Authorization: Bearer
-- TOKEN` with a long random token, the same as in the source's `secrets`. Before it sends, the sender may ask with OPTIONS
-- and WebHook-Request-Origin whether it may: it may. Option `header` names another header, which then holds the token alone.
-- A sender that can set no header may have the token in its URL, ?access_token=TOKEN; proxies tend to log it.
--
-- What it sends: attributes id, source, type, time, subject and data. What they mean is ours to define, as for
-- standard_webhooks.lua: type person.joined, changed, suspended, resumed, left, deleted, membership.added, removed, each
-- also with "rollcall." before it; option type.<type> = person.… translates others. data has id or subject (else the
-- attribute subject counts), profile (SCIM names), occurredAt (else time), effectiveAt, accessUntil, complete,
-- needsFetch, groups, groupsComplete.
--
-- What we make of it: one event each; source and id together are its identity. Other types are skipped.

local known = {
    ["person.joined"] = true, ["person.changed"] = true, ["person.suspended"] = true, ["person.resumed"] = true,
    ["person.left"] = true, ["person.deleted"] = true, ["membership.added"] = true, ["membership.removed"] = true,
}

-- Header values: out of quotes, and percent-decoded once.
local function header(value)
    if not value then
        return nil
    end
    local quoted = string.match(value, '^"(.*)"$')
    if quoted then
        value = string.gsub(quoted, "\\(.)", "%1")
    end
    value = string.gsub(value, "%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end)
    return utf8.len(value) and value or nil
end

local function event(attributes, data, options)
    local kind = options["type." .. tostring(attributes.type)] or string.gsub(attributes.type or "", "^rollcall%.", "")
    if attributes.specversion ~= "1.0" or type(attributes.source) ~= "string" or type(attributes.id) ~= "string"
        or attributes.id == "" then
        return { rejected = "not a CloudEvent 1.0 with id and source" }
    end
    if not known[kind] then
        return nil
    end
    local subject = rollcall.get(data, "id") or rollcall.get(data, "subject") or attributes.subject
    return {
        id = attributes.source .. "\n" .. attributes.id,
        delivery = attributes.id,
        type = kind,
        subject = subject and tostring(subject),
        occurredAt = rollcall.time(rollcall.get(data, "occurredAt") or attributes.time),
        effectiveAt = rollcall.get(data, "effectiveAt"),
        accessUntil = data, -- the member of data: null is not absent
        profile = rollcall.get(data, "profile"),
        complete = rollcall.get(data, "complete"),
        needsFetch = rollcall.get(data, "needsFetch"),
        groups = rollcall.get(data, "groups"),
        groupsComplete = rollcall.get(data, "groupsComplete"),
    }
end

local function binary(request)
    local headers = request.headers
    return {
        specversion = header(headers["ce-specversion"]),
        id = header(headers["ce-id"]),
        source = header(headers["ce-source"]),
        type = header(headers["ce-type"]),
        subject = header(headers["ce-subject"]),
        time = header(headers["ce-time"]),
    }
end

return {
    options = { "header", "type.*" },

    headers = { "content-type", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time" },
    empty = true, -- binary mode without data

    handshakes = { {
        method = "OPTIONS",
        header = "webhook-request-origin",
        reply = { headers = { ["WebHook-Allowed-Origin"] = "%", ["WebHook-Allowed-Rate"] = "*" } },
    } },

    verify = function(options)
        return {
            secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
            accept = { {
                header = options.header or "authorization",
                algorithm = "static",
                prefix = not options.header and "Bearer " or nil,
            }, {
                query = "access_token",
                algorithm = "static",
            } },
        }
    end,

    -- The prefix of a batch's media type begins with that of a structured event's: ask for it first.
    events = function(request)
        local media = rollcall.lower(request.headers["content-type"] or "")
        local items = { binary(request) }
        if string.sub(media, 1, 29) == "application/cloudevents-batch" then
            items = request.body
        elseif string.sub(media, 1, 23) == "application/cloudevents" then
            items = { request.body }
        end
        return rollcall.each(items, function(item)
            local data = item.data
            if type(item) == "table" then
                data = request.body
            end
            return event(item, data, request.options), (item.type or "?") .. ": of no concern"
        end)
    end,
}
