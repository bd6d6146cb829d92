--- What there is and cannot be adopted, because no resource type knows it: kinds that controls look at, and whatever
-- else has a tag.
local look = require "adopt.look"
local resources = require "resources"
local runner = require "checks.runner"
local subjects = require "checks.subjects"

local others = {}

-- Kinds of lib/checks that people ask for, and that may have no resource type.
local KINDS <const> = {"elasticache.cache", "ecs.service", "ec2.vpc", "ec2.security_group", "iam.user"}

local NO_TYPE <const> = "there is no resource type for it"

-- What cannot be looked at is told, as of the types: it is not taken for absent.
local function look_at(found, what, list)
  local ok, rows = pcall(list)
  if ok then return rows or {} end
  table.insert(found.failed, {type = {type = what}, address = what, error = look.sentence(rows)})
  return {}
end

local function known_arn(arn)
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    if t.arns and arn:find(t.arns) then return true end
  end
  return false
end

-- ARNs with a tag whose service has no types here at all: the others are told by their own.
local function tagged(aws)
  local out, services = {}, {}
  for _, name in ipairs(resources.services()) do services[name:gsub("_", "-")] = true end
  for row in aws.resourcegroupstaggingapi:items("get_resources", {}) do
    local service = row.ResourceARN:match "^arn:[^:]+:([^:]+)"
    if service and not services[service] and service ~= "elasticache" and not known_arn(row.ResourceARN) then
      out[#out + 1] = {kind = service, name = row.ResourceARN:match "^arn:[^:]+:[^:]+:[^:]*:[^:]*:(.+)$"
        or row.ResourceARN, why = NO_TYPE}
    end
  end
  return out
end

--- Adds to `found.left` what no type knows, and to `found.failed` what could not be looked at.
function others.add(found, aws, place)
  local world = runner.worlds {region = place.region, account_id = place.id, client = function() return aws end}[1]
  require "task".map(KINDS, function(kind)
    if resources.find(kind) or resources.find(kind .. "_settings") then return end
    for _, row in ipairs(look_at(found, kind, function() return subjects[kind].list(world.aws, world) end)) do
      table.insert(found.left, {kind = kind, name = row.name, why = NO_TYPE})
    end
  end, {concurrency = #KINDS})
  local more = look_at(found, "what has tags", function() return tagged(aws) end)
  table.move(more, 1, #more, #found.left + 1, found.left)
  table.sort(found.left, function(a, b)
    local x, y = a.kind or a.type.type, b.kind or b.type.type
    if x ~= y then return x < y end
    return tostring(a.name) < tostring(b.name)
  end)
end

return others
