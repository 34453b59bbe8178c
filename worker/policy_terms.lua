-- policy_terms.lua: conditions and expressions, of which policy_rules.lua makes accounts and policies. Both are one chunk, which
-- every policy finds as rollcall.rules; deploy/policy.md is the reference.
--
-- They are part of the program. Each function takes a description (a table, or what policy.yaml says), checks it strictly and
-- returns a function of the person: whatever is wrong is an error at load, with its path, and no surprise later.
-- `where` is that path; places in lists count from 0, as in the configuration's messages.
--
--     condition ──► person → true | false          expression ──► person → text | nil | rollcall.null
--         └──────────────┬───────────────────────────────┘
--     account: attributes, teams, admin roles ──► policy: who is in scope, who has left ──► desired(person, target)

local NOTHING = rollcall.null
local lower, trim, like = rollcall.lower, rollcall.trim, rollcall.like

local function fail(where, message, ...)
    error((where == "" and "the policy" or where) .. ": " .. message:format(...), 0)
end

local function shown(value)
    return value == NOTHING and "nothing" or type(value) == "table" and "a table" or '"' .. tostring(value) .. '"'
end

-- ---- reading descriptions ------------------------------------------------------------------------------------------

local function is_list(value)
    return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

local function at(where, key)
    if type(key) == "number" then
        return ("%s[%d]"):format(where, key - 1)
    end
    return where == "" and tostring(key) or where .. "." .. tostring(key)
end

local function check_list(value, where)
    local n = 0
    for _ in pairs(value) do
        n = n + 1
    end
    if n ~= #value then
        fail(where, "a list has only entries, without names")
    end
    return value
end

local function list_of(value, where)
    return is_list(value) and check_list(value, where) or { value }
end

local function want_list(value, where)
    if not is_list(value) then
        fail(where, "must be a list, not %s", shown(value))
    end
    return check_list(value, where)
end

-- An empty condition would mean everybody to one reader and nobody to another.
local function check_not_empty(value, where)
    if type(value) == "table" and next(value) == nil then
        fail(where, "is empty")
    end
end

-- The names of a table in order, so that the first error is always the same one.
local function names_of(value, where)
    local names = {}
    if type(value) ~= "table" or value[1] ~= nil then
        fail(where, "must be a mapping, not %s", is_list(value) and "a list" or shown(value))
    end
    for name in pairs(value) do
        if type(name) ~= "string" then
            fail(where, "must have names as keys")
        end
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

local function check_keys(value, known, where)
    for _, name in ipairs(names_of(value, where)) do
        if not known[name] then
            fail(at(where, name), "unknown key")
        end
    end
end

local function text_of(value, where)
    if type(value) == "string" and value ~= "" then
        return value
    end
    if math.type(value) == "integer" or type(value) == "boolean" then
        return tostring(value)
    end
    return fail(where, "must be a text, not %s", value == "" and "an empty one" or shown(value))
end

local function boolean_of(value, where)
    if type(value) ~= "boolean" then
        fail(where, "must be true or false, not %s", shown(value))
    end
    return value
end

local function number_of(value, where)
    local number = math.tointeger(tonumber(value))
    if not number or number < 1 or number > 1024 then
        fail(where, "must be a number from 1 to 1024, not %s", shown(value))
    end
    return number
end

local function choice_of(value, choices, where)
    for _, choice in ipairs(choices) do
        if value == choice then
            return value
        end
    end
    return fail(where, "must be %s, not %s", table.concat(choices, ", "), shown(value))
end

-- ---- conditions ----------------------------------------------------------------------------------------------------

