--- From what is live to what a playbook would say of it: its properties without those that are the defaults, held to
-- the type's own diff, so that what is written finds nothing to do. Pure.
local compare = require "resources.compare"
local literal = require "checks.literal"
local schema = require "resources.schema"
local usual = require "adopt.usual"

local want = {}

-- What the schema asks of values: nothing here is unknown, a handle or a secret.
local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}

local function plain(value)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then return value end
  if kind ~= "table" then return nil end
  local out = {}
  for key, inner in next, value do out[key] = plain(inner) end
  return out
end

-- A document that the type keeps as text is a table in playbooks.
local function as_document(value)
  if type(value) ~= "string" or not value:find "^%s*[{%[]" then return value end
  local ok, table_of = pcall(require "tidelock.json".decode, value)
  return ok and type(table_of) == "table" and table_of or value
end

local function default_of(t, name, live)
  local value = (t.defaults or {})[name]
  if type(value) == "function" then return value(live) end
  return value
end

local function is_key(t, name)
  for _, key in ipairs(t.keys) do
    if key == name then return true end
  end
  return false
end

local function provided(t, name)
  for _, one in ipairs(t.provides or {}) do
    if one == name then return true end
  end
  return false
end

-- Nothing, or a structure that holds nothing but that.
local function empty(value)
  if type(value) ~= "table" then return value == "" end
  for _, inner in next, value do
    if not (type(inner) == "table" and empty(inner)) then return false end
  end
  return true
end

-- ## Secrets

-- A variable is written only where its name tells of no secret and its value is plainly none. Keys that nobody named so
-- are found by their look: sixteen letters and digits or more on end, both kinds among them.
local TELLING <const> = {"PASS", "PWD", "PW$", "AUTH", "SALT", "SIGN", "HMAC", "PRIVATE", "WEBHOOK", "DSN", "CONN",
  "KEY$", "CERT", "CRED", "SEED", "OTP", "COOKIE", "LICEN[CS]E", "SECRET", "TOKEN"}

local function is_random(value)
  for run in value:gmatch "[%w+=]+" do
    if #run >= 16 and run:find "%d" and run:find "%a" then return true end
  end
  return false
end

local function is_name(value)
  return value:find "^arn:" ~= nil or value:find "^alias/" ~= nil or value:find "^[^%s@]+@[^%s@]+%.[^%s@]+$" ~= nil
    or value:find "^%l[%l%-]*%-[%x]+$" ~= nil
end

local function is_telling(name)
  for _, word in ipairs(TELLING) do
    if name:upper():find(word) then return true end
  end
  return false
end

-- An address that is a key at the same time, such as a webhook's.
local function is_key_address(value)
  return value:find "^https?://" ~= nil and is_random(value:match "^https?://[^/?]*(.*)$")
end

-- A secret within a text, as on a command line: --password=x, token: x. What stands for one is none: $X, <x>, {x}.
local function holds_one(value)
  local text = value:lower()
  for _, word in ipairs {"password", "passwd", "pwd", "token", "secret", "api[_%-]?key", "access[_%-]?key"} do
    for _, sign in ipairs {"=%s*", ":%s+"} do
      if text:find(word .. sign .. "[^%s$<{*\"'%[%]]") then return true end
    end
  end
  return false
end

-- What is one whatever it is called. A path into an event ($.detail.token) is none.
local function is_one(name, value)
  if value:find "^%$[.{]" then return false end
  return literal.secret(name, value) or is_key_address(value) or holds_one(value)
end

local function harmless(name, value)
  if is_one(name, value) then return false end
  if value == "" or is_name(value) then return true end
  return not is_telling(name) and not is_random(value) and #value <= 200
end

local function each_member(value, path, visit)
  for _, key in ipairs(compare.sorted_keys(value)) do
    visit(value[key], type(key) == "number" and path or path .. "." .. tostring(key), tostring(key))
  end
end

-- Names of what looks like a secret, in {NAME = "text"} and in {name = "NAME", value = "text"}.
local function find_secrets(value, path, add)
  if type(value) ~= "table" then return end
  local name, text = value.name or value.Name or value.Key, value.value or value.Value
  if type(name) == "string" and type(text) == "string" then
    if not harmless(name, text) then add(path .. "." .. name) end
    return
  end
  each_member(value, path, function(inner, inner_path, key)
    if type(inner) == "string" and is_one(key, inner) then add(inner_path) end
    find_secrets(inner, inner_path, add)
  end)
end

-- What the model itself calls sensitive.
local function of_model(row, value, path, name, add)
  row = row and (row.shape or row)
  if row == nil or value == nil then return end
  if type(value) == "string" then
    if row.sensitive and not harmless(name, value) then add(path) end
  elseif type(value) == "table" and row.members then
    for _, member in ipairs(row.members()) do
      of_model(member.row, value[member.name], path .. "." .. member.name, member.name, add)
    end
  elseif type(value) == "table" then
    each_member(value, path, function(inner, inner_path, key)
      if row.sensitive and type(inner) == "string" and not harmless(key, inner) then add(inner_path) end
      of_model(row.item or row.value, inner, inner_path, key, add)
    end)
  end
end

