--- What there is in an account, read only: each type says which of it there are, and each of these is read.
local recorder_of = require "playbook.recorder"
local resources = require "resources"
local suggest = require "suggest"
local task = require "task"

local look = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

-- ## The client: it refuses whatever would write, and knows the tags of the account by one call

local function refuse_writes(call)
  error({exit = 70, message = ("adopt was about to call %s.%s, which is not only reading; nothing was sent. Please"
    .. " report it."):format(call.service, call.operation)}, 0)
end

-- The tags of one resource, by the account's own call where that knows it.
local function tags_by_call(recorder)
  local loop, known = require "tidelock.loop", nil
  local function all()
    local out = {}
    pcall(function()
      for row in recorder:client().resourcegroupstaggingapi:items("get_resources", {}) do
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

--- A client for reading: `aws`, and the recorder that counts. `place` is {region =, id =}.
function look.client(session, traffic, place)
  local recorder = recorder_of.new(session, traffic)
  recorder.before = refuse_writes
  local of, tags = require "playbook.place".of {region = place.region, identity = {known = {id = place.id}},
    recorder = recorder, nodes = {}}, tags_by_call(recorder)
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

--- What there is of a type, as `read` is to be asked for it; on some stands `leave`, why it is not to be adopted.
function look.wants(aws, t)
  if type(t.all) == "table" then return by_operation(aws, t) end
  if t.all then return t.all(aws) end
  return by_list(aws, t)
end

--- What it is called in addresses.
function look.name(t, want)
  local ok, name = pcall(t.key_text, t, want)
  return ok and name or tostring(want.name)
end

-- ## Reading

local function glob(pattern)
  return "^" .. pattern:gsub("[^%w%*%?]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function named(patterns, name)
  if not patterns then return true end
  for _, pattern in ipairs(patterns) do
    if name:find(glob(pattern)) then return true end
  end
  return false
end

local function tagged(wanted, tags)
  for name, value in pairs(wanted or {}) do
    if not tags or tags[name] == nil or value ~= "" and tags[name] ~= value then return false end
  end
  return true
end

local function sentence(err) return (tostring(type(err) == "table" and err.message or err):gsub("%s+", " ")) end

-- One resource into `found`: what is live of it, or why it is left.
local function read_one(aws, found, item, only)
  local ok, live = pcall(item.type.read, aws, item.want)
  if not ok then
    item.error = sentence(live)
    table.insert(found.failed, item)
  elseif live and tagged(only.tag, live.Tags) then
    item.live = live
    item.owner = live.Tags and live.Tags[OWNER_TAG]
    if item.owner then item.why = "it is tidelock's already: the playbook " .. item.owner .. " owns it" end
    table.insert(item.owner and found.left or found.items, item)
  end
end

local function list_type(aws, found, t, only)
  local ok, wants = pcall(look.wants, aws, t)
  if not ok then
    table.insert(found.failed, {type = t, error = sentence(wants)})
    return {}
  end
  local out = {}
  for _, want in ipairs(wants) do
    local item = {type = t, want = want, name = look.name(t, want), why = want.leave}
    want.leave = nil
    item.address = t.type .. "/" .. item.name
    if not named(only.name, item.name) then           -- luacheck: ignore
    elseif item.why then
      if not only.tag then table.insert(found.left, item) end
    else
      out[#out + 1] = item
    end
  end
  return out
end

local function sorted(list)
  table.sort(list, function(a, b)
    if a.type.type ~= b.type.type then return a.type.type < b.type.type end
    return (a.name or "") < (b.name or "")
  end)
end

--- Reads all there is of `types`: {items = what can be adopted, left = what cannot (with `why`), failed = what could
-- not be looked at (with `error`)}. `only`: name (patterns), tag {Key = value}; `most` requests in flight at once.
function look.all(aws, types, only, most)
  local found, rows = {items = {}, left = {}, failed = {}}, {}
  task.map(types, function(t)
    local items = list_type(aws, found, t, only)
    table.move(items, 1, #items, #rows + 1, rows)
  end, {concurrency = most})
  task.map(rows, function(item) read_one(aws, found, item, only) end, {concurrency = most})
  for _, list in pairs(found) do sorted(list) end
  return found
end

return look
