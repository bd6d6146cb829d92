-- stopping_spec.lua -- commands that signals stop: what only reads ends at once, in words; of what writes, the
-- first lets what is in flight end, the second ends all. And what an earlier run that was stopped refuses.
local fs = require "tidelock.fs"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

-- One call of the library that works for years where it is let.
local STUCK <const> = [[playbook {name = "spec/stuck"}
ensure.sqs.queue {name = "before"}
step "stuck" {run = function() return (("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60))) end}]]

local PARKS <const> = [[playbook {name = "spec/parks"}
ensure.sqs.queue {name = "before"}
park {"1h", why = "soak"}]]

describe("an apply that is stopped", function()
  local server <const> = moto.start()
  local silent <const> = httpd.start()
  local dir <const> = fs.tempdir "stopping_spec"
  local session
  teardown(function()
    server:stop()
    silent:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function()
    server:reset()
    session = server:session()
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
    return program.command(env, ...)
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

  local function spawned(words)
    return assert(proc.spawn {"sh", "-c", 'exec "$@" > "$0" 2>&1', dir .. "/said", env = words.env,
      table.unpack(words)})
  end

  -- Starts an apply, waits until its journal ends with a record of that kind.
  local function started(kind, ...)
    local child = spawned(command("apply", ...))
    for _ = 1, 1200 do
      local kinds = journal()
      if kinds[#kinds] == kind then return child end
      loop.sleep(0.05)
    end
    error(("the apply never came to %s, but to: %s"):format(kind, table.concat(journal(), " ")))
  end

  local function hung()
    local counts = json.decode(assert(http.send {scheme = "http", host = silent.host, method = "GET",
      path = "/counts", query = "", headers = {}, body = ""}).body)
    return counts.hang or 0
  end

  -- Starts a command whose first request is never answered, and waits until that is on its way.
  local function waiting(...)
    local words, before = command(...), hung()
    words.env.AWS_ENDPOINT_URL = silent.url .. "/hang"
    local child = spawned(words)
    for _ = 1, 1200 do
      if hung() > before then return child end
      loop.sleep(0.05)
    end
    error "it never asked"
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
      assert.is_true(loop.now() - began < 60)               -- the call itself would take years
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

  for _, row in ipairs {{"plan", "INT"}, {"apply", "TERM"}, {"drift", "HUP"}, {"destroy", "INT"}} do
    it(("%s says that nothing was changed when SIG%s ends it while it reads"):format(row[1], row[2]), function()
      local child <close> = waiting(row[1], playbook(PARKS))
      child:kill(row[2])
      assert.equal(130, child:wait(), said())
      assert.equal(("tidelock: Stopped by SIG%s. Nothing was changed.\n"):format(row[2]), said())
    end)
  end

  it("and a resume how to go on", function()
    local path = playbook(PARKS)
    assert.equal(75, assert(proc.run(command("apply", path, "--yes"))).code)
    local kinds, run = journal()
    local child <close> = waiting("resume", run)
    child:kill "INT"
    assert.equal(130, child:wait(), said())
    assert.equal(("tidelock: Stopped by SIGINT. Nothing more was done. Go on with: tidelock resume %s\n"):format(run),
      said())
    assert.same(kinds, (journal()), "its journal has nothing new")
  end)

  it("and is parked is told before a plan is read that nobody may apply", function()
    local path = playbook(PARKS)
    assert.equal(75, assert(proc.run(command("apply", path, "--yes"))).code)
    local words, asked = command("apply", path, "--yes"), hung()
    words.env.AWS_ENDPOINT_URL_SQS = silent.url .. "/hang"
    local again = assert(proc.run(words))
    assert.equal(75, again.code, again.stderr)
    assert.matches("^tidelock: Run %S+ of this playbook has not ended %(parked%). Go on with: tidelock resume",
      again.stderr)
    assert.equal("", again.stdout)
    assert.equal(asked, hung(), "nothing of it was read")
  end)
end)
