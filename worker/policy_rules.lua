-- policy_rules.lua: what policies are made of, out of the terms of policy_terms.lua, whose locals are known here: the two
-- files are one chunk (policy_rules.c).

-- What the answer's table keeps for itself.
local RESERVED = { active = true, delete = true, leave_teams = true, teams = true, admin_roles = true }

local function texts_of(value, where)
    local texts = {}
    for i, entry in ipairs(want_list(value, where)) do
        texts[i] = text_of(entry, at(where, i))
    end
    return texts
end

-- ---- accounts ------------------------------------------------------------------------------------------------------

local function attributes(context, value, where)
    local names, find = names_of(value, where), {}
    for i, name in ipairs(names) do
        if RESERVED[name] or #name > 64 then
            fail(at(where, name), "is no attribute")
        end
        find[i] = expression(context, value[name], at(where, name))
    end
    return function(person, account)
        for i = 1, #names do
            account[names[i]] = find[i](person)
        end
    end
end

local TOGETHER_KEYS = { attributes = true, max = true }

-- Attributes that are named all or none, and none when they are longer together than max characters.
local function together(value, where)
    check_keys(value, TOGETHER_KEYS, where)
    local names = texts_of(value.attributes, at(where, "attributes"))
    local max = value.max ~= nil and number_of(value.max, at(where, "max"))
    return function(account)
        local length, complete = 0, true
        for i = 1, #names do
            local has = account[names[i]]
            complete = complete and has ~= nil and has ~= NOTHING
            length = length + (complete and max and length_of(has) or 0)
        end
        if complete and (not max or length <= max) then
            return
        end
        for i = 1, #names do
            account[names[i]] = nil
        end
    end
end

-- Teams or admin roles: `key` names what a rule gives.
local NAMED_MAX = 64 -- TEAMS_MAX of the engine

local function memberships(context, value, key, where)
    local known = { [key] = true, when = true, unless = true, otherwise = true }
    local rules = {}
    local left, n_left = {}, 0 -- named in each answer, as a member or not
    for i, entry in ipairs(want_list(value, where)) do
        local inner = at(where, i)
        check_keys(entry, known, inner)
        local names = {}
        for k, name in ipairs(list_of(entry[key], at(inner, key))) do
            local find, constant = template(context, text_of(name, at(inner, key)), at(inner, key))
            names[k] = find
            if entry.otherwise ~= nil and not constant then
                fail(at(inner, "otherwise"), "goes with a fixed name only")
            end
        end
        if #names == 0 then
            fail(at(inner, key), "names nothing")
        end
        local leaves = entry.otherwise ~= nil
            and choice_of(entry.otherwise, { "leave", "keep" }, at(inner, "otherwise")) == "leave"
        for _, name in ipairs(leaves and list_of(entry[key], at(inner, key)) or {}) do
            n_left = left[name] and n_left or n_left + 1
            left[name] = true
        end
        if n_left > NAMED_MAX then
            fail(at(inner, "otherwise"), "is one to be left too many: an answer names " .. NAMED_MAX .. " at most")
        end
        rules[i] = { names = names, applicable = applies(context, entry, inner), leaves = leaves }
    end
    return function(person)
        local said = {}
        for i = 1, #rules do
            local rule = rules[i]
            local member = not rule.applicable or rule.applicable(person)
            for k = 1, (member or rule.leaves) and #rule.names or 0 do
                local name = rule.names[k](person)
                if name then
                    said[name] = member or said[name] or false
                end
            end
        end
        return said
    end
end

local ACCOUNT_KEYS = { attributes = true, together = true, teams = true, admin_roles = true }

local function account(context, value, where)
    local fill = attributes(context, value.attributes or {}, at(where, "attributes"))
    local groups = {}
    for i, entry in ipairs(value.together ~= nil and want_list(value.together, at(where, "together")) or {}) do
        groups[i] = together(entry, at(at(where, "together"), i))
    end
    local teams = value.teams ~= nil and memberships(context, value.teams, "team", at(where, "teams"))
    local roles = value.admin_roles ~= nil and memberships(context, value.admin_roles, "role", at(where, "admin_roles"))
    return function(person)
        local answer = {}
        fill(person, answer)
        for i = 1, #groups do
            groups[i](answer)
        end
        answer.teams = teams and teams(person) or nil
        answer.admin_roles = roles and roles(person) or nil
        return answer
    end
end

-- ---- the whole policy ----------------------------------------------------------------------------------------------

local CUTS = {
    deactivate = function() return { active = false } end,
    leave_teams = function() return { active = false, leave_teams = true } end,
    delete = function() return { delete = true } end,
}

-- Choices, the default first.
local MODES = {
    leavers = { "deactivate", "leave_teams", "delete" },
    suspended = { "deactivate", "leave_teams", "keep" },
    ended = { "deactivate", "leave_teams" },
    outside = { "leave_alone", "deactivate", "leave_teams" },
    unknown = { "update", "leave_alone" },
}

local RULE_KEYS = { only = true, except = true, needs = true }
for _, keys in ipairs({ ACCOUNT_KEYS, MODES }) do
    for name in pairs(keys) do
        RULE_KEYS[name] = true
    end
end

local function is_gone(person)
    return person.employment == "left" or person.employment == "deleted"
end

local function in_scope(r, person)
    return not r.only or r.only(person)
end

