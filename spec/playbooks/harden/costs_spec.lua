-- harden/costs on the unhardened account: routes past the NAT gateways, tables that expire, advice by saving, and the
-- figures from before it.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

local EXPIRE <const> = {"--approve", "let items expire"}

-- What an endpoint's policy lets through, for statements as ours are: any of Allow, with one condition at most.
local function lets(policy, who, action)
  for _, s in ipairs(policy.Statement) do
    local actions, does = type(s.Action) == "table" and s.Action or {s.Action}, false
    for _, pattern in ipairs(actions) do
      does = does or action:find("^" .. pattern:gsub("%p", "%%%0"):gsub("%%%*", ".*") .. "$") ~= nil
    end
    local wanted = s.Condition and s.Condition.StringEquals["aws:PrincipalAccount"]
    if s.Effect == "Allow" and s.Principal == "*" and s.Resource == "*" and does
      and (wanted == nil or wanted == who) then return true end
  end
  return false
end

local function advice(host, what)
  host.session.ssm:put_parameter {Name = "/sandbox/advice", Type = "String", Value = json.encode(what),
    Overwrite = true}
end

local function flagged(name, saving)
  return {region = "us-east-1", metadata = {"us-east-1", name, "No", "db.t3.micro", "20", "14", "$" .. saving}}
end