--- Where in a property something stands that looks like a secret: a sorted list of paths, never of values.
function want.secrets(name, row, value)
  local out, seen = {}, {}
  local function add(path)
    if not seen[path] then out[#out + 1] = path end
    seen[path] = true
  end
  if type(value) == "string" and is_one(name, value) then add(name) end
  find_secrets(value, name, add)
  of_model(row, value, name, name, add)
  table.sort(out)
  return out
end

-- ## The properties

local fit

local function fit_members(row, value)
  local out = {}
  for _, member in ipairs(row.members()) do
    out[member.name] = fit(member.row, value[member.name])
    if member.required and out[member.name] == nil then return nil end
  end
  return out
end

-- What the input may say of it: the answer's further members, and structures that lack what the input needs, are not in
-- it.
function fit(row, value)
  row = row and (row.shape or row)
  if row == nil or value == nil then return value end
  if row.min and type(value) == "number" and value < row.min then return nil end
  if type(value) ~= "table" then return value end
  if row.members then return fit_members(row, value) end
  if not (row.item or row.value) then return value end
  local out = {}
  for key, inner in next, value do out[key] = fit(row.item or row.value, inner) end
  return out
end

-- Those that the type knows, as a playbook writes them; those with a secret in them are left to others. Nil and why,
-- where it cannot be named without one.
local function properties_of(t, properties, live)
  local out, ignore, notes = {}, {}, {}
  for name, property in pairs(properties) do
    local value = plain(live[name])
    if value ~= nil and not provided(t, name) and not t.hidden[name] then
      if t.rules[name] == "json" or t.rules[name] == "policy" then value = as_document(value) end
      value = fit(property.row, value)
      local secrets = name == "name" and {} or want.secrets(name, property.row, plain(live[name]))
      if #secrets > 0 and is_key(t, name) then
        return nil, ("%s, by which it is known, looks like a secret"):format(name)
      elseif #secrets > 0 then
        ignore[name] = true
        notes[#notes + 1] = ("%s is left alone, because of what looks like a secret: %s"):format(name,
          table.concat(secrets, ", "))
      else
        out[name] = value
      end
    end
  end
  table.sort(notes)
  return out, ignore, notes
end

-- Without what goes without saying.
local function without_defaults(t, properties, given, live)
  local out = {}
  for name, value in pairs(given) do
    local default = default_of(t, name, live)
    local unsaid = default ~= nil and compare.equal(value, default, t.rules[name]) and compare.equal(default, value,
      t.rules[name])
    unsaid = unsaid or usual.is(t.type, name, value)
    local none = empty(value) and (default == nil or default == false) and not properties[name].required
    if is_key(t, name) or properties[name].required or not (unsaid or none) then out[name] = value end
  end
  return out
end

local function copied(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, inner in next, value do out[key] = copied(inner) end
  return out
end

-- Members of structures inside that the type itself puts in where they are not given.
local function without_spelling(t, out)
  if not t.normal then return end
  local function whole() return compare.canon(t:complete(copied(out))) end
  local said = whole()
  local function walk(value)
    if type(value) ~= "table" then return end
    for _, key in ipairs(compare.sorted_keys(value)) do
      local inner = value[key]
      if type(key) == "string" and (type(inner) == "boolean" or type(inner) == "table" and next(inner) == nil) then
        value[key] = nil
        if whole() ~= said then value[key] = inner end
      end
      walk(value[key])
    end
  end
  for _, name in ipairs(compare.sorted_keys(out)) do walk(out[name]) end
end

local function missing(t, properties, out, ignore)
  for name, property in pairs(properties) do
    if property.required and out[name] == nil and not is_key(t, name) then ignore[name] = true end
  end
end

-- A property that the type would set anew, whatever is written, is left to others too.
local function hold_to_diff(t, out, ignore, notes, live)
  for _, change in ipairs(t:diff(live, t:complete(plain(out)))) do
    if not ignore[change.name] and change.name ~= "Tags" then
      ignore[change.name], out[change.name] = true, nil
      notes[#notes + 1] = change.name .. " is left alone: what is live cannot be said here"
    end
  end
end

local function faults_of(t, properties, out, ignore)
  local open = {}
  for name, property in pairs(properties) do
    open[name] = ignore[name] and {row = property.row} or property
  end
  local faults = schema.faults(open, out, IS)
  if #faults == 0 and t.check then table.move(t.check(out) or {}, 1, 99, 1, faults) end
  return faults
end

local function names_of(set)
  local out = {}
  for name in pairs(set) do out[#out + 1] = name end
  table.sort(out)
  return #out > 0 and out or nil
end

--- What a playbook says of a resource: {given = properties, ignore = names or nil, notes = sentences}; nil and why
-- where a playbook cannot say it. `asked` is what it was read by.
function want.of(t, models, live, asked)
  local properties, whole = t:schema(models), plain(live)
  for _, key in ipairs(t.keys) do
    if whole[key] == nil then whole[key] = asked[key] end
  end
  for _, name in ipairs(t.found_by or {}) do
    if whole[name] == nil then whole[name] = asked[name] end
  end
  local given, ignore, notes = properties_of(t, properties, whole)
  if not given then return nil, ignore end
  local out = without_defaults(t, properties, given, whole)
  missing(t, properties, out, ignore)
  local ok, why = pcall(hold_to_diff, t, out, ignore, notes, whole)
  if not ok then return nil, "its type does not understand what is live: " .. tostring(why) end
  missing(t, properties, out, ignore)
  without_spelling(t, out)
  local faults = faults_of(t, properties, out, ignore)
  if #faults > 0 then return nil, "a playbook may not say it so: " .. table.concat(faults, "; ") end
  return {given = out, ignore = names_of(ignore), notes = notes}
end

return want