-- Who has left is cut inside the scope and outside: a group that ended with the job must not save the account.
-- Nobody loses access of whom no one has said joined or left: what puts them into the scope may be still to come.
local function outside(r, person)
    local mode = r.outside
    if person.employment == "unknown" and not person.suspended then
        return nil
    end
    if mode == "leave_alone" and is_gone(person) then
        mode = "deactivate"
    end
    return mode ~= "leave_alone" and CUTS[mode]() or nil
end

local function has_what_it_needs(r, answer)
    for i = 1, #r.needs do
        local value = answer[r.needs[i]]
        if value == nil or value == NOTHING then
            return false
        end
    end
    return true
end

local function decide(r, person)
    if r.except and r.except(person) then
        return nil
    elseif not in_scope(r, person) then
        return outside(r, person)
    elseif is_gone(person) then
        return CUTS[r.leavers]()
    elseif person.suspended and r.suspended ~= "keep" then
        return CUTS[r.suspended]()
    end
    local answer = r.account(person)
    if not has_what_it_needs(r, answer) then
        return nil
    elseif person.employment == "unknown" then
        answer.teams, answer.admin_roles = nil, nil
        return r.unknown == "update" and answer or nil -- nobody gains or loses access by a mere change of profile
    elseif person.suspended then
        return answer -- keep: access stays as it is
    elseif not person.active then
        return CUTS[r.ended]()
    end
    answer.active = true
    return answer
end

-- A name that is mistyped would leave everybody without what goes with it.
local function check_named(value, needs, where)
    local attributes = value.attributes or {}
    for _, name in ipairs(needs) do
        if attributes[name] == nil then
            fail(at(where, "needs"), "%s is no attribute that the policy names: nobody would have an account", name)
        end
    end
    for i, entry in ipairs(value.together or {}) do
        for _, name in ipairs(entry.attributes) do
            if attributes[text_of(name)] == nil then
                fail(at(at(where, "together"), i), "%s is no attribute that the policy names", shown(name))
            end
        end
    end
end

-- complete: all that holds for some target, not only what it says itself, or what others may complete.
local function rules_of(context, value, where, complete)
    local r = { account = account(context, value, where), needs = { "userName" } }
    for name, choices in pairs(MODES) do
        r[name] = value[name] ~= nil and choice_of(value[name], choices, at(where, name)) or choices[1]
    end
    if value.needs ~= nil then
        r.needs = texts_of(value.needs, at(where, "needs"))
    end
    r.only = value.only ~= nil and condition(context, value.only, at(where, "only"))
    r.except = value.except ~= nil and condition(context, value.except, at(where, "except"))
    if complete then
        check_named(value, r.needs, where)
    end
    return r
end

-- What a target says replaces what holds for all; attributes one by one.
local function laid_over(base, over)
    local both = {}
    for name, value in pairs(base) do
        both[name] = value
    end
    for name, value in pairs(over) do
        if name == "attributes" and type(base.attributes) == "table" and type(value) == "table" then
            value = laid_over(base.attributes, value)
        end
        both[name] = value
    end
    return both
end

local function table_of(value, where)
    local rows = {}
    for _, name in ipairs(names_of(value, where)) do
        if rows[lower(name)] then
            fail(at(where, name), "is there twice, as case does not matter")
        end
        rows[lower(name)] = text_of(value[name], at(where, name))
    end
    return rows
end

-- Sets and tables that descriptions refer to.
local function context_of(value)
    local context = { sets = {}, tables = {}, compiled = {} }
    if value == nil then
        return context
    end
    for _, name in ipairs(value.tables ~= nil and names_of(value.tables, "tables") or {}) do
        context.tables[name] = table_of(value.tables[name], "tables." .. name)
    end
    local sets = value.sets ~= nil and names_of(value.sets, "sets") or {}
    context.sets = value.sets or {}
    for _, name in ipairs(sets) do
        set_test(context, name, "sets." .. name) -- also one that nothing names has to make sense
    end
    return context
end

local function subset(value, known)
    local some = {}
    for name in pairs(known) do
        some[name] = value[name]
    end
    return some
end

local CONTEXT_KEYS = { sets = true, tables = true }
local POLICY_KEYS = laid_over(laid_over(RULE_KEYS, CONTEXT_KEYS), { targets = true })

local function policy(value)
    check_keys(value, POLICY_KEYS, "")
    local context, base = context_of(value), subset(value, RULE_KEYS)
    local general, special, names = rules_of(context, base, "", value.targets == nil), {}, {}
    for _, name in ipairs(value.targets ~= nil and names_of(value.targets, "targets") or {}) do
        local where = "targets." .. name
        check_keys(value.targets[name], RULE_KEYS, where)
        rules_of(context, value.targets[name], where) -- by its own path, whatever is wrong in it
        special[name] = rules_of(context, laid_over(base, value.targets[name]), where, true)
        names[#names + 1] = name
    end
    return {
        targets = names, -- with rules of their own: whoever knows the configuration looks whether they are there
        desired = function(person, target)
            return decide(special[target] or general, person)
        end,
    }
end

local function checked_context(value)
    if value ~= nil then
        check_keys(value, CONTEXT_KEYS, "context")
    end
    return context_of(value)
end

return {
    policy = policy,
    condition = function(value, context)
        return condition(checked_context(context), value, "condition")
    end,
    value = function(value, context)
        return expression(checked_context(context), value, "value")
    end,
    account = function(value, context)
        check_keys(value, ACCOUNT_KEYS, "")
        return account(checked_context(context), value, "")
    end,
    cut = cut,
}
