--- A playbook's text: read, checked, its header taken without running the body, and loaded as a chunk.
local contains = require "lists".contains
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local suggest = require "suggest"
local vars = require "playbook.vars"

local source = {}

local HEADER <const> = {"name", "about", "vars", "account", "owns", "schedule", "version"}
local DONE <const> = setmetatable({}, {__tostring = function() return "the header was read" end})

-- The playbook that was meant by a path where none is: `harden` is playbooks/harden.lua, else one spelt like it.
local function near(path)
  local textfile = require "playbook.textfile"
  for _, other in ipairs {path .. ".lua", "playbooks/" .. path, "playbooks/" .. path .. ".lua"} do
    if textfile.is_there(other) then return other end
  end
  local folder, name = path:match "^(.-)([^/]*)$"
  local meant = suggest.nearest(name:gsub("%.lua$", ""), textfile.beside(path))
  return meant and folder .. meant .. ".lua"
end

--- The text of a playbook file; raises a sentence where there is none.
function source.read(path)
  local text, why = require "playbook.textfile".read(path)
  if not text then
    local meant = near(path)
    fault.fail(64, "The playbook cannot be read: %s. %s", why,
      meant and ("Did you mean %s?"):format(meant) or "Give the path of a .lua file.")
  end
  return (text:gsub("^#![^\n]*", ""))
end

-- Lua ends a long sentence with what it stood near; the place is given apart.
local function syntax(list, path, err)
  fault.add(list, path, math.tointeger(tonumber(err:match ":(%d+):")), (err:gsub("^.-:%d+: ", "")))
end

-- Whether the body can be run, whatever else is wrong with the header: then it is, so that all is told at once.
local function check_header(list, path, line, header)
  if type(header) ~= "table" then
    fault.add(list, path, line, 'playbook takes a table: playbook {name = "...", about = "..."}')
    return false
  end
  for key in pairs(header) do
    if not contains(HEADER, key) then
      fault.add(list, path, line, ("playbook: %s is not known in the header%s"):format(tostring(key),
        suggest.phrase(key, HEADER)))
    end
  end
  local named = type(header.name) == "string" and header.name:find "^[%w_/.-]+$" ~= nil
  if not named then
    fault.add(list, path, line, 'playbook: name must be text such as "provision/messaging"')
  end
  if header.about ~= nil and type(header.about) ~= "string" then
    fault.add(list, path, line, "playbook: about must be text")
  end
  if header.owns ~= nil and type(header.owns) ~= "boolean" then
    fault.add(list, path, line, "playbook: owns must be true, or false where what it declares stays nobody's")
  end
  local fits, faults = vars.check(header.vars or {})
  for _, message in ipairs(faults) do fault.add(list, path, line, message) end
  return named and fits
end

-- Runs only the call of `playbook`, which must come first: what follows is never reached. The header, and whether the
-- body can be run; nil where the text is no Lua or has no end, false where it has no header.
local function take_header(list, path, text)
  local header, line
  local env = {
    playbook = function(given)
      header = given == nil and false or given
      line = debug.getinfo(2, "l").currentline
      error(DONE, 0)
    end,
    days = function(n) return n * 86400 end, hours = function(n) return n * 3600 end,
    minutes = function(n) return n * 60 end, seconds = function(n) return n end,
  }
  local chunk, err = load(text, "@" .. path, "t", env)
  if not chunk then
    syntax(list, path, err)
    return nil
  end
  local _, why = guard.call(nil, chunk)
  if header == nil then
    local endless = guard.sentence(why)
    if endless then
      fault.add(list, path, 1, endless)
      return nil
    end
    local at, what = tostring(why):match ":(%d+): (.*)$"
    fault.add(list, path, math.tointeger(tonumber(at)) or 1, 'a playbook begins with its header: playbook'
      .. ' {name = "...", about = "..."}, of plain values' .. (what and "; here: " .. what or ""))
    return false
  end
  return header, check_header(list, path, line, header)
end

local sound <const> = {}                       -- path -> the program that was found there, without a fault

--- A program of the text at `path`: {path=, text=, header=, runs=}. Faults go to `list`. It `runs` where its header
-- has what a body needs: whatever else is wrong is then found by running it, so that all is told at once. A run
-- includes again what its plan has: a text that had no fault is not checked twice.
function source.parse(path, text, list)
  local program, before = sound[path], #list
  if program and program.text == text then return program end
  local header, runs = take_header(list, path, text)
  if header ~= nil then require "playbook.lint".check(path, text, list) end
  program = {path = path, text = text, header = type(header) == "table" and header or nil, runs = runs}
  sound[path] = runs and #list == before and program or nil
  return program
end

--- The chunk of a program in an environment.
function source.chunk(program, env)
  return assert(load(program.text, "@" .. program.path, "t", env))
end

return source
