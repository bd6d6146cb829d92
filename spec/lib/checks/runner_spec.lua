-- The runner: one list a run, side by side, an error is never a pass; suppressions and exit codes.
local checks = require "checks"
local loop = require "tidelock.loop"
local once = require "checks.once"
local runner = require "checks.runner"
local suppress = require "checks.suppress"

local function control(changes)
  local d = {id = "s3-x", title = "t", severity = "high", subjects = "s3.bucket", needs = {"s3:X"}, means = "m",
    todo = "d", test = function() return checks.pass "fine" end}
  for k, v in pairs(changes or {}) do d[k] = v end
  return checks.new(d)
end

-- A client that answers after a while; a paginated call gives the items of the one list in its answer. `asked` counts
-- the calls, and `asked.flight` those that were under way at once, at most.
local function bed(answers)
  local asked, flight = setmetatable({}, {__index = {flight = 0}}), 0
  local count = getmetatable(asked).__index
  local function ask(key, input)
    asked[key] = (asked[key] or 0) + 1
    flight = flight + 1
    count.flight = math.max(count.flight, flight)
    loop.sleep(0.01)
    flight = flight - 1
    return answers[key](input)
  end
  return setmetatable({}, {__index = function(_, service)
    return setmetatable({items = function(_, operation, input)
      local _, list = next(ask(service .. "." .. operation, input))
      local i = 0
      return function() i = i + 1 return list[i] end
    end}, {__index = function(_, operation)
      return function(_, input) return ask(service .. "." .. operation, input) end
    end})
  end}), asked
end

local BUCKETS <const> = {["s3.list_buckets"] = function() return {Buckets = {{Name = "a"}, {Name = "b"}}} end,
  ["s3.get_bucket_versioning"] = function(input) return {Status = input.Bucket == "a" and "Enabled" or nil} end}

local function run(controls, answers, more)
  local client, asked = bed(answers or BUCKETS)
  local options = {region = "eu-west-1", account_id = "1", now = 1764000000, client = function() return client end}
  for k, v in pairs(more or {}) do options[k] = v end
  return runner.run(controls, options), asked
end

local function reads(test)
  return control {id = "s3-y", read = function(aws, s) return aws.s3:get_bucket_versioning {Bucket = s.name} end,
    test = test or function(live) return checks.judge(live.Status ~= nil, "on", "off") end}
end

