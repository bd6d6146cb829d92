--- The one resource that an ARN names: its type, found by the ARN's form, and what is live of it.
local look = require "adopt.look"
local resources = require "resources"
local suggest = require "suggest"

local one = {}

-- Words of ARNs that are not the names of their services here.
local SERVICES <const> = {["access-analyzer"] = "accessanalyzer", states = "stepfunctions"}

-- Types of the ARN's service, those first whose ARNs look so.
local function types_of(arn, service)
  local sure, maybe = {}, {}
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    if (t.all or t.list) and name:match "^[^.]+" == service then
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
  local name = t.arns and arn:match(t.arns)
  local out = {}
  for _, want in ipairs(look.wants(aws, t)) do
    if not name or #t.keys ~= 1 or want.name == nil or want.name == name or t.type == "kms.key" then
      out[#out + 1] = want
    end
  end
  return out
end

--- The item {type =, want =, live =, name =} of an ARN; nil and why there is none.
function one.find(aws, arn)
  local service = arn:match "^arn:[^:]+:([^:]+):[^:]*:[^:]*:.+$"
  if not service then
    return nil, "it is no ARN; one looks like arn:aws:sqs:eu-west-1:123456789012:name"
  end
  service = SERVICES[service] or service:gsub("%-", "_")
  local types = types_of(arn, service)
  if #types == 0 then
    return nil, ("there is no resource type of the service %s%s"):format(service, suggest.phrase(service,
      resources.services()))
  end
  for _, t in ipairs(types) do
    for _, want in ipairs(candidates(aws, t, arn)) do
      local leave = want.leave
      want.leave = nil
      local live = t.read(aws, want)
      if live and is_it(live, arn) then
        if leave then return nil, leave end
        local name = look.name(t, want)
        return {type = t, want = want, live = live, name = name, address = t.type .. "/" .. name}
      end
    end
  end
  return nil, ("nothing with that ARN was found among what %s lists here; the region and the account must be the"
    .. " credentials' own"):format(service)
end

return one
