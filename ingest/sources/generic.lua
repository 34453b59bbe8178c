-- Any sender of JSON, by declaration: a static token, HTTP Basic, or any HMAC; names of its members by options.
--
-- Set up at the sender: URL https://HOST/hooks/NAME (?event=… if the body does not say what happened). Then say in the
-- source's options how it proves itself:
--
--   auth      static (default): header `header` (authorization) is the secret, behind `prefix` if any
--             basic: the source's secret is USER:PASSWORD
--             certificate: the source's secret is the subject of the client's certificate, as CN=hr.example.com,O=Acme;
--             TLS ends here (ingest.tls.client_ca), or option `header` names where a trusted proxy puts it
--             hmac-sha1, hmac-sha256, hmac-sha512: header `header` (x-signature), behind `prefix` if any, is the
--             signature in `encoding` (hex, base64) over `signed`: a list, separated by spaces, of body, method, path,
--             query, header:NAME, field:NAME and texts, such as "header:x-time . body"; default body.
--             `pair` = v1: the header is a list t=…,v1=…. `secret` (text, hex, base64): how the secret is written.
--             `time` = header:NAME or field:NAME, signed too, `unit` (s, ms, rfc3339, auto), `tolerance` (300 seconds).
--             `delivery` = the header with the delivery's id, signed too.
--
-- and what its body means (paths such as data.employee.id):
--
--   items     the list of several events in one body; none: the body is one
--   type      what happened (type); option type.<value> = person.… or skip says what it means. The URL's `event` counts
--             where the body has none. Values that are ours need no option; others are skipped.
--   subject   the person's id (id)            id        the event's id
--   occurred  when it happened (timestamp)    effective from when it holds     zone   of times without one (UTC)
--   groups    names of groups                           all_groups   yes: the person is in no other (unless they are left)
--   complete  yes: the profile names everything         fetch   yes: it has to be fetched
--   profile.<SCIM name>   where the attribute stands: profile.userName = data.email
--
-- What we make of it: as the options say. An item without a subject becomes a dead letter.

local function words(text)
    local list = {}
    for word in string.gmatch(text, "%S+") do
        list[#list + 1] = word
    end
    return list
end

local function part(word)
    local kind, name = string.match(word, "^(%l+):(.+)$")
    if kind == "header" or kind == "field" then
        return { [kind] = name }
    elseif word == "body" or word == "method" or word == "path" or word == "query" then
        return { [word] = true }
    end
    return word
end

local function signature(options)
    local signed = {}
    for _, word in ipairs(words(options.signed or "body")) do
        signed[#signed + 1] = part(word)
    end
    local time
    if options.time then
        time = part(options.time)
        time.unit = options.unit or "s"
        time.tolerance = math.tointeger(tonumber(options.tolerance or 300))
    end
    return {
        header = options.header or "x-signature",
        algorithm = options.auth,
        prefix = options.prefix,
        pair = options.pair,
        encoding = options.encoding or "hex",
        signed = signed,
        time = time,
        delivery = options.delivery,
    }
end

local function form(options)
    local auth = options.auth or "static"
    if auth == "static" then
        return { header = options.header or "authorization", algorithm = "static", prefix = options.prefix }
    elseif auth == "basic" then
        return { header = "authorization", algorithm = "static", prefix = "Basic ", encoding = "base64" }
    elseif auth == "certificate" then
        return { header = options.header, algorithm = "certificate" }
    end
    return signature(options)
end

local ours = {
    ["person.joined"] = true, ["person.changed"] = true, ["person.suspended"] = true, ["person.resumed"] = true,
    ["person.left"] = true, ["person.deleted"] = true, ["membership.added"] = true, ["membership.removed"] = true,
}

-- What the body, or the URL, says that happened.
local function said(item, request)
    return rollcall.get(item, request.options.type or "type") or request.query.event
end

local function kind_of(item, request)
    local value = said(item, request)
    local kind = request.options["type." .. tostring(value)] or value
    return ours[kind] and kind or nil
end

-- A misspelt type would skip everything it stands for.
local function check_types(options)
    for name, kind in pairs(options) do
        if string.sub(name, 1, 5) == "type." and kind ~= "skip" and not ours[kind] then
            error("option " .. name .. ": " .. kind .. " is no type of ours, nor skip", 0)
        end
    end
end

local function profile(item, options)
    local from = {}
    for name, path in pairs(options) do
        local attribute = string.match(name, "^profile%.(.+)$")
        if attribute then
            from[attribute] = path
        end
    end
    return rollcall.pick(item, from, options.complete == "yes")
end

local function text(item, path)
    local value = path and rollcall.get(item, path)
    return value ~= nil and type(value) ~= "userdata" and tostring(value) or nil
end

local function event(item, request)
    local options = request.options
    local kind = kind_of(item, request)
    if not kind then
        return nil
    end
    local subject = text(item, options.subject or "id")
    if not subject then
        return { rejected = "no subject where option subject says" }
    end
    local id = text(item, options.id)
    local groups = options.groups and rollcall.get(item, options.groups)
    return {
        id = id,
        type = kind,
        subject = subject,
        occurredAt = rollcall.time(rollcall.get(item, options.occurred or "timestamp"), options.zone),
        effectiveAt = options.effective and rollcall.due(rollcall.get(item, options.effective), options.zone) or nil,
        profile = profile(item, options),
        complete = options.complete == "yes",
        needsFetch = options.fetch == "yes",
        groups = groups and rollcall.list(groups) or nil,
        groupsComplete = options.all_groups == "yes" and groups ~= nil and kind ~= "membership.removed",
    }
end

return {
    options = {
        "auth", "header", "prefix", "encoding", "signed", "pair", "secret", "time", "unit", "tolerance", "delivery", "items",
        "type", "type.*", "subject", "id", "occurred", "effective", "zone", "groups", "all_groups", "complete", "fetch", "profile.*",
    },

    query = { "event" },

    verify = function(options)
        check_types(options)
        local auth = options.auth or "static"
        local hmac = string.sub(auth, 1, 5) == "hmac-"
        return {
            secrets = {
                encoding = options.secret or "text",
                algorithm = (hmac or auth == "certificate") and auth or "static",
                min = 8,
                max = 1024,
            },
            accept = { form(options) },
        }
    end,

    events = function(request)
        local options = request.options
        local items = request.body
        if options.items then
            items = rollcall.get(request.body, options.items)
        end
        return rollcall.each(items, function(item)
            return event(item, request), tostring(said(item, request)) .. ": no type of ours: see options type and type.<value>"
        end)
    end,
}