describe("a run of controls", function()
  it("lists subjects once and makes each read once, however many controls ask", function()
    local results, asked = run {control(), reads(), reads(), control()}
    assert.equal(8, #results)
    assert.same({["s3.list_buckets"] = 1, ["s3.get_bucket_versioning"] = 2}, asked)
  end)

  it("keeps the order of the controls and of their subjects", function()
    local out = {}
    for i, r in ipairs((run {control(), reads()})) do out[i] = r.id .. " " .. r.subject.name .. " " .. r.result end
    assert.same({"s3-x a pass", "s3-x b pass", "s3-y a pass", "s3-y b fail"}, out)
  end)

  it("reads side by side", function()
    local names = {}
    for i = 1, 40 do names[i] = {Name = "b" .. i} end
    local _, asked = run({reads()}, {["s3.list_buckets"] = function() return {Buckets = names} end,
      ["s3.get_bucket_versioning"] = function() return {Status = "Enabled"} end})
    assert.is_true(asked.flight >= 8, asked.flight)
  end)

  it("takes a refusal for an error, and only the codes that mean absence for a fail", function()
    local function refusing(code) return {["s3.list_buckets"] = BUCKETS["s3.list_buckets"],
      ["s3.get_bucket_versioning"] = function() error({code = code, message = code .. " happened"}, 0) end} end
    local one = reads()
    one.absent = {NoSuchThing = "there is none"}
    local r = run({one}, refusing "AccessDenied")[1]
    assert.same({"error", "AccessDenied happened"}, {r.result, r.evidence})
    r = run({one}, refusing "NoSuchThing")[1]
    assert.same({"fail", "there is none"}, {r.result, r.evidence})
    one.remedy, one.absent = "harden/x", {NoSuchThing = {says = "there is none", remedy = "provision/x"}}
    r = run({one}, refusing "NoSuchThing")[1]
    assert.same({"fail", "there is none", "provision/x"}, {r.result, r.evidence, r.remedy})
    assert.equal("harden/x", run({one}, refusing "AccessDenied")[1].remedy)
  end)

  it("takes a failing list for an error of each control that needs it", function()
    local results = run({control(), reads()}, {["s3.list_buckets"] = function()
      error({code = "X", message = "no"}, 0)
    end})
    assert.equal(2, #results)
    for _, r in ipairs(results) do
      assert.equal("error", r.result)
      assert.matches("could not be listed. no", r.evidence)
    end
    assert.equal(2, runner.exit(results))
    assert.equal(1, runner.exit(results, "high"))
  end)

  it("takes a faulty control, or one without a verdict, for an error", function()
    local results = run {control {test = function(live) return live.nothing.more end},
      control {test = function() return true end}}
    for _, r in ipairs(results) do
      assert.equal("error", r.result)
      assert.matches("please report it", r.evidence)
    end
  end)

  it("skips, and says why, where there is nothing to look at", function()
    local r = run({control()}, {["s3.list_buckets"] = function() return {Buckets = {}} end})[1]
    assert.same({"skip", "there are none", "buckets"}, {r.result, r.evidence, r.subject.name})
    r = run {control {subjects = "expected.queue"}}[1]
    assert.equal("skip", r.result)
    assert.matches("no account file was given", r.evidence)
  end)

  it("asks every region, but what is global only once", function()
    local results = run({control(), control {id = "a-b", subjects = "account"}}, nil,
      {regions = {"eu-west-1", "us-east-1", "us-west-2"}})
    local regions = {}
    for i, r in ipairs(results) do regions[i] = r.id .. " " .. r.region end
    assert.same({"s3-x eu-west-1", "s3-x eu-west-1", "a-b eu-west-1", "a-b us-east-1", "a-b us-west-2"}, regions)
  end)

  it("stops when it is cancelled", function()
    local ended
    local task = loop.spawn(function()
      run({reads()}, {["s3.list_buckets"] = BUCKETS["s3.list_buckets"],
        ["s3.get_bucket_versioning"] = function() loop.sleep(5) end})
      ended = true
    end)
    loop.sleep(0.05)
    loop.cancel(task)
    loop.wait(task)
    assert.is_nil(ended)
  end)
end)

describe("a memory of reads", function()
  it("gives each who asks the same list, and each a walk of its own", function()
    local n = 0
    local client = once.client {ec2 = {items = function()
      n = n + 1
      local i = 0
      return function() i = i + 1 return i <= 3 and i or nil end
    end}}
    local sums = require "task".map({1, 2, 3}, function()
      local sum = 0
      for item in client.ec2:items("describe_vpcs", {}) do sum = sum + item end
      return sum
    end)
    assert.same({6, 6, 6}, sums)
    assert.equal(1, n)
  end)
  it("remembers a refusal too", function()
    local n = 0
    local client = once.client {s3 = {get_x = function() n = n + 1 error({code = "Denied"}, 0) end}}
    for _ = 1, 2 do
      local ok, err = pcall(client.s3.get_x, client.s3, {Bucket = "a"})
      assert.is_false(ok)
      assert.equal("Denied", err.code)
    end
    assert.equal(1, n)
  end)
end)

describe("a suppression", function()
  local NOW <const> = 1772366400                                    -- 2026-03-01, noon in UTC
  local function entry(changes)
    local out = {control = "s3-*", reason = "moves in April", owner = "ops", expires = "2026-04-30"}
    for k, v in pairs(changes or {}) do if v == "" then out[k] = nil else out[k] = v end end
    return out
  end
  local function applied(given, result)
    return suppress.apply({given}, {{id = "s3-x", severity = "critical", result = result or "fail", evidence = "off",
      subject = {name = "b"}}}, NOW)
  end

  it("turns a failure into a skip that says who, why and until when", function()
    local out = applied(entry())
    assert.equal(1, #out)
    assert.same({"skip", "fail"}, {out[1].result, out[1].was})
    assert.equal("off. Accepted by ops until 2026-04-30: moves in April", out[1].evidence)
    assert.equal(0, runner.exit(out))
  end)
  it("holds on its last day, and fails the day after", function()
    assert.equal(0, runner.exit(applied(entry {expires = "2026-03-01"})))
    local out = applied(entry {expires = "2026-02-28"})
    assert.equal("fail", out[1].result)
    assert.matches("by ops expired on 2026%-02%-28", out[2].evidence)
    assert.equal("critical", out[2].severity)
  end)
  it("fails when expired even where the control passes by now", function()
    local out = applied(entry {expires = "2026-02-28"}, "pass")
    assert.equal(1, runner.exit(out))
  end)
  it("is worth nothing without reason, owner and day", function()
    for _, name in ipairs {"reason", "owner", "expires"} do
      local out = applied(entry {[name] = ""})
      assert.equal("fail", out[1].result)
      assert.matches("has no " .. name, out[2].evidence)
    end
    for _, text in ipairs {"soon", "9999-99-99", "2027-02-29", "2026-4-30"} do
      assert.matches("which is no date", applied(entry {expires = text})[2].evidence)
    end
    assert.equal(0, runner.exit(applied(entry {expires = "2028-02-29"})))
  end)
  it("never covers what could not be checked, another control or another subject", function()
    assert.equal("error", applied(entry(), "error")[1].result)
    assert.equal("fail", applied(entry {control = "rds-*"})[1].result)
    assert.equal("fail", applied(entry {subject = "c*"})[1].result)
    assert.equal("skip", applied(entry {subject = "b"})[1].result)
  end)
end)

describe("controls by word", function()
  it("are found by id, service, severity, requirement, FSBP and CIS", function()
    assert.equal(2, #checks.select {id = {"elasticache-encryption-*"}})
    assert.equal("rds-force-ssl", checks.select {requirement = {"8.5"}}[1].id)
    assert.is_true(#checks.select {requirement = {"8"}} >= 6)
    assert.equal("s3-bucket-public-access", checks.select {tag = {"S3.8"}}[1].id)
    for _, c in ipairs(checks.select {service = {"rds"}, severity = {"critical"}}) do
      assert.same({"rds", "critical"}, {c.service, c.severity})
    end
    assert.equal(#checks.all(), #checks.select {})
  end)
  it("that do not exist are told with the nearest", function()
    local ok, err = pcall(checks.select, {id = {"rds-force-sll"}})
    assert.is_false(ok)
    assert.matches('no control has the id "rds%-force%-sll"; did you mean "rds%-force%-ssl"', err.message)
  end)
  it("cover every requirement of the runbook, and tell their IAM actions", function()
    for _, id in ipairs {"8.1", "8.2", "8.3", "8.4", "8.5"} do
      assert.is_true(#checks.select {requirement = {id}} > 0)
    end
    local actions = table.concat(checks.actions(checks.all()), " ")
    assert.matches("s3:GetAccountPublicAccessBlock", actions)
    assert.is_nil(actions:find ":Put" or actions:find ":Delete" or actions:find ":Create" or actions:find ":Update")
  end)
end)