-- One pattern or a list of them: does one fit? Those without wildcards are looked up, however many they are.
local function patterns(value, where)
    local exact, wild = {}, {}
    check_not_empty(value, where)
    for i, entry in ipairs(list_of(value, where)) do
        local text = text_of(entry, is_list(value) and at(where, i) or where)
        if #text > 256 then
            fail(where, "a pattern is longer than 256 bytes")
        elseif text:find("[*?\\]") then
            wild[#wild + 1] = text
        else
            exact[lower(text)] = true
        end
    end
    return function(text)
        if exact[lower(text)] then
            return true
        end
        for i = 1, #wild do
            if like(text, wild[i]) then
                return true
            end
        end
        return false
    end
end

local function any_of(tests)
    return function(person)
        for i = 1, #tests do
            if tests[i](person) then
                return true
            end
        end
        return false
    end
end

local function all_of(tests)
    if #tests == 1 then
        return tests[1]
    end
    return function(person)
        for i = 1, #tests do
            if not tests[i](person) then
                return false
            end
        end
        return true
    end
end

local condition -- of a description; below

local function conditions(context, value, where)
    local tests = {}
    check_not_empty(value, where)
    for i, entry in ipairs(list_of(value, where)) do
        tests[i] = condition(context, entry, is_list(value) and at(where, i) or where)
    end
    return tests
end

-- A set is compiled when it is first named; one that needs itself has no end.
local function set_test(context, name, where)
    name = text_of(name, where)
    local test = context.compiled[name]
    if test == false then
        fail(where, "the set %s refers to itself", name)
    elseif not test then
        if context.sets[name] == nil then
            fail(where, "there is no set %s", name)
        end
        context.compiled[name] = false
        test = condition(context, context.sets[name], "sets." .. name)
        context.compiled[name] = test
    end
    return test
end

local function field_test(field)
    return function(_, value, where)
        local fits = patterns(value, where)
        return function(person)
            return person[field] ~= nil and fits(person[field])
        end
    end
end

-- The words of a condition that are no attributes.
local WORDS = {
    employment = field_test("employment"),
    subject = field_test("subject"),
    directory = field_test("directory"),
    tenant = field_test("tenant"),
    any = function(context, value, where)
        return any_of(conditions(context, value, where))
    end,
    all = function(context, value, where)
        return all_of(conditions(context, value, where))
    end,
    none = function(context, value, where)
        local test = any_of(conditions(context, value, where))
        return function(person)
            return not test(person)
        end
    end,
    set = function(context, value, where)
        local tests = {}
        check_not_empty(value, where)
        for i, name in ipairs(list_of(value, where)) do
            tests[i] = set_test(context, name, where)
        end
        return any_of(tests)
    end,
    groups = function(_, value, where)
        local fits = patterns(value, where)
        return function(person)
            for name in pairs(person.groups) do
                if fits(name) then
                    return true
                end
            end
            return false
        end
    end,
    ends = function(_, value, where)
        boolean_of(value, where)
        return function(person)
            return (person.accessUntil ~= nil) == value
        end
    end,
}

local function attribute_test(name, value, where)
    local fits = patterns(value, where)
    return function(person)
        local has = person.profile[name]
        return has ~= nil and has ~= "" and fits(has)
    end
end

-- A mapping: all of it holds. A list of mappings: one of them does.
function condition(context, value, where)
    check_not_empty(value, where)
    if is_list(value) then
        return any_of(conditions(context, value, where))
    end
    local tests = {}
    for i, name in ipairs(names_of(value, where)) do
        local word, inner = WORDS[name], at(where, name)
        tests[i] = word and word(context, value[name], inner) or attribute_test(name, value[name], inner)
    end
    return all_of(tests)
end

-- `when` holds and `unless` does not; nil: neither is said.
local function applies(context, value, where)
    local when = value.when ~= nil and condition(context, value.when, at(where, "when"))
    local unless = value.unless ~= nil and condition(context, value.unless, at(where, "unless"))
    if not when and not unless then
        return nil
    end
    return function(person)
        return (not when or when(person)) and not (unless and unless(person))
    end
end

-- ---- expressions ---------------------------------------------------------------------------------------------------

-- Cuts text to max characters (not bytes); text that is not UTF-8 is left to the target to refuse.
local function cut(text, max)
    if #text <= max then
        return text -- no more bytes than characters are allowed
    end
    local length = utf8.len(text)
    if not length or length <= max then
        return text
    end
    return text:sub(1, utf8.offset(text, max + 1) - 1)
end

local function length_of(text)
    return utf8.len(text) or #text
end

-- Each: (argument, where, context) → function(text) → text or nil; or nil, what stands where there is no text.
local FILTERS = {
    trim = { make = function() return trim end },
    lower = { make = function() return lower end },
    upper = { make = function() return string.upper end },
    cut = { argument = true, make = function(argument, where)
        local max = number_of(argument, where)
        return function(text) return cut(text, max) end
    end },
    max = { argument = true, make = function(argument, where)
        local max = number_of(argument, where)
        return function(text) return length_of(text) <= max and text or nil end
    end },
    before = { argument = true, make = function(argument)
        return function(text)
            local from = text:find(argument, 1, true)
            return from and text:sub(1, from - 1) or text
        end
    end },
    after = { argument = true, make = function(argument)
        return function(text)
            local _, to = text:find(argument, 1, true)
            return to and text:sub(to + 1) or text
        end
    end },
    map = { argument = true, make = function(argument, where, context)
        local rows = context.tables[argument]
        if not rows then
            fail(where, "there is no table %s", argument)
        end
        return function(text) return rows[lower(text)] end
    end },
    default = { argument = true, make = function(argument)
        return nil, argument
    end },
}

local function filter(context, text, where)
    local name, argument = text, nil
    local colon = text:find(":", 1, true)
    if colon then
        name, argument = text:sub(1, colon - 1), text:sub(colon + 1)
    end
    local row = FILTERS[trim(name)]
    if not row then
        fail(where, "there is no filter %s", shown(trim(name)))
    elseif row.argument and (argument or "") == "" then
        fail(where, "the filter %s wants something after a colon", trim(name))
    elseif argument and not row.argument then
        fail(where, "the filter %s takes nothing after a colon", trim(name))
    end
    local change, default = row.make(argument, where, context)
    if default then
        return function(value)
            return value or default
        end
    end
    return function(value)
        value = value and change(value)
        if value ~= "" then
            return value
        end
        return nil
    end
end

local function split(text, separator)
    local parts, from = {}, 1
    while true do
        local place = text:find(separator, from, true)
        parts[#parts + 1] = text:sub(from, (place or 0) - 1)
        if not place then
            return parts
        end
        from = place + 1
    end
end

-- "lower|cut:60" → function(text or nil) → text or nil
local function filters(context, parts, from, where)
    local chain = {}
    for i = from, #parts do
        chain[#chain + 1] = filter(context, parts[i], where)
    end
    if #chain <= 1 then
        return chain[1], #chain
    end
    return function(value)
        for i = 1, #chain do
            value = chain[i](value)
        end
        return value
    end, #chain
end

local FIELDS = { tenant = true, directory = true, subject = true, employment = true, accessUntil = true }

-- What stands between braces: the name of an attribute or person.FIELD, and filters.
local function reference(context, text, where)
    local parts = split(text, "|")
    local name, change, count = trim(parts[1]), filters(context, parts, 2, where)
    local field = name:sub(1, 7) == "person." and name:sub(8)
    if name == "" or (field and not FIELDS[field]) then
        fail(where, "{%s} names no attribute", text)
    end
    local function value(person)
        local has = person.profile[name]
        if has ~= "" then
            return has
        end
        return nil
    end
    if field then
        value = function(person)
            return person[field]
        end
    end
    return count == 0 and value or function(person)
        return change(value(person))
    end
end

-- "{name.givenName} {name.familyName|upper}" → person → text; nil when one of its attributes has no value.
local function template(context, text, where)
    local parts, from = {}, 1
    while from <= #text do
        local open = text:find("{", from, true)
        if open ~= from then
            parts[#parts + 1] = text:sub(from, (open or 0) - 1)
        end
        if not open then
            break
        end
        local close = text:find("}", open, true)
        if not close then
            fail(where, "a { without }")
        end
        parts[#parts + 1] = reference(context, text:sub(open + 1, close - 1), where)
        from = close + 1
    end
    if #parts == 1 then
        local only = parts[1]
        return type(only) == "function" and only or function() return only end, type(only) == "string"
    end
    return function(person)
        local pieces = {}
        for i = 1, #parts do
            local piece = parts[i]
            if type(piece) == "function" then
                piece = piece(person)
                if piece == nil then
                    return nil
                end
            end
            pieces[i] = piece
        end
        return table.concat(pieces)
    end, false
end

local expression -- of a text, a list or a mapping; below

-- The first that has a value.
local function first_of(context, value, where)
    local choices = {}
    for i, entry in ipairs(check_list(value, where)) do
        choices[i] = expression(context, entry, at(where, i))
    end
    if #choices == 0 then
        fail(where, "an empty list")
    end
    return function(person)
        for i = 1, #choices do
            local found = choices[i](person)
            if found ~= nil then
                return found
            end
        end
        return nil
    end
end

local VALUE_KEYS = { value = true, filter = true, when = true, unless = true, clear = true }

function expression(context, value, where)
    if is_list(value) then
        return first_of(context, value, where)
    elseif type(value) ~= "table" then
        return (template(context, text_of(value, where), where))
    end
    check_keys(value, VALUE_KEYS, where)
    local clear = value.clear ~= nil and boolean_of(value.clear, at(where, "clear"))
    if value.value == nil and not clear then
        fail(where, "has no value")
    end
    local find = value.value ~= nil and expression(context, value.value, at(where, "value"))
    local change = value.filter ~= nil
        and filters(context, split(text_of(value.filter, at(where, "filter")), "|"), 1, at(where, "filter"))
    local applicable = applies(context, value, where)
    return function(person)
        if applicable and not applicable(person) then
            return nil
        end
        local found = find and find(person)
        if change and found ~= NOTHING then
            found = change(found or nil)
        end
        if found then
            return found
        end
        return clear and NOTHING or nil
    end
end
