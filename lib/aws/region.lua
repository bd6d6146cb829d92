--- Names of regions, by AWS's own list of partitions: whether there can be such a region, and which was meant. Loaded
-- when a name is odd, or its host was not found.
local error_of = require "aws.error"
local suggest = require "suggest"

local region = {}

-- A partition's expression, such as ^(us|eu)\-\w+\-\d+$, as patterns of ours, one for each alternative; nil where it
-- says more than we can read.
local function patterns_of(regex)
  local before, choices, after = regex:match "^(.-)%(([%w|]+)%)(.*)$"
  local out = {}
  for choice in (choices or ""):gmatch "[^|]+" do out[#out + 1] = before .. choice .. after end
  if not choices then out[1] = regex end
  for i, one in ipairs(out) do
    if one:gsub("\\[wd]%+", ""):gsub("\\%-", ""):find "[^%w^$]" then return nil end
    out[i] = one:gsub("\\w", "[%%w_]"):gsub("\\d", "%%d"):gsub("\\%-", "%%-")
  end
  return out
end

local names, patterns, all_read

-- Both lists, read once out of the pack. Each partition also names what is of no region: aws-global.
local function read()
  if names then return end
  names, patterns, all_read = {}, {}, true
  for _, partition in ipairs(require "tidelock.json".decode(require "tidelock.models".data "partitions").partitions) do
    for name in pairs(partition.regions) do names[#names + 1] = name end
    local own = patterns_of(partition.regionRegex)
    all_read = all_read and own ~= nil
    table.move(own or {}, 1, #(own or {}), #patterns + 1, patterns)
  end
  table.sort(names)
end

--- Whether AWS's list has the name.
function region.is_known(name)
  read()
  return require "lists".contains(names, name)
end

--- Whether the name fits those of a partition, as new regions do before any list has them.
function region.fits(name)
  read()
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return not all_read or region.is_known(name)
end

--- `; did you mean "eu-west-1"?`, or "" where none is like it.
function region.phrase(name)
  read()
  local regions = {}
  for _, other in ipairs(names) do
    if not other:find "global$" then regions[#regions + 1] = other end
  end
  return suggest.phrase(name, regions)
end

--- Refuses a name that no region can have, before anything is sent to a host that there cannot be. `where` it was set.
function region.check(name, where)
  if region.fits(name) then return end
  error(error_of.new {code = "NoSuchRegion", exit = 64,
    message = ("%q%s cannot be a region of AWS%s"):format(name, where and " (" .. where .. ")" or "",
      region.phrase(name)),
    remedy = "Nothing was sent. Set --region, AWS_REGION or the profile's region, such as us-east-1; what is no AWS is"
      .. " named by its address (--endpoint-url)."}, 0)
end

return region
