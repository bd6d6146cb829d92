--- The full report on an input that the codec refused: every fault at once, with paths and did-you-mean.
local error_of = require "aws.error"
local suggest = require "suggest"

local input = {}

local DEPTH <const> = 64
local MANY <const> = 20                                -- faults shown

local walk

local function kind(value)
  local t = type(value)
  if t == "table" and #value > 0 then return "a list" end
  if t == "table" then return "a table" end
  if t == "number" then return math.type(value) == "integer" and "a whole number" or "a number with a fraction" end
  return "a " .. t
end

local function add(state, path, message)
  state.faults[#state.faults + 1] = {path = path, message = message}
end

local function expect(state, path, value, what)
  add(state, path, ("must be %s, not %s"):format(what, kind(value)))
end

local function is_text(state, value)
  return type(value) == "string" or type(value) == "userdata" and state.is_secret(value)
end

local function bounded(state, path, shape, size, unit)
  if shape.min and size < shape.min then
    add(state, path, ("is too small: it has %s%s, and the least is %d"):format(size, unit, shape.min))
  end
end

local function join(path, name) return path == "" and name or path .. "." .. name end

local function names_of(shape)
  local names = {}
  for i, member in ipairs(shape.members) do names[i] = member.name end
  return names
end

local check = {}

function check.structure(state, shape, value, path, depth)
  if shape.document then return end
  if type(value) ~= "table" or #value > 0 then return expect(state, path, value, "a table of members") end
  local known, given = {}, 0
  for _, member in ipairs(shape.members) do
    local v = value[member.name]
    known[member.name] = true
    if v ~= nil then
      given = given + 1
      walk(state, member.shape, v, join(path, member.name), depth + 1)
    elseif member.required then
      add(state, join(path, member.name), "is required")
    end
  end
  local unknown = {}
  for name in pairs(value) do
    if not known[name] then unknown[#unknown + 1] = tostring(name) end
  end
  table.sort(unknown)
  for _, name in ipairs(unknown) do
    add(state, join(path, name), "is not known here" .. suggest.phrase(name, names_of(shape)))
  end
  if (shape.union or shape.eventstream) and given + #unknown ~= 1 then
    add(state, path, ("must have exactly one of %s"):format(table.concat(names_of(shape), ", ")))
  end
end

function check.list(state, shape, value, path, depth)
  if type(value) ~= "table" then return expect(state, path, value, "a list") end
  local n = #value
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > n then
      return add(state, path, ("must be a list {a, b, ...}, but has the key %s"):format(tostring(key)))
    end
  end
  bounded(state, path, shape, n, n == 1 and " item" or " items")
  for i = 1, n do walk(state, shape.member, value[i], ("%s[%d]"):format(path, i), depth + 1) end
end

function check.map(state, shape, value, path, depth)
  if type(value) ~= "table" then return expect(state, path, value, "a table of names and values") end
  local keys = {}
  for key in pairs(value) do
    if type(key) == "string" then
      keys[#keys + 1] = key
    else
      add(state, path, ("must have text as keys, but has %s"):format(tostring(key)))
    end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do walk(state, shape.value, value[key], join(path, key), depth + 1) end
end

function check.string(state, shape, value, path)
  if not is_text(state, value) then return expect(state, path, value, "text") end
  if type(value) == "string" then bounded(state, path, shape, utf8.len(value) or #value, " characters") end
end

function check.blob(state, _, value, path)
  if not is_text(state, value) then expect(state, path, value, "bytes (a string)") end
end

function check.integer(state, shape, value, path)
  if math.type(value) == "float" and math.tointeger(value) then value = math.tointeger(value) end
  if math.type(value) ~= "integer" then return expect(state, path, value, "a whole number") end
  bounded(state, path, shape, value, "")
end
check.long = check.integer

local SPECIAL <const> = {NaN = true, Infinity = true, ["-Infinity"] = true}

function check.double(state, _, value, path)
  if type(value) ~= "number" and not SPECIAL[value] then expect(state, path, value, "a number") end
end
check.float = check.double

function check.bigdecimal(state, _, value, path)
  if type(value) ~= "number" and not is_text(state, value) then expect(state, path, value, "a number") end
end

function check.boolean(state, _, value, path)
  if type(value) ~= "boolean" then expect(state, path, value, "true or false") end
end

function check.timestamp(state, _, value, path)
  if type(value) == "number" then return end
  if type(value) == "string" then
    if require "aws.date".iso(value) or tonumber(value) or value:find("^%d%d%d%d%-%d%d%-%d%d$")
        or require "aws.date".http(value) then
      return
    end
    return add(state, path, 'is not a time; write seconds since 1970, or "2026-01-02T03:04:05Z"')
  end
  expect(state, path, value, 'a time (seconds since 1970, or "2026-01-02T03:04:05Z")')
end

function walk(state, name, value, path, depth)
  if depth > DEPTH then return add(state, path, "is nested too deep") end
  local shape = state.service:shape(name)
  if shape.eventstream and not state.event then return end          -- events are looked at one by one
  local test = check[shape.type]
  if test then test(state, shape, value, path, depth) end
end

local function is_secret(value)
  local ok, secret = pcall(require, "tidelock.secret")
  return ok and secret.is(value)
end

local function state_of(op) return {faults = {}, service = op.service, is_secret = is_secret} end

--- All faults of `given` as input of `op`: a list of {path=, message=}, empty where there is none.
function input.faults(op, given)
  local state = state_of(op)
  if type(given) ~= "table" then
    add(state, "input", ("must be a table, not %s"):format(kind(given)))
  elseif op.input then
    walk(state, op.input, given, "", 1)
  elseif next(given) ~= nil then
    add(state, tostring(next(given)), "is not known here: this operation takes no input")
  end
  return state.faults
end

-- Raises the report; `where` and `sent` are the words for what is wrong, and for what that means.
local function report(service, op, where, faults, sent)
  local lines = {}
  for i, f in ipairs(faults) do
    if i > MANY then
      lines[i] = ("and %d more"):format(#faults - MANY)
      break
    end
    lines[i] = ((f.path or "") .. " " .. f.message):match("^%s*(.-)%.?$")
  end
  local head = #faults == 1 and "" or ("%d faults in %s: "):format(#faults, where)
  error_of.usage(("%s.%s: %s%s. %s"):format(service, op.snake, head, table.concat(lines, "; "), sent),
    {faults = faults})
end

--- Raises the report: what is wrong with the input, all at once. `fault` is what the codec stopped at.
function input.refuse(service, op, given, fault)
  local faults = input.faults(op, given)
  if #faults == 0 then faults[1] = fault end
  report(service, op, "the input", faults, "Nothing was sent.")
end

--- The same for one event of the stream that the input's `member` is.
function input.refuse_event(service, op, member, event, fault)
  local state = state_of(op)
  state.event = true
  walk(state, member.shape, event, member.name, 1)
  if #state.faults == 0 then
    state.faults[1] = {path = member.name .. (fault.path == "" and "" or "." .. fault.path), message = fault.message}
  end
  report(service, op, "an event of " .. member.name, state.faults, "This event was not sent.")
end

return input
