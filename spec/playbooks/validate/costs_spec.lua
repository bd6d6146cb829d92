-- validate/costs: proves a saving against the figures that harden/costs kept, fails where there is none, and calls
-- what cannot be measured an error.
local account = require "support.account"
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local json = require "tidelock.json"

local DAY <const> = 86400

-- Nothing of the month is to come any more. Asked before and after: midnight may have come meanwhile.
local function last() return os.date("!%d", os.time() + DAY) == "01" end

local host, names

local function metric(namespace, name, dimensions, days_ago, value)
  local list = {}
  for key, v in pairs(dimensions) do list[#list + 1] = {Name = key, Value = v} end
  host.session.cloudwatch:put_metric_data {Namespace = namespace, MetricData = {{MetricName = name, Dimensions = list,
    Timestamp = os.time() - days_ago * DAY, Value = value, Unit = "Bytes"}}}
end

local function nat(days_ago, bytes)
  metric("AWS/NATGateway", "BytesInFromSource", {NatGatewayId = names.nat}, days_ago, bytes)
end

local function stored(class, days_ago, bytes)
  metric("AWS/S3", "BucketSizeBytes", {BucketName = "b", StorageType = class}, days_ago, bytes)
end

-- The figures from before become those of so many days ago, and of tables and logs that held more.
local function age(days, changes)
  local path = ("%s/memory/%s-us-east-1-costs_before"):format(host.state, host.account)
  local file = assert(io.open(path))
  local kept = json.decode(file:read "a")
  file:close()
  kept.at = kept.at - days * DAY
  for part, bytes in pairs(changes or {}) do kept[part].bytes = bytes end
  assert(fs.write(path, json.encode(kept)))
end

local function results(text)
  local out = {}
  for mark, name, why in text:gmatch '\n(%S+)%s+check "([^"]+)":? ?([^\n]*)' do
    out[name] = {pass = mark == "ok", why = why}
  end
  return out
end

local function validate(...)
  local code, text = host:apply("validate/costs", ...)
  return code, text, results(text)
end

before_each(function()
  host = hardening.start()
  names = account.build(host, {only = {"network", "logs"}})
end)
after_each(function() host:close() end)

describe("validate/costs", function()
  it("proves all of task 14 where there is a saving", function()
    local code, text = host:apply "provision/all"
    assert.equal(0, code, text)
    nat(2, 10e9)
    stored("StandardStorage", 2, 10e9)
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
    age(10, {dynamodb = 5000, logs = 50000})
    nat(1, 1e9)
    stored("StandardStorage", 1, 6e9)
    stored("IntelligentTieringFAStorage", 1, 4e9)
    host.session.ssm:put_parameter {Name = "/sandbox/forecast", Type = "String", Value = "390.5"}
    host.session.dynamodb:put_item {TableName = "example-ai-costs-production",
      Item = {pk = {S = os.date "!COST#%Y-%m-%d#openai"}, sk = {S = "content#gpt-4"}}}
    local before = last()
    local all
    code, text, all = validate()
    assert.equal(2, code, text)                   -- moto's Cost Explorer has no usage: that alone cannot be measured
    for name, result in pairs(all) do
      assert.equal(name ~= "7.2 and costs less", result.pass, name .. ": " .. result.why)
    end
    assert.matches("NAT traffic: 10.00 %-> 5.50 GB a day, 45.0 %% less",
      all["7.2 less goes through the NAT gateways"].why)
    assert.matches("0.0 %% %-> 40.0 %% are not STANDARD", all["7.1 stored bytes move to cheaper classes"].why)
    local coming = all["the month stays within the budget"].why:match "0.00 so far and (%S+) to come"
    assert.is_true(coming == (before and "0.00" or "390.50") or coming == (last() and "0.00" or "390.50"), coming)
    assert.matches("could not be measured", all["7.2 and costs less"].why)
  end)
  it("fails where nothing was provisioned, in words that say what makes it", function()
    local code, text, all = validate()
    assert.equal(1, code, text)
    for name, maker in pairs {["3.1/3.2 the budget tells at forecast and actual spend"] = "costs",
      ["4.5 budgets and anomaly detection may publish"] = "costs",
      ["the costs of AI are written down"] = "messaging"} do
      assert.equal(("it is not there; make it with: tidelock apply playbooks/provision/%s.lua"
        .. " --account playbooks/accounts/example.lua"):format(maker), all[name].why)
    end
    assert.matches(" 5 failed, ", text, 1, true)           -- these, a subscription to anomalies, endpoints
  end)
  it("fails where nothing has fallen, and says by how much", function()
    nat(2, 10e9)
    stored("StandardStorage", 2, 10e9)
    host:apply "harden/costs"
    age(10, {dynamodb = 5000, logs = 1})
    host.session.ec2:delete_vpc_endpoints {VpcEndpointIds = {host.session.ec2:describe_vpc_endpoints {}
      .VpcEndpoints[1].VpcEndpointId}}
    host.session.ssm:put_parameter {Name = "/sandbox/forecast", Type = "String", Value = "400.01"}
    local before = last()
    local code, text, all = validate()
    assert.equal(1, code, text)
    assert.matches("10.00 %-> 10.00 GB a day, 0.0 %% less; 20 %% are asked for",
      all["7.2 less goes through the NAT gateways"].why)
    for _, name in ipairs {"7.1 stored bytes move to cheaper classes", "7.3 stored log lines shrink",
      "3.3 anomalies are looked for, and told", "7.2 less goes through the NAT gateways"} do
      assert.is_false(all[name].pass, name)
    end
    local pass = all["the month stays within the budget"].pass
    assert.is_true(pass == before or pass == last(), tostring(pass))
    assert.is_true(all["7.4 tables shrink"].pass)
  end)
  it("fails for a route table that only the NAT gateway serves", function()
    host:apply "harden/costs"
    for _, e in ipairs(host.session.ec2:describe_vpc_endpoints {}.VpcEndpoints) do
      if e.ServiceName:find "dynamodb" then
        host.session.ec2:modify_vpc_endpoint {VpcEndpointId = e.VpcEndpointId,
          RemoveRouteTableIds = {names.route_tables.private_b}}
      end
    end
    local _, text, all = validate()
    local result = all["7.2 S3 and DynamoDB are reached past the NAT gateways"]
    assert.is_false(result.pass, text)
    assert.matches(names.route_tables.private_b .. " to dynamodb", result.why, 1, true)
  end)
  it("never passes without figures from before, nor before the days after the change are over", function()
    local code, text, all = validate()
    assert.equal(1, code, text)
    assert.matches("there are no figures from before", all["7.4 tables shrink"].why)
    host:apply "harden/costs"
    code, text, all = validate()
    assert.equal(1, code, text)
    assert.is_false(all["7.2 less goes through the NAT gateways"].pass)
    assert.matches("the 7 days after the change are not over; prove it from %d+%-%d+%-%d+ on",
      all["7.2 less goes through the NAT gateways"].why)
  end)
end)
