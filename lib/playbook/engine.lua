--- One run of a playbook's chunk: what it declares, its faults, its barriers. The planner and the applier act on it.
local fault = require "playbook.fault"
local resources = require "resources"
local suggest = require "suggest"
local unknown = require "playbook.unknown"

local engine = {}
engine.__index = engine

local OWNER_TAG <const> = "tidelock:playbook"
engine.OWNER_TAG = OWNER_TAG

-- Arguments of a declaration that are the engine's, not the API's.
local META <const> = {after = true, protect = true, ignore = true}

--- An engine. Options: program, account (data), account_path, vars, models, emit(event), mode "plan" | "apply",
-- region, identity (node whose `known` gets the account's number), hooks for barriers.
function engine.new(options)
  local self = setmetatable({}, engine)
  for name, value in pairs(options) do self[name] = value end
  self.nodes, self.by_address, self.sequence = {}, {}, {}
  self.faults = options.faults or fault.list()
  self.outputs, self.sources, self.owners = {}, {}, {}
  self.pending = {}
  self.emit = options.emit or function() end
  self.is = {unknown = unknown.is, handle = unknown.is_handle,
    secret = options.is_secret or function() return false end}
  return self
end

--- Notes a fault at the playbook's line that is running.
function engine:fault(message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  local path, line = fault.here(self.sources)
  fault.add(self.faults, path, line, message)
end

-- ## Declarations

local function merge_tags(self, given, owner)
  local out = {ManagedBy = "tidelock"}
  if self.account then
    out.Environment = self.account.env
    for name, value in pairs(self.account.tags or {}) do out[name] = value end
  end
  for name, value in next, given or {} do out[name] = value end
  out[OWNER_TAG] = owner
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

local function copy(value, depth)
  if type(value) ~= "table" or unknown.is(value) or unknown.is_handle(value) or depth > 64 then return value end
  local out = setmetatable({}, getmetatable(value))
  for k, v in next, value do out[k] = copy(v, depth + 1) end
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

local function misnamed(self, node)
  return function(key, phrase)
    self:fault("%s has no field %q%s", node.address, tostring(key), phrase)
  end
end

-- A poison node: its fields are anything, so that one fault does not become ten.
local function blank() return unknown.poison() end

local function check_values(self, t, want)
  local faults = require "resources.schema".faults(t:schema(self.models), want, self.is)
  for _, message in ipairs(faults) do self:fault("%s: %s", t.type, message) end
  if #faults > 0 or not t.check then return #faults == 0 end
  local known = {}
  for name, value in pairs(want) do
    if not unknown.is(value) then known[name] = value end
  end
  local found = t.check(known)
  for _, message in ipairs(found or {}) do self:fault("%s: %s", t.type, message) end
  return #(found or {}) == 0
end

local function add_edges(self, node, meta)
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
      self:fault("%s: after takes resources (what ensure returned) or addresses such as sqs.queue/name", node.address)
    end
  end
end

--- Declares a resource and returns its handle; on a fault, which is noted, a handle that fits anywhere.
function engine:declare(type_name, args)
  local t, phrase = resources.find(type_name)
  if not t then
    self:fault("there is no resource type %s%s", type_name, phrase)
    return blank()
  end
  if type(args) ~= "table" or unknown.is(args) then
    self:fault("ensure.%s takes a table of properties", type_name)
    return blank()
  end
  local want, meta = properties_of(t, args)
  want = copy(want, 1)
  local owner = self.owners[#self.owners] or self.program.header.name
  if not check_values(self, t, want) then return blank() end
  if t.tagged then want.Tags = merge_tags(self, want.Tags, owner) end
  for _, name in ipairs(t.keys) do
    if unknown.is_poison(want[name]) then return blank() end
  end
  local key, open = key_of(t, want)
  local path, line = fault.here(self.sources)
  local node = {type = t, name = key, address = t.type .. "/" .. key, key_open = open, want = want, deps = {},
    file = path, line = line, owner = owner, protect = meta.protect, ignore = meta.ignore, index = #self.nodes + 1}
  local twin = self.by_address[node.address]
  if twin then
    self:fault("%s is declared twice; the other is at %s:%d", node.address, twin.file, twin.line)
    return blank()
  end
  node.fields = t:field_names(self.models)
  node.field_names = function() return require "playbook.vars".names(node.fields) end
  node.misnamed = misnamed(self, node)
  add_edges(self, node, meta)
  self.by_address[node.address] = node
  self.nodes[node.index] = node
  self.pending[#self.pending + 1] = node
  return unknown.handle(node)
end

-- ## Edges by address, cycles

-- Why a node cannot come after the one at `address`, or nil.
local function no_edge(self, node, address)
  local other = self.by_address[address]
  if not other then
    return ("%s: after names %s, which is not declared%s"):format(node.address, address,
      suggest.phrase(address, require "playbook.vars".names(self.by_address)))
  end
  if (other.segment or 0) > (node.segment or math.huge) then
    return ("%s: after names %s, which is declared further down, behind a step, approve, park or find; what stands"
      .. " above that is done before it, so declare %s above it too"):format(node.address, address, address)
  end
end

local function link(self)
  for _, node in ipairs(self.nodes) do
    for _, address in ipairs(node.after or {}) do
      local why = no_edge(self, node, address)
      if not why then node.deps[self.by_address[address]] = true end
      if why then fault.add(self.faults, node.file, node.line, why) end
    end
  end
end

local function cycle_text(path, node)
  local out, on = {}, false
  for _, step in ipairs(path) do
    on = on or step == node
    if on then out[#out + 1] = step.address end
  end
  out[#out + 1] = node.address
  return table.concat(out, " -> ")
end

--- The nodes in an order in which each comes after what it leans on; nil and the path of a cycle.
function engine.order(nodes)
  local state, out, path, inside = {}, {}, {}, {}
  for _, node in ipairs(nodes) do inside[node] = true end
  local function visit(node)
    if state[node] == "done" or not inside[node] then return true end
    if state[node] == "open" then return nil, cycle_text(path, node) end
    state[node] = "open"
    path[#path + 1] = node
    local deps = {}
    for other in pairs(node.deps) do
      if other.index then deps[#deps + 1] = other end
    end
    table.sort(deps, function(a, b) return a.index < b.index end)
    for _, other in ipairs(deps) do
      local ok, cycle = visit(other)
      if not ok then return nil, cycle end
    end
    path[#path] = nil
    state[node] = "done"
    out[#out + 1] = node
    return true
  end
  for _, node in ipairs(nodes) do
    local ok, cycle = visit(node)
    if not ok then return nil, cycle end
  end
  return out
end

-- ## Running the chunk

--- What a barrier (step, approve, park) closes: the resources declared since the last one.
function engine:segment()
  if #self.pending == 0 then return nil end
  local nodes = self.pending
  self.pending = {}
  local entry = {kind = "resources", nodes = nodes}
  self.sequence[#self.sequence + 1] = entry
  if self.mode == "apply" then link(self) end
  for _, node in ipairs(nodes) do node.segment = #self.sequence end
  return entry
end

--- Adds a barrier to the sequence, after what was declared above it.
function engine:barrier(entry)
  if self.mode ~= "apply" then self:segment() end   -- in a run the workflow closes it, and applies it
  local path, line = fault.here(self.sources)
  entry.file, entry.line = path, line
  local names = self.barrier_names or {}
  self.barrier_names = names
  if names[entry.name] then
    self:fault("%s %q has the same name as the one at %s:%d; journalled names must be unique, for example by"
      .. " joining a loop's variable to it", entry.kind, entry.name, names[entry.name].file, names[entry.name].line)
  end
  names[entry.name] = entry
  self.sequence[#self.sequence + 1] = entry
  return entry
end

-- An error of the chunk becomes a fault at its line, unless that line has one already (it is then its echo).
local function caught(self, err)
  if type(err) ~= "string" or err:find("ran too long", 1, true) then return err end
  local path, line = fault.here(self.sources)
  local message = err:gsub("^%[?[^\n]-:%d+: ", "")
  return {chunk_error = true, path = path, line = line, message = message}
end

local function note_error(self, err)
  if type(err) ~= "table" or not err.chunk_error then error(err, 0) end
  for _, f in ipairs(self.faults) do
    if f.file == err.path and f.line == err.line then return end
  end
  fault.add(self.faults, err.path, err.line, err.message)
end

--- Runs a chunk as part of this engine: errors of the playbook become faults.
function engine:run_program(program, env, owner)
  local chunk = require "playbook.source".chunk(program, env)
  self.sources["@" .. program.path] = program.path
  self.owners[#self.owners + 1] = owner
  local ok, err = xpcall(chunk, function(e) return caught(self, e) end)
  self.owners[#self.owners] = nil
  if not ok then note_error(self, err) end
end

local function check_order(self)
  link(self)
  if #self.faults > 0 then return end
  local _, cycle = engine.order(self.nodes)
  if cycle then
    fault.add(self.faults, self.program.path, nil, "these resources lean on each other in a circle: " .. cycle)
  end
end

--- Runs the whole playbook; raises all faults at once.
function engine:run(env)
  self:run_program(self.program, env, self.program.header.name)
  if self.mode == "apply" then
    fault.raise(self.faults)
    self.workflow:flush(self)
  else
    self:segment()
    check_order(self)
    fault.raise(self.faults)
  end
  return self
end

return engine
