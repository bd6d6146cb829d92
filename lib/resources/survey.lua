--- All there is of the types that say which of it there are, read.
local resources = require "resources"
local task = require "task"

local survey = {}

--- The types that can be surveyed, by name.
function survey.types()
  local out = {}
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    if t.all or t.list then out[#out + 1] = t end
  end
  return out
end

local function by_operation(aws, t)
  local out, spec = {}, t.all
  for item in aws[t.service]:items(spec[1], spec.input or {}) do
    out[#out + 1] = {name = type(item) == "table" and item[spec[2]] or item}
  end
  return out
end

local function by_list(aws, t)
  local out = {}
  for i, row in ipairs(t.list(aws)) do out[i] = {name = row.name} end
  return out
end

--- What there is of a type, as `read` is to be asked for it; on some stands `leave`, why nobody should touch it.
function survey.wants(aws, t)
  if type(t.all) == "table" then return by_operation(aws, t) end
  if t.all then return t.all(aws) end
  return by_list(aws, t)
end

--- What it is called in addresses.
function survey.name(t, want)
  local ok, name = pcall(t.key_text, t, want)
  return ok and name or tostring(want.name)
end

local function item_of(t, want)
  local item = {type = t, want = want, name = survey.name(t, want), why = want.leave}
  want.leave = nil
  item.address = t.type .. "/" .. item.name
  return item
end

-- Functions, each a series of requests, that put `live` or `error` on the items of one type.
local function readers(aws, t, items)
  if t.read_many and #items > 1 then
    local wants = {}
    for i, item in ipairs(items) do wants[i] = item.want end
    return {function()
      local ok, result = pcall(t.read_many, aws, wants)
      for i, item in ipairs(items) do
        if ok then item.live = result[i] or nil else item.error = result end
      end
    end}
  end
  local out = {}
  for i, item in ipairs(items) do
    out[i] = function()
      local ok, result = pcall(t.read, aws, item.want)
      if ok then item.live = result else item.error = result end
    end
  end
  return out
end

local function by_address(a, b) return a.address < b.address end

--- Reads what there is of `types`, `most` requests in flight at once: items {type =, want =, name =, address =}
-- sorted by address, each with `live`, or `error`, or `why` it is nobody's to touch and was not read; and a list
-- {type =, error =} of types that could not be listed. `wanted(item)` leaves items out before they are read.
function survey.all(aws, types, most, wanted)
  local items, jobs, failed = {}, {}, {}
  task.map(types, function(t)
    local ok, wants = pcall(survey.wants, aws, t)
    if not ok then
      failed[#failed + 1] = {type = t, error = wants, address = t.type}
      return
    end
    local mine = {}
    for _, want in ipairs(wants) do
      local item = item_of(t, want)
      if not wanted or wanted(item) then
        items[#items + 1] = item
        if not item.why then mine[#mine + 1] = item end
      end
    end
    local more = readers(aws, t, mine)
    table.move(more, 1, #more, #jobs + 1, jobs)
  end, {concurrency = most})
  task.map(jobs, function(job) job() end, {concurrency = most})
  table.sort(items, by_address)
  table.sort(failed, by_address)
  return items, failed
end

--- A function tags(arn, own) for a client: the tags of a resource by the account's own call for all, which the first to
-- ask makes, or by `own()` where that does not know it.
function survey.tags(aws)
  local loop, known = require "tidelock.loop", nil
  local function all()
    local out = {}
    pcall(function()
      for row in aws.resourcegroupstaggingapi:items("get_resources", {}) do
        out[row.ResourceARN] = resources.tag_map(row.Tags)
      end
    end)
    return out
  end
  return function(arn, own)
    known = known or loop.spawn(all)
    if type(known) ~= "table" then
      local ok, tags = loop.wait(known)
      known = ok and tags or {}
    end
    return known[arn] or own()
  end
end

-- ## Parts: what bears no tags belongs to what it is known by

-- Members by which a part names what it is part of, beside its ARN.
local NAMES <const> = {["kms.key"] = {"id"}, ["lambda.func"] = {"name"}, ["logs.group"] = {"name"},
  ["s3.bucket"] = {"name"}, ["scheduler.group"] = {"name"}, ["dynamodb.table"] = {"name"},
  ["application_autoscaling.target"] = {"ResourceId"}, ["securityhub.hub"] = {}}

local function part_key(item)
  local t, live, out = item.type, item.live or {}, {}
  for _, names in ipairs {{t.keys[1]}, t.found_by or {}, {"TargetKeyId", "ResourceId"}} do
    for _, name in ipairs(names) do out[#out + 1] = live[name] or item.want[name] end
  end
  return out
end

--- A function that gives, for an item of a type without tags, the one of `wholes` that it is part of, or nil: a
-- function's alias, a topic's subscription, a schedule in a group.
function survey.part_of(wholes)
  local by = {}
  for _, item in ipairs(wholes) do
    if item.live and item.live.arn then by[item.live.arn] = item end
    for _, member in ipairs(NAMES[item.type.type] or {}) do by[item.live[member] or item] = item end
  end
  return function(item)
    if item.type.tagged then return nil end
    for _, value in ipairs(part_key(item)) do
      if by[value] then return by[value] end
    end
  end
end

-- ## By ARN

-- Words of ARNs that are not the names of their services here.
local SERVICES <const> = {["access-analyzer"] = "accessanalyzer"}

-- Types of the ARN's service, those first whose ARNs look so.
local function types_of(arn, service)
  local sure, maybe = {}, {}
  for _, t in ipairs(survey.types()) do
    if t.type:match "^[^.]+" == service then
      table.insert(t.arns and arn:find(t.arns) and sure or maybe, t)
    end
  end
  return table.move(maybe, 1, #maybe, #sure + 1, sure)
end

local function is_it(live, arn)
  for _, value in pairs(live) do
    if value == arn then return true end
  end
  return live.VpcEndpointId ~= nil and arn:match "/([^/]+)$" == live.VpcEndpointId
end

-- A name in the ARN makes one request of many.
local function candidates(aws, t, arn)
  local name, out = t.arns and arn:match(t.arns), {}
  for _, want in ipairs(survey.wants(aws, t)) do
    if not name or #t.keys ~= 1 or want.name == nil or want.name == name or t.type == "kms.key" then
      out[#out + 1] = want
    end
  end
  return out
end

--- The item of the one resource that an ARN names; nil and why there is none.
function survey.by_arn(aws, arn)
  local service = arn:match "^arn:[^:]+:([^:]+):[^:]*:[^:]*:.+$"
  if not service then return nil, "it is no ARN; one looks like arn:aws:sqs:eu-west-1:123456789012:name" end
  service = SERVICES[service] or service:gsub("%-", "_")
  local types = types_of(arn, service)
  if #types == 0 then
    return nil, ("there is no resource type of the service %s%s"):format(service, require "suggest".phrase(service,
      resources.services()))
  end
  for _, t in ipairs(types) do
    for _, want in ipairs(candidates(aws, t, arn)) do
      local item = item_of(t, want)
      item.live = t.read(aws, want)
      if item.live and is_it(item.live, arn) then
        if item.why then return nil, item.why end
        return item
      end
    end
  end
  return nil, ("nothing with that ARN was found among what %s lists here; the region and the account must be the"
    .. " credentials' own"):format(service)
end

return survey
