-- Ashby (recruiting): hires.
--
-- Set up under Admin > API Keys > Webhooks: URL https://HOST/hooks/NAME, event candidateHire, and a secret token: the same
-- as in the source's `secrets` (without one Ashby does not sign, and nothing is accepted here). Ashby posts a ping, which
-- is answered, signed or not.
--
-- What it sends: Ashby-Signature: sha256=<hex>, the HMAC-SHA256 of the body. {"action": "candidateHire", "data":
-- {"application": {…}, "offer": {…}}}; at most ten attempts, none after 401, 403, 404, 405, 410.
--
-- What we make of it: candidateHire → joined about the candidate, from the offer's start date, which begins in the time
-- zone of option `zone` (UTC). The candidate's address is mostly a private one, so it is no user name unless option
-- userName = candidate. Everything else is skipped: Ashby knows of no moves and no departures.

return {
    options = { "userName", "zone" },

    content_types = { "application/json" },

    handshakes = { { method = "POST", body = "action", is = "ping" } },

    verify = {
        secrets = { encoding = "text", algorithm = "hmac-sha256", min = 8, max = 256 },
        accept = { {
            header = "ashby-signature",
            algorithm = "hmac-sha256",
            prefix = "sha256=",
            encoding = "hex",
            signed = { { body = true } },
        } },
    },

    events = function(request)
        local body = request.body
        if body.action ~= "candidateHire" then
            return {}, { tostring(body.action) .. ": no hire" }
        end
        local application = rollcall.get(body, "data.application")
        local id = rollcall.get(application, "candidate.id")
        if not id then
            return { { rejected = "data.application names no candidate" } }
        end
        local offer = rollcall.get(body, "data.offer")
        local profile = rollcall.pick(application, {
            displayName = "candidate.name",
            title = "job.title",
        })
        if request.options.userName == "candidate" then
            profile.userName = rollcall.get(application, "candidate.primaryEmailAddress.value")
        end
        return { {
            id = body.webhookActionId,
            type = "person.joined",
            subject = id,
            occurredAt = rollcall.time(rollcall.get(application, "updatedAt")),
            effectiveAt = rollcall.due(rollcall.get(offer, "latestVersion.startDate"), request.options.zone),
            profile = profile,
        } }
    end,
}
