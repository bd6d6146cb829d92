--- What there is in an account, read only, and what of it can be adopted.
local fits = require "glob".fits
local recorder_of = require "playbook.recorder"
local resources = require "resources"
local suggest = require "suggest"
local survey = require "resources.survey"

local look = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

-- ## The client: it refuses whatever would write, and knows the tags of the account by one call

local function refuse_writes(call)
  error({exit = 70, message = ("adopt was about to call %s.%s, which is not only reading; nothing was sent. Please"
    .. " report it."):format(call.service, call.operation)}, 0)
end

--- A client for reading: `aws`, and the recorder that counts. `place` is {region =, id =}.
function look.client(session, traffic, place)
  local recorder = recorder_of.new(session, traffic)
  recorder.before = refuse_writes
  local of = require "playbook.place".of {region = place.region, identity = {known = {id = place.id}},
    recorder = recorder, nodes = {}}
  local tags = survey.tags(recorder:client())
  recorder.place = function(name)
    if name == "tags" then return tags end
    return of(name)
  end
  return recorder:client(), recorder
end

-- ## Which types, which resources

local function must_be_known(words, names, what)
  local faults = {}
  for _, word in ipairs(words or {}) do
    local known = false
    for _, name in ipairs(names) do known = known or name == word end
    if not known then faults[#faults + 1] = ("there is no %s %s%s"):format(what, word, suggest.phrase(word, names)) end
  end
  return faults
end

local function listed(list, word)
  for _, one in ipairs(list or {}) do
    if one == word then return true end
  end
  return false
end

--- The types that `only` {service =, type = lists of names} means, sorted; all that list where it says nothing. Raises
-- every name that is none.
function look.types(only)
  local services = {}
  for i, name in ipairs(only.service or {}) do services[i] = name:gsub("%-", "_") end
  local faults = must_be_known(services, resources.services(), "service with resource types called")
  table.move(must_be_known(only.type, resources.names(), "resource type"), 1, 99, #faults + 1, faults)
  local out, chosen = {}, only.service ~= nil or only.type ~= nil
  for _, name in ipairs(#faults == 0 and resources.names() or {}) do
    local t = resources.find(name)
    local wanted = listed(services, name:match "^[^.]+") or listed(only.type, name)
    if listed(only.type, name) and not (t.all or t.list) then
      faults[#faults + 1] = ("%s is not adopted: it sets something of what another type holds, or AWS does not list it")
        :format(name)
    end
    if (t.all or t.list) and (wanted or not chosen) then out[#out + 1] = t end
  end
  if #faults > 0 then
    error({exit = 64, code = "Usage", usage = true, message = table.concat(faults, "; ")}, 0)
  end
  return out
end

-- ## Reading

local function named(patterns, name)
  if not patterns then return true end
  for _, pattern in ipairs(patterns) do
    if fits(pattern, name) then return true end
  end
  return false
end

local function tagged(wanted, tags)
  for name, value in pairs(wanted or {}) do
    if not tags or tags[name] == nil or value ~= "" and tags[name] ~= value then return false end
  end
  return true
end

--- What an error says, on one line.
function look.sentence(err) return (tostring(type(err) == "table" and err.message or err):gsub("%s+", " ")) end

-- Where an item belongs: among those to adopt, those left, those that could not be read, or nowhere.
local function sort(found, item, only)
  if item.error then
    item.error = look.sentence(item.error)
    table.insert(found.failed, item)
  elseif item.why then
    if not only.tag then table.insert(found.left, item) end
  elseif item.live and tagged(only.tag, item.live.Tags) then
    item.owner = item.live.Tags and item.live.Tags[OWNER_TAG]
    if item.owner then item.why = "it is tidelock's already: the playbook " .. item.owner .. " owns it" end
    table.insert(item.owner and found.left or found.items, item)
  end
end

-- A part of what a playbook owns, such as a function's alias, is that playbook's too.
local function leave_parts(found)
  local owned, rest = {}, {}
  for _, item in ipairs(found.left) do
    if item.owner then owned[#owned + 1] = item end
  end
  local part_of = survey.part_of(owned)
  for _, item in ipairs(found.items) do
    local whole = part_of(item)
    if whole then item.why = ("it is part of %s, which the playbook %s owns"):format(whole.address, whole.owner) end
    table.insert(whole and found.left or rest, item)
  end
  found.items = rest
end

--- Reads all there is of `types`: {items = what can be adopted, left = what cannot (with `why`), failed = what could
-- not be looked at (with `error`)}. `only`: name (patterns), tag {Key = value}; `most` requests in flight at once.
function look.all(aws, types, only, most)
  local found = {items = {}, left = {}, failed = {}}
  local items, failed = survey.all(aws, types, most, function(item) return named(only.name, item.name) end)
  for _, one in ipairs(failed) do sort(found, one, only) end
  for _, item in ipairs(items) do sort(found, item, only) end
  leave_parts(found)
  return found
end

return look
