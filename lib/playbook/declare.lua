--- What a declaration becomes: properties checked against the type, tags, edges, and the handle that `ensure` returns.
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local resources = require "resources"
local suggest = require "suggest"
local unknown = require "playbook.unknown"

local declare = {}

--- The tag that says which playbook owns a resource.
declare.OWNER_TAG = "tidelock:playbook"

-- Arguments of a declaration that are the engine's, not the API's.
local META <const> = {after = true, protect = true, ignore = true}

local function merge_tags(engine, given, owner)
  local out = {ManagedBy = "tidelock"}
  if engine.account then
    out.Environment = engine.account.env
    for name, value in pairs(engine.account.tags or {}) do out[name] = value end
  end
  for name, value in next, given or {} do out[name] = value end
  out[declare.OWNER_TAG] = owner
  return out
end

-- The arguments as properties: `name` for the key member, engine's own words apart. The caller's table is copied.
local function properties_of(t, args)
  local want, meta = {}, {}
  local key = type(t.key) == "string" and t.key or nil
  for name, value in next, args do
    if META[name] then
      meta[name] = value
    elseif key and name == key and args.name == nil then
      want.name = value
    elseif name == "tags" and t.tagged and args.Tags == nil then
      want.Tags = value
    else
      want[name] = value
    end
  end
  return want, meta
end

local DEPTH <const> = 64                     -- deeper than any document of AWS

-- A copy without what the playbook's metatables do; nil where it is nested too deep.
local function copy(value, depth)
  if type(value) ~= "table" or unknown.is(value) or unknown.is_handle(value) then return value end
  if depth > DEPTH then return nil end
  local out = setmetatable({}, guard.metatable(value))
  for k, v in next, value do
    out[k] = copy(v, depth + 1)
    if out[k] == nil then return nil end
  end
  return out
end

-- The properties as copies; one that holds itself has no end.
local function copied(engine, t, want)
  local out = {}
  for name, value in next, want do
    out[name] = copy(value, 1)
    if out[name] == nil then
      engine:fault("%s: %s is nested too deep, or holds itself", t.type, tostring(name))
      return nil
    end
  end
  return out
end

local function key_of(t, want)
  local parts, open = {}, false
  for i, name in ipairs(t.keys) do
    local value = want[name]
    if unknown.is(value) then
      local node = unknown.node(value)
      parts[i], open = node and node.name or unknown.text(value), true
    else
      parts[i] = tostring(value)
    end
  end
  for _, name in ipairs(t.found_by or {}) do open = open or unknown.is(want[name]) end
  if t.label and not open then return t.label(want), open end
  return table.concat(parts, "/"), open
end

local function misnamed(engine, node)
  return function(key, phrase)
    engine:fault("%s has no field %q%s", node.address, tostring(key), phrase)
  end
end

-- A poison node: its fields are anything, so that one fault does not become ten.
local function blank() return unknown.poison() end

-- The properties of the type; what is left to others (`ignore`) need not be given.
local function properties_but(t, models, ignore)
  local properties = t:schema(models)
  if type(ignore) ~= "table" or unknown.is(ignore) then return properties end
  local out = {}
  for name, property in pairs(properties) do out[name] = property end
  for _, name in ipairs(ignore) do out[name] = out[name] and {row = out[name].row} end
  return out
end

-- What the type's own check finds. Where it asked for a value that is not known yet, it may have taken that for one
-- that was not given: then it is for AWS to judge.
local function own_faults(t, want)
  local known, open = {}, false
  for name, value in pairs(want) do
    if not unknown.is(value) then known[name] = value end
  end
  setmetatable(known, {__index = function(_, name) open = open or want[name] ~= nil end})
  local found = t.check(known)
  return not open and found or {}
end

local function check_values(engine, t, want, ignore)
  local faults = require "resources.schema".faults(properties_but(t, engine.models, ignore), want, engine.is)
  if #faults == 0 and t.check then faults = own_faults(t, want) end
  for _, message in ipairs(faults) do engine:fault("%s: %s", t.type, message) end
  return #faults == 0
