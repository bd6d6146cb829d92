-- waiter_spec.lua -- waiters against answers in turn and a clock that only sleeping moves.
local error_of = require "aws.error"
local jmespath = require "aws.jmespath"
local json = require "tidelock.json"
local waiter = require "aws.waiter"

local WAITERS <const> = {
  DBInstanceAvailable = {operation = "DescribeDBInstances", delay = 30, maxAttempts = 4, acceptors = {
    {matcher = "pathAll", argument = "DBInstances[].DBInstanceStatus", expected = "available", state = "success"},
    {matcher = "pathAny", argument = "DBInstances[].DBInstanceStatus", expected = "deleted", state = "failure"},
    {matcher = "error", expected = "DBInstanceNotFound", state = "retry"}}},
  BucketExists = {operation = "HeadBucket", delay = 5, maxAttempts = 20, acceptors = {
    {matcher = "status", expected = 200, state = "success"}, {matcher = "status", expected = 403, state = "success"},
    {matcher = "status", expected = 404, state = "retry"}}},
  TableActive = {operation = "DescribeTable", delay = 20, maxAttempts = 3, acceptors = {
    {matcher = "path", argument = "Table.On", expected = true, state = "success"},
    {matcher = "path", argument = "length(Table.Name)", expected = 3, state = "failure"},
    {matcher = "error", expected = true, state = "retry"}}},
}

