-- Every control: passes on an account as it should be, fails alone where its one thing is not so, and is an error,
-- never a pass or a fail, where the API refuses.
local action_of = require "aws.action".of
local checks = require "checks"
local codec = require "tidelock.codec"
local json = require "tidelock.json"
local models = require "tidelock.models"
local recorder = require "playbook.recorder"
local runner = require "checks.runner"

package.path = "spec/lib/checks/?.lua;" .. package.path
local recorded = require "account"

-- What is asked must be an operation of the model, a read, and an input that the codec takes.
local called                                                    -- the actions of what was asked, where a spec looks
local function hold(service, operation, input)
  local op = models.service((service:gsub("_", "-"))):operation(operation)
  assert(op, service .. " has no operation " .. operation)
  assert(recorder.is_read(operation), operation .. " is no read")
  local request, fault = codec.encode(op, input or {})
  assert(request, request or service .. "." .. operation .. ": " .. tostring(fault and fault.message))
  if called then called[action_of((service:gsub("_", "-")), op.name)] = true end
end

local function answer(answers, key, input)
  local found = answers[key]
  if type(found) == "function" then found = found(input) end
  assert(found ~= nil, "no answer is recorded for " .. key)
  if found.refuse then error({code = found.refuse, message = found.refuse}, 0) end
  return found
end

local function client(answers)
  return setmetatable({}, {__index = function(_, service)
    return setmetatable({}, {__index = function(_, operation)
      if operation ~= "items" then
        return function(_, input)
          hold(service, operation, input)
          return answer(answers, service .. "." .. operation, input)
        end
      end
      return function(_, name, input)
        hold(service, name, input)
        local key = service .. "." .. name
        local list, i = answer(answers, answers[key .. "*"] and key .. "*" or key, input), 0
        return function() i = i + 1 return list[i] end
      end
    end})
  end})
end

local function run(answers, controls, account)
  return runner.run(controls or checks.all(), {region = recorded.region, account = account or recorded.account,
    account_id = recorded.id, now = recorded.now, client = function() return client(answers) end})
end

local function with(whole, changes)
  local out = {}
  for key, value in pairs(whole) do out[key] = value end
  for key, value in pairs(changes) do out[key] = value end
  return out
end

local function overlaid(changes) return with(recorded.good, changes) end

