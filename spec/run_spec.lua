-- run.lua itself: a file that proves nothing is no success.
local fs = require "tidelock.fs"
local proc = require "tidelock.proc"

local function run(text, more)
  local path <const> = os.tmpname() .. "_spec.lua"
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local out = assert(proc.run {arg[-1] or "build/tidelua", "spec/run.lua", more or path, more and path})
  os.remove(path)
  os.remove((path:gsub("_spec%.lua$", "")))
  return out
end

describe("spec/run.lua", function()
  it("fails for a file in which no spec runs, and says so", function()
    local out = run 'describe("x", function() if false then it("y", function() end) end end)'
    assert.not_equal(0, out.code)
    assert.matches("No spec of this file ran, and none is pending", out.stdout, 1, true)
    assert.matches("\n0 passed, 1 failed, 0 skipped\n", out.stdout, 1, true)
  end)

  it("fails so among others too", function()
    local out = run("return nil", "spec/lib/glob_spec.lua")
    assert.not_equal(0, out.code)
    assert.matches("No spec of this file ran", out.stdout, 1, true)
  end)

  it("takes a file of pending ones, one in which one runs, and one that a filter leaves out", function()
    assert.equal(0, run('describe("x", function() pending("y: there is no such thing here") end)').code)
    assert.equal(0, run('describe("x", function() it("y", function() assert.is_true(true) end) end)').code)
    assert.equal(0, run('describe("x", function() it("y", function() end) end)', "--filter=zz").code)
  end)
  it("tells all that is not there in a sentence, and runs nothing of what is", function()
    local empty <const> = fs.tempdir "run_spec"
    local out = assert(proc.run {arg[-1] or "build/tidelua", "spec/run.lua", "spec/lib/glob_spec.lua", "nowhere",
      "spec/none_spec.lua", empty})
    os.remove(empty)
    assert.same({64, ""}, {out.code, out.stdout})
    assert.equal("spec run: no spec was run: could not look at nowhere: No such file or directory; could not look at"
      .. " spec/none_spec.lua: No such file or directory; in " .. empty .. " is no spec, a file like NAME_spec.lua."
      .. " Give files or folders of specs.\n", out.stderr)
  end)
end)
