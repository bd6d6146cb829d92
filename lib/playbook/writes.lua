--- Which operations a type's functions call: read off their compiled constants, so that no list beside them can lie.
-- A call is aws.SERVICE:OPERATION, and both words are constants of the function that makes it or of its helpers.
local writes = {}

local DEPTH <const> = 4
local VERBS <const> = {create = {"create", "settle"}, update = {"update", "settle"}, delete = {"delete"},
  replace = {"delete", "create", "settle"}}
-- Roles of their own that services have made with the first of these.
local LINKED <const> = {["guardduty.detector"] = true, ["securityhub.hub"] = true, ["accessanalyzer.analyzer"] = true,
  ["config.conformance_pack"] = true}

-- A short string lies in the dump behind its length; what only looks like one does not.
local function add_words(fn, out)
  local code = string.dump(fn)
  for at, word in code:gmatch "()(%l[%l%d_]+)" do
    if code:byte(at - 1) == (#word + 1) | 0x80 then out[word] = true end
  end
end

-- The constants of a function and of the helpers and tables that it reaches; not those of the tools of all types.
local function walk(value, out, seen, depth)
  if type(value) == "string" then out[value] = true end
  if seen[value] or depth > DEPTH then return end
  if type(value) == "function" then
    seen[value] = true
    if debug.getinfo(value, "S").what == "C" then return end
    add_words(value, out)
    for i = 1, 255 do
      local name, inner = debug.getupvalue(value, i)
      if not name then break end
      walk(inner, out, seen, depth)
    end
  elseif type(value) == "table" and getmetatable(value) == nil then
    seen[value] = true
    for _, inner in next, value do walk(inner, out, seen, depth + 1) end
  end
end

local function shared()
  local seen = {[_G] = true, [require "resources"] = true, [package.loaded] = true}
  for _, name in ipairs {"resources.tools", "resources.compare", "task", "suggest"} do
    local ok, room = pcall(require, name)
    if ok then
      seen[room] = true
      for _, fn in pairs(room) do seen[fn] = true end
    end
  end
  return seen
end

-- The services among the words: the type's own first.
local function services_of(t, words, models)
  local out = {{name = t.service, model = models.service((t.service:gsub("_", "-")))}}
  for word in pairs(words) do
    local id = word:find "^%l[%l%d_]+$" and word ~= t.service and word:gsub("_", "-")
    local model = id and models.info(id) and models.service(id)
    if model then out[#out + 1] = {name = word, model = model} end
  end
  return out
end

local function operation_of(services, word)
  for _, service in ipairs(services) do
    local op = service.model and service.model:operation(word)
    if op and op.snake == word then return service.name, op.name end
  end
end

-- What is made with tags takes the right to tag, too.
local function add_tagging(t, verb, models, found)
  if verb ~= "create" or not t.tagged or not t.declaration.update then return end
  for _, name in ipairs(writes.of(t, "update", models)) do
    if name:find ":Tag" or name:find ":AddTags" or name:find ":CreateTags" then found[name] = true end
  end
end

--- The IAM actions of what a type's `verb` (create, update, delete, replace) writes, sorted. Reads are left out: who
-- has planned has read.
function writes.of(t, verb, models)
  local words, seen = {}, shared()
  for _, name in ipairs(VERBS[verb]) do
    if t.declaration[name] then walk(t.declaration[name], words, seen, 1) end
  end
  if words.retag and t.tagged then words.tag_resource, words.untag_resource = true, true end
  local is_read, action = require "playbook.recorder".is_read, require "aws.action"
  local services, found, out = services_of(t, words, models), {}, {}
  for word in pairs(words) do
    local service, operation = operation_of(services, word)
    if service and not is_read(word) then found[action.of(service, operation)] = true end
  end
  add_tagging(t, verb, models, found)
  if verb ~= "delete" and LINKED[t.type] then found["iam:CreateServiceLinkedRole"] = true end
  for name in pairs(found) do out[#out + 1] = name end
  table.sort(out)
  return out
end

return writes
