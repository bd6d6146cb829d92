--- One run of a playbook's chunk: its faults, its barriers, the sequence. The planner and the applier act on it.
local declare = require "playbook.declare"
local edges = require "playbook.edges"
local fault = require "playbook.fault"
local halt = require "playbook.halt"
local unknown = require "playbook.unknown"

local engine = {}
engine.__index = engine

--- An engine. Options: program, account (data), account_path, vars, models, emit(event), mode "plan" | "apply",
-- region, identity (node whose `known` gets the account's number), hooks for barriers.
function engine.new(options)
  local self = setmetatable({}, engine)
  for name, value in pairs(options) do self[name] = value end
  self.nodes, self.by_address, self.sequence = {}, {}, {}
  self.faults = options.faults or fault.list()
  self.outputs, self.sources, self.owners, self.texts = {}, {}, {}, {}
  self.halves, self.counts, self.barrier_names = {}, {}, {}
  self.pending, self.owns_nothing = {}, {}
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

--- Declares a resource and returns its handle (playbook.declare).
function engine:declare(type_name, args) return declare.resource(self, type_name, args) end

--- A word that takes a name, then a table: step "x" {...}. `body(name, spec)` does it; of one that is left half said
-- the playbook hears.
function engine:named(kind, example, body)
  return function(name)
    if type(name) ~= "string" or name == "" then
      self:fault("%s takes a name, then a table: %s", kind, example)
      return unknown.poison()
    end
    local path, line = fault.here(self.sources)
    local half = {kind = kind, name = name, file = path, line = line, example = example}
    self.halves[half] = true
    return function(spec)
      self.halves[half] = nil
      return body(name, spec)
    end
  end
end

-- ## Running the chunk

--- What a barrier (step, approve, park) closes: the resources declared since the last one.
function engine:segment()
  if #self.pending == 0 then return nil end
  local nodes = self.pending
  self.pending = {}
  local entry = {kind = "resources", nodes = nodes}
  self.sequence[#self.sequence + 1] = entry
  if self.mode == "apply" then edges.link(self) end
  for _, node in ipairs(nodes) do node.segment = #self.sequence end
  return entry
end

-- Where another playbook of the same run has that name already, the later one bears its playbook's before its own.
local function own_name(names, entry)
  local twin = names[entry.name]
  if twin and twin.owner ~= entry.owner then entry.name = ("%s: %s"):format(entry.owner, entry.name) end
  return names[entry.name]
end

--- Refuses a word that declares while a step runs: no plan would have shown what it makes or asks.
function engine:refuse_in_step(word)
  if not self.in_step then return end
  local text = ("%s cannot be called in %s, where no plan would show it; put it above or below"):format(word,
    self.in_step.address)
  if self.in_step.only_looks then require "playbook.find".wrong(self, text) end
  error(text, 3)
end

--- Adds a barrier to the sequence, after what was declared above it.
function engine:barrier(entry)
  self:refuse_in_step(("%s %q"):format(entry.kind, entry.name))
  if self.mode ~= "apply" then self:segment() end   -- in a run the workflow closes it, and applies it
  entry.file, entry.line = fault.here(self.sources)
  entry.owner = self.owners[#self.owners]
  local twin = own_name(self.barrier_names, entry)
  if twin then
    self:fault("%s %q has the same name as the one at %s:%d; journalled names must be unique, for example by"
      .. " joining a loop's variable to it", entry.kind, entry.name, twin.file, twin.line)
  end
  self.barrier_names[entry.name] = entry
  self.sequence[#self.sequence + 1] = entry
  return entry
end

-- An error of the chunk becomes a fault at its line, unless that line has one already (it is then its echo).
local function caught(self, err)
  local bare = type(err) == "table" and getmetatable(err) == nil
  if err == nil or bare and type(err.message) ~= "string" then err = halt.reason(err) end
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

local function note_halves(self)
  for half in pairs(self.halves) do
    fault.add(self.faults, half.file, half.line, ("%s %q has no table; write %s"):format(half.kind, half.name,
      half.example))
  end
  self.halves = {}
end

--- Runs a chunk as part of this engine: errors of the playbook become faults.
function engine:run_program(program, env, owner)
  local chunk = require "playbook.source".chunk(program, env)
  self.sources["@" .. program.path], self.texts[program.path] = program.path, program.text
  self.owners[#self.owners + 1] = owner
  self.owns_nothing[owner] = program.header and program.header.owns == false or nil
  local ok, err = xpcall(chunk, function(e) return caught(self, e) end)
  self.owners[#self.owners] = nil
  if not ok then note_error(self, err) end
  if ok then note_halves(self) end
end

local function check_order(self)
  edges.link(self)
  local _, cycle, at = edges.order(self.nodes)
  if cycle then
    fault.add(self.faults, at.file, at.line, "these resources lean on each other in a circle: " .. cycle)
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
