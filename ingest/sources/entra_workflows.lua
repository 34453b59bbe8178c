-- Microsoft Entra ID Governance: Lifecycle Workflows, through a custom task extension.
--
-- Set up: an extension calls an Azure Logic App only, so let the Logic App pass the request's body on, unchanged, with an
-- HTTP action: POST https://HOST/hooks/NAME, header Authorization: a long random text, the same as in the source's
-- `secrets`. What a workflow means is not in what it sends; say it in the source's options, by the workflow's id (the
-- task's id does too):
--
--   options: [{name: workflow.<id>, value: person.joined}, {name: workflow.<id>, value: person.left}]
--
-- What it sends: {"type": "lifecycleEvent", "data": {"subject", "task", "taskProcessingResult", "workflow", …}} for each
-- person that a workflow is run for. An extension that is launched and waited for wants a call back to
-- data.callbackUriPath, which the Logic App has to make.
--
-- What we make of it: one event of the type in the options, about data.subject.id (the object's id, as graph.lua has it),
-- with what it says of name, address and manager. A workflow that the options do not name becomes a dead letter.

local function event(request)
    local data = request.body.data
    local options = request.options
    local workflow, task = rollcall.get(data, "workflow.id"), rollcall.get(data, "task.id")
    local kind = options["workflow." .. (workflow or "")] or options["workflow." .. (task or "")]
    if not kind then
        return { rejected = "the options do not say what this workflow means: workflow." .. tostring(workflow) }
    end
    return {
        id = rollcall.get(data, "taskProcessingResult.id"),
        type = kind,
        subject = rollcall.get(data, "subject.id"),
        occurredAt = rollcall.time(rollcall.get(data, "taskProcessingResult.createdDateTime")),
        profile = rollcall.pick(data, {
            userName = "subject.userPrincipalName",
            displayName = "subject.displayName",
            ["emails.work"] = "subject.email",
            manager = "subject.manager.id",
        }),
    }
end

return {
    options = { "workflow.*" },

    content_types = { "application/json" },

    verify = {
        secrets = { encoding = "text", algorithm = "static", min = 16, max = 512 },
        accept = { { header = "authorization", algorithm = "static" } },
    },

    events = function(request)
        if not request.body.data then
            error("data is missing")
        end
        return { event(request) }
    end,
}
