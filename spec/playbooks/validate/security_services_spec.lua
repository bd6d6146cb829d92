-- validate/security-services: it passes on what harden/security-services made, and says what is wrong where it is not.
local hardening = require "support.hardening"

describe("validate/security-services", function()
  local host, session
  setup(function()
    host = hardening.start()
    session = host.session
    local code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  local function validate(...)
    return host:run("run", "playbooks/validate/security-services.lua", hardening.ACCOUNT, "--yes", "--quiet", ...)
  end

  it("2.1 finds a call of its own in what the trail has written, and 2.2 has a finding delivered", function()
    local code, text = validate("--var", "sample=true")
    assert.equal(0, code, text)
    assert.matches('ok  check "2.1 the trail has written the call down": /aws/cloudtrail/example-production, stream ',
      text, 1, true)
    assert.matches('ok  check "2.2 a finding of high severity is delivered": within 0 s: "GuardDuty 8.0: [SAMPLE]',
      text, 1, true)
    assert.matches("9 passed, 0 failed, 0 could not be made", text, 1, true)
    local record = text:match 'call = "(tidelock%-proof%-%x+)"'
    local found = session.logs:filter_log_events {logGroupName = "/aws/cloudtrail/example-production",
      filterPattern = '"' .. record .. '"'}.events
    local names = {}
    for i, event in ipairs(found) do names[i] = event.message:match '"eventName": "(%a+)"' end
    assert.same({"DescribeRule", "FilterLogEvents"}, names)
  end)
  it("leaves nothing behind of that finding: no queue, no subscription, no open sample", function()
    assert.is_false((pcall(function() return session.sqs:get_queue_url {QueueName = "example-security-proof"} end)))
    for s in session.sns:items("list_subscriptions", {}) do assert.equal("email", s.Protocol) end
    local id = session.guardduty:list_detectors {}.DetectorIds[1]
    assert.same({}, session.guardduty:list_findings {DetectorId = id, FindingCriteria = {Criterion = {
      ["service.archived"] = {Equals = {"false"}}}}}.FindingIds)
  end)
  it("fails where the trail is not logging", function()
    session.cloudtrail:stop_logging {Name = "example-production-trail"}
    local code, text = validate("--var", "wait=0")
    assert.equal(1, code, text)
    assert.matches('x   check "2.1 the trail has written the call down": example-production-trail is not logging', text,
      1, true)
    session.cloudtrail:start_logging {Name = "example-production-trail"}
  end)
  it("says how long CloudTrail takes where the trail has not written it down yet", function()
    session.iam:delete_role_policy {RoleName = "example-cloudtrail-cloudwatch-role", PolicyName = "write"}
    session.iam:delete_role {RoleName = "example-cloudtrail-cloudwatch-role"}       -- so it cannot write
    local code, text = validate("--var", "wait=0")
    assert.equal(1, code, text)
    assert.matches("example%-production%-trail has not written tidelock%-proof%-%x+ down within 0 s; it last delivered"
      .. " %d+ minutes before the call%. CloudTrail takes some 5 minutes, and up to 15: look again with"
      .. " %-%-var park=15m", text)
  end)
  it("fails where a finding could not be delivered, as a warning", function()
    local url = session.sqs:get_queue_url {QueueName = "example-security-alerts-dlq"}.QueueUrl
    session.sqs:send_message {QueueUrl = url, MessageBody = "{}"}
    local _, text = validate("--var", "wait=0")
    assert.matches('check "findings could all be delivered": 1 in the queue of those that could not', text, 1, true)
  end)
  it("parks where it is asked to, says for how long, and makes no second call when it goes on", function()
    local code, text = validate("--var", "park=10m")
    assert.equal(75, code, text)
    assert.matches("Parked %(the trail is given time%) for 10m more, until .*tidelock resume %d+%-%d+", text)
    code, text = host:run("resume", "last", "--quiet")
    assert.equal(75, code, text)
    assert.is_nil(text:find('step "make a call that the trail must write down" done', 1, true))
  end)
end)

describe("validate/security-services where nothing was hardened", function()
  it("fails, says what makes it, and leaves nothing behind", function()
    local host <const> = hardening.start()
    local code, text = host:run("run", "playbooks/validate/security-services.lua", hardening.ACCOUNT, "--yes",
      "--quiet", "--var", "wait=0", "--var", "sample=true")
    local queues = host.session.sqs:list_queues {}.QueueUrls
    host:close()
    assert.equal(1, code, text)
    local make = "; make it with: tidelock apply playbooks/harden/security-services.lua"
      .. " --account playbooks/accounts/example.lua"
    for _, line in ipairs {'check "findings could all be delivered": there is no queue of those that could not' .. make,
      'check "2.1 the trail has written the call down": there is no trail example-production-trail' .. make,
      'check "2.2 a finding of high severity is delivered": GuardDuty has no detector here' .. make} do
      assert.matches(line, text, 1, true)
    end
    assert.matches(" 0 could not be made", text, 1, true)
    assert.same({}, queues or {})
  end)
end)
