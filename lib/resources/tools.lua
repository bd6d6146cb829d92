--- Small tools for the files of resource types; they call them as resource.tag_list, resource.await and so on.
local compare = require "resources.compare"

local tools = {}

--- {a = "b"} as {{Key = "a", Value = "b"}}, sorted; and with other member names.
function tools.tag_list(tags, key, value)
  local out = {}
  for i, name in ipairs(compare.sorted_keys(tags or {})) do
    out[i] = {[key or "Key"] = name, [value or "Value"] = tags[name]}
  end
  return out
end

--- The reverse; AWS's own tags (aws:...) are left out.
function tools.tag_map(list, key, value)
  local out = {}
  for _, tag in ipairs(list or {}) do
    local name = tag[key or "Key"]
    if not name:find "^aws:" then out[name] = tag[value or "Value"] or "" end
  end
  return out
end

--- What to set and what to take away so that `live` tags become `want`: a map, and a list of names.
function tools.tag_changes(live, want)
  local set, gone = {}, {}
  for name, value in pairs(want or {}) do
    if (live or {})[name] ~= value then set[name] = value end
  end
  for name in pairs(live or {}) do
    if (want or {})[name] == nil then gone[#gone + 1] = name end
  end
  table.sort(gone)
  return set, gone
end

--- Makes the tags of `live` those of `want`, by the service's TagResource and UntagResource. `whom` names the resource
-- as both do: {ResourceArn = arn}. Tags are a list of Key and Value; `how` is "map" where they are a map, {key =,
-- value =} where a tag's members have other names, {tags = "ResourceTags"} where the input's member has.
function tools.retag(service, whom, live, want, how)
  local names = type(how) == "table" and how or {}
  local member = names.tags or next(whom):find "^%l" and "tags" or "Tags"
  local set, gone = tools.tag_changes(live.Tags, want.Tags)
  local function call(operation, name, value)
    local input = {[name] = value}
    for key, id in pairs(whom) do input[key] = id end
    service[operation](service, input)
  end
  if next(set) then
    call("tag_resource", member, how == "map" and set or tools.tag_list(set, names.key, names.value))
  end
  if #gone > 0 then call("untag_resource", (member:gsub("s$", "Keys")), gone) end
end

--- Whether anything but the tags is among what changed.
function tools.beyond_tags(changed)
  for name in pairs(changed) do
    if name ~= "Tags" then return true end
  end
  return false
end

--- A document of the API (JSON text) as a table; nil where there is none.
function tools.document(text)
  if text == nil or text == "" then return nil end
  local json = require "tidelock.json"
  local value = json.decode(text)
  return value
end

--- A table as the JSON text the API wants: keys sorted, so that equal documents are equal text.
function tools.encode(value)
  if value == nil then return "" end
  return require "tidelock.json".encode(value, {sort = true})
end

--- Spells {} as false in these properties of `want`: "there shall be none", which a structure of no members cannot say.
function tools.none(want, names)
  for _, name in ipairs(names) do
    local value = want[name]
    if type(value) == "table" and getmetatable(value) == nil and next(value) == nil then want[name] = false end
  end
  return want
end

local MOST <const> = 32                     -- of a long list, so many are called at once

--- Calls the functions of a table side by side; the first result of each under its name.
function tools.all(fns)
  local task = require "task"
  if #fns <= MOST then return task.all(fns) end
  return task.map(fns, function(fn) return fn() end, {concurrency = MOST})
end

--- The result of `fn()`, or `otherwise` where it fails with one of these codes.
function tools.unless(codes, fn, otherwise)
  local ok, result = pcall(fn)
  if ok then return result end
  for _, code in ipairs(codes) do
    if type(result) == "table" and result.code == code then return otherwise end
  end
  error(result, 0)
end

-- How a pause is made: a run puts in its own (playbook.recorder), which its interruption ends at once.
local sleep = function(seconds) require "tidelock.loop".sleep(seconds) end

--- Makes `fn(seconds, what)` what nap and await pause by.
function tools.pause_by(fn) sleep = fn end

--- Waits so many seconds for `what` (told where the run is interrupted meanwhile, which ends it at once).
function tools.nap(seconds, what) sleep(seconds, what) end

--- Waits until `fn()` is true: asks after a moment, then ever more rarely, at least every 10 seconds, `seconds` in all
-- (default 600).
function tools.await(what, fn, seconds)
  local loop = require "tidelock.loop"
  local limit, pause = loop.now() + (seconds or 600), 0.05
  while true do
    local done = fn()
    if done then return done end
    if loop.now() >= limit then
      error({code = "timeout", message = ("%s did not come within %d seconds"):format(what, seconds or 600)}, 0)
    end
    tools.nap(pause, what)
    pause = math.min(pause * 2, 10)
  end
end

return tools