describe("harden/costs", function()
  local boto, host, names, first
  setup(function()
    boto, host = oracle.start(), hardening.start()
    names = account.build(host, {only = {"network", "tables"}})
    local rows = {}
    for i, saving in ipairs {"12.50", "3.10", "40.00", "7.00", "1.00", "99.90"} do
      rows[i] = flagged("db-" .. i, saving)
    end
    advice(host, {trusted_advisor = {Ti39halfu8 = rows, DAvU99Dc4C = {{metadata = {"us-east-1", "vol-1", "", "gp2",
      "100", "$5.00"}}}}})
    local code, text = host:apply("harden/costs", table.unpack(EXPIRE))
    assert.equal(0, code, text)
    first = text
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  local function must(service, operation, input)
    local answer = boto:call({url = host.server.url, region = "us-east-1", account = host.account}, service, operation,
      input)
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return answer.output
  end
  local function endpoint(service)
    local found = must("ec2", "DescribeVpcEndpoints", {Filters = {{Name = "service-name",
      Values = {"com.amazonaws.us-east-1." .. service}}}}).VpcEndpoints
    assert.equal(1, #found)
    return found[1]
  end

  for _, service in ipairs {"s3", "dynamodb"} do
    it("7.2 leads " .. service .. " past the NAT gateway from each route table that reaches it", function()
      local live = endpoint(service)
      assert.equal("Gateway", live.VpcEndpointType)
      local want = {names.route_tables.private_a, names.route_tables.private_b}
      table.sort(want)
      table.sort(live.RouteTableIds)
      assert.same(want, live.RouteTableIds)
    end)
    it("7.2 lets own identities do anything with " .. service .. ", and strangers write nothing", function()
      local policy = json.decode(endpoint(service).PolicyDocument)
      for _, action in ipairs {"PutObject", "Query", "DeleteItem"} do
        assert.is_true(lets(policy, host.account, service .. ":" .. action))
        assert.is_false(lets(policy, "999999999999", service .. ":" .. action))
      end
    end)
  end
  it("7.2 does not stand in the way of ECR's layers and AWS's packages", function()
    assert.is_true(lets(json.decode(endpoint "s3".PolicyDocument), "aws's own, or nobody", "s3:GetObject"))
  end)

  it("3.5 leaves every volatile table with TTL on the attribute that its writers set", function()
    local n = 0
    for name, writers in pairs(names.volatile) do
      local live = must("dynamodb", "DescribeTimeToLive", {TableName = name}).TimeToLiveDescription
      assert.same({"ENABLED", writers or "ttl"}, {live.TimeToLiveStatus, live.AttributeName}, name)
      n = n + 1
    end
    assert.equal(7, n)
    assert.matches("example-oauth-states expires by expires, but its writers set ttl", first, 1, true)
  end)
  it("3.5 leaves tables that are kept for good alone", function()
    for _, name in ipairs(names.tables) do
      if names.volatile[name] == nil then
        assert.equal("DISABLED", must("dynamodb", "DescribeTimeToLive", {TableName = name}).TimeToLiveDescription
          .TimeToLiveStatus, name)
      end
    end
  end)
  it("7.4 has event tables expire by the attribute ttl", function()
    for _, word in ipairs {"analytics-events", "webhook-events"} do
      assert.equal("ttl", must("dynamodb", "DescribeTimeToLive", {TableName = "example-" .. word})
        .TimeToLiveDescription.AttributeName)
    end
  end)
  it("7.5 lists Trusted Advisor's advice by saving, and proposes the best five", function()
    assert.matches("7 pieces of advice, 168.50 USD a month in all", first, 1, true)
    local savings = {}
    for saving in first:gmatch "proposed: ([%d.]+) USD" do savings[#savings + 1] = saving end
    assert.same({"99.90", "40.00", "12.50", "7.00", "5.00"}, savings)
    assert.matches("  3.10 USD a month: db-2: Amazon RDS Idle DB Instances (Trusted Advisor)", first, 1, true)
    assert.matches("proposed: 5.00 USD a month: vol-1", first, 1, true)
  end)
  it("changes nothing the second time", function()
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches("0 writes by them", text)
    assert.matches(" reads, 0 writes", text)
    assert.not_matches("endpoint.*create", text)
  end)
end)

describe("harden/costs", function()
  local host, names
  before_each(function() host = hardening.start() end)
  after_each(function() host:close() end)

  it("asks the advisers that need no support plan where there is none, and says so", function()
    local saving = {estimatedMonthlySavings = {currency = "USD", value = 8.25}}
    advice(host, {plan = "basic",
      hub = {{resourceArn = "arn:aws:rds:us-east-1:1:db:big", estimatedMonthlySavings = 21.5, actionType = "Rightsize",
        currentResourceType = "RdsDbInstance", currentResourceSummary = "db.m5.large",
        recommendedResourceSummary = "db.t4g.medium"}},
      ecs = {{serviceArn = "arn:aws:ecs:us-east-1:1:service/c/api",
        serviceRecommendationOptions = {{cpu = 256, memory = 512, savingsOpportunity = saving}}}}})
    host.session.compute_optimizer:update_enrollment_status {status = "Active"}
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches("Trusted Advisor could not be asked: the support plan does not include it", text, 1, true)
    assert.matches("proposed: 21.50 USD a month: arn:aws:rds:us-east-1:1:db:big: Rightsize", text, 1, true)
    assert.matches("proposed: 8.25 USD a month: arn:aws:ecs:us-east-1:1:service/c/api: give the service 256 CPU", text,
      1, true)
  end)
  it("has Trusted Advisor look again at what is old where it may, and says of what that is not so", function()
    advice(host, {trusted_advisor = {Ti39halfu8 = {flagged("db-1", "9.00")}}, automatic = {"DAvU99Dc4C"},
      old = {Ti39halfu8 = "2026-01-01T00:00:00Z", DAvU99Dc4C = "2026-01-02T00:00:00Z"}})
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches("Underutilized Amazon EBS Volumes are of 2026-01-02T00:00:00Z: AWS alone refreshes it", text, 1,
      true)
    assert.is_nil(text:find("Idle DB Instances are of", 1, true))
    local result = host.session.support:describe_trusted_advisor_check_result {checkId = "Ti39halfu8", language = "en"}
    assert.not_equal("2026-01-01T00:00:00Z", result.result.timestamp)
    assert.matches("proposed: 9.00 USD a month: db-1", text, 1, true)
    advice(host, {old = {Ti39halfu8 = "2026-01-01T00:00:00Z"}})       -- it has been refreshed: no write for it any more
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches(" reads, 0 writes", text)
  end)
  it("waits for new figures of Trusted Advisor no longer than it is told to", function()
    local slow = hardening.start {slow = 60}
    advice(slow, {old = {Ti39halfu8 = "2026-01-01T00:00:00Z"}})
    local began = require "tidelock.loop".now()
    local code, text = slow:run("apply", "playbooks/harden/advice.lua", hardening.ACCOUNT, "--yes", "--var",
      "patience=1s")
    slow:close()
    assert.equal(0, code, text)
    assert.is_true(require "tidelock.loop".now() - began < 20)
  end)
  it("warns where nobody can be asked, with what each of them needs", function()
    advice(host, {plan = "basic", hub = json.null})
    local code, text = host:apply "harden/costs"
    assert.equal(2, code, text)
    assert.matches("nobody could be asked", text, 1, true)
    assert.matches("update-enrollment-status --status Active --region us-east-1", text, 1, true)
    assert.matches("compute-optimizer update-enrollment-status --status Active", text, 1, true)
  end)
  it("gives an endpoint that somebody made its missing route table, and leaves its policy and tags", function()
    names = account.build(host, {only = {"network"}})
    local theirs = host.session.ec2:create_vpc_endpoint {VpcId = names.vpc, VpcEndpointType = "Gateway",
      ServiceName = "com.amazonaws.us-east-1.s3", RouteTableIds = {names.route_tables.private_a}}.VpcEndpoint
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    local found = host.session.ec2:describe_vpc_endpoints {VpcEndpointIds = {theirs.VpcEndpointId}}.VpcEndpoints[1]
    assert.equal(2, #found.RouteTableIds)
    assert.same({}, found.Tags or {})
    assert.equal(2, #host.session.ec2:describe_vpc_endpoints {}.VpcEndpoints)
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches(" reads, 0 writes", text)
  end)
  it("makes no way past the NAT gateway while a bucket lets in by the gateway's address, and says which", function()
    names = account.build(host, {only = {"network", "storage"}})
    local ec2, s3 = host.session.ec2, host.session.s3
    local ip = ec2:describe_nat_gateways {}.NatGateways[1].NatGatewayAddresses[1].PublicIp
    local function only_from(range)
      s3:put_bucket_policy {Bucket = names.half, Policy = json.encode {Version = "2012-10-17", Statement = {
        {Sid = "Office", Effect = "Deny", Principal = "*", Action = "s3:PutObject",
          Resource = "arn:aws:s3:::" .. names.half .. "/*", Condition = {NotIpAddress = {["aws:SourceIp"] = range}}}}}}
    end
    only_from((ip:gsub("%d+$", "0/24")))
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches("these buckets let in by the address of a NAT gateway, and by an endpoint nobody comes from there: "
      .. names.half, text, 1, true)
    local found = ec2:describe_vpc_endpoints {}.VpcEndpoints
    assert.same({1, "com.amazonaws.us-east-1.dynamodb"}, {#found, found[1].ServiceName})
    s3:put_bucket_policy {Bucket = names.half, Policy = json.encode {Version = "2012-10-17", Statement = {
      {Effect = "Deny", Principal = "*", Action = "s3:GetBucketPolicy", Resource = "arn:aws:s3:::" .. names.half}}}}
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.matches(names.half .. " (its policy could not be read: AccessDenied)", text, 1, true)
    assert.equal(1, #ec2:describe_vpc_endpoints {}.VpcEndpoints)
    only_from {"192.0.2.0/24"}
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    assert.equal(2, #ec2:describe_vpc_endpoints {}.VpcEndpoints)
    assert.matches("connections to s3 that are open when its routes change are cut", text, 1, true)
  end)
  local function item(name, attribute, value)
    host.session.dynamodb:put_item {TableName = name, Item = {pk = {S = "a"}, [attribute] = value}}
  end
  local function made(name)
    host.session.dynamodb:create_table {TableName = name, BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
  end
  local function ttl(name)
    return host.session.dynamodb:describe_time_to_live {TableName = name}.TimeToLiveDescription.TimeToLiveStatus
  end
  it("deletes nothing unasked: a table with items past their time waits for a person", function()
    made "old-events"
    made "new-events"
    item("old-events", "ttl", {N = "1500000000"})
    local code, text = host:apply "harden/costs"
    assert.equal(75, code, text)
    assert.matches("old-events: 1 of 1 items looked at are past their time, and would be deleted", text, 1, true)
    assert.same({"DISABLED", "ENABLED"}, {ttl "old-events", ttl "new-events"})
    code, text = host:apply("harden/costs", table.unpack(EXPIRE))
    assert.equal(0, code, text)
    assert.equal("ENABLED", ttl "old-events")
  end)
  it("tells of writers who set milliseconds, text or nothing, and of no value", function()
    for name, value in pairs {["ms-events"] = {N = "1800000000000"}, ["text-events"] = {S = "2031-07-01-s3cret"}} do
      made(name)
      item(name, "ttl", value)
    end
    made "idle-sessions"
    item("idle-sessions", "user", {S = "s3cret"})
    local code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    for _, sentence in ipairs {"ms-events: 1 of 1 items have a ttl that is no time in seconds",
      "text-events: 1 of 1 items have a ttl that is no time in seconds",
      "idle-sessions: none of 1 items looked at says when it ends; its writers must set ttl"} do
      assert.matches(sentence, text, 1, true)
    end
    assert.not_matches("s3cret", text)
  end)
end)
