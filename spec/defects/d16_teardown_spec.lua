-- D16: rolling back was `terraform destroy -auto-approve`, which would have deleted cost data, the trail's bucket, keys
-- and guard rails. Here they are made, and no --yes of teardown or destroy takes them: each goes by its name alone.
local hardening = require "support.hardening"

local PRECIOUS <const> = {"dynamodb.table/example-ai-costs-production", "dynamodb.table/example-cost-alerts-production",
  "cloudtrail.trail/example-production-trail", "kms.key/alias/example-cloudtrail", "kms.key/alias/example-ops-alerts",
  "guardduty.detector/detector", "securityhub.hub/hub", "accessanalyzer.analyzer/example-access-analyzer"}

describe("D16: a teardown with --yes", function()
  local host, session
  setup(function()
    host = hardening.start()
    session = host.session
    for _, file in ipairs {"provision/all", "harden/security-services", "harden/alarms"} do
      local code, text = host:apply(file)
      assert.equal(0, code, text)
    end
  end)
  teardown(function() host:close() end)

  it("leaves cost data, trail, bucket, keys and guards, and says so of each", function()
    local code, text = host:run("apply", "playbooks/teardown.lua", hardening.ACCOUNT, "--yes")
    assert.equal(0, code, text)
    for _, address in ipairs(PRECIOUS) do
      assert.is_not_nil(text:find("stays: " .. address .. ": ", 1, true), address)
      assert.is_nil(text:find(address .. "  deleted", 1, true), address)
    end
    assert.matches("%d%d deleted", text)
    session.dynamodb:describe_table {TableName = "example-ai-costs-production"}
    session.s3:head_bucket {Bucket = "example-cloudtrail-logs-" .. host.account}
    assert.equal("Enabled", session.kms:describe_key {KeyId = "alias/example-cloudtrail"}.KeyMetadata.KeyState)
    assert.is_true(session.cloudtrail:get_trail_status {Name = "example-production-trail"}.IsLogging)
    assert.equal(1, #session.guardduty:list_detectors {}.DetectorIds)
    session.securityhub:describe_hub {}
  end)

  it("is no destroy either: that wants the playbook's own name, which --yes is not", function()
    local code, text = host:run("destroy", "playbooks/provision/messaging.lua", hardening.ACCOUNT)
    assert.equal(64, code)
    assert.matches("Confirm with %-%-confirm provision/messaging. Nothing was changed", text)
    session.dynamodb:describe_table {TableName = "example-cost-alerts-production"}
  end)
end)
