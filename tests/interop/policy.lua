-- The policy of the interop tests: an account with the names below while somebody may have access, and the team that is
-- called as the department; a department or title that the source has cleared is cleared.
local attributes = { "userName", "displayName", "name.givenName", "name.familyName", "employeeNumber", "emails.work" }

return {
    desired = function(person)
        if not person.active then
            return { active = false }
        end
        local account = { active = true, teams = {} }
        for _, name in ipairs(attributes) do
            account[name] = person.profile[name]
        end
        account.externalId = person.subject
        account.title = person.profile.title or ""
        account.department = person.profile.department or ""
        if person.profile.department then
            account.teams[person.profile.department] = true
        end
        return account
    end,
}
