-- SAP SuccessFactors Employee Central: Intelligent Services, external event notification.
--
-- Set up in the Admin Center under Event Notification Subscription (external): protocol SOAP, endpoint
-- https://HOST/hooks/NAME, HTTP Basic with a user and password of your own: the source's secret is USER:PASSWORD.
-- Events: New Hire, Rehire, Termination, Change in employment or job information, Leave of Absence.
--
-- What it sends: a SOAP 1.1 ExternalEvent: externalEventMeta (externalEventId, type such as
-- com.successfactors.Employment.AssignmentInformation.ReHire, publishedAt) and events with entityType,
-- effectiveStartDate, and the person's keys. It wants an ExternalEventResponse at once, with status 0.
--
-- What we make of it: by the last word of the type: NewHire, Hire, ReHire, InitializeHire → joined; Termination,
-- Terminate → left; LeaveOfAbsence → suspended; ReturnToWork → resumed; others → changed; each from effectiveStartDate,
-- which begins in the time zone of option `zone` (UTC). Option type.<word> = person.… adds or changes one. The subject is
-- key personIdExternal, else userId (option `key` names another); events are thin, so all but the last are to be fetched.
-- A termination's effectiveStartDate is the last day in some set-ups: option left_after = day lets it hold from the day
-- after.
--
-- API (optional): base_url https://APIHOST.successfactors.com, Basic token USER@COMPANY:PASSWORD. OData v2: subjects have
-- to be user ids (option key = userId).

local meaning = {
    NewHire = "person.joined", Hire = "person.joined", ReHire = "person.joined", Rehire = "person.joined",
    InitializeHire = "person.joined",
    Termination = "person.left", Terminate = "person.left",
    LeaveOfAbsence = "person.suspended", ReturnToWork = "person.resumed",
}

local DAY_MS = 24 * 3600 * 1000

-- An element's text; one with attributes has it beside them.
local function text(value)
    if type(value) == "userdata" then
        value = value["#text"]
    end
    return value ~= "" and value or nil
end

local function key(entry, name)
    for _, path in ipairs({ "entityKeys.entityKey", "params.param" }) do
        for _, pair in ipairs(rollcall.list(rollcall.get(entry, path))) do
            if text(pair.name) == name then
                return text(pair.value)
            end
        end
    end
end

local function subject(entry, options)
    if options.key then
        return key(entry, options.key)
    end
    return key(entry, "personIdExternal") or key(entry, "userId")
end

local function event(entry, meta, options)
    local word = string.match(text(meta.type) or "", "([^.]+)$") or ""
    local delivery = text(meta.externalEventId)
    local kind = options["type." .. word] or meaning[word] or "person.changed"
    local effective = rollcall.due(text(entry.effectiveStartDate), options.zone)
    if effective and kind == "person.left" and options.left_after == "day" then
        effective = effective + DAY_MS
    end
    local id = subject(entry, options)
    if not id then
        return { rejected = "the event has no key personIdExternal or userId: see option key" }
    end
    return {
        id = text(entry.eventId) or (delivery and delivery .. "/" .. id),
        delivery = delivery,
        type = kind,
        subject = id,
        occurredAt = rollcall.time(text(entry.publishedAt) or text(meta.publishedAt)),
        effectiveAt = effective,
        needsFetch = kind ~= "person.left",
    }
end

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function reply(id, at)
    return '<?xml version="1.0" encoding="UTF-8"?>'
        .. '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        .. '<ns:ExternalEventResponse xmlns:ns="com.successfactors.event.notification"><ns:responsePayload><ns:entityId>'
        .. string.gsub(string.sub(id or "", 1, 200), "[&<>]", escapes)
        .. "</ns:entityId><ns:status>0</ns:status><ns:statusDate>" .. at
        .. "</ns:statusDate><ns:statusDetails>accepted</ns:statusDetails></ns:responsePayload></ns:ExternalEventResponse>"
        .. "</soapenv:Body></soapenv:Envelope>"
end

local function person(user)
    local manager = rollcall.get(user, "manager.userId")
    local profile = rollcall.pick(user, {
        userName = "email",
        ["emails.work"] = "email",
        displayName = "displayName",
        ["name.givenName"] = "firstName",
        ["name.familyName"] = "lastName",
        title = "title",
        department = "department",
        division = "division",
        employeeNumber = "empId",
    })
    profile.manager = manager
    return {
        subject = user.userId,
        employment = (user.status == "f" or user.status == "inactive") and "left" or "joined",
        profile = profile,
    }
end

local SELECT = "userId,email,displayName,firstName,lastName,title,department,division,empId,status,manager/userId"

return {
    options = { "key", "left_after", "type.*", "zone" },

    content_types = { "text/xml", "application/soap+xml", "application/xml" },

    reply_type = "text/xml; charset=utf-8",

    reply = reply("", "%"), -- also to what cannot be understood: it is kept, and would be no better for being sent again

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
        accept = { { header = "authorization", algorithm = "static", prefix = "Basic ", encoding = "base64" } },
    },

    events = function(request)
        local external = rollcall.get(request.body, "Envelope.Body.ExternalEvent")
        local meta = external and external.externalEventMeta
        if not meta then
            return { { rejected = "no ExternalEvent with externalEventMeta" } }
        end
        local list, skipped = rollcall.each(rollcall.get(external, "events.event"), function(entry)
            return event(entry, meta, request.options)
        end)
        return list, skipped, reply(text(meta.externalEventId), rollcall.format_time(rollcall.now()))
    end,

    api = { auth = "basic", limit = { requests = 300, per_s = 60 } },

    -- A quote in a key is written twice (OData).
    fetch = function(id)
        return {
            path = "/odata/v2/User('" .. rollcall.escape((string.gsub(id, "'", "''"))) .. "')?$format=json&$expand=manager&$select="
                .. SELECT,
        }
    end,

    person = function(reply_)
        return person(reply_.body.d)
    end,

    list = function(cursor)
        return { path = cursor or "/odata/v2/User?$format=json&$expand=manager&$filter=status%20in%20't','f'&$select=" .. SELECT }
    end,

    page = function(reply_)
        return rollcall.map(rollcall.get(reply_.body, "d.results"), person), string.match(rollcall.get(reply_.body, "d.__next") or "", "^https://[^/]+(/.+)$")
    end,
}
