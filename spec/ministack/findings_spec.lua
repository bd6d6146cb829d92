-- harden/findings at work: what its rules let through is heard, through topics whose key and policy let them in.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ministack = require "support.ministack"
local program = require "support.program"

describe("harden/findings on an emulator that delivers", function()
  local server <const> = ministack.start {auth = false, region = "us-east-1"}
  local session <const> = server:session()
  local folder, url, restore

  setup(function()
    folder = fs.tempdir "findings_spec"
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state"}))
    url = session.sqs:create_queue {QueueName = "ear"}.QueueUrl
  end)
  teardown(function()
    restore()
    os.execute("rm -rf '" .. folder .. "'")
    server:stop()
  end)

  local function apply()
    local code, text = program.shown("apply", "playbooks/harden/findings.lua", "--account",
      "playbooks/accounts/example.lua", "--yes", "--quiet")
    assert.equal(0, code, text)
    return text
  end
  -- Nobody but AWS may send what comes from aws.guardduty: the declared rule takes it from another source, all else
  -- of it, its targets above all, stays as it was declared.
  local function listen(name, rule)
    local live = session.events:describe_rule {Name = rule}
    local pattern, n = live.EventPattern:gsub('"aws%.' .. name .. '"', '"spec.' .. name .. '"')
    assert.equal(1, n)
    session.events:put_rule {Name = rule, EventPattern = pattern, State = live.State, Description = live.Description}
    session.sns:subscribe {Protocol = "sqs", Endpoint = "arn:aws:sqs:us-east-1:000000000000:ear",
      TopicArn = ("arn:aws:sns:us-east-1:000000000000:example-%s-findings"):format(name),
      Attributes = {RawMessageDelivery = "true"}}
  end
  local function put(source, kind, details)
    local entries = {}
    for i, detail in ipairs(details) do
      entries[i] = {Source = source, DetailType = kind, Detail = json.encode(detail)}
    end
    return session.events:put_events {Entries = entries}
  end
  -- What is heard until `n` have come or 20 seconds are over, and a second longer, sorted.
  local function heard(n)
    local out, more = {}, 1
    for _ = 1, 20 do
      if #out >= n then more = more - 1 end
      if more < 0 then break end
      for _, m in ipairs(session.sqs:receive_message {QueueUrl = url, WaitTimeSeconds = 1,
        MaxNumberOfMessages = 10}.Messages or {}) do
        session.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
        out[#out + 1] = m.Body
      end
    end
    table.sort(out)
    return out
  end

  it("applies, and applies again without a write", function()
    apply()
    assert.matches("Nothing was changed: %d+ as declared%. %d+ reads, 0 writes", apply())
  end)
  it("is told of findings by AWS alone", function()
    local answer = put("aws.guardduty", "GuardDuty Finding", {{severity = 9.0, service = {archived = false}}})
    assert.equal("NotAuthorizedForSourceException", answer.Entries[1].ErrorCode)
  end)
  it("2.2 tells of open GuardDuty findings of 7.0 to 10.0, in words", function()
    listen("guardduty", "example-guardduty-high-critical-findings")
    local details = {}
    for i, severity in ipairs {4.0, 6.9, 7.0, 8.9, 9.0, 10.0} do
      details[i] = {severity = severity, title = "Keys used elsewhere", type = "Kind", id = "f" .. i,
        service = {archived = false}}
    end
    details[7] = {severity = 8.0, title = "Dealt with", type = "Kind", id = "f7", service = {archived = true}}
    put("spec.guardduty", "GuardDuty Finding", details)
    local got = heard(4)
    assert.equal(4, #got, table.concat(got, "\n"))
    local ids = {}
    for i, text in ipairs(got) do
      ids[i] = text:match "finding (f%d)"
      assert.matches("GuardDuty [%d.]+: Keys used elsewhere", text)
      assert.matches("Type Kind, account 000000000000, region us%-east%-1, finding f%d", text)
    end
    table.sort(ids)
    assert.same({"f3", "f4", "f5", "f6"}, ids)
  end)
  it("2.3 tells of failed, active, new Security Hub findings of high severity", function()
    listen("securityhub", "example-securityhub-failed-findings")
    local function finding(id, changes)
      local f = {Title = "Open bucket", Id = id, Compliance = {Status = "FAILED"}, Severity = {Label = "HIGH"},
        RecordState = "ACTIVE", Workflow = {Status = "NEW"}, Resources = {{Id = "bucket"}}}
      for name, value in pairs(changes) do f[name] = value end
      return {findings = {f}}
    end
    put("spec.securityhub", "Security Hub Findings - Imported", {finding("told", {}),
      finding("suppressed", {Workflow = {Status = "SUPPRESSED"}}), finding("archived", {RecordState = "ARCHIVED"}),
      finding("passed", {Compliance = {Status = "PASSED"}}), finding("low", {Severity = {Label = "LOW"}})})
    local got = heard(1)
    assert.equal(1, #got, table.concat(got, "\n"))
    assert.matches("^\"Security Hub ", got[1])   -- no index in a path is known here: the words are held on moto
  end)
end)
