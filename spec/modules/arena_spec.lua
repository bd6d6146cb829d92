-- arena_spec.lua -- the blocks that tidelock's own Lua state lives in: spec/modules/arena.c, and whole states in them.
local proc = require "tidelock.proc"

local SELF <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "%S+"

-- Runs a script in a state whose blocks come from the arena.
local function inside(script)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local env = {PATH = os.getenv "PATH", TIDELUA_ARENA = "1"}
  local out = assert(proc.run {SELF, path, env = env})
  os.remove(path)
  assert.equal(0, out.code, out.stderr)
  return out.stdout
end

describe("the arena", function()
  it("keeps to its contract: contents, place, reuse, refusals, the end", function()
    local program = os.tmpname()
    local built = assert(proc.run {os.getenv "CC" or "cc", "-O1", "-g", "-std=c11", "-D_GNU_SOURCE", "-Imodules",
      "-isystem", "build/vendor/include", "-isystem", "/usr/include/lua5.4", "-fsanitize=undefined",
      "-fno-sanitize-recover=undefined", "-Wl,--wrap=mmap,--wrap=malloc,--wrap=realloc", "-o", program,
      "spec/modules/arena.c", "modules/arena.c"})
    assert.equal(0, built.code, built.stderr)
    local out = assert(proc.run {program})
    os.remove(program)
    assert.same({0, ""}, {out.code, out.stderr}, out.stdout)
    assert.matches("^ok %d+\n$", out.stdout)
  end)

  it("holds a state through much work in as much memory the sixth time as the second", function()
    local maps <close> = assert(io.open "/proc/self/maps")
    if maps:read "a":find "libasan" then
      pending "AddressSanitizer keeps what is freed"
      return
    end
    local used = inside [[
      local function work()
        local t = {}
        for i = 1, 15000 do
          t[i] = {i, tostring(i), name = ("x"):rep(i % 500), f = function() return i end}
          if i % 3 == 0 then t[i - 1] = false end
        end
        for i = 1, 15000 do
          if t[i] then assert(t[i][1] == i and t[i][2] == tostring(i) and #t[i].name == i % 500 and t[i].f() == i) end
        end
      end
      local function resident()
        local file <close> = assert(io.open "/proc/self/statm")
        return tonumber(file:read "a":match "^%d+ (%d+)")
      end
      local second
      for round = 1, 6 do
        work()
        collectgarbage()
        collectgarbage()
        if round == 2 then second = resident() end
      end
      print(resident() - second)]]
    assert.is_true(tonumber(used) < 1024, used)          -- pages: 4 MB; one round makes three times as much
  end)

  it("is held to a ceiling, below which the state goes on", function()
    assert.equal("not enough memory\t1000\n", inside [[
      local limit = require "tidelock.limit"
      collectgarbage()
      limit.memory(limit.used() + (1 << 20))
      local ok, err = pcall(function()
        local t = {}
        for i = 1, 1e6 do t[i] = {i} end
      end)
      assert(not ok)
      local t = {}
      for i = 1, 1000 do t[i] = {i} end
      print(err, #t)]])
  end)

  it("raises where the system gives no more, at whatever block, and the state goes on", function()
    local runs = inside [[
      local sweep = require "support.sweep"
      print(sweep(function()
        local t = {}
        for i = 1, 60 do t[i] = ("x"):rep(600 + i) end
        assert(table.concat(t):find "x")
      end, 5000))]]
    assert.is_true(tonumber(runs) > 30, runs)
  end)
end)
