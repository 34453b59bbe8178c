-- The policy of the end-to-end tests: who may have access has an active account with the names below, everybody
-- else has an inactive one.
local attributes = { "userName", "displayName", "name.givenName", "name.familyName", "department", "employeeNumber" }

return {
    desired = function(person)
        if not person.active then
            return { active = false }
        end
        local account = { active = true }
        for _, name in ipairs(attributes) do
            account[name] = person.profile[name]
        end
        return account
    end,
}
