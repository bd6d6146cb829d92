--- 2.2: a finding of severity 7, 8.9 or 9.5 reaches somebody by itself.
local control = require "checks"

local PROBES <const> = {{7.0, true}, {8.9, true}, {9.5, true}}

-- A finding as GuardDuty sends it, as far as rules look at it.
local function event(severity, world)
  return require "tidelock.json".encode({version = "0", id = "00000000-0000-0000-0000-000000000000",
    ["detail-type"] = "GuardDuty Finding", source = "aws.guardduty", account = world.id,
    time = "2026-01-01T00:00:00Z", region = world.region, resources = require "tidelock.json".array {},
    detail = {schemaVersion = "2.0", accountId = world.id, region = world.region, partition = world.partition,
      id = "16afba5c5c43e07c9e3e5e2e544e95df", type = "CryptoCurrency:EC2/BitcoinTool.B!DNS", severity = severity,
      title = "A probe of tidelock check", description = "This event is only held against the pattern.",
      service = {archived = false, count = 1, serviceName = "guardduty"}}}, {sort = true})
end

-- Severities that the pattern lets slip.
local function misses(aws, pattern, world)
  local out = {}
  for _, probe in ipairs(PROBES) do
    local got = aws.events:test_event_pattern {EventPattern = pattern, Event = event(probe[1], world)}
    if got.Result ~= probe[2] then out[#out + 1] = ("%g"):format(probe[1]) end
  end
  return out
end

local function look(aws, rule, world)
  return {name = rule.Name, state = rule.State, misses = misses(aws, rule.EventPattern, world),
    targets = aws.events:list_targets_by_rule({Rule = rule.Name}).Targets or {}}
end

return control {
  id = "guardduty-notified", title = "A GuardDuty finding reaches somebody by itself", severity = "high",
  requirement = "2.2", subjects = "account",
  needs = {"events:ListRules", "events:TestEventPattern", "events:ListTargetsByRule"},
  remedy = "harden/security-services",
  command = "tidelock call events list-rules --region {region}",
  means = "GuardDuty sees an attack, and nobody is told.",
  todo = "Add an EventBridge rule for GuardDuty findings of severity 7 and more, with a topic as its target.",
  read = function(aws, _, world)
    local out = {}
    for rule in aws.events:items("list_rules", {}) do
      if (rule.EventPattern or ""):find("aws.guardduty", 1, true) then out[#out + 1] = look(aws, rule, world) end
    end
    return out
  end,
  test = function(rules)
    if #rules == 0 then return control.fail("no rule looks for GuardDuty findings") end
    local flaws = {}
    for i, rule in ipairs(rules) do
      local why = rule.state ~= "ENABLED" and "is disabled" or #rule.targets == 0 and "has no target"
        or #rule.misses > 0 and "does not match severity " .. table.concat(rule.misses, ", ")
      if not why then return control.pass("rule %s, %d target(s)", rule.name, #rule.targets) end
      flaws[i] = ("rule %s %s"):format(rule.name, why)
    end
    return control.fail(table.concat(flaws, "; "))
  end,
}
