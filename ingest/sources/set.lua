-- Security event tokens by push (RFC 8935): SCIM events, and CAEP and RISC events of the Shared Signals Framework.
--
-- Set up at the transmitter: a stream with delivery method push (urn:ietf:rfc:8935), endpoint https://HOST/hooks/NAME. The
-- source's secret is the transmitter's key set as a file, which rollcall-jwks@NAME.timer keeps as the jwks_uri says (deploy/README.md):
-- file:/var/lib/rollcall-jwks/NAME.json. A token by a key that is not in it yet is answered 503 and comes again. Options:
-- `issuer` (the tokens' iss) and `audience` (our aud), both: a transmitter signs for others with the same key. `issuer` = any
-- takes every token of that key (that is for `audience`, if there is one).
-- Option `authorization` = yes demands a header of its own beside the signature: the whole value of Authorization, as
-- key `authorization` in `keys`.
--
-- What it sends: one token per request, signed (RS256 … ES512; typ secevent+jwt, option typ = any for transmitters that
-- leave it out), {"iss", "aud", "iat", "jti", "txn", "sub_id", "events": {"<URI>": {…}}}. It wants 202, and 400 with
-- {"err"} for what is refused.
--
-- What we make of it: SCIM events (urn:ietf:params:scim:event:)
--   prov:create → joined (changed if active is false)      prov:activate → joined and resumed
--   prov:deactivate → suspended                            prov:delete → deleted
--   prov:patch, prov:put → changed; a full one that sets `active` is an activate or deactivate
-- About users only (sub_id.uri /Users/…). A notice is to be fetched; a full create or put brings the profile, a full patch what
-- it sets or removes of the attributes that we know.
-- feed:add and feed:remove are skipped: they tell of the stream, not of the person. Option deactivate = person.left if that
-- is what it means at the transmitter.
--   RISC account-disabled → suspended, account-enabled → resumed, account-purged → deleted
-- CAEP's events tell of sessions: option caep.<name> = person.suspended (such as caep.session-revoked) takes one.
-- The subject is the id or externalId of sub_id, else the last segment of its uri; option `subject` names another member of
-- sub_id, and `uri` its last segment. A stream's verification is answered.
--
-- API (optional): SCIM. base_url its root (sub_id.uri is below it), bearer token. Subjects are then the provider's ids: option
-- subject = uri, unless sub_id has them as its id; or its externalIds, with option fetch_by = externalId.

local SCIM = "urn:ietf:params:scim:event:"

local scim = {
    ["prov:delete"] = "person.deleted",
    ["prov:patch:notice"] = "person.changed",
    ["prov:patch:full"] = "person.changed",
    ["prov:put:notice"] = "person.changed",
    ["prov:put:full"] = "person.changed",
    ["prov:create:notice"] = "person.joined",
    ["prov:create:full"] = "person.joined",
}

local risc = {
    ["account-disabled"] = "person.suspended",
    ["account-enabled"] = "person.resumed",
    ["account-purged"] = "person.deleted",
}

local ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

local function work(values)
    local first
    for _, item in ipairs(rollcall.list(values)) do
        first = first or item.value
        if item.type == "work" or item.primary then
            return item.value
        end
    end
    return first
end

-- Of a whole SCIM user.
local function whole(data)
    local result = rollcall.pick(data, {
        userName = "userName",
        displayName = "displayName",
        ["name.givenName"] = "name.givenName",
        ["name.familyName"] = "name.familyName",
        title = "title",
        preferredLanguage = "preferredLanguage",
        locale = "locale",
        timezone = "timezone",
    })
    local more = data[ENTERPRISE]
    if more then
        for _, name in ipairs({ "department", "division", "organization", "costCenter", "employeeNumber" }) do
            result[name] = more[name]
        end
        result.manager = rollcall.get(more, "manager.value")
    end
    result["emails.work"] = work(data.emails)
    return result
end

-- Paths of a PatchOp, in lower case, whose case does not matter.
local paths = { ['emails[type eq "work"].value'] = "emails.work" }
for _, name in ipairs({
    "userName", "displayName", "name.givenName", "name.familyName", "title", "preferredLanguage", "locale", "timezone",
}) do
    paths[rollcall.lower(name)] = name
end
for _, name in ipairs({ "department", "division", "organization", "costCenter", "employeeNumber", "manager" }) do
    paths[rollcall.lower(ENTERPRISE .. ":" .. name)] = name
end
paths[rollcall.lower(ENTERPRISE) .. ":manager.value"] = "manager"

-- Objects, each of whose members is a path of its own.
local objects = { name = "name.", [rollcall.lower(ENTERPRISE)] = ENTERPRISE .. ":" }

-- Puts one value into the profile; nil clears.
local function put(result, path, value)
    path = rollcall.lower(path)
    value = value ~= rollcall.null and value or nil
    local name, below = paths[path], objects[path]
    if path == "emails" then
        name, value = "emails.work", work(value)
    end
    if below and type(value) == "userdata" then
        for member, inner in pairs(value) do
            put(result, below .. member, inner)
        end
    elseif name then
        if type(value) == "userdata" then
            value = value.value
        end
        result[name] = value == nil and rollcall.null or tostring(value)
    end
end

-- What a PatchOp sets and removes; nil: nothing of concern.
local function patched(operations)
    local result = {}
    for _, operation in ipairs(rollcall.list(operations)) do
        local value = operation.value
        if operation.path then
            put(result, operation.path, rollcall.lower(operation.op or "") ~= "remove" and value or nil)
        else
            for path, inner in pairs(type(value) == "userdata" and value or {}) do
                put(result, path, inner)
            end
        end
    end
    return next(result) and result
end

-- What is known of the profile, and whether that is all of it.
local function profile(data)
    if not data then
        return nil, false
    elseif data.Operations then
        return patched(data.Operations), false
    end
    return whole(data), true
end

local function subject(claims, options)
    local id = claims.sub_id
    if not id then
        return nil
    end
    local last = string.match(id.uri or "", "/([^/]+)$")
    if options.subject == "uri" then
        return last
    end
    return (options.subject and rollcall.get(id, options.subject)) or id.id or id.externalId or last or id.sub or id.email
end

-- What a whole user, or a PatchOp, says of `active`; nil: nothing. Some write it as text.
local function active(data)
    local value = rollcall.get(data, "active")
    for _, operation in ipairs(rollcall.list(rollcall.get(data, "Operations"))) do
        local path, to = operation.path, operation.value
        if path and rollcall.lower(path) == "active" then
            value = to
        elseif not path and rollcall.get(to, "active") ~= nil then
            value = to.active
        end
    end
    value = rollcall.lower(tostring(value))
    return value == "true" or (value ~= "false" and nil)
end

local BACK = { "person.joined", "person.resumed" }

local function scim_kinds(name, payload, options)
    local state, cut = active(payload.data), options.deactivate or "person.suspended"
    if name == "prov:deactivate" then
        return { cut }
    elseif name == "prov:activate" then
        return BACK
    elseif name == "prov:create:full" and state == false then
        return { "person.changed" }
    elseif name == "prov:put:full" and state ~= nil then
        return state and BACK or { cut }
    elseif name == "prov:patch:full" and state ~= nil then
        return state and BACK or { cut, "person.changed" }
    end
    return { scim[name] }
end

-- What a URI means: a list, empty if it is nothing to us.
local function meanings(uri, payload, options)
    if string.sub(uri, 1, #SCIM) == SCIM then
        return scim_kinds(string.sub(uri, #SCIM + 1), payload, options)
    end
    local family, name = string.match(uri, "/secevent/(%l+)/event%-type/([%w-]+)$")
    if family == "risc" then
        return { risc[name] }
    end
    return { family == "caep" and options["caep." .. name] or nil }
end

-- A token may hold several events, and an event may be several words: each has an id of its own.
local function events(claims, uri, payload, options)
    local list, known, complete = {}, profile(payload.data)
    local token, id = claims.txn or claims.jti, subject(claims, options)
    for i, kind in ipairs(meanings(uri, payload, options)) do
        list[i] = {
            id = token and token .. "/" .. uri .. (i > 1 and "/" .. kind or ""),
            delivery = claims.jti,
            type = kind,
            subject = id and tostring(id),
            occurredAt = rollcall.time(payload.event_timestamp or claims.toe or claims.iat),
            profile = known,
            complete = complete,
            needsFetch = (kind == "person.changed" and not payload.data) or (kind == "person.joined" and not complete),
        }
    end
    return list[1] and list
end

-- SCIM tells of groups, too.
local function of_no_user(claims)
    local uri = rollcall.get(claims, "sub_id.uri")
    return rollcall.get(claims, "sub_id.format") == "scim" and uri ~= nil
        and not string.match("/" .. uri, "/Users/[^/]+$")
end

-- What the API says of a user.
local function person(user, options)
    local on = active(user)
    local left = on == false and options.deactivate == "person.left"
    return {
        subject = options.fetch_by == "externalId" and user.externalId or user.id,
        employment = (left and "left") or (on and "joined") or nil,
        suspended = not left and on ~= nil and not on or nil,
        profile = whole(user),
    }
end

local ALGORITHMS = { "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512" }

return {
    options = { "audience", "authorization", "caep.*", "deactivate", "fetch_by", "issuer", "subject", "typ" },

    -- Any media type: some transmitters send another than application/secevent+jwt, and the signature says what it is.
    statuses = { success = 202, reject = 400 },

    refusal = {
        member = "err",
        missing = "authentication_failed",
        malformed = "invalid_request",
        stale = "invalid_request",
        forged = "authentication_failed",
        other = "invalid_request",
    },

    verify = function(options)
        if options.issuer ~= "any" and not (options.issuer and options.audience) then
            error("give options issuer and audience, or issuer = any: the key signs for others too", 0)
        end
        return {
            secrets = { encoding = "text", algorithm = "jws" },
            accept = { {
                algorithm = "jws",
                claims = {
                    typ = options.typ ~= "any" and "secevent+jwt" or nil,
                    algorithms = ALGORITHMS,
                    issuer = options.issuer ~= "any" and options.issuer or nil,
                    audience = options.audience,
                },
            } },
            demand = options.authorization and { {
                header = "authorization",
                algorithm = "static",
                key = "authorization",
                secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
            } } or nil,
        }
    end,

    events = function(request)
        local claims, uris = request.body, {}
        if not claims.events then
            error("no claim events")
        end
        if of_no_user(claims) then
            return {}, { "sub_id is no user" }
        end
        for uri in pairs(claims.events) do
            uris[#uris + 1] = uri
        end
        return rollcall.each(uris, function(uri)
            return events(claims, uri, claims.events[uri], request.options), uri .. ": of no concern"
        end)
    end,

    api = { auth = "bearer" },

    fetch = function(subject, options)
        if options.fetch_by == "externalId" then
            return { path = "/Users?filter=" .. rollcall.escape('externalId eq "' .. string.gsub(subject, '["\\]', "\\%0") .. '"') }
        end
        return { path = "/Users/" .. rollcall.escape(subject) }
    end,

    person = function(reply, _, options)
        local found = reply.body.Resources
        local user = found and found[1] or (not found and reply.body.id and reply.body) or nil
        return user and person(user, options)
    end,

    list = function(cursor)
        return { path = "/Users?count=100&startIndex=" .. (cursor or "1") }
    end,

    page = function(reply, options)
        local people = rollcall.map(reply.body.Resources, function(user)
            return person(user, options)
        end)
        local following = (reply.body.startIndex or 1) + #people
        return people, #people > 0 and following <= (reply.body.totalResults or 0) and string.format("%d", following) or nil
    end,
}
