-- WorkOS Directory Sync.
--
-- Set up in the WorkOS dashboard under Webhooks: URL https://HOST/hooks/NAME, events dsync.user.created, updated, deleted,
-- dsync.group.user_added, user_removed. The signing secret goes into the source's `secrets`.
--
-- What it sends: WorkOS-Signature: t=<milliseconds>, v1=<hex>, the HMAC-SHA256 over t "." body; WorkOS's own libraries
-- accept three minutes. {"id", "event", "data", "created_at"}, tried for 3 days, in any order, perhaps twice; id is the
-- event's. data is the whole user; updated carries previous_attributes.
--
-- What we make of it: created and active, and updated from inactive to active → joined; inactive, created or updated,
-- whatever it was before → left; otherwise changed; deleted → deleted; user_added and user_removed →
-- membership by the group's name. The profile is complete. Everything else is skipped.
--
-- API (optional): base_url https://api.workos.com, token: an API key. To load everybody, option `directory_id` is needed.

local function user_kind(event, data)
    if event == "dsync.user.deleted" then
        return "person.deleted"
    elseif data.state == "inactive" then
        return "person.left"
    end
    local before = rollcall.get(data, "previous_attributes.state")
    local starts = event == "dsync.user.created" or (before and before ~= "active")
    return data.state == "active" and starts and "person.joined" or "person.changed"
end

local function profile(user)
    local picked = rollcall.pick(user, {
        userName = "email",
        ["emails.work"] = "email",
        displayName = "raw_attributes.displayName",
        ["name.givenName"] = "first_name",
        ["name.familyName"] = "last_name",
        title = "custom_attributes.job_title",
        department = "custom_attributes.department",
        division = "custom_attributes.division",
        costCenter = "custom_attributes.cost_center_name",
        employeeNumber = "custom_attributes.employee_id",
        manager = "custom_attributes.manager_email",
    })
    picked.userName = rollcall.get(user, "custom_attributes.username") or picked.userName
        or rollcall.get(user, "raw_attributes.userName")
    return picked
end

local employment = { active = "joined", inactive = "left" }

local function person(user)
    return {
        subject = user.id,
        occurredAt = rollcall.time(user.updated_at),
        employment = employment[user.state],
        profile = profile(user),
    }
end

local function event(body)
    local data, name = body.data, body.event
    if name == "dsync.group.user_added" or name == "dsync.group.user_removed" then
        return {
            type = name == "dsync.group.user_added" and "membership.added" or "membership.removed",
            subject = rollcall.get(data, "user.id"),
            groups = { rollcall.get(data, "group.name") },
            occurredAt = rollcall.time(body.created_at),
        }
    elseif name == "dsync.user.created" or name == "dsync.user.updated" or name == "dsync.user.deleted" then
        return {
            type = user_kind(name, data),
            subject = data.id,
            occurredAt = rollcall.time(name ~= "dsync.user.deleted" and data.updated_at or body.created_at),
            profile = profile(data),
            complete = name ~= "dsync.user.deleted",
        }
    end
end

return {
    options = { "directory_id" },

    content_types = { "application/json" },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 16, max = 256 },
        accept = { {
            header = "workos-signature",
            algorithm = "hmac-sha256",
            encoding = "hex",
            pair = "v1",
            signed = { { field = "t" }, ".", { body = true } },
            time = { field = "t", unit = "ms", tolerance = 180 },
        } },
    },

    events = function(request)
        local ev = event(request.body)
        if not ev then
            return {}, { tostring(request.body.event) .. ": of no concern" }
        end
        ev.id = request.body.id
        ev.delivery = request.body.id
        return { ev }
    end,

    api = { base_url = "https://api.workos.com", auth = "bearer", limit = { requests = 400, per_s = 60 } },

    fetch = function(subject)
        return { path = "/directory_users/" .. rollcall.escape(subject) }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    list = function(cursor, options)
        return {
            path = "/directory_users?limit=100&directory=" .. rollcall.escape(options.directory_id or "")
                .. (cursor and "&after=" .. rollcall.escape(cursor) or ""),
        }
    end,

    page = function(reply)
        return rollcall.map(reply.body.data, person), rollcall.get(reply.body, "list_metadata.after")
    end,
}