describe("controls", function()
  it("are all in the catalog, each id once, each file named", function()
    local listed, ids = {}, {}
    for _, group in ipairs(require "checks.catalog") do
      for i = 2, #group do listed[#listed + 1] = ("lib/checks/%s/%s.lua"):format(group[1], group[i]) end
    end
    local files, find = {}, assert(io.popen "find lib/checks -mindepth 2 -name '*.lua'")
    for path in find:lines() do files[#files + 1] = path end
    find:close()
    table.sort(listed)
    table.sort(files)
    assert.same(files, listed)
    for _, control in ipairs(checks.all()) do
      assert.is_nil(ids[control.id], control.id)
      ids[control.id] = true
    end
  end)

  it("pass, all of them, on an account as it should be", function()
    local passed = {}
    for _, result in ipairs(run(recorded.good)) do
      if result.result == "pass" then passed[result.id] = true end
      assert.is_true(result.result == "pass" or result.result == "skip",
        ("%s %s: %s %s"):format(result.id, result.subject.name, result.result, result.evidence))
    end
    for _, control in ipairs(checks.all()) do assert.is_true(passed[control.id] or false, control.id) end
  end)

  local seen = {}
  for n, case in ipairs(recorded.bad) do
    local id, changes, evidence, also = table.unpack(case)
    seen[id] = true
    it(("%s fails alone: %s (%d)"):format(id, evidence, n), function()
      local failed, text, expected = {}, nil, {[id] = true}
      for _, other in ipairs(also) do expected[other] = true end
      for _, result in ipairs(run(overlaid(changes))) do
        assert.is_true(result.result == "pass" or result.result == "skip" or result.result == "fail",
          ("%s: %s %s"):format(result.id, result.result, result.evidence))
        if result.result == "fail" then
          failed[result.id] = true
          if result.id == id then text = result.evidence end
        end
      end
      assert.same(expected, failed)
      assert.matches(evidence, text)
    end)
  end

  for n, case in ipairs(recorded.other) do
    local id, changes, result, evidence = table.unpack(case)
    it(("%s comes to %s: %s (%d)"):format(id, result, evidence, n), function()
      local found = {}
      for _, one in ipairs(run(overlaid(changes), checks.select {id = {id}})) do
        found[#found + 1] = one.result .. " " .. one.evidence
        if one.result == result and one.evidence:find(evidence) then return end
      end
      error(("no %s with that evidence, but: %s"):format(result, table.concat(found, "; ")))
    end)
  end

  -- The result and evidence of a control's first subject.
  local function judged(id, changes, account)
    local one = run(overlaid(changes), checks.select {id = {id}}, account)[1]
    return {one.result, one.evidence}
  end
  local function unit_of(changes)
    return judged("cloudwatch-alarm-units", {["cloudwatch.describe_alarms"] = {MetricAlarms = {with({AlarmName = "one",
      Namespace = "AWS/RDS", MetricName = "FreeableMemory", Statistic = "Average", Threshold = 104857600.0,
      ComparisonOperator = "LessThanThreshold"}, changes)}}})
  end

  it("ask for the secret of Redis also where the site has none, and for none where a worker sends", function()
    local limiter = {url = "https://site", redis_secret = "x/redis/auth-token"}
    local refuses <const> = {["iam.simulate_principal_policy"] = {{EvalDecision = "implicitDeny"}}}
    assert.same({"fail", "role sender may not read x/redis/auth-token"},
      judged("lambda-limiter-secret", refuses, with(recorded.account, {limiter = limiter})))
    for _, id in ipairs {"lambda-limiter-secret", "lambda-limiter-network", "lambda-limiter-concurrency"} do
      assert.same({"skip", "the consumer is a worker, not a function"},
        judged(id, refuses, with(recorded.account, {consumer = "worker"})))
    end
  end)

  it("say large figures with all their digits", function()
    assert.same({"pass", "104857600 bytes"}, unit_of {})
    assert.same({"fail", "the budget is 2500000 USD, not 500"}, judged("budgets-actual-alert", {
      ["budgets.describe_budget"] = {Budget = {BudgetName = "x-monthly", BudgetLimit = {Amount = "2500000.0",
        Unit = "USD"}}}}))
  end)

  it("take no sum for a measure, and milliseconds for seconds only near the timeout", function()
    assert.equal("skip", unit_of({Statistic = "Sum", Threshold = 512.0})[1])
    local slow = {Namespace = "AWS/Lambda", MetricName = "Duration", Statistic = "Maximum",
      ComparisonOperator = "GreaterThanThreshold", Dimensions = {{Name = "FunctionName", Value = "f"}}}
    assert.same({"pass", "14 milliseconds"}, unit_of(with(slow, {Threshold = 14.0})))
    assert.equal("fail", unit_of(with(slow, {Threshold = 15.0}))[1])
  end)

  it("let an alarm tell a topic by the policy that SNS gives a new one", function()
    local new = {Version = "2008-10-17", Statement = {{Effect = "Allow", Principal = {AWS = "*"}, Resource = "*",
      Action = {"SNS:GetTopicAttributes", "SNS:Publish"}, Condition = {StringEquals = {["AWS:SourceOwner"] =
      recorded.id}}}}}
    assert.same({"pass", "they are there, and let it publish"}, judged("cloudwatch-alarm-topics",
      {["sns.get_topic_attributes"] = {Attributes = {Policy = json.encode(new)}}}))
  end)

  it("tell of a certificate a month before it ends", function()
    local database = recorded.good["rds.describe_db_instances"][1]
    local function ends(days)
      return judged("rds-certificate", {["rds.describe_db_instances"] = {with(database, {CertificateDetails = {
        ValidTill = recorded.now + days * 86400}})}})[1]
    end
    assert.same({"fail", "warn", "warn", "pass"}, {ends(-1), ends(1), ends(29), ends(31)})
  end)

  it("know of every runtime that Lambda has whether it ends", function()
    local runtimes = models.service "lambda":shape "Runtime".enum
    assert.is_true(#runtimes > 40)
    for _, runtime in ipairs(runtimes) do
      for _, one in ipairs(run(overlaid {["lambda.list_functions"] = {{FunctionName = "f", Runtime = runtime}}},
        checks.select {id = {"lambda-runtime"}})) do
        assert.is_nil(one.evidence:find "not known here", runtime)
      end
    end
  end)

  it("have a failing account each", function()
    for _, control in ipairs(checks.all()) do assert.is_true(seen[control.id] or false, control.id) end
  end)

  it("name remedies that exist, and only vars that these take", function()
    local place = require "checks.words".find_playbook
    for _, control in ipairs(checks.all()) do
      if control.remedy then
        local path = assert(place(control.remedy), ("%s names %s: no playbook"):format(control.id, control.remedy))
        local header
        local env = setmetatable({playbook = function(h) header = h error "enough" end}, {__index = _G})
        pcall(assert(loadfile(path, "t", env)))
        for name in pairs(control.vars or {}) do
          assert.is_table((header.vars or {})[name],
            ("%s: %s has no var %s"):format(control.id, control.remedy, name))
        end
      end
      assert.is_true(control.remedy ~= nil or control.vars == nil, control.id)
    end
  end)

  it("hold every criterion of the plan that can be read from the account", function()
    local NOT <const> = {["5.3"] = "lives in Redis: the limiter's own specs", ["5.5"] = "an answer of the service",
      ["10.1"] = "about the plan, not the account"}
    local covered, missing = {}, {}
    for _, control in ipairs(checks.all()) do
      for _, id in ipairs(control.requirements) do covered[id] = true end
    end
    for row = 1, 10 do
      for column = 1, 5 do
        local id = ("%d.%d"):format(row, column)
        if not covered[id] and not NOT[id] then missing[#missing + 1] = id end
      end
    end
    assert.same({}, missing)
  end)

  it("are all in the guide, with severity, requirement and the ids of standards", function()
    local file <close> = assert(io.open "docs/guide/checks.md")
    local guide = file:read "a"
    for _, control in ipairs(checks.all()) do
      local hub = (control.fsbp or "") .. (control.hub and ("(%s)"):format(control.hub) or "")
      local row = ("| `%s` | %s | %s | %s | %s | %s |"):format(control.id, control.severity, control.requirement or "",
        hub, control.cis or "", control.title)
      assert.is_truthy(guide:find(row, 1, true), "the guide lacks: " .. row)
    end
  end)

  -- For each control, from what it asks of the account as it should be: refused one by one, it is an error each time.
  for _, control in ipairs(checks.all()) do
    local asked = {}
    it(control.id .. " passes, and says what it read", function()
      local noted = setmetatable({}, {__index = function(_, key)
        local found = recorded.good[key]
        if found ~= nil then asked[key] = true end
        return found
      end})
      local passed
      for _, result in ipairs(run(noted, {control})) do
        if result.result == "pass" then
          passed = true
          assert.is_true(#result.evidence > 1, "no evidence")
        end
        assert.is_true(result.result == "pass" or result.result == "skip", result.evidence)
      end
      assert.is_true(passed or false)
    end)
    it(control.id .. " is an error, never a pass alone or a fail, for each read that is refused", function()
      assert.is_truthy(next(asked) or control.subjects:find "^expected%.", "it asks nothing")
      for key in pairs(asked) do
        local errors = 0
        for _, result in ipairs(run(overlaid {[key] = {refuse = "AccessDenied"}}, {control})) do
          assert.not_equal("fail", result.result, key)
          if result.result == "error" then
            errors = errors + 1
            assert.matches("AccessDenied", result.evidence)
          end
        end
        assert.is_true(errors > 0, key .. " was refused, and no error was told")
      end
    end)
  end

  -- A role made of these actions is refused nothing, and may nothing that no control asks.
  for _, control in ipairs(checks.all()) do
    it(control.id .. " asks exactly what its actions allow", function()
      called = {}
      run(recorded.good, {control})
      for _, case in ipairs(recorded.bad) do run(overlaid(case[2]), {control}) end
      local actions = {}
      for name in pairs(called) do actions[#actions + 1] = name end
      called = nil
      table.sort(actions)
      assert.same(checks.actions {control}, actions)
    end)
  end

  it("are errors where the API refuses, all of them", function()
    local refused = setmetatable({}, {__index = function(_, service)
      return setmetatable({}, {__index = function(_, operation)
        return function()
          error({code = "AccessDenied", message = ("not allowed: %s.%s"):format(service, operation)}, 0)
        end
      end})
    end})
    local results = runner.run(checks.all(), {region = "eu-west-1", account = recorded.account,
      account_id = recorded.id, now = recorded.now, client = function() return refused end})
    for _, result in ipairs(results) do
      assert.equal("error", result.result, result.id .. ": " .. result.evidence)
      assert.matches("not allowed: ", result.evidence)
    end
    assert.equal(1, runner.exit(results))
  end)

  it("never show a secret they found", function()
    for _, case in ipairs(recorded.bad) do
      if case[1] == "ecs-no-literal-secrets" then
        for _, result in ipairs(run(overlaid(case[2]))) do assert.is_nil(result.evidence:find "hunter2") end
      end
    end
  end)

  it("name commands that the command line takes: operation, options and values", function()
    local arguments = require "cli.arguments"
    for _, control in ipairs(checks.all()) do
      local result = {command = control.command, region = "eu-west-1", account = recorded.id, subject = {name = "name",
        arn = "arn:aws:iam::123456789012:policy/name"}}
      local line, words = require "checks.words".command(result), {}
      assert.is_string(line, control.id)
      line = line:gsub("'([^']*)'", function(quoted) return (quoted:gsub(" ", "\1")) end)
      for each in line:gmatch "%S+" do words[#words + 1] = (each:gsub("\1", " ")) end
      local model = assert(models.service(words[3]), control.id .. ": no service " .. words[3])
      local op = assert(model:operation((words[4]:gsub("%-", "_"))), control.id .. ": no operation " .. words[4])
      local input = arguments.parse(op, model, table.move(words, 5, #words, 1, {}), {region = {name = "region",
        value = "REGION"}})
      arguments.check_required(op, input)
      assert(codec.encode(op, input), control.id)
    end
  end)
end)
