--- The key of a topic lets in the services that the topic lets in: else they publish, and are refused.
local control = require "checks"
local policy = require "checks.policy"

-- Services that the topic's policy lets publish.
local function publishers(statements)
  local out, seen = {}, {}
  for _, statement in ipairs(statements) do
    local principal = type(statement.Principal) == "table" and statement.Principal or {}
    for _, service in ipairs(policy.listed(principal.Service)) do
      if not seen[service] and policy.allows_service({statement}, service, "sns:Publish") then
        out[#out + 1] = service
      end
      seen[service] = true
    end
  end
  return out
end

-- EventBridge does not say for whom it uses a topic's key, so what asks for that keeps it out.
local function asks_for_source(statement)
  for _, keys in pairs(type(statement.Condition) == "table" and statement.Condition or {}) do
    for key in pairs(keys) do
      if key:lower():find "^aws:source" then return true end
    end
  end
  return false
end

local function lets_in(statements, service)
  local out = {}
  for _, statement in ipairs(statements) do
    if service ~= "events.amazonaws.com" or not asks_for_source(statement) then out[#out + 1] = statement end
  end
  return policy.allows_service(out, service, "kms:GenerateDataKey")
    and policy.allows_service(out, service, "kms:Decrypt")
end

return control {
  id = "sns-publisher-keys", title = "Keys of topics let in whoever may publish", severity = "high",
  requirement = "2.2, 6.5", subjects = "sns.topic",
  needs = {"sns:GetTopicAttributes", "kms:DescribeKey", "kms:GetKeyPolicy"},
  remedy = "harden/security-services",
  command = "tidelock call sns get-topic-attributes --topic-arn {arn} --region {region}",
  means = "Alarms and findings are sent, and lost on the way to the topic. Nothing tells of it.",
  todo = "Allow the services kms:Decrypt and kms:GenerateDataKey* in the policy of the topic's key; EventBridge"
    .. " without a condition on aws:SourceArn or aws:SourceAccount, which it does not send to keys of topics.",
  read = function(aws, subject)
    local live = aws.sns:get_topic_attributes({TopicArn = subject.arn}).Attributes
    local out = {key = live.KmsMasterKeyId, services = publishers(policy.statements(live.Policy))}
    if (out.key or "") == "" or out.key:find "alias/aws/" or #out.services == 0 then return out end
    local id = out.key
    if id:find "alias/" then id = aws.kms:describe_key({KeyId = id}).KeyMetadata.KeyId end
    out.statements = policy.statements(aws.kms:get_key_policy({KeyId = id, PolicyName = "default"}).Policy)
    return out
  end,
  test = function(live)
    if (live.key or "") == "" then return control.skip("it has no key") end
    if #live.services == 0 then return control.skip("no service may publish to it") end
    if not live.statements then return control.fail("key %s is AWS's own and lets no service in", live.key) end
    local out = {}
    for _, service in ipairs(live.services) do
      if not lets_in(live.statements, service) then out[#out + 1] = service end
    end
    return control.judge(#out == 0, "all are let in", "the key does not let in " .. table.concat(out, ", "))
  end,
}
