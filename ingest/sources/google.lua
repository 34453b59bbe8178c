-- Google Workspace: push notifications of the Directory API (users).
--
-- Set up with users.watch for the domain, once for each of the events add, delete, undelete, update, makeAdmin: address
-- https://HOST/hooks/NAME, token: a long random text, the same as in the source's `secrets`. A channel expires and is not
-- renewed by itself: open the next one before, they may overlap.
--
-- What it sends: what matters is in headers: X-Goog-Channel-Token (the only proof), X-Goog-Resource-State,
-- X-Goog-Channel-ID, X-Goog-Message-Number; the body names the user. The first message of a channel (sync) is answered
-- and ignored. It tries again after 500, 502, 503 and 504.
--
-- What we make of it: add → joined, undelete → joined, update → changed, each to be fetched; delete → left, as Google
-- keeps deleted users for 20 days (option deleted = person.deleted); makeAdmin is skipped. A suspension comes as update:
-- the fetch finds it. Its end comes as update too: two fetches that find so take it back. The body's form is not
-- confirmed: {"kind": "admin#directory#user", "id", "primaryEmail"}; option `key` names another path to the user's id.
--
-- API (optional): base_url https://admin.googleapis.com/admin/directory/v1, token: an access token with
-- admin.directory.user.readonly (one hour; keep the file fresh by a timer, and reload).

local kinds = {
    add = "person.joined",
    undelete = "person.joined",
    update = "person.changed",
    delete = "person.left",
}

local function first(list, name)
    local item = rollcall.list(list)[1]
    return item and item[name] or nil
end

local function manager(user)
    for _, relation in ipairs(rollcall.list(user.relations)) do
        if relation.type == "manager" then
            return relation.value
        end
    end
end

local function person(user)
    local profile = rollcall.pick(user, {
        userName = "primaryEmail",
        ["emails.work"] = "primaryEmail",
        displayName = "name.fullName",
        ["name.givenName"] = "name.givenName",
        ["name.familyName"] = "name.familyName",
    })
    profile.title = first(user.organizations, "title")
    profile.department = first(user.organizations, "department")
    profile.costCenter = first(user.organizations, "costCenter")
    profile.employeeNumber = first(user.externalIds, "value")
    profile.manager = manager(user)
    return {
        subject = user.id,
        employment = user.archived and "left" or "joined",
        suspended = user.suspended,
        profile = profile,
    }
end

-- A channel that is opened again under its name counts anew, but expires at another time.
local function message_id(headers)
    local channel, number = headers["x-goog-channel-id"], headers["x-goog-message-number"]
    if not channel or not number then
        return nil
    end
    local resource, expiration = headers["x-goog-resource-id"], headers["x-goog-channel-expiration"]
    return table.concat({ channel, resource or "", expiration or "", number }, "/")
end

return {
    options = { "deleted", "key" },

    empty = true, -- sync

    headers = {
        "x-goog-resource-state", "x-goog-channel-id", "x-goog-channel-expiration", "x-goog-resource-id",
        "x-goog-message-number",
    },

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 256 },
        accept = { { header = "x-goog-channel-token", algorithm = "static" } },
    },

    events = function(request)
        local headers = request.headers
        local state = headers["x-goog-resource-state"]
        local kind = kinds[state]
        if not kind then
            return {}, { tostring(state) .. ": of no concern" }
        end
        local id = message_id(headers)
        local subject = rollcall.get(request.body, request.options.key or "id")
        if not subject then
            return { { rejected = "the notification names no user: see option key" } }
        end
        return { {
            id = id,
            delivery = id,
            type = kind == "person.left" and request.options.deleted or kind,
            subject = tostring(subject),
            profile = rollcall.pick(request.body, { userName = "primaryEmail" }),
            needsFetch = kind ~= "person.left",
        } }
    end,

    api = {
        base_url = "https://admin.googleapis.com/admin/directory/v1",
        auth = "bearer",
        limit = { requests = 1500, per_s = 60 },
    },

    fetch = function(subject)
        return { path = "/users/" .. rollcall.escape(subject) .. "?projection=full" }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor)
        return {
            path = "/users?customer=my_customer&maxResults=500&projection=full"
                .. (cursor and "&pageToken=" .. rollcall.escape(cursor) or ""),
        }
    end,

    page = function(reply)
        return rollcall.map(reply.body.users, person), reply.body.nextPageToken
    end,
}
