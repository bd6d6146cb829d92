--- Values that are known only after apply: a handle's fields, templates made of them with `..`, and how they resolve.
local suggest = require "suggest"

local unknown = {}

-- proxy -> {node=, path=} or {parts=}; the proxies are empty, so that nothing can be read off them by accident.
local states <const> = setmetatable({}, {__mode = "k"})

local Unknown <const> = {}
local Handle <const> = {}

local function new(state)
  local proxy = setmetatable({}, Unknown)
  states[proxy] = state
  return proxy
end

local function text_of(state)
  if state.handle then return state.node.address end
  if not state.parts then return state.node.address .. "." .. table.concat(state.path, ".") end
  local out = {}
  for i, part in ipairs(state.parts) do
    out[i] = states[part] and "${" .. text_of(states[part]) .. "}" or part
  end
  return table.concat(out)
end

--- What the value stands for, for people: `sqs.queue/x.arn`, or a template with `${}` in it.
function unknown.text(value) return text_of(states[value]) end

--- Whether the value is known only after apply (a field, or a template).
function unknown.is(value)
  local state = states[value]
  return state ~= nil and not state.handle
end

--- Whether the value stands for something misnamed.
function unknown.is_poison(value)
  local state = states[value]
  return state ~= nil and state.poison == true
end

--- Whether the value is what `ensure` returned, not a field of it.
function unknown.is_handle(value)
  local state = states[value]
  return state ~= nil and state.handle == true
end

--- The node behind a handle or a field; nil for templates and plain values.
function unknown.node(value)
  local state = states[value]
  return state and state.node
end

-- ## What cannot be done with what is not known

local function refusal(state, what, remedy)
  return ("%s is not known before apply, so it cannot be %s; %s"):format(text_of(state), what, remedy)
end

local function refuse(what, remedy)
  return function(a, b) error(refusal(states[a] or states[b], what, remedy), 2) end
end