local function snake(name) return (name:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2"):lower()) end

-- A client that gives the answers in turn, the last one for ever; functions are called, errors raised.
local function client_of(answers)
  local record = {asked = 0, slept = {}, now = 100}
  local client = {record = record}
  function client.call(_, operation, input)
    record.asked, record.operation, record.input = record.asked + 1, operation, input
    local answer = answers[math.min(record.asked, #answers)]
    if error_of.is(answer) or type(answer) == "string" then error(answer, 0) end
    return answer
  end
  function client.operation(_, name) return {name = name, snake = snake(name)} end
  function client.inner()
    return {name = "toy", model = {waiters = function() return WAITERS end}, world = {
      monotonic = function() return record.now end,
      sleep = function(seconds) record.now = record.now + seconds table.insert(record.slept, seconds) end}}
  end
  return client
end

local function db(...)
  local list = {}
  for i, status in ipairs {...} do list[i] = {DBInstanceStatus = status} end
  return {DBInstances = list}
end

local function refusal(code, status)
  return error_of.new {code = code, status = status, message = "no", request_id = "r1"}
end

local function raised(...)
  local ok, err = pcall(waiter.wait, ...)
  assert.is_false(ok)
  return err
end

describe("waiter.wait", function()
  it("asks until all are as wanted, sleeping between, and returns that answer", function()
    local client = client_of {db "creating", db("available", "creating"), db("available", "available")}
    local output = waiter.wait(client, "db_instance_available", {Id = "x"})
    assert.same(db("available", "available"), output)
    assert.same({30, 30}, client.record.slept)
    assert.equal("DescribeDBInstances", client.record.operation)
    assert.same({Id = "x"}, client.record.input)
  end)

  it("knows a waiter by the model's name, too", function()
    assert.is_table(waiter.wait(client_of {db "available"}, "DBInstanceAvailable"))
  end)

  it("does not take an empty list for all", function()
    local client = client_of {db(), {}, db "available"}
    waiter.wait(client, "db_instance_available")
    assert.equal(3, client.record.asked)
  end)

  it("goes on at an error that means not yet", function()
    local client = client_of {refusal("DBInstanceNotFound", 404), db "available"}
    waiter.wait(client, "db_instance_available")
    assert.equal(2, client.record.asked)
  end)

  it("judges by status, that of an error too", function()
    local client = client_of {refusal("404", 404), refusal("403", 403)}
    assert.is_nil(waiter.wait(client, "bucket_exists"))
    assert.equal(2, client.record.asked)
    assert.is_table(waiter.wait(client_of {{}}, "bucket_exists"))
  end)

  it("takes any error where the rule says so, and reads what an error carries", function()
    local carrying = refusal("Odd", 400)
    carrying.detail = {Table = {On = true}}
    local client = client_of {refusal("Other", 500), carrying}
    waiter.wait(client, "table_active")
    assert.equal(2, client.record.asked)
  end)

  it("lets an expression that does not fit the answer match nothing", function()
    local client = client_of {{Table = {Name = 3}}, {Table = {On = true}}}
    waiter.wait(client, "table_active")
    assert.equal(2, client.record.asked)
  end)

  it("fails at once where there is no way back", function()
    local client = client_of {db "deleted"}
    local err = raised(client, "db_instance_available")
    assert.equal("WaiterFailed", err.code)
    assert.equal(1, err.attempts)
    assert.same(db "deleted", err.detail)
    assert.equal("toy.describe_db_instances failed: WaiterFailed: waiting for db_instance_available ended: one of "
      .. "DBInstances[].DBInstanceStatus is deleted, from which it does not come back. Look at the resource: it "
      .. "failed, or was deleted.", tostring(err))
  end)

  it("gives up after the rule's attempts, and says what it saw last", function()
    local client = client_of {db("creating", "available", "creating")}
    local err = raised(client, "db_instance_available")
    assert.equal("WaiterTimeout", err.code)
    assert.equal(4, client.record.asked)
    assert.same({30, 30, 30}, client.record.slept)
    assert.matches("after 4 attempts, 30 seconds apart, DBInstances%[%]%.DBInstanceStatus is creating, available%.",
      tostring(err))
    assert.matches("timeout = ", tostring(err))
    err = raised(client_of {refusal("404", 404)}, "bucket_exists", {}, {max_attempts = 1})
    assert.matches("the last answer was 404: no", tostring(err))
    assert.equal(404, err.status)
    assert.equal("r1", err.request_id)
  end)

  it("waits as long as the timeout says, asking once more at its end", function()
    local client = client_of {db "creating"}
    local err = raised(client, "db_instance_available", {}, {timeout = "2m10s"})
    assert.same({30, 30, 30, 30, 10}, client.record.slept)
    assert.equal(6, client.record.asked)
    assert.matches("after 130 seconds", tostring(err))
    client = client_of {db "creating"}
    raised(client, "db_instance_available", {}, {timeout = 1, delay = 0.4})
    assert.equal(4, client.record.asked)
    client = client_of {db "creating"}
    raised(client, "db_instance_available", {}, {timeout = "1h", max_attempts = 2})
    assert.equal(2, client.record.asked)
  end)

  it("raises what no rule expects, as it came", function()
    local err = refusal("AccessDenied", 403)
    assert.equal(err, raised(client_of {err}, "db_instance_available"))
    local network = error_of.new {code = "connect", message = "refused"}
    assert.equal(network, raised(client_of {network}, "table_active"))
    assert.equal("a bug", raised(client_of {"a bug"}, "table_active"))
  end)

  it("refuses unknown names, options and durations before any call", function()
    local client = client_of {db "available"}
    local function refused(pattern, name, options)
      local err = raised(client, name, {}, options)
      assert.equal(64, err.exit)
      assert.matches(pattern, tostring(err))
    end
    refused('toy has no waiter "db_instance_availabel"; did you mean "db_instance_available"%? It has bucket_exists, '
      .. "db_instance_available, table_active%.", "db_instance_availabel")
    refused('no option "time_out"; did you mean "timeout"%?', "bucket_exists", {time_out = 1})
    refused('timeout of a wait must be seconds or a duration such as "30m"', "bucket_exists", {timeout = "soon"})
    refused("delay of a wait must be a number of 0 or more", "bucket_exists", {delay = -1})
    refused("max_attempts of a wait must be a number", "bucket_exists", {max_attempts = "x"})
    assert.equal(0, client.record.asked)
    client.inner = function() return {name = "bare", model = {waiters = function() return {} end}} end
    refused("know nothing to wait for in bare", "x")
  end)
end)

describe("the waiters of the data", function()
  it("are found by boto3's names", function()
    local rds = require "tidelock.models".service "rds"
    local client = client_of {db "available"}
    local world = client:inner().world
    function client.inner() return {name = "rds", model = rds, world = world} end
    function client.operation(_, name) return rds:operation(name) end
    assert.is_table(waiter.wait(client, "db_instance_available"))
    assert.matches("tenant_database_available", tostring(raised(client, "nothing_like_it")))
  end)

  local MATCHERS <const> = {path = true, pathAll = true, pathAny = true, status = true, error = true}

  it("are all of a kind that is decided here", function()
    local rules, out <close> = 0, assert(io.popen "ls build/vendor/botocore/data/*/*/waiters-2.json")
    for path in out:lines() do
      local file <close> = assert(io.open(path))
      for name, rule in pairs(json.decode(file:read "a").waiters) do
        rules = rules + 1
        assert.is_true(rule.delay > 0 and rule.maxAttempts > 0)
        for _, acceptor in ipairs(rule.acceptors) do
          assert.is_true(MATCHERS[acceptor.matcher], name)
          if acceptor.argument then assert.is_function(jmespath.compile(acceptor.argument), path .. " " .. name) end
        end
        waiter.decide(rule, {})
      end
    end
    assert.is_true(rules > 500)
  end)
end)
