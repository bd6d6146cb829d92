-- terminal_spec.lua -- apply at a real terminal: questions, live lines, Ctrl-C, a closed window, SIGTERM.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"
local terminal = require "support.terminal"

local SLOW <const> = [[playbook {name = "spec/slow"}
ensure.dynamodb.table {name = "slow", BillingMode = "PAY_PER_REQUEST",
  AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
  KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
  TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"}}
ensure.sqs.queue {name = "after", after = "dynamodb.table/slow"}]]

local FLOW <const> = [[playbook {name = "spec/flow"}
ensure.sqs.queue {name = "q"}
approve "go"
step "count" {run = function() return 1 end}]]

local PARK <const> = [[playbook {name = "spec/park"}
park {"5s", why = "soak"}
step "after" {run = function() return 1 end}]]

describe("apply at a terminal", function()
  local server <const> = moto.start {slow = 3}
  local dir <const> = fs.tempdir "terminal_spec"
  local session
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function()
    server:reset()
    session = server:session()
  end)

  local function environment()
    local env = {TIDELOCK_STATE = dir .. "/" .. server.account, TERM = "xterm", CI = false, NO_COLOR = "1", USER = "me"}
    for k, v in pairs(server.env) do env[k] = v end
    return env
  end

  local function file(text)
    local path = dir .. "/play.lua"
    assert(fs.write(path, text))
    return path
  end

  local function command(...) return program.command(environment(), ...) end

  local function run(...) return assert(proc.run(command(...))) end

  local function state_of_last()
    return json.decode(run("runs", "--output", "json").stdout)[1].state
  end

  local function resumes(how)
    assert.equal("interrupted", state_of_last(), how)
    local again = run("resume", "last")
    assert.equal(0, again.code, again.stdout .. again.stderr)
    local plan = run("plan", dir .. "/play.lua", "--detailed-exitcode")
    assert.equal(0, plan.code, plan.stdout .. plan.stderr)
  end

  it("asks, takes only yes, and shows what is being done while it is done", function()
    local out = terminal.run(command("apply", file(SLOW)), {{"Only yes is taken as yes: ", "y\n"}})
    assert.matches("Nothing was changed", out.output)
    out = terminal.run(command("apply", file(SLOW)), {{"Only yes is taken as yes: ", "yes\n"}, {"creating, 1 s", ""},
      {"creating, 2 s", ""}})
    assert.equal(0, out.code, out.output)
    assert.matches("\27%[1A\r\27%[J", out.output)
    assert.matches("dynamodb.table/slow  created in %d", out.output)
  end)
  it("does what was shown, also where that was drawn by chance and the clock", function()
    local path = file 'playbook {name = "spec/drawn"} ensure.sqs.queue {name = "q-" .. random(1 << 40) .. "-" .. now()}'
    local out = terminal.run(command("apply", path), {{"Only yes is taken as yes: ", "yes\n", "sleep 1"}})
    assert.equal(0, out.code, out.output)
    local name = out.output:match "sqs.queue/(%S+)  create, there is none"
    assert.equal(name, session.sqs:list_queues {}.QueueUrls[1]:match "[^/]*$")
  end)

  it("does nothing where, while a person read the plan, what it declares became another", function()
    local function part(name, seconds)
      assert(fs.write(("%s/%s.lua"):format(dir, name), ('playbook {name = "spec/part"} ensure.sqs.queue {name = "p",'
        .. " VisibilityTimeout = %d}"):format(seconds)))
    end
    part("part", 10)
    part("other", 20)
    local out = terminal.run(command("apply", file 'playbook {name = "spec/whole"} include "part"'),
      {{"Only yes is taken as yes: ", "yes\n", ("cp '%s/other.lua' '%s/part.lua'"):format(dir, dir)}})
    assert.equal(1, out.code, out.output)
    assert.matches("changed since the plan was shown: %S+part.lua has another text; sqs.queue/p is declared otherwise",
      (out.output:gsub("%s+", " ")))
    assert.is_nil(session.sqs:list_queues {}.QueueUrls)
  end)

  it("at Ctrl-C before anything is done says that nothing was changed, and exits 130", function()
    local out = terminal.run(command("apply", file(FLOW)), {{"Only yes is taken as yes: ", "\3"}})
    assert.equal(130, out.code, out.output)
    assert.matches("Nothing was changed", out.output)
    assert.is_nil(session.sqs:list_queues {}.QueueUrls)
  end)
  it("at Ctrl-C ends what only waits, says how to go on, exits 130, and goes on to the same end", function()
    local out = terminal.run(command("apply", file(SLOW)), {{"Only yes is taken as yes: ", "yes\n"},
      {"creating, 1 s", "\3"}, {"Stopping: what is in flight ends first", ""}})
    assert.equal(130, out.code, out.output)
    assert.matches("Go on with: tidelock resume %d+%-%d+", out.output)
    assert.matches("sqs.queue/after  not done", out.output)
    resumes "Ctrl-C"
  end)

  it("when its window is closed ends in the same way", function()
    local out = terminal.run(command("apply", file(SLOW)), {{"Only yes is taken as yes: ", "yes\n"},
      {"creating, 1 s", json.null}})
    assert.equal(130, out.code, out.output)
    resumes "a closed terminal"
  end)

  it("at SIGTERM, without a terminal, ends in the same way", function()
    local cmd = command("apply", file(SLOW), "--yes")
    cmd.stdout, cmd.stderr = "null", "null"
    local p = assert(proc.spawn(cmd))
    repeat
      require "tidelock.loop".sleep(0.05)
    until #session.dynamodb:list_tables {}.TableNames > 0
    assert(p:kill "TERM")
    local result = p:wait()
    assert.equal(130, type(result) == "table" and result.code or result)
    resumes "SIGTERM"
  end)

  it("parks what is not approved, and is stopped at the question by Ctrl-C", function()
    local out = terminal.run(command("apply", file(FLOW)), {{"Only yes is taken as yes: ", "yes\n"},
      {'Approve "go"?', "no\n"}})
    assert.equal(75, out.code, out.output)
    assert.matches('tidelock resume %S+ %-%-approve "go"', out.output)
    out = terminal.run(command("resume", "last"), {{'Approve "go"?', "\3"}})
    assert.equal(130, out.code, out.output)
    assert.equal("interrupted", state_of_last())
    out = terminal.run(command("resume", "last"), {{'Approve "go"?', "yes\n"}})
    assert.equal(0, out.code, out.output)
    assert.matches('step "count" done', out.output)
  end)

  it("parks for a time, says how long is left, and goes on after it", function()
    local out = terminal.run(command("apply", file(PARK)), {{"Only yes is taken as yes: ", "yes\n"}})
    assert.equal(75, out.code, out.output)
    assert.matches("Parked %(soak%) for %d+s more", out.output)
    assert.equal(75, run("resume", "last").code)
    require "tidelock.loop".sleep(5)
    assert.equal(0, run("resume", "last").code)
  end)
end)
