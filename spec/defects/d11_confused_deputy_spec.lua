-- D11: policies for services without SourceArn or SourceAccount, and a KMS action that there is not.
local hardening = require "support.hardening"
local json = require "tidelock.json"

-- The actions of KMS that a service is given here; kms:DecryptDataKey is none.
local KMS <const> = {["kms:Decrypt"] = true, ["kms:GenerateDataKey*"] = true, ["kms:DescribeKey"] = true}

describe("D11", function()
  local account, policies
  setup(function()
    account = hardening.start()
    local code, text = account:apply "harden/security-services"
    assert.equal(0, code, text)
    local session, id = account.session, account.account
    policies = {}
    for name, bucket in pairs {bucket = "cloudtrail-logs-", ["bucket of AWS Config"] = "aws-config-"} do
      policies[name] = json.decode(session.s3:get_bucket_policy {Bucket = "example-" .. bucket .. id}.Policy)
    end
    for _, alias in ipairs {"cloudtrail", "sns-security-alerts"} do
      local key = session.kms:describe_key {KeyId = "alias/example-" .. alias}.KeyMetadata.KeyId
      policies["key " .. alias] = json.decode(session.kms:get_key_policy {KeyId = key, PolicyName = "default"}.Policy)
    end
    for _, name in ipairs {"guardduty", "securityhub"} do
      local arn = ("arn:aws:sns:us-east-1:%s:example-%s-findings"):format(id, name)
      policies["topic " .. name] = json.decode(session.sns:get_topic_attributes {TopicArn = arn}.Attributes.Policy)
    end
    local url = session.sqs:get_queue_url {QueueName = "example-security-alerts-dlq"}.QueueUrl
    policies.queue = json.decode(session.sqs:get_queue_attributes {QueueUrl = url,
      AttributeNames = {"Policy"}}.Attributes.Policy)
    local role = session.iam:get_role {RoleName = "example-cloudtrail-cloudwatch-role"}.Role.AssumeRolePolicyDocument
    if type(role) == "string" then
      role = json.decode((role:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)))
    end
    policies.role = role
  end)
  teardown(function() account:close() end)

  for _, name in ipairs {"bucket", "bucket of AWS Config", "key cloudtrail", "key sns-security-alerts",
    "topic guardduty", "topic securityhub", "queue", "role"} do
    it("is avoided: the policy of the " .. name .. " binds each service to this account", function()
      local services = 0
      for _, s in ipairs(policies[name].Statement) do
        if type(s.Principal) == "table" and s.Principal.Service and s.Effect == "Allow" then
          services = services + 1
          local text = json.encode(s.Condition or {})
          local by_source = text:find("aws:SourceArn", 1, true) or text:find("aws:SourceAccount", 1, true)
          if name == "key sns-security-alerts" then        -- EventBridge sends no source to the key of a topic
            assert.is_nil(by_source, s.Sid)
            assert.is_truthy(text:find("kms:EncryptionContext:aws:sns:topicArn", 1, true), s.Sid)
          else
            assert.is_truthy(by_source, s.Sid)
          end
          assert.is_truthy(text:find(account.account, 1, true), s.Sid)
        end
      end
      assert.is_true(services > 0, "no service is let in at all")
    end)
  end
  it("is avoided: the trail's key lets CloudTrail make keys and open that of its bucket, for this trail", function()
    local of = {}
    for _, s in ipairs(policies["key cloudtrail"].Statement) do
      for _, action in ipairs(s.Principal.Service and (type(s.Action) == "table" and s.Action or {s.Action}) or {}) do
        of[action] = s.Condition.StringEquals["aws:SourceArn"]
      end
    end
    local arn = ("arn:aws:cloudtrail:us-east-1:%s:trail/example-production-trail"):format(account.account)
    assert.same({["kms:GenerateDataKey*"] = arn, ["kms:Decrypt"] = arn, ["kms:DescribeKey"] = arn}, of)
  end)
  it("is avoided: keys give services only actions that KMS has", function()
    for _, name in ipairs {"key cloudtrail", "key sns-security-alerts"} do
      for _, s in ipairs(policies[name].Statement) do
        if s.Principal.Service then
          for _, action in ipairs(type(s.Action) == "table" and s.Action or {s.Action}) do
            assert.is_true(KMS[action], action)
          end
        end
      end
    end
  end)
end)
