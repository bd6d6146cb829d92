--- include: another playbook as part of this one, in an environment of its own; returns what it puts out.
local source = require "playbook.source"
local suggest = require "suggest"
local textfile = require "playbook.textfile"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"

local include = {}

-- Folders in which an included playbook may stand, in their order.
local function bases(engine)
  local dir = engine.program.path:match "^(.*)/[^/]*$" or "."
  return {dir, dir .. "/..", dir .. "/../..", "playbooks", "."}
end

local function find_included(engine, name)
  for _, base in ipairs(bases(engine)) do
    local path = ("%s/%s.lua"):format(base, name)
    if textfile.is_there(path) then return textfile.short(path) end
  end
end

-- `; did you mean "parts/one"?`: the name that was meant by one of which there is no file, spelt as include takes it.
local function near(engine, name)
  local folder, own = name:match "^(.-)([^/]*)$"
  local names, seen = {}, {}
  for _, base in ipairs(bases(engine)) do
    for _, other in ipairs(textfile.beside(("%s/%s"):format(base, name))) do
      if not seen[other] then names[#names + 1] = other end
      seen[other] = true
    end
  end
  local meant = suggest.nearest(own:gsub("%.lua$", ""), names)
  return meant and ("; did you mean %q?"):format(folder .. meant) or ""
end

-- What a name that is no playbook's is told as.
local function missing(engine, name)
  if type(name) ~= "string" then
    engine:fault('include takes the name of a playbook: include "parts/one"')
  else
    engine:fault("include: there is no playbook %s.lua beside this one or in playbooks/%s", name, near(engine, name))
  end
end

--- The word include for the playbook that `engine` runs; `environment(engine, vars, outputs)` makes that of another.
function include.word(engine, environment)
  return function(name, given)
    local path = type(name) == "string" and find_included(engine, name)
    if not path then
      missing(engine, name)
      return unknown.poison()
    end
    for _, open in ipairs(engine.including or {}) do
      if open == path then
        engine:fault("include: %s includes itself", name)
        return unknown.poison()
      end
    end
    local program = source.parse(path, source.read(path), engine.faults)
    if not program.runs then return unknown.poison() end
    local values, faults = vars.resolve(program.header.vars or {}, given or {})
    for _, message in ipairs(faults) do engine:fault("include %s: %s", name, message) end
    engine.including = engine.including or {engine.program.path}
    table.insert(engine.including, path)
    local out = {}
    engine:run_program(program, environment(engine, values, out), program.header.name)
    table.remove(engine.including)
    return out
  end
end

return include
