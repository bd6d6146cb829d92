-- modules_spec.lua -- what holds for each native module: opening it may fail for want of memory, and be tried again.
local proc = require "tidelock.proc"

-- Opens the module with ever more memory until it opens, then prints the metatables that it made, with their fields.
local OPEN <const> = [[
local name, tight = arg[1], arg[2] == "tight"
collectgarbage "stop"
if tight then
  for n = 0, 5000 do
    alloc.arm(n)
    local ok, err = pcall(require, name)
    local fired = alloc.disarm()
    if ok and not fired then break end
    if not ok and not tostring(err):find("not enough memory", 1, true) then error(err, 0) end
    if ok then package.loaded[name] = nil end
  end
end
require(name)
local rows = {}
for key, meta in pairs(debug.getregistry()) do
  if type(key) == "string" and key:find "^tidelock%." and type(meta) == "table" then
    local fields = {}
    for field in pairs(meta) do fields[#fields + 1] = tostring(field) end
    table.sort(fields)
    rows[#rows + 1] = key .. ": " .. table.concat(fields, " ")
  end
end
table.sort(rows)
print(table.concat(rows, "\n"))]]

describe("a native module", function()
  local path <const> = os.tmpname()
  setup(function()
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(OPEN))
  end)
  teardown(function() os.remove(path) end)

  local function made(name, how)
    local out = assert(proc.run {arg[-1], path, name, how, env = {TIDELUA_SPARE = "1"}})
    assert.same({"", 0}, {out.stderr, out.code}, name)
    return out.stdout
  end

  local file <close> = assert(io.open "modules/modules.h")
  for name in file:read "a":gmatch "X%(([%w_]+)%)" do
    it(name .. " opens whole after each opening that no memory was there for", function()
      assert.equal(made("tidelock." .. name, "roomy"), made("tidelock." .. name, "tight"))
    end)
  end
end)
