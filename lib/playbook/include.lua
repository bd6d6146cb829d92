--- include: another playbook as part of this one, in an environment of its own; returns what it puts out.
local source = require "playbook.source"
local textfile = require "playbook.textfile"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"

local include = {}

local function find_included(engine, name)
  local dir = engine.program.path:match "^(.*)/[^/]*$" or "."
  for _, base in ipairs {dir, dir .. "/..", dir .. "/../..", "playbooks", "."} do
    local path = ("%s/%s.lua"):format(base, name)
    if textfile.is_there(path) then return textfile.short(path) end
  end
end

--- The word include for the playbook that `engine` runs; `environment(engine, vars, outputs)` makes that of another.
function include.word(engine, environment)
  return function(name, given)
    local path = type(name) == "string" and find_included(engine, name)
    if not path then
      engine:fault("include: there is no playbook %s.lua beside this one or in playbooks/", tostring(name))
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
