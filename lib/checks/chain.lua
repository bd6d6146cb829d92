--- Whether what a service finds reaches somebody by itself: an enabled rule whose pattern takes it, and a target; where
-- that is a topic, one that is there and lets EventBridge publish.
local control = require "checks"
local policy = require "checks.policy"

local chain = {}

local NO_TOPIC <const> = {NotFound = true, NotFoundException = true}

--- An event as EventBridge gets it, as JSON text.
function chain.event(source, kind, detail, world)
  local json = require "tidelock.json"
  return json.encode({version = "0", id = "00000000-0000-0000-0000-000000000000", ["detail-type"] = kind,
    source = source, account = world.id, time = "2026-01-01T00:00:00Z", region = world.region,
    resources = json.array {}, detail = detail}, {sort = true})
end

-- The probes that the pattern lets slip.
local function misses(aws, pattern, probes)
  local out = {}
  for _, probe in ipairs(probes) do
    if not aws.events:test_event_pattern({EventPattern = pattern, Event = probe.event}).Result then
      out[#out + 1] = probe.name
    end
  end
  return out
end

-- Why EventBridge cannot hand it on to this target, or nil. Only topics of this account are read.
local function broken(aws, target, world)
  local account, name = (target.Arn or ""):match "^arn:[^:]+:sns:[^:]*:([^:]*):([^:]+)$"
  if account ~= world.id then return nil end
  local ok, got = pcall(function() return aws.sns:get_topic_attributes({TopicArn = target.Arn}).Attributes end)
  if not ok then
    if type(got) == "table" and NO_TOPIC[got.code] then return ("tells topic %s, which is not there"):format(name) end
    error(got, 0)
  end
  if policy.allows_service(policy.statements(got.Policy), "events.amazonaws.com", "sns:Publish") then return nil end
  return ("tells topic %s, which does not let EventBridge publish"):format(name)
end

-- The targets that work, and what is wrong with the first of the others.
local function targets_of(aws, rule, world)
  local works, why = 0, nil
  for target in aws.events:items("list_targets_by_rule", {Rule = rule}) do
    local flaw = broken(aws, target, world)
    if flaw then why = why or flaw else works = works + 1 end
  end
  return works, why
end

--- IAM actions of such a control.
chain.needs = {"events:ListRules", "events:TestEventPattern", "events:ListTargetsByRule", "sns:GetTopicAttributes"}

--- `read` of such a control: the rules that name `source`. probes(world) gives {name =, event =}, all to be told of.
function chain.read(source, probes)
  return function(aws, _, world)
    local out = {}
    for rule in aws.events:items("list_rules", {}) do
      if (rule.EventPattern or ""):find(source, 1, true) then
        local works, broken_target = targets_of(aws, rule.Name, world)
        out[#out + 1] = {name = rule.Name, state = rule.State, misses = misses(aws, rule.EventPattern, probes(world)),
          works = works, why = broken_target}
      end
    end
    return out
  end
end

--- `test` of such a control: one good rule is enough.
function chain.test(what)
  return function(rules)
    if #rules == 0 then return control.fail("no rule looks for %s findings", what) end
    local flaws = {}
    for i, rule in ipairs(rules) do
      local why = rule.state ~= "ENABLED" and "is disabled" or rule.works == 0 and (rule.why or "has no target")
        or #rule.misses > 0 and "does not match severity " .. table.concat(rule.misses, ", ")
      if not why then return control.pass("rule %s, %d target(s)", rule.name, rule.works) end
      flaws[i] = ("rule %s %s"):format(rule.name, why)
    end
    return control.fail(table.concat(flaws, "; "))
  end
end

return chain
