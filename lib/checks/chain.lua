--- Whether what a service finds reaches somebody by itself: an enabled rule whose pattern takes it, and a target.
local control = require "checks"

local chain = {}

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

--- `read` of such a control: the rules that name `source`. probes(world) gives {name =, event =}, all to be told of.
function chain.read(source, probes)
  return function(aws, _, world)
    local out = {}
    for rule in aws.events:items("list_rules", {}) do
      if (rule.EventPattern or ""):find(source, 1, true) then
        out[#out + 1] = {name = rule.Name, state = rule.State, misses = misses(aws, rule.EventPattern, probes(world)),
          targets = aws.events:list_targets_by_rule({Rule = rule.Name}).Targets or {}}
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
      local why = rule.state ~= "ENABLED" and "is disabled" or #rule.targets == 0 and "has no target"
        or #rule.misses > 0 and "does not match severity " .. table.concat(rule.misses, ", ")
      if not why then return control.pass("rule %s, %d target(s)", rule.name, #rule.targets) end
      flaws[i] = ("rule %s %s"):format(rule.name, why)
    end
    return control.fail(table.concat(flaws, "; "))
  end
end

return chain
