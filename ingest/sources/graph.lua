-- Microsoft Entra ID by Microsoft Graph change notifications (basic ones; users have no others).
--
-- Set up: POST https://graph.microsoft.com/v1.0/subscriptions with changeType "updated,deleted", resource "users",
-- notificationUrl and lifecycleNotificationUrl https://HOST/hooks/NAME, clientState: a long random text of at most 128
-- characters, the same as in the source's `secrets`. Graph asks the URL at once, twice (validationToken), which is
-- answered here. A subscription lives less than 29 days: renew it with PATCH.
--
-- What it sends: {"value": [ … ]}, at least once, perhaps for several subscriptions; each item carries the clientState,
-- which is its only proof. Items without it are left out, the rest is taken, and Graph is answered with success either
-- way, as it wants. It waits 3 seconds and tries for 4 hours.
--
-- What we make of it: `updated` (also what a new user is shown as) → changed, to be fetched; `created` → joined, to be
-- fetched; `deleted` → left, as Entra keeps deleted users for 30 days (option deleted = person.deleted: deleted at once;
-- Microsoft does not say which change type a soft delete has, it may come as `updated`, and the fetch then finds
-- nobody). A fetch that finds accountEnabled = false is a leaver; enabled again, the account is told by `updated` only:
-- two fetches that find so take back what the fetch before has said. What changed is never in it. Notices of the subscription's own life (lifecycleEvent) become dead letters that say what has to be
-- done. Groups are counted as skipped.
--
-- API (optional): base_url https://graph.microsoft.com/v1.0, token: an access token with User.Read.All. It lives for an
-- hour: keep the file fresh by a timer, and reload.

local changes = { created = "person.joined", updated = "person.changed", deleted = "person.left" }

local attention = {
    reauthorizationRequired = "the subscription must be reauthorized or renewed",
    subscriptionRemoved = "the subscription was removed: create it anew and load everybody",
    missed = "notifications were missed: load everybody",
}

local SELECT = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName,employeeId,"
    .. "accountEnabled,employeeHireDate,employeeLeaveDateTime,preferredLanguage"

local function event(item, options)
    if item.lifecycleEvent then
        return { rejected = attention[item.lifecycleEvent] or "an unknown lifecycleEvent" }
    end
    local kind = changes[item.changeType]
    local subject = string.match(item.resource or "", "^/?[Uu]sers/([^/]+)$")
    if not kind or not subject then
        return nil
    end
    local etag = item.resourceData and item.resourceData["@odata.etag"]
    return {
        id = item.id or (etag and subject .. "/" .. item.changeType .. "/" .. etag),
        type = kind == "person.left" and options.deleted or kind,
        subject = subject,
        needsFetch = kind ~= "person.left",
    }
end

local function person(user)
    local enabled = user.accountEnabled
    return {
        subject = user.id,
        employment = enabled and "joined" or (enabled == false and "left" or nil),
        profile = rollcall.pick(user, {
            userName = "userPrincipalName",
            displayName = "displayName",
            ["name.givenName"] = "givenName",
            ["name.familyName"] = "surname",
            ["emails.work"] = "mail",
            title = "jobTitle",
            department = "department",
            organization = "companyName",
            employeeNumber = "employeeId",
            preferredLanguage = "preferredLanguage",
        }),
    }
end

return {
    options = { "deleted" },

    content_types = { "application/json" },

    handshakes = { { method = "POST", query = "validationToken", reply = { text = true } } },

    verify = {
        secrets = { encoding = "text", algorithm = "item", min = 16, max = 255 },
        accept = { { algorithm = "item", item = { list = "value", member = "clientState" } } },
    },

    statuses = { success = 202, reject = 401 },

    events = function(request)
        local items = request.body.value
        if not items then
            error("value is missing")
        end
        return rollcall.each(items, function(item)
            return event(item, request.options), (item.resource or "?") .. ": no change of a user"
        end)
    end,

    api = { base_url = "https://graph.microsoft.com/v1.0", auth = "bearer", limit = { requests = 1000, per_s = 60 } },

    fetch = function(subject)
        return { path = "/users/" .. rollcall.escape(subject) .. "?$select=" .. SELECT }
    end,

    person = function(reply)
        return person(reply.body)
    end,

    -- The next page is an absolute URL: what is behind its base.
    list = function(cursor)
        return { path = cursor or "/users?$top=999&$select=" .. SELECT }
    end,

    page = function(reply)
        return rollcall.map(reply.body.value, person), string.match(reply.body["@odata.nextLink"] or "", "^https://[^/]+/v1%.0(/.+)$")
    end,
}
