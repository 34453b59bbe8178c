-- The policy of the end-to-end tests: who may have access has an active account with the names below, everybody
-- else has an inactive one.
-- A department that the source has cleared is cleared.
local attributes = { "userName", "displayName", "name.givenName", "name.familyName", "employeeNumber" }

return {
    desired = function(person)
        if not person.active then
            return { active = false }
        end
        local account = { active = true }
        for _, name in ipairs(attributes) do
            account[name] = person.profile[name]
        end
        account.department = person.profile.department or ""
        return account
    end,
}
