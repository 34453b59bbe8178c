-- Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), also as Svix sends it.
--
-- Set up at the sender: an endpoint https://HOST/hooks/NAME for the events below; take its signing secret
-- (`whsec_…`, or a public key `whpk_…` where the sender signs with Ed25519) into a file that only
-- rollcall-ingest reads, and name that file in the source's `secrets`. To change the secret list the new
-- one beside the old one, change it at the sender, then remove the old one.
--
-- What it sends: headers webhook-id, webhook-timestamp (seconds, of this attempt) and webhook-signature (a
-- list of v1 HMAC-SHA256 and v1a Ed25519 signatures over id "." timestamp "." body), or the same as
-- svix-*. The id is the same in every attempt and becomes the event's id. What the body means is ours to
-- define:
--
--   { "type": "person.joined",              or changed, suspended, resumed, left, deleted; membership.added,
--                                           membership.removed; each also with "rollcall." before it
--     "timestamp": "2026-11-22T08:00:00Z",  when it happened, unless data.occurredAt says so
--     "data": {
--       "id": "4711",                       the person's stable id at the sender; "subject" is the same
--       "occurredAt", "effectiveAt":        instants in RFC 3339; both optional
--       "accessUntil":                      instant, or null for "without end"
--       "profile": { "userName": "ann@example.com", "name": { "givenName": "Ann" }, "title": null },
--                                           SCIM names, nested or flat ("name.givenName"); null clears
--       "complete": true,                   the profile names everything: what it does not name is cleared
--       "needsFetch": true,                 the profile has to be fetched
--       "groups": ["Design"],               names of the groups of a membership event
--       "groupsComplete": true } }          the person is in these groups and in no other; groups may be [] then
--
-- Other types are counted as skipped and answered with success.

local known = {}
for _, kind in ipairs({
    "person.joined", "person.changed", "person.suspended", "person.resumed", "person.left", "person.deleted",
    "membership.added", "membership.removed",
}) do
    known[kind] = kind
    known["rollcall." .. kind] = kind
end

local function form(prefix)
    return {
        header = prefix .. "signature",
        versions = { v1 = "hmac-sha256", v1a = "ed25519" },
        encoding = "base64",
        signed = {
            { header = prefix .. "id" }, ".", { header = prefix .. "timestamp" }, ".", { body = true },
        },
        time = { header = prefix .. "timestamp", unit = "s", tolerance = 300 },
        delivery = prefix .. "id",
    }
end

return {
    options = {},

    content_types = { "application/json" },

    verify = {
        secrets = {
            encoding = "base64",
            algorithm = "hmac-sha256",
            prefixes = { whsec_ = "hmac-sha256", whpk_ = "ed25519" },
            min = 24,
            max = 64,
        },
        accept = { form("webhook-"), form("svix-") },
    },

    events = function(request)
        local body = request.body
        if type(body.type) ~= "string" then
            error("type must be a string")
        end
        local kind = known[body.type]
        if not kind then
            return {}, { body.type .. ": of no concern" }
        end
        local data = body.data
        return { {
            id = request.delivery,
            type = kind,
            subject = data.id or data.subject,
            occurredAt = data.occurredAt or body.timestamp,
            effectiveAt = data.effectiveAt,
            accessUntil = data, -- the member of data: null is not absent
            profile = data.profile,
            complete = data.complete,
            needsFetch = data.needsFetch,
            groups = data.groups,
            groupsComplete = data.groupsComplete,
        } }
    end,
}
