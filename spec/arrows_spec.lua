-- arrows_spec.lua -- reads every #include and require, and fails on an arrow that points up (DESIGN, "The house").
-- Inside lib a room may use those below it, itself, and what stands in lib/ alone. Of DESIGN's middle
-- row, report stands on the engine whose runs it shows; the engine knows no report.
local BELOW <const> = {
  cli = {"repl", "adopt", "playbook", "ratelimit", "costs", "ai", "notify", "schedule", "redis", "report", "resources",
    "checks", "aws"},
  adopt = {"playbook", "resources", "checks", "aws"}, notify = {"report", "checks", "aws"},
  repl = {"playbook", "report", "resources", "checks", "aws"},
  playbook = {"resources", "checks", "redis", "aws"}, schedule = {"playbook", "resources", "checks", "aws"},
  ratelimit = {"resources", "checks", "redis", "aws"}, costs = {"resources", "checks", "aws"},
  ai = {"resources", "checks", "aws"}, report = {"playbook", "resources", "checks", "aws"},
  resources = {"aws"}, checks = {"aws"}, aws = {}, redis = {},
}

local function files(folder, ending)
  local out, list = {}, assert(io.popen(("find %s -name '*%s' -type f"):format(folder, ending)))
  for path in list:lines() do out[#out + 1] = path end
  list:close()
  table.sort(out)
  return out
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- The source without comments, so that a word in one is no arrow.
local function code_of(path)
  local text = read(path)
  if path:match "%.lua$" then return (text:gsub("%-%-[^\n]*", "")) end
  return (text:gsub("/%*.-%*/", ""))
end

local function required(code)
  local out = {}
  for _, pattern in ipairs {'require%s*%(?%s*"([%w_.]+)"', "require%s*%(?%s*'([%w_.]+)'"} do
    for name in code:gmatch(pattern) do
      if name:sub(-1) ~= "." then out[#out + 1] = name end   -- one of several, chosen at run time
    end
  end
  return out
end

--- nil, or why lib's file may not require the name.
local function lib_fault(path, name)
  if name:match "^tidelock%." then return nil end
  local room, other = path:match "^lib/([%w_]+)/", name:match "^[%w_]+"
  local file = "lib/" .. name:gsub("%.", "/")
  if not exists(file .. ".lua") and not exists(file .. "/init.lua") then
    if name == "cjson" or name == "argparse" then return nil end
    return "is not in lib/ and no module of ours"
  end
  if room == other or not BELOW[other] then
    return not room and BELOW[other] and "a shared file of lib/ may not know a room" or nil
  end
  if not room then return "a shared file of lib/ may not know a room" end
  if not BELOW[room] then return "room lib/" .. room .. " has no place in the order of rooms: give it one here" end
  for _, below in ipairs(BELOW[room]) do if below == other then return nil end end
  return ("lib/%s may use %s only"):format(room, #BELOW[room] > 0 and table.concat(BELOW[room], ", ") or "the modules")
end

describe("the house", function()
  local faults
  before_each(function() faults = {} end)
  local function fault(path, what, why) faults[#faults + 1] = ("%s: %s: %s"):format(path, what, why) end

  it("has something in it to read", function()
    assert.is_true(#files("modules", ".c") > 5 and #files("lib", ".lua") > 5 and #files("host", ".c") > 1)
  end)

  it("modules/ includes modules/ and libraries, never host/", function()
    for _, ending in ipairs {".c", ".h"} do
      for _, path in ipairs(files("modules", ending)) do
        for name in code_of(path):gmatch '#%s*include%s*"([^"]+)"' do
          if not exists("modules/" .. name) then fault(path, name, "is not in modules/") end
        end
      end
    end
    assert.same({}, faults)
  end)

  it("host/ includes host/ and modules/ by name alone", function()
    for _, ending in ipairs {".c", ".h"} do
      for _, path in ipairs(files("host", ending)) do
        for name in code_of(path):gmatch '#%s*include%s*"([^"]+)"' do
          if not exists("host/" .. name) and not exists("modules/" .. name) then
            fault(path, name, "is in neither host/ nor modules/")
          end
        end
      end
    end
    assert.same({}, faults)
  end)

  it("C never asks for a Lua library above it, but for the host's one way in, cli", function()
    for _, path in ipairs(files("modules", ".c")) do
      for name in code_of(path):gmatch 'require"?[^"\n]*"([%w_.]+)"' do
        if not name:match "^tidelock%." then fault(path, name, "a module in C requires Lua") end
      end
    end
    assert.same({}, faults)
  end)

  it("a room of lib/ requires only what stands below it", function()
    for _, path in ipairs(files("lib", ".lua")) do
      for _, name in ipairs(required(code_of(path))) do
        local why = lib_fault(path, name)
        if why then fault(path, name, why) end
      end
    end
    assert.same({}, faults)
  end)

  it("a resource and a check touch neither terminal nor process", function()
    for _, folder in ipairs {"lib/resources", "lib/checks"} do
      for _, path in ipairs(exists(folder .. "/init.lua") and files(folder, ".lua") or {}) do
        for word in code_of(path):gmatch "[%w_.:]+" do
          for _, pattern in ipairs {"^print$", "^io%.[swr]", "^tidelock%.tty", "^tidelock%.proc"} do
            if word:match(pattern) then fault(path, word, "belongs to the commands") end
          end
        end
      end
    end
    assert.same({}, faults)
  end)

  it("a playbook requires nothing: its vocabulary is all it has", function()
    for _, path in ipairs(files("playbooks", ".lua")) do
      for _, name in ipairs(required(code_of(path))) do fault(path, name, "a playbook never requires") end
    end
    assert.same({}, faults)
  end)

  it("the top level holds the folders of DESIGN and nothing else", function()
    local known = {Makefile = 1, ["README.md"] = 1, LICENSE = 1, host = 1, modules = 1, playbooks = 1, lib = 1,
      vendor = 1, spec = 1, docs = 1, build = 1}
    local list <close> = assert(io.popen "ls")
    for name in list:lines() do if not known[name] then fault(".", name, "has no place at the top level") end end
    assert.same({}, faults)
  end)

  it("catches an arrow that points up", function()
    assert.matches("lib/aws may use the modules only", lib_fault("lib/aws/client.lua", "cli.sandbox"))
    assert.is_nil(lib_fault("lib/cli/sandbox.lua", "tidelock.proc"))
    assert.same({"a.b", "c"}, required 'local x = require "a.b" require("c")')
  end)
end)
