-- harden/logs on the unhardened account: criteria 3.4 and 7.3, as read back by boto3.
local account = require "support.account"
local hardening = require "support.hardening"
local oracle = require "support.oracle"

local AUDIT <const> = {"cloudtrail", "guardduty", "flowlogs", "waf", "upgrade"}

describe("harden/logs", function()
  local host, boto, names

  -- {name = days or false}
  local function groups()
    local out, token = {}, nil
    repeat
      local answer = boto:call({url = host.server.url, region = "us-east-1", account = host.account}, "logs",
        "DescribeLogGroups", {nextToken = token})
      assert.is_nil(answer.error, answer.error and answer.error.message)
      for _, group in ipairs(answer.output.logGroups) do
        out[group.logGroupName] = math.tointeger(group.retentionInDays or 0)
      end
      token = answer.output.nextToken
    until not token
    return out
  end
  local function is_audit(name)
    for _, word in ipairs(AUDIT) do
      if name:find(word, 1, true) then return true end
    end
    return false
  end

  setup(function()
    host, boto = hardening.start(), oracle.start()
    names = account.build(host, {only = {"logs"}}).groups
    local code, text = host:apply("harden/logs", "--approve", "shorten log retention")
    assert.equal(0, code, text)
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  it("3.4 leaves every log group with a retention, of 30 to 90 days", function()
    local live, n = groups(), 0
    for name, days in pairs(live) do
      n = n + 1
      assert.is_true(days >= 30 and days <= 90, ("%s: %s"):format(name, days))
    end
    assert.equal(#names, n)
    assert.equal(0, (host:run("check", "logs-retention", hardening.ACCOUNT)))
  end)

  it("7.3 leaves what nobody keeps as evidence with 30 days, and by choice what people have set longer too", function()
    local longer = 0
    for name, days in pairs(groups()) do
      if is_audit(name) then
        assert.equal(90, days, name)
      elseif days ~= 30 then
        longer = longer + 1
        assert.is_true(days == 60 or days == 90, name)
      end
    end
    assert.equal(13, longer)
    local code, text = host:apply("harden/logs", "--var", "most=30", "--approve", "shorten log retention")
    assert.equal(0, code, text)
    for name, days in pairs(groups()) do assert.equal(is_audit(name) and 90 or 30, days, name) end
    assert.equal(0, (host:run("check", "logs-retention-noncritical", hardening.ACCOUNT)))
  end)

  it("3.4 makes no write the second time", function()
    local code, text = host:apply("harden/logs", "--approve", "shorten log retention")
    assert.equal(0, code, text)
    assert.matches("0 writes", text)
  end)
end)