end

local function add_edges(engine, node, meta)
  if unknown.is_poison(meta.after) then meta.after = nil end
  unknown.each_node(node.want, function(other) node.deps[other] = true end)
  for _, other in ipairs(type(meta.after) == "table" and not unknown.is_handle(meta.after) and meta.after
    or {meta.after}) do
    if unknown.is_handle(other) then
      node.deps[unknown.node(other)] = true
    elseif type(other) == "string" then
      node.after = node.after or {}
      table.insert(node.after, other)
    else
      engine:fault("%s: after takes resources (what ensure returned) or addresses such as sqs.queue/name", node.address)
    end
  end
end

-- The type, and the properties and the engine's own words apart; nil where the declaration is no good at all.
local function understood(engine, type_name, args)
  local t, phrase = resources.find(type_name)
  if not t then
    engine:fault("there is no resource type %s%s", type_name, phrase)
    return nil
  end
  if type(args) ~= "table" or unknown.is(args) then
    engine:fault("ensure.%s takes a table of properties", type_name)
    return nil
  end
  local want, meta = properties_of(t, args)
  want = copied(engine, t, want)
  if not want or not check_values(engine, t, want, meta.ignore) then return nil end
  for _, name in ipairs(t.keys) do
    if unknown.is_poison(want[name]) then return nil end
  end
  return t, want, meta
end

local function node_of(engine, t, want, meta)
  local owner = engine.owners[#engine.owners] or engine.program.header.name
  local free = engine.owns_nothing[owner]
  if t.tagged then want.Tags = free and (want.Tags or {}) or merge_tags(engine, want.Tags, owner) end
  local key, open = key_of(t, want)
  local path, line = fault.here(engine.sources)
  return {type = t, name = key, address = t.type .. "/" .. key, key_open = open, want = want, deps = {},
    file = path, line = line, owner = owner, free = free, protect = meta.protect, ignore = meta.ignore,
    index = #engine.nodes + 1}
end

-- The engine's own words must not be misspelt silently: what is to be left alone, what is never deleted.
local function check_words(engine, node)
  if unknown.is_poison(node.ignore) or unknown.is_poison(node.protect) then return end
  local ignore = node.ignore or {}
  if type(ignore) ~= "table" then
    engine:fault("%s: ignore takes a list of properties, such as {%q}", node.address, tostring(ignore))
    ignore = {}
  end
  local properties = node.type:schema(engine.models)
  for _, name in ipairs(ignore) do
    if not properties[name] then
      engine:fault("%s: ignore names %s, which is not a property of it%s", node.address, tostring(name),
        suggest.phrase(name, require "playbook.vars".names(properties)))
    end
  end
  if node.protect ~= nil and type(node.protect) ~= "boolean" then
    engine:fault("%s: protect must be true or false", node.address)
  end
end

-- Which fields its handle has, and what is said of one that it has not.
local function give_fields(engine, node)
  node.fields = node.type:field_names(engine.models)
  node.field_names = function() return require "playbook.vars".names(node.fields) end
  node.misnamed = misnamed(engine, node)
  if engine.mode ~= "apply" then node.fault = function(text) engine:fault("%s", text) end end
end

--- Declares a resource and returns its handle; on a fault, which is noted, a handle that fits anywhere.
function declare.resource(engine, type_name, args)
  local t, want, meta = understood(engine, type_name, args)
  if not t then return blank() end
  local node = node_of(engine, t, want, meta)
  local twin = engine.by_address[node.address]
  if twin then
    engine:fault("%s is declared twice; the other is at %s:%d", node.address, twin.file, twin.line)
    return blank()
  end
  give_fields(engine, node)
  add_edges(engine, node, meta)
  check_words(engine, node)
  engine.by_address[node.address] = node
  engine.nodes[node.index] = node
  engine.pending[#engine.pending + 1] = node
  return unknown.handle(node)
end

return declare
