--- Types of a playbook's vars: what a flag's text or a default may be, and what it becomes.
local contains = require "lists".contains
local suggest = require "suggest"
local unknown = require "playbook.unknown"

local vars = {}

local UNITS <const> = {s = 1, m = 60, h = 3600, d = 86400, w = 604800}

--- Seconds in a duration such as "30m", "1h30m", "90" or 90; nil and why not.
function vars.seconds(value)
  if type(value) == "number" then
    if value < 0 then return nil, "must not be negative" end
    return math.tointeger(value) or value
  end
  local text = tostring(value)
  if text:find "^%d+$" then return math.tointeger(tonumber(text)) end
  local total, rest = 0, text
  while rest ~= "" do
    local n, unit, more = rest:match "^(%d+)([smhdw])(.*)$"
    if not n then return nil, ('must be a duration such as "30m", "24h" or "14d", not "%s"'):format(text) end
    total, rest = total + math.tointeger(tonumber(n)) * UNITS[unit], more
  end
  if text == "" then return nil, 'must be a duration such as "30m", "24h" or "14d"' end
  return total
end

--- A span of seconds for people: 5400 -> "1h30m".
function vars.span(seconds)
  local left, out = math.floor(seconds + 0.5), {}
  if left == 0 then return ("%.1fs"):format(seconds) end
  for _, unit in ipairs {"d", "h", "m", "s"} do
    local n = left // UNITS[unit]
    if n > 0 then out[#out + 1] = n .. unit end
    left = left % UNITS[unit]
  end
  return table.concat(out, "", 1, math.min(2, #out))
end

local function quoted(value) return type(value) == "string" and ("%q"):format(value) or tostring(value) end

local types <const> = {}
vars.types = types

types.seconds = vars.seconds

function types.string(value)
  if type(value) ~= "string" then return nil, "must be text, not a " .. type(value) end
  return value
end

function types.integer(value)
  local n = math.tointeger(tonumber(value))
  if not n then return nil, "must be a whole number, not " .. quoted(value) end
  return n
end

function types.number(value)
  local n = tonumber(value)
  if not n then return nil, "must be a number, not " .. quoted(value) end
  return n
end

local YES <const> = {["true"] = true, yes = true, on = true, ["1"] = true}
local NO <const> = {["false"] = true, no = true, off = true, ["0"] = true}

function types.boolean(value)
  if type(value) == "boolean" then return value end
  local word = tostring(value):lower()
  if YES[word] then return true end
  if NO[word] then return false end
  return nil, "must be true or false, not " .. quoted(value)
end

function types.list(value)
  if type(value) == "table" then return value end
  if type(value) ~= "string" then return nil, "must be a list, such as a,b,c" end
  local out = {}
  for item in (value .. ","):gmatch "%s*(.-)%s*," do
    if item ~= "" then out[#out + 1] = item end
  end
  return out
end

function types.map(value)
  if type(value) ~= "table" then return nil, "must be a table of names and values: include gives it, or --var-file" end
  return value
end

--- A secret is given by the name of the environment variable that holds it: the name may stand on a command line and
-- in a journal, and a run that goes on reads it anew. An include gives the secret itself.
function types.secret(value)
  local secret = require "tidelock.secret"
  if secret.is(value) then return value end
  if type(value) ~= "string" or not value:find "^[%a_][%w_]*$" then
    return nil, "must be the name of the environment variable that holds the secret, not the secret itself"
  end
  local text = os.getenv(value)
  if not text or text == "" then
    return nil, "is not the name of an environment variable that is set here; a secret is never given itself"
  end
  return secret.new(text)
end

local function names(t)
  local out = {}
  for name in pairs(t) do out[#out + 1] = name end
  table.sort(out)
  return out
end
vars.names = names

local SPEC <const> = {"default", "about", "choices", "min", "max"}
local COUNTED <const> = {integer = true, number = true, seconds = true}

-- What is wrong with the words beside the type, each a sentence.
local function check_words(add, kind, spec)
  for key in pairs(spec) do
    local word = tostring(key)
    if key ~= 1 and not contains(SPEC, key) then add("%s is not known here%s", word, suggest.phrase(word, SPEC)) end
  end
  if spec.about ~= nil and type(spec.about) ~= "string" then add "about must be text" end
  if spec.choices ~= nil and (type(spec.choices) ~= "table" or #spec.choices == 0) then
    add 'choices must be a list such as {"a", "b"}'
  end
  for _, word in ipairs {"min", "max"} do
    local bound = spec[word]
    if bound ~= nil and types[kind] and not COUNTED[kind] then add("%s is of numbers, and this is a %s", word, kind) end
    if bound ~= nil and type(bound) ~= "number" then add("%s must be a number, not %s", word, quoted(bound)) end
  end
end

--- Faults of one declaration in the header: sentences.
function vars.declared(name, spec)
  local out = {}
  local function add(text, ...) out[#out + 1] = ("vars.%s: " .. text):format(name, ...) end
  if type(spec) ~= "table" then
    return {('vars.%s must be a table such as {"string", default = "x", about = "..."}'):format(name)}
  end
  local kind = spec[1]
  if not types[kind] then
    add("there is no type %s%s; the types are %s", quoted(kind), suggest.phrase(tostring(kind), names(types)),
      table.concat(names(types), ", "))
  end
  if kind == "secret" and (spec.default ~= nil or spec.choices or spec.min or spec.max) then
    add "a secret takes about, and no default, choices, min or max"
  else
    check_words(add, kind, spec)
  end
  if #out == 0 and spec.default ~= nil then
    local _, why = vars.value(spec, spec.default)
    if why then add("the default %s", why) end
  end
  table.sort(out)
  return out
end

--- Whether a header's `vars` are names with declarations, whatever is wrong with those; and faults of all: sentences.
function vars.check(declared)
  if type(declared) ~= "table" then
    return false, {'playbook: vars must be a table such as {wait = {"seconds", default = 20}}'}
  end
  local named, out = true, {}
  for name, spec in pairs(declared) do
    if type(name) == "string" then
      for _, message in ipairs(vars.declared(name, spec)) do out[#out + 1] = message end
    else
      named = false
      out[#out + 1] = ('vars: %s has no name; write wait = {"seconds", default = 20}'):format(quoted(name))
    end
  end
  table.sort(out)
  return named, out
end

--- The value of a var for `given` (text of a flag, or a Lua value); nil and why not.
function vars.value(spec, given)
  local value, why = types[spec[1]](given)
  if value == nil then return nil, why end
  if spec.choices then
    local ok = false
    for _, choice in ipairs(spec.choices) do ok = ok or choice == value end
    if not ok then
      return nil, ("must be one of %s, not %s%s"):format(table.concat(spec.choices, ", "), quoted(value),
        suggest.phrase(value, spec.choices))
    end
  end
  if spec.min and value < spec.min then return nil, ("must be at least %s, not %s"):format(spec.min, value) end
  if spec.max and value > spec.max then return nil, ("must be at most %s, not %s"):format(spec.max, value) end
  return value
end

--- What stands for a value of that var in help and in errors.
function vars.word(spec) return spec[1] == "secret" and "ENVIRONMENT_VARIABLE" or spec[1]:upper() end

-- What may have been meant, or all there is to choose from.
local function instead(name, known)
  local meant = suggest.phrase(name, known)
  if meant ~= "" then return meant end
  return #known == 0 and "; it takes none" or "; it takes " .. table.concat(known, ", ")
end

--- All vars of a header, given flags {name = text}: the values, and a list of faults. One that is declared wrongly,
-- which is told by then, or not given rightly has a value that fits anywhere.
function vars.resolve(declared, given)
  local out, faults = {}, {}
  for name in pairs(given) do
    if not declared[name] then
      faults[#faults + 1] = ("this playbook has no var %q%s"):format(name, instead(name, names(declared)))
    end
  end
  for _, name in ipairs(names(declared)) do
    local spec = declared[name]
    local value, why
    if #vars.declared(name, spec) > 0 then
      value = nil
    elseif given[name] ~= nil then
      value, why = vars.value(spec, given[name])
      if why then faults[#faults + 1] = ("--var %s %s"):format(name, why) end
    elseif spec.default ~= nil then
      value = vars.value(spec, spec.default)
    else
      faults[#faults + 1] = ("var %s has no default: give it with --var %s=%s"):format(name, name,
        vars.word(spec))
    end
    if value == nil then value = unknown.poison() end
    out[name] = value
  end
  table.sort(faults)
  return out, faults
end

return vars
