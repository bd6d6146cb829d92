--- Names of regions, held to AWS's own list of partitions: for what people write before anything is sent.
local suggest = require "suggest"

local regions = {}

-- The list's expressions take any word for the part of the world, and "us-est-1" with it.
local PARTS <const> = {central = true, east = true, west = true, north = true, south = true, northeast = true,
  northwest = true, southeast = true, southwest = true}

local list                                   -- {patterns =, names =}, read when first asked for

-- The list's expressions are JavaScript's, "^(us|eu)\-\w+\-\d+$": of these Lua lacks the choice alone.
local function add_patterns(out, regex)
  local text = regex:gsub("\\w", "%%w"):gsub("\\d", "%%d"):gsub("\\%-", "%%-")
  local before, choice, after = text:match "^(.-)%((.-)%)(.*)$"
  if not choice then before, choice, after = text, "", "" end
  if choice == "" then out[#out + 1] = before end
  for word in choice:gmatch "[^|]+" do out[#out + 1] = before .. word .. after end
end

local function known()
  if list then return list end
  local data = require "tidelock.json".decode((require "tidelock.models".data "partitions"))
  local patterns, names = {}, {}
  for _, partition in ipairs(data.partitions) do
    add_patterns(patterns, partition.regionRegex)
    for name in pairs(partition.regions) do
      if not name:find "%-global$" then names[#names + 1] = name end     -- where services of no region are signed for
    end
  end
  table.sort(names)
  list = {patterns = patterns, names = names}
  return list
end

--- Whether a region of that name is in a partition, or may be: AWS opens new ones.
function regions.is(name)
  if not PARTS[name:match "%-(%l+)%-%d+$" or ""] then return false end
  for _, pattern in ipairs(known().patterns) do
    if name:find(pattern) then return true end
  end
  return false
end

--- The end of a sentence that refuses a name: `; did you mean "us-east-1"?`, or "".
function regions.meant(name) return suggest.phrase(name, known().names) end

return regions
