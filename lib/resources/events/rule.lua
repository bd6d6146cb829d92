--- events.rule: which events, or what times, and whom they are sent to, with retries and a dead-letter queue.
local compare = require "resources.compare"
local resource = require "resources"

local ROOM <const> = 5                                   -- targets that a rule may have

-- What is known only after apply is left alone: it must not be walked.
local function plain(value)
  local meta = getmetatable(value)
  return meta ~= "unknown" and meta ~= "handle"
end

-- ## The pattern: alternatives are a set, the words of a numeric test are a sequence

local pattern

local function alternatives(list)
  local out = {}
  for i, item in ipairs(list) do
    out[i] = item
    if type(item) == "table" and plain(item) then
      out[i] = {}
      for word, value in next, item do
        out[i][word] = word ~= "numeric" and type(value) == "table" and plain(value)
          and (#value > 0 and alternatives(value) or pattern(value)) or value
      end
    end
  end
  -- The kind goes before the text: 7 and "7" are two patterns.
  table.sort(out, function(a, b)
    return type(a) .. compare.canon(a) < type(b) .. compare.canon(b)
  end)
  return require "tidelock.json".array(out)
end

function pattern(value)
  local out = {}
  for name, inner in next, value do
    if name == "$or" and type(inner) == "table" and plain(inner) then
      local list = {}
      for i, one in ipairs(inner) do list[i] = pattern(one) end
      table.sort(list, function(a, b) return compare.canon(a) < compare.canon(b) end)
      out[name] = list
    elseif type(inner) ~= "table" or not plain(inner) then
      out[name] = inner
    else
      out[name] = #inner > 0 and alternatives(inner) or pattern(inner)
    end
  end
  return out
end

local function is_open(value)
  if type(value) ~= "table" then return false end
  if not plain(value) then return true end
  for _, inner in next, value do
    if is_open(inner) then return true end
  end
  return false
end

-- One text for all patterns that match the same events.
local function meaning(value)
  if type(value) ~= "table" or is_open(value) then return value end
  return resource.encode(pattern(value))
end

local function text_of(value)
  return type(value) == "table" and resource.encode(value) or value
end

-- ## Targets

local function check_target(target, add)
  local id = tostring(target.Id)
  local shapes = 0
  for _, name in ipairs {"Input", "InputPath", "InputTransformer"} do
    if target[name] ~= nil then shapes = shapes + 1 end
  end
  if shapes > 1 then add("target %s: Input, InputPath and InputTransformer exclude each other", id) end
  local transformer = target.InputTransformer
  local template = type(transformer) == "table" and transformer.InputTemplate
  if type(template) ~= "string" then return end
  for name in template:gmatch "<([%w%-_]+)>" do
    if not (transformer.InputPathsMap or {})[name] then
      add("target %s: its template uses <%s>, which InputPathsMap does not give", id, name)
    end
  end
end

local function check(want)
  local out, seen = {}, {}
  local function add(message, ...) out[#out + 1] = message:format(...) end
  if want.EventPattern == nil and want.ScheduleExpression == nil then
    add "a rule needs an EventPattern or a ScheduleExpression"
  end
  for _, target in ipairs(want.Targets or {}) do
    if plain(target) then
      if seen[target.Id] then add("the target %s is given twice", tostring(target.Id)) end
      seen[target.Id or ""] = true
      check_target(target, add)
    end
  end
  if #(want.Targets or {}) > ROOM then add("%d targets; a rule has room for %d", #want.Targets, ROOM) end
  return out
end

-- The API answers 200 and says in the answer what it did not do.
local function must(answer, verb, rule)
  if (answer.FailedEntryCount or 0) == 0 then return end
  local first = answer.FailedEntries[1] or {}
  error({code = first.ErrorCode or "FailedEntries", message = ("rule %s: target %s was not %s: %s"):format(rule,
    tostring(first.TargetId), verb, first.ErrorMessage or first.ErrorCode or "no reason given")}, 0)
end

local function targets_of(aws, name, bus)
  local out = {}
  for target in aws.events:items("list_targets_by_rule", {Rule = name, EventBusName = bus}) do
    out[#out + 1] = target
  end
  return out
end

local function remove(aws, name, bus, ids)
  if #ids == 0 then return end
  must(aws.events:remove_targets {Rule = name, EventBusName = bus, Ids = ids}, "removed", name)
end

local function converge(aws, name, bus, live, want)
  local had, keep, put, gone = {}, {}, {}, {}
  for _, target in ipairs(live) do had[target.Id] = target end
  for _, target in ipairs(want) do
    keep[target.Id] = true
    if not had[target.Id] or not compare.equal(target, had[target.Id]) then put[#put + 1] = target end
  end
  for _, target in ipairs(live) do
    if not keep[target.Id] then gone[#gone + 1] = target.Id end
  end
  remove(aws, name, bus, gone)                           -- first: a rule has room for five
  if #put > 0 then must(aws.events:put_targets {Rule = name, EventBusName = bus, Targets = put}, "put", name) end
end

local PARTS <const> = {"ScheduleExpression", "State", "Description", "RoleArn"}

-- A put replaces the whole rule but for its targets and tags.
local function put(aws, want, live)
  local input = {Name = want.name, EventBusName = want.EventBusName,
    EventPattern = text_of(want.EventPattern or live and live.EventPattern)}
  for _, name in ipairs(PARTS) do
    input[name] = want[name]
    if input[name] == nil and live then input[name] = live[name] end
    if input[name] == "" then input[name] = nil end
  end
  if not live then input.Tags = resource.tag_list(want.Tags) end
  return aws.events:put_rule(input).RuleArn
end

return resource {
  type = "events.rule",
  about = "An EventBridge rule: pattern or schedule, targets, retries, dead letters",
  model = "put_rule", key = "Name", also = {put_targets = {"Targets"}},
  found_by = {"EventBusName"},
  arns = "^arn:[^:]+:events:[^:]*:%d+:rule/([^/]+)$",
  provides = {"arn"},
  replaces = {"EventBusName"},
  sets = {Targets = "Id"},
  documents = {EventPattern = "json"},
  defaults = {EventBusName = "default", State = "ENABLED", Description = "", Targets = {}},
  guards = {"Targets"},
  absent = {"ResourceNotFoundException"},
  check = check,

  normal = function(want)
    want.EventPattern = meaning(want.EventPattern)
    return want
  end,

  read = function(aws, want)
    local bus = want.EventBusName or "default"
    local rule = aws.events:describe_rule {Name = want.name, EventBusName = bus}
    local got = resource.all {
      targets = function() return targets_of(aws, want.name, bus) end,
      tags = function()
        return aws.tags(rule.Arn, function()
          return resource.tag_map(aws.events:list_tags_for_resource {ResourceARN = rule.Arn}.Tags)
        end)
      end,
    }
    return {name = rule.Name, arn = rule.Arn, EventBusName = rule.EventBusName or "default", State = rule.State,
      EventPattern = meaning(resource.document(rule.EventPattern)), ScheduleExpression = rule.ScheduleExpression,
      Description = rule.Description or "", RoleArn = rule.RoleArn, Targets = got.targets, Tags = got.tags}
  end,

  all = function(aws)
    local out, token = {}, nil
    repeat
      local buses = aws.events:list_event_buses {NextToken = token}
      for _, bus in ipairs(buses.EventBuses or {}) do
        for rule in aws.events:items("list_rules", {EventBusName = bus.Name}) do
          out[#out + 1] = {name = rule.Name, EventBusName = bus.Name,
            leave = rule.ManagedBy and "the service " .. rule.ManagedBy .. " made it and looks after it" or nil}
        end
      end
      token = buses.NextToken
    until not token
    return out
  end,

  create = function(aws, want)
    local arn = put(aws, want)
    converge(aws, want.name, want.EventBusName, {}, want.Targets or {})
    return {arn = arn}
  end,

  update = function(aws, live, want, changed)
    local rest = false
    for name in pairs(changed) do rest = rest or (name ~= "Tags" and name ~= "Targets") end
    if rest then put(aws, want, live) end
    if changed.Targets then converge(aws, want.name, want.EventBusName, live.Targets, want.Targets) end
    if changed.Tags then resource.retag(aws.events, {ResourceARN = live.arn}, live, want) end
  end,

  delete = function(aws, live)
    local ids = {}
    for i, target in ipairs(live.Targets) do ids[i] = target.Id end
    remove(aws, live.name, live.EventBusName, ids)
    aws.events:delete_rule {Name = live.name, EventBusName = live.EventBusName}
  end,
}
