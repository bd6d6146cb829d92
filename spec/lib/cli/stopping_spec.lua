-- stopping_spec.lua -- apply, as it is stopped by signals: the first lets what is in flight end, the second ends all.
local aws = require "aws"
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"

-- One call of the library that works for years where it is let.
local STUCK <const> = [[playbook {name = "spec/stuck"}
ensure.sqs.queue {name = "before"}
step "stuck" {run = function() return (("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60))) end}]]

describe("an apply that is stopped", function()
  local server <const> = moto.start()
  local dir <const> = fs.tempdir "stopping_spec"
  local session
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function()
    server:reset()
    session = aws.session {region = server.region, endpoint_url = server.url, credentials = server.credentials}
  end)

  local function playbook(text)
    local path = dir .. "/play.lua"
    assert(fs.write(path, text))
    return path
  end

  local function state() return dir .. "/" .. server.account end

  local function command(...)
    local env = {TIDELOCK_STATE = state(), NO_COLOR = "1"}
    for k, v in pairs(server.env) do env[k] = v end
    return {arg[-1] or "build/tidelua", "spec/support/cli.lua", env = env, ...}
  end

  -- The kinds of the records of the newest run.
  local function journal()
    local runs = fs.list(state() .. "/runs")
    if not runs or #runs == 0 then return {}, "" end
    table.sort(runs)
    local kinds = {}
    for line in io.lines(state() .. "/runs/" .. runs[#runs] .. "/journal.jsonl") do
      kinds[#kinds + 1] = assert(json.decode(line)).kind
    end
    return kinds, runs[#runs]
  end

  -- Starts an apply, waits until its journal ends with a record of that kind.
  local function started(kind, ...)
    local words = command("apply", ...)
    words = {"sh", "-c", 'exec "$@" > "$0" 2>&1', dir .. "/said", env = words.env, table.unpack(words)}
    local child = assert(proc.spawn(words))
    for _ = 1, 400 do
      local kinds = journal()
      if kinds[#kinds] == kind then return child end
      loop.sleep(0.05)
    end
    error(("the apply never came to %s, but to: %s"):format(kind, table.concat(journal(), " ")))
  end

  local function said()
    local file <close> = assert(io.open(dir .. "/said"))
    return file:read "a"
  end

  for _, name in ipairs {"TERM", "INT"} do
    it(("ends at the second SIG%s inside a call that never ends, and says how to go on"):format(name), function()
      local child <close> = started("step.start", playbook(STUCK), "--yes", "--max-instructions", "1000000000000000")
      loop.sleep(0.3)
      child:kill(name)
      loop.sleep(0.5)
      local kinds, run = journal()
      assert.equal("step.start", kinds[#kinds], "the first is heard of when the call ends")
      child:kill(name)
      local began = loop.now()
      local code = child:wait()
      assert.equal(130, code)
      assert.is_true(loop.now() - began < 5)
      local words = "stopped at once; what was in flight may still be done. Go on with: tidelock resume " .. run
      assert.is_truthy(said():find(words, 1, true), said())
      assert.same({"resource.start", "call", "answer", "resource.done", "step.start"},
        table.move(kinds, #kinds - 4, #kinds, 1, {}))
      assert.equal(1, #session.sqs:list_queues {}.QueueUrls)
      local resumed = assert(proc.run(command("resume", "last")))
      assert.equal(75, resumed.code, resumed.stderr)
      assert.matches('Step "stuck" was in flight when the run stopped', resumed.stderr)
    end)
  end
end)
