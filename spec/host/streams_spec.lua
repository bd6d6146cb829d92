-- streams_spec.lua -- the program started with its standard streams closed, as some supervisors do.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"

local PROGRAM <const> = arg[-1]:gsub("tidelua$", "tidelock")
local CLOSED <const> = {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}

local function closed(streams, env, ...)
  return assert(proc.run {"sh", "-c", 'exec "$@" ' .. streams, "sh", PROGRAM, env = env, ...})
end

describe("the program with closed streams", function()
  it("does its work, and tells it where it can", function()
    for _, streams in ipairs(CLOSED) do
      local out = closed(streams, {}, "version")
      assert.equal(0, out.code, streams .. ": " .. out.stderr)
      assert.equal("", out.stderr, streams)
      if streams:find(">&-", 1, true) and not streams:find "^2" then assert.equal("", out.stdout)
      else assert.matches("^tidelock ", out.stdout, streams) end
      assert.equal(64, closed(streams, {}, "no-such-command").code, streams)
    end
  end)
  it("lets nothing that is meant for people into a journal", function()
    local server <close> = moto.start()
    local dir = fs.tempdir "streams_spec"
    assert(fs.write(dir .. "/play.lua", 'playbook {name = "spec/closed", about = "x"}\n'
      .. 'ensure.sqs.queue {name = "closed"}\nprint "for people"\n'))
    local env = {TIDELOCK_STATE = dir .. "/state"}
    for name, value in pairs(server.env) do env[name] = value end
    local out = closed("<&- >&- 2>&-", env, "apply", dir .. "/play.lua", "--yes")
    assert.equal(0, out.code)
    local runs, lines = assert(fs.list(dir .. "/state/runs")), 0
    assert.equal(1, #runs)
    for line in io.lines(dir .. "/state/runs/" .. runs[1] .. "/journal.jsonl") do
      lines = lines + 1
      assert.is_table(json.decode(line), line)
    end
    assert.is_true(lines > 3)
    os.execute("rm -rf '" .. dir .. "'")
  end)
  it("goes on to a run's end whose reader has seen enough, and tells where its output could not be kept", function()
    local server <close> = moto.start()
    local dir = fs.tempdir "streams_spec"
    local many = {}
    for i = 1, 40 do many[i] = ('ensure.sqs.queue {name = "q%d", tags = {Purpose = ("x"):rep(2000)}}'):format(i) end
    assert(fs.write(dir .. "/play.lua", 'playbook {name = "spec/head"}\n' .. table.concat(many, "\n")))
    local env = {TIDELOCK_STATE = dir .. "/state"}
    for name, value in pairs(server.env) do env[name] = value end
    local function piped(into, ...)
      local line = ('("$@"; echo "code $?" >&2) %s'):format(into)
      return assert(proc.run {"sh", "-c", line, "sh", PROGRAM, env = env, ...})
    end
    local out = piped("| head -1", "apply", dir .. "/play.lua", "--yes")
    assert.matches("^spec/head", out.stdout)
    assert.matches("code 0\n$", out.stderr)
    local runs = assert(json.decode(piped("", "runs", "--output", "json").stdout))
    assert.same({"done"}, {runs[1].state})
    out = piped("", "plan", dir .. "/play.lua")
    assert.matches("0 to create, 0 to update.*40 unchanged", out.stdout)
    out = piped("> /dev/full", "apply", dir .. "/play.lua", "--yes")
    assert.matches("could not write the whole output: No space left on device\ncode 70\n$", out.stderr)
    os.execute("rm -rf '" .. dir .. "'")
  end)
end)
