--- What resource types may ask their client about where they work: account, region, ARNs, and tags by one call for all.
local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

local place = {}

--- The partition that a region is of, as AWS's own list has it: "aws", "aws-cn".
function place.partition(region) return require "tidelock.endpoint".partition(region).name end

-- All tags of what this playbook owns, or of all there is where it owns nothing, in one call a hundred resources; an
-- empty table where that is refused.
local function owned_tags(engine)
  local out, free = {}, engine.owns_nothing and next(engine.owns_nothing)
  pcall(function()
    for row in engine.recorder:client().resourcegroupstaggingapi:items("get_resources",
      {TagFilters = not free and {{Key = OWNER_TAG, Values = engine.all_owners}} or nil}) do
      out[row.ResourceARN] = require "resources".tag_map(row.Tags)
    end
  end)
  return out
end

-- The tags of one resource: out of that call, which the first to ask makes and all wait for, or by `own()`, where
-- the call does not know it (another owner, or made a moment ago).
local function tags_of(engine)
  local loop = require "tidelock.loop"
  return function(arn, own)
    if not engine.recorder or #engine.nodes < 3 then return own() end
    if not engine.tags then
      engine.tags = loop.spawn(owned_tags, engine)
    end
    if type(engine.tags) ~= "table" then
      local ok, tags = loop.wait(engine.tags)
      engine.tags = ok and tags or {}
    end
    return engine.tags[arn] or own()
  end
end

--- What resource types may ask of their client: account_id, region, arn(service, resource [, region, account]),
-- tags(arn, own): the tags of a resource, from one call for all, or from own().
function place.of(engine)
  local tags <const> = tags_of(engine)
  local function account()
    local known = engine.identity.known
    return known and known.id or error("the account's number is not known yet", 0)
  end
  return function(name)
    if name == "region" then return engine.region end
    if name == "account_id" then return account() end
    if name == "tags" then return tags end
    return function(service, resource, region, id)
      return ("arn:%s:%s:%s:%s:%s"):format(place.partition(engine.region), service, region or engine.region,
        id or account(), resource)
    end
  end
end

return place
