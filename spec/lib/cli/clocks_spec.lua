-- clocks_spec.lua -- apply, resume and the list of runs on a machine whose clock is wrong (libfaketime).
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

local LIBRARY <const> = assert(proc.run {"sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1"}).stdout:match "^(%S+)"

local FLOW <const> = [[playbook {name = "spec/clocks"}
ensure.sqs.queue {name = "q"}
approve "go"
ensure.sqs.queue {name = "after"}]]

describe("on a machine whose clock is wrong", function()
  local server <const> = moto.start()
  local dir <const> = fs.tempdir "clocks_spec"
  local path <const> = dir .. "/play.lua"
  setup(function() assert(fs.write(path, FLOW)) end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function() server:reset() end)

  -- The command, by a clock that is off by `wrong` ("+2h"), or by the right one.
  local function run(wrong, ...)
    local env = {TIDELOCK_STATE = dir .. "/" .. server.account, LD_PRELOAD = wrong and LIBRARY, FAKETIME = wrong,
      FAKETIME_DONT_FAKE_MONOTONIC = "1"}
    for k, v in pairs(server.env) do env[k] = v end
    return assert(proc.run(program.command(env, ...)))
  end

  for _, wrong in ipairs {"+2h", "-2h", "+40d"} do
    it(("applies, is parked and goes on, the clock off by %s"):format(wrong), function()
      local parked = run(wrong, "apply", path, "--yes")
      assert.equal(75, parked.code, parked.stderr)
      local done = run(wrong, "resume", "last", "--approve", "go")
      assert.equal(0, done.code, done.stderr)
      local plan = run(nil, "plan", path, "--detailed-exitcode")
      assert.equal(0, plan.code, plan.stdout .. plan.stderr)
      assert.matches("0 to create, 0 to update, 0 to replace, 0 to delete, 2 unchanged", plan.stdout)
      assert.equal("done", assert(json.decode(run(nil, "runs", "--output", "json").stdout))[1].state)
    end)
  end

  it("is gone on with from a machine whose clock is right, and the other way round", function()
    assert.equal(75, run("+3h", "apply", path, "--yes").code)
    assert.equal(75, run(nil, "resume", "last").code)
    assert.equal(0, run("-3h", "resume", "last", "--approve", "go").code)
    assert.equal(0, run(nil, "plan", path, "--detailed-exitcode").code)
  end)
end)
