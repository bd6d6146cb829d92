-- The program from end to end on moto: what a person types, what is printed where, and the exit codes.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

describe("the program", function()
  local server <const> = moto.start()
  local state, restore

  setup(function() state = fs.tempdir "cli_spec" end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. state .. "'")
  end)
  before_each(function()
    server:reset()
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = state}))
  end)
  after_each(function() restore() end)

  local run <const> = program.run

  local PLAYBOOK <const> = "playbooks/provision/messaging.lua"
  local ACCOUNT <const> = "--account=playbooks/accounts/example.lua"         -- of us-east-1

  it("plans, applies, and applies again without a write", function()
    local code, out = run("plan", PLAYBOOK, ACCOUNT)
    assert.equal(0, code)
    assert.matches("Plan: 6 to create, 0 to update, 0 to replace, 0 to delete, 0 unchanged. %d+ reads, 0 writes", out)
    local err
    code, out, err = run("apply", PLAYBOOK, ACCOUNT, "--yes")
    assert.equal(0, code, err)
    assert.matches("Applied: 6 created", out)
    code, out = run("apply", PLAYBOOK, ACCOUNT, "--yes")
    assert.equal(0, code)
    assert.matches("Nothing was changed: 6 as declared. %d+ reads, 0 writes", out)
  end)
  it("applies everything of task 1 and proves it", function()
    assert.equal(0, (run("apply", "playbooks/provision/all.lua", ACCOUNT, "--yes", "--quiet")))
    local code, out = run("apply", "playbooks/provision/all.lua", ACCOUNT, "--yes", "--output", "json")
    assert.equal(0, code)
    local data = json.decode(out)
    assert.equal("tidelock.apply/1", data.format)
    assert.equal(11, data.summary.unchanged)
    assert.equal(0, data.summary.writes)
    local sum = 0
    for _, n in pairs(data.summary.requests) do sum = sum + n end
    assert.equal(data.summary.reads, sum)
    assert.equal(1, data.summary.requests.sts)
    local _, text = run("run", "playbooks/validate/provision.lua", ACCOUNT)
    assert.matches("Checks: 1%d passed, [01] failed, 0 could not be made", text)     -- an e-mail may be unconfirmed
  end)
  it("puts back what somebody changed, in one call", function()
    run("apply", PLAYBOOK, ACCOUNT, "--yes", "--quiet")
    local _, found = run("call", "sqs", "get-queue-url", "--queue-name", "example-rate-limiter-queue",
      "--region", "us-east-1")
    local url = json.decode(found)
    run("call", "sqs", "set-queue-attributes", "--queue-url", url.QueueUrl, "--region", "us-east-1",
      "--attributes", "VisibilityTimeout=9")
    local code, out = run("plan", PLAYBOOK, ACCOUNT, "--detailed-exitcode", "--quiet")
    assert.equal(2, code)
    assert.matches("VisibilityTimeout  9 %-> 180", out)
    code, out = run("apply", PLAYBOOK, ACCOUNT, "--yes", "--quiet")
    assert.equal(0, code)
    assert.matches("1 updated, 0 replaced, 0 deleted, 5 unchanged. %d+ reads, 1 write,", out)
  end)
  it("saves a plan and refuses it once what is live has changed", function()
    local path = state .. "/plan.json"
    assert.equal(0, (run("plan", PLAYBOOK, ACCOUNT, "--out", path)))
    local made, _, why = run("call", "sqs", "create-queue", "--queue-name", "example-rate-limiter-queue",
      "--region", "us-east-1")
    assert.equal(0, made, why)
    local code, _, err = run("apply", path)
    assert.equal(1, code)
    assert.matches("has changed since the plan was saved, so nothing was done: sqs.queue/example%-rate", err)
    run("plan", PLAYBOOK, ACCOUNT, "--out", path)
    local text = assert(io.open(path)):read "a"
    assert(fs.write(path, (text:gsub('"account": "%d+"', '"account": "210987654321"'))))
    code, _, err = run("apply", path)
    assert.equal(77, code)
    assert.matches("but the saved plan is for account 210987654321. Nothing was changed", err, 1, true)
    assert(fs.write(path, text))
    code, _, err = run("apply", path, "--region", "eu-west-3")
    assert.equal(64, code)
    assert.matches("is a saved plan for us-east-1, not for eu-west-3: leave --region out", err, 1, true)
    code, _, err = run("apply", path, "--var", "wait=3", "--prune")
    assert.equal(64, code)
    assert.matches("plan.json is a saved plan, which is carried out as it is: %-%-var belongs to the plan", err)
    assert.matches("%-%-prune belongs to the plan", err)
    assert.equal(0, (run("apply", path)))
    assert.equal(0, (run("plan", PLAYBOOK, ACCOUNT, "--detailed-exitcode")))
  end)
  it("destroys what the playbook owns, by its name, and leaves what it does not own", function()
    run("apply", PLAYBOOK, ACCOUNT, "--yes", "--quiet")
    run("call", "sqs", "create-queue", "--queue-name", "other", "--region", "us-east-1")
    local code, _, err = run("destroy", PLAYBOOK, ACCOUNT)
    assert.equal(64, code)
    assert.matches("Confirm with %-%-confirm provision/messaging", err)
    local out
    code, out, err = run("destroy", PLAYBOOK, ACCOUNT, "--confirm", "provision/messaging")
    assert.equal(0, code, err)
    assert.matches("6 deleted", out)
    assert.matches("other", (select(2, run("call", "sqs", "list-queues", "--region", "us-east-1"))))
  end)
  it("prunes what its tags own and it no longer declares", function()
    local path = state .. "/p.lua"
    local function write(text)
      local f = assert(io.open(path, "w"))
      f:write('playbook {name = "spec/prune"}\n', text)
      f:close()
    end
    write 'ensure.sqs.queue {name = "a"} ensure.sqs.queue {name = "b"}'
    assert.equal(0, (run("apply", path, "--yes", "--quiet")))
    write 'ensure.sqs.queue {name = "a"}'
    local _, out = run("plan", path)
    assert.matches("0 to delete", out)
    local code, applied, err = run("apply", path, "--yes", "--prune", "--quiet")
    assert.equal(0, code, err)
    assert.matches("1 deleted, 1 unchanged", applied)
  end)
  it("refuses to apply with nobody to ask", function()
    local code, _, err = run("apply", PLAYBOOK, ACCOUNT)
    assert.equal(64, code)
    assert.matches("no terminal to ask on, and %-%-yes was not given", err)
  end)
  it("lists runs and shows one", function()
    run("apply", PLAYBOOK, ACCOUNT, "--yes", "--quiet")
    local _, out = run "runs"
    local id = out:match "^%S+"
    assert.matches("done +provision/messaging", out)
    local code, text = run("runs", id)
    assert.equal(0, code)
    assert.matches("sqs.create_queue for sqs.queue/example%-rate%-limiter%-queue", text)
  end)
  it("answers a wrong word with the nearest, and exits 64", function()
    local code, _, err = run "plna"
    assert.equal(64, code)
    assert.matches('there is no command "plna"; did you mean "plan"%?', err)
    code, _, err = run("call", "sqs", "lst-queues")
    assert.equal(64, code)
    assert.matches('did you mean "list%-queues"', err)
    code, _, err = run "teardown"
    assert.equal(64, code)
    assert.matches("it is a playbook: tidelock plan playbooks/teardown.lua", err)
  end)
  it("says which playbook, account file or var was meant", function()
    local code, _, err = run("plan", "playbooks/provision/mesaging.lua", ACCOUNT)
    assert.equal(64, code)
    assert.matches("Did you mean playbooks/provision/messaging.lua%?", err)
    code, _, err = run("plan", "harden/tasks", ACCOUNT)
    assert.equal(64, code)
    assert.matches("Did you mean playbooks/harden/tasks.lua%?", err)
    code, _, err = run("plan", "playbooks/provision/paths.lua", ACCOUNT)   -- a long folder makes no name like another
    assert.equal(64, code)
    assert.matches("Give the path of a .lua file", err)
    code, _, err = run("plan", PLAYBOOK, "--account", "exampel")
    assert.equal(64, code)
    assert.matches('no account file called "exampel", did you mean "example": looked for', err)
    code, _, err = run("plan", PLAYBOOK, ACCOUNT, "--var", "zzzz=1")
    assert.equal(64, code)
    assert.matches('this playbook has no var "zzzz"; it takes [%l_]+, [%l_, ]*wait', err)
  end)
  it("takes no concurrency with which nothing would be read", function()
    for _, words in ipairs {{"plan", PLAYBOOK}, {"apply", PLAYBOOK}, {"check"}, {"adopt"}, {"resume", "last"},
      {"graph", PLAYBOOK}, {"drift", PLAYBOOK}, {"destroy", PLAYBOOK}} do
      words[#words + 1] = "--concurrency=0"
      local code, _, err = run(table.unpack(words))
      assert.equal(64, code, words[1])
      assert.matches("takes a whole number from 1 on", err)
    end
  end)
  it("says that no region is known, and nothing besides", function()
    local none <const> = program.environment(program.with(server.env, {TIDELOCK_STATE = state, AWS_REGION = false,
      AWS_DEFAULT_REGION = false, AWS_CONFIG_FILE = "/dev/null"}))
    local path = state .. "/nowhere.lua"
    assert(fs.write(path, 'playbook {name = "spec/nowhere"}\n'
      .. 'ensure.sqs.queue {name = "a-" .. account.region .. "-b"}\n'))
    local code, _, err = run("plan", path)
    none()
    assert.equal(65, code)
    assert.matches(":2: account.region is not known: give %-%-region", err)
    assert.is_nil(err:find("nil", 1, true), err)
  end)
  it("calls the region that it works in account.region, also where the account file names another", function()
    local path, file = state .. "/where.lua", state .. "/account.lua"
    assert(fs.write(path, 'playbook {name = "spec/where"}\nensure.sqs.queue {name = "in-" .. account.region}\n'))
    assert(fs.write(file, 'return {name = "x", prefix = "x", env = "x", region = "us-west-2"}\n'))
    local code, out, err = run("plan", path, "--account", file, "--region", "eu-central-1")
    assert.equal(0, code, err)
    assert.matches("sqs%.queue/in%-eu%-central%-1", out)
    assert.matches("sqs%.queue/in%-us%-west%-2", (select(2, run("plan", path, "--account", file))))
  end)
  it("says in a sentence that the server is not there, and exits 69", function()
    local code, _, err = run("call", "sqs", "list-queues", "--endpoint-url", "http://127.0.0.1:1")
    assert.equal(69, code)
    assert.matches("Nothing answers there", err)
  end)
  it("exits 65 for a faulty playbook, with all its faults and no request", function()
    local path = state .. "/bad.lua"
    local f = assert(io.open(path, "w"))
    f:write 'playbook {name = "spec/bad"}\nensure.sqs.queue {nam = "a"}\nensure.sqs.queu {name = "b"}\n'
    f:close()
    local code, _, err = run("plan", path, "--endpoint-url", "http://127.0.0.1:1")
    assert.equal(65, code)
    assert.matches(':2: sqs.queue: nam is not a property of it; did you mean "name"%?', err)
    assert.matches(':3: there is no resource type sqs.queu; did you mean "sqs.queue"%?', err)
  end)
end)