-- What gives a value is noted by the plan (the node's `fault`), so that the lines after it are checked too.
local function refuse_value(what, remedy)
  return function(a, b)
    local state = states[a] or states[b]
    local note = state.node and state.node.fault
    if not note then error(refusal(state, what, remedy), 2) end
    note(refusal(state, what, remedy))
    return unknown.poison()
  end
end

local PASS <const> = "hand it to another resource as it is, or join it to text with `..`"
local arithmetic <const> = refuse_value("used as a number", PASS)
for _, name in ipairs {"add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr",
  "bnot"} do
  Unknown["__" .. name], Handle["__" .. name] = arithmetic, arithmetic
end
local compare <const> = refuse("compared", "ask `known(x)` first, or decide by the account file or a var")
for _, name in ipairs {"__lt", "__le"} do Unknown[name], Handle[name] = compare, compare end
Unknown.__len, Handle.__len = refuse("measured with #", PASS), refuse("measured with #", PASS)
Unknown.__call, Handle.__call = refuse_value("called", PASS), refuse_value("called", PASS)
Unknown.__tostring = refuse("made into text with tostring", "join it with `..`, which makes a template")
Unknown.__pairs, Handle.__pairs = refuse("walked", PASS), refuse("walked", "name the fields that are meant")
Unknown.__newindex = refuse("changed", PASS)
Unknown.__metatable, Handle.__metatable = "unknown", "handle"
Unknown.__name, Handle.__name = "unknown", "handle"

local function add_part(parts, value)
  local state = states[value]
  if state and state.poison then
    parts[#parts + 1] = value
  elseif state and state.handle then
    error(("%s is a resource, not text: name the field, such as .arn"):format(state.node.address), 3)
  elseif state and state.parts then
    for _, part in ipairs(state.parts) do add_part(parts, part) end
  elseif state then
    parts[#parts + 1] = value
  elseif type(value) == "string" or type(value) == "number" then
    local last = parts[#parts]
    if type(last) == "string" then
      parts[#parts] = last .. value
    else
      parts[#parts + 1] = tostring(value)
    end
  else
    error(("cannot join a %s to text"):format(type(value)), 3)
  end
end

local function concat(a, b)
  local parts = {}
  add_part(parts, a)
  add_part(parts, b)
  return new {parts = parts}
end
Unknown.__concat, Handle.__concat = concat, concat

-- ## Fields

local function at(value, path, from)
  for i = from or 1, #path do
    if type(value) ~= "table" then return nil end
    value = value[path[i]]
  end
  return value
end

function Unknown.__index(proxy, key)
  local state = states[proxy]
  if state.parts then
    error(("a template made with `..` has no field %q"):format(tostring(key)), 2)
  end
  local path = table.move(state.path, 1, #state.path, 1, {})
  path[#path + 1] = key
  return new {node = state.node, path = path}
end

function Handle.__index(proxy, key)
  local node = states[proxy].node
  if node.fields and not node.fields[key] then
    node.misnamed(key, suggest.phrase(key, node.field_names()))
  end
  if node.done then return at(node.known, {key}) end
  return new {node = node, path = {key}}
end

function Handle.__newindex(proxy, key)
  error(("%s: a declared resource cannot be changed (%s); put it into the call that declares it")
    :format(states[proxy].node.address, tostring(key)), 2)
end

function Handle.__tostring(proxy) return states[proxy].node.address end

--- The handle of a node: `node.fields` (names it has, or nil for any), `node.known` (values), `node.done`.
function unknown.handle(node)
  local proxy = setmetatable({}, Handle)
  states[proxy] = {handle = true, node = node}
  return proxy
end

--- One value that a node will have, such as the result of a step: `path` may be empty.
function unknown.field(node, path) return new {node = node, path = path or {}} end

-- ## Poison: what a faulty line yields, so that the lines after it can be checked too

local Poison <const> = {__metatable = "unknown", __name = "unknown"}

--- A value that stands for something misnamed: it swallows whatever is done with it.
function unknown.poison()
  local proxy = setmetatable({}, Poison)
  states[proxy] = {poison = true, node = {address = "?"}, path = {}}
  return proxy
end

-- A loop that waits for an end which poison never gives: the fault that made it is told, and not this echo of it. The
-- words that the engine lets pass as a limit's are in it.
local ECHO <const> = "what a fault yielded ran too long"
local USES <const> = 100000
local uses = 0

local function use()
  uses = uses + 1
  if uses > USES then error(ECHO, 0) end
end

--- Counts the uses of poison from here.
function unknown.forget_uses() uses = 0 end

--- Whether an error is that of a loop over what a fault yielded.
function unknown.is_echo(err) return type(err) == "string" and err:find(ECHO, 1, true) ~= nil end

local function swallow(a, b)
  use()
  return states[a] and states[a].poison and a or b
end
local function never()
  use()
  return false
end
for name in pairs(Unknown) do Poison[name] = Poison[name] or swallow end
Poison.__index, Poison.__call = swallow, swallow
Poison.__newindex = function() end
Poison.__lt, Poison.__le = never, never
Poison.__len = function() return 0 end
Poison.__pairs = function() return next, {}, nil end
Poison.__tostring = function() return "?" end

-- ## Resolution

local function resolve_field(state)
  if not state.node.known then return nil end
  return at(state.node.known, state.path)
end

local resolve

local function resolve_template(state)
  local out = {}
  for i, part in ipairs(state.parts) do
    local value = part
    if states[part] then value = resolve(part) end
    if states[value] or value == nil then return nil end
    if type(value) == "table" then return nil end
    out[i] = tostring(value)
  end
  return table.concat(out)
end

--- The value with all that is known by now put in, and whether anything is still unknown. Tables are copied
-- only where something in them changes.
function resolve(value)
  local state = states[value]
  if state then
    local found
    if state.parts then found = resolve_template(state) else found = resolve_field(state) end
    if found == nil then return value, true end
    return found, false
  end
  if type(value) ~= "table" then return value, false end
  local copy, open = nil, false
  for k, v in next, value do
    local r, o = resolve(v)
    open = open or o
    if r ~= v then
      if not copy then
        copy = setmetatable({}, getmetatable(value))
        for k2, v2 in next, value do copy[k2] = v2 end
      end
      copy[k] = r
    end
  end
  return copy or value, open
end
unknown.resolve = resolve

-- What is not known yet becomes nil; all else stays as it is.
local function known_or_nil(value)
  if not states[value] then return value end
  value = resolve(value)
  if states[value] then return nil end
  return value
end

-- What of a value is known, or nil where nothing is; a list closes over what is missing.
local function known_part(value)
  value = known_or_nil(value)
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  local n = #value
  for i = 1, n do
    local part = known_part(value[i])
    if part ~= nil then out[#out + 1] = part end
  end
  for k, v in next, value do
    if not (math.type(k) == "integer" and k >= 1 and k <= n) then out[k] = known_part(v) end
  end
  return out
end

--- What is known by now of a table of properties, for a type's `read`, which may ask what the playbook gives: a
-- property of which nothing is known yet is an empty table, never missing.
function unknown.known_part(want)
  local out = {}
  for name, value in next, want do
    local part = known_part(value)
    if part == nil then part = {} end
    out[name] = part
  end
  return out
end

--- Whether what is known by now of two values is the same, member for member.
function unknown.alike(a, b)
  a, b = known_or_nil(a), known_or_nil(b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for key, value in next, a do
    if not unknown.alike(value, rawget(b, key)) then return false end
  end
  for key, value in next, b do
    if rawget(a, key) == nil and known_or_nil(value) ~= nil then return false end
  end
  return true
end

--- Calls `visit(node)` for every node that the value leans on.
function unknown.each_node(value, visit)
  local state = states[value]
  if state then
    if state.parts then
      for _, part in ipairs(state.parts) do unknown.each_node(part, visit) end
    elseif not state.poison then
      visit(state.node)
    end
  elseif type(value) == "table" then
    for _, v in next, value do unknown.each_node(v, visit) end
  end
end

return unknown
