--- owned and retire: what tidelock's playbooks have made in the account, and saying that some of it shall be no more.
local fault = require "playbook.fault"
local find = require "playbook.find"
local guard = require "playbook.guard"
local resources = require "resources"
local survey = require "resources.survey"
local suggest = require "suggest"

local retire = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

-- Members of what is live that another names it by, beside its ARN.
local NAMES <const> = {["rds.parameter_group"] = {"name"}, ["s3.bucket"] = {"name"}, ["logs.group"] = {"name"},
  ["kms.key"] = {"id", "name", "alias_arn"}, ["secretsmanager.secret"] = {"name"}, ["sqs.queue"] = {"url"}}

-- ## Who leans on whom

local function index(items)
  local out = {}
  for _, item in ipairs(items) do
    if item.live.arn then out[item.live.arn] = item end
    for _, member in ipairs(NAMES[item.type.type] or {}) do out[item.live[member] or item] = item end
  end
  return out
end

-- What a text names: it itself, or with something after it ("/*", ":*").
local function named(by, text)
  if by[text] or not text:find "^arn:" then return by[text] end
  local head = text
  repeat
    head = head:match "^(.*)[:/][^:/]*$"
    if head and by[head] then return by[head] end
  until not head
end

local function each_text(value, visit)
  if type(value) == "string" then return visit(value) end
  if type(value) ~= "table" then return end
  for _, inner in next, value do each_text(inner, visit) end
end

-- The addresses of those in `by` that an item names, sorted. Who may do something with another does not need it: where
-- only what is needed counts, policies do not.
local function leans_on(by, item, needed)
  local seen, out = {}, {}
  local function visit(text)
    local other = named(by, text)
    if other and other ~= item and not seen[other] then
      seen[other], out[#out + 1] = true, other.address
    end
  end
  for name, value in pairs(item.live) do
    local policy = item.type.rules[name] == "policy" or name == "InlinePolicies"
    if name ~= "Tags" and not (needed and policy) then each_text(value, visit) end
  end
  table.sort(out)
  return out
end

-- ## owned

local function types_but(engine, without)
  local skip, out, names = {}, {}, {}
  for _, name in ipairs(without or {}) do skip[name] = true end
  for _, t in ipairs(survey.types()) do
    names[#names + 1] = t.type
    if not skip[t.type] then out[#out + 1] = t end
    skip[t.type] = nil
  end
  local unknown = next(skip)
  if unknown then
    find.wrong(engine, ("owned: without names %s, which is no type that is looked through%s"):format(unknown,
      suggest.phrase(unknown, names)))
  end
  return out
end

local function wanted_by(playbooks)
  if playbooks == nil or #playbooks == 0 then return function() return true end end
  return function(owner)
    for _, name in ipairs(playbooks) do
      if owner == name or owner:sub(1, #name + 1) == name .. "/" then return true end
    end
    return false
  end
end

local function refuse_unseen(items, failed)
  local lines, seen = {}, {}
  for _, list in ipairs {failed, items} do
    for _, item in ipairs(list) do
      local text = item.error and ("%s: %s"):format(item.type.type, tostring(item.error))
      if text and not seen[text] then
        seen[text], lines[#lines + 1] = true, text
      end
    end
  end
  if #lines == 0 then return end
  fault.fail(1, "What is in the account could not all be looked at, so what leans on what is not known; nothing was"
    .. " removed. Allow these reads, or leave their types out (without):\n%s", table.concat(lines, "\n"))
end

local function key_of(item)
  local out = {}
  for _, names in ipairs {item.type.keys, item.type.found_by or {}} do
    for _, name in ipairs(names) do out[name] = item.live[name] or item.want[name] end
  end
  return out
end

local function row_of(item, by)
  local protected = item.type.protected and item.type.protected(item.live) or nil
  return {address = item.address, type = item.type.type, name = item.name, arn = item.live.arn,
    owner = item.live.Tags[OWNER_TAG], key = key_of(item), leans = leans_on(by, item, true), used_by = {},
    protected = protected}
end

local function client_of(engine)
  local aws = engine.recorder:client()
  local tags <const> = survey.tags(aws)
  return setmetatable({}, {__index = function(_, name)
    if name == "tags" then return tags end
    return aws[name]
  end})
end

local function rows_of(items, is_wanted)
  local mine, rows, at = {}, {}, {}
  for _, item in ipairs(items) do
    local owner = item.live and item.live.Tags and item.live.Tags[OWNER_TAG]
    item.mine = owner ~= nil and is_wanted(owner)
    if item.mine then mine[#mine + 1] = item end
  end
  local by, part_of = index(mine), survey.part_of(mine)
  for i, item in ipairs(mine) do
    rows[i] = row_of(item, by)
    at[item.address] = rows[i]
  end
  for _, item in ipairs(items) do
    if item.live and not item.mine and not part_of(item) then
      for _, address in ipairs(leans_on(by, item)) do table.insert(at[address].used_by, item.address) end
    end
  end
  return rows
end

local function look(engine, types, is_wanted)
  local items, failed = survey.all(client_of(engine), types, engine.concurrency or 32)
  refuse_unseen(items, failed)
  engine.surveyed = {}
  for _, item in ipairs(items) do engine.surveyed[item.address] = item.live end
  return rows_of(items, is_wanted)
end

--- The word owned, inside a find: a list of what playbooks have made and own by its tag: {address, type, name, arn,
-- owner, key, leans = addresses of others of the list that it names, used_by = addresses of what is not in the list and
-- names it, protected = why it refuses to be deleted}. Options: playbooks (names, or the part before a /; else all),
-- without (types that are not looked at).
function retire.owned(engine)
  return function(options)
    options = options or {}
    if not (engine.in_step and engine.in_step.only_looks) then
      error("owned looks through the account; call it in a find's run function", 2)
    end
    local types, is_wanted = types_but(engine, options.without), wanted_by(options.playbooks)
    guard.disarm()                                       -- an account is large, and this is no code of the playbook
    local ok, rows = pcall(look, engine, types, is_wanted)
    guard.arm(engine.recorder.instructions)
    if not ok then error(rows, 0) end
    return rows
  end
end

-- ## retire

local function leans(node, on)
  if node == on then return true end
  for other in pairs(node.deps) do
    if leans(other, on) then return true end
  end
  return false
end

-- What names another goes before it; of two that name each other either may.
local function wire(engine, node, row)
  engine.retired = engine.retired or {}
  local function edge(from, to) if to and not leans(to, from) then from.deps[to] = true end end
  for _, address in ipairs(row.leans or {}) do edge(node, engine.retired[address]) end
  for _, other in pairs(engine.retired) do
    for _, address in ipairs(other.leaning) do
      if address == node.address then edge(other, node) end
    end
  end
  engine.retired[node.address] = node
end

local function node_of(engine, t, row)
  local path, line = fault.here(engine.sources)
  local live = engine.surveyed and engine.surveyed[row.address]
  local want = {}
  for name, value in pairs(row.key) do want[name] = value end
  return {type = t, name = row.name, address = row.address, want = want, deps = {}, leaning = row.leans or {},
    owner = row.owner, retire = row.owner .. " made it", live = live, known = live, was_read = live ~= nil,
    file = path, line = line, index = #engine.nodes + 1}
end

local function faulty(engine, row)
  if type(row) ~= "table" or type(row.address) ~= "string" or type(row.key) ~= "table" then
    return "retire takes what owned has found: for _, one in ipairs(made) do retire(one) end"
  end
  local t = resources.find(tostring(row.type))
  if not t then return ("retire: there is no resource type %s"):format(tostring(row.type)) end
  if engine.by_address[row.address] then
    return ("retire: %s is declared in this playbook already"):format(row.address)
  end
  return nil, t
end

--- The word retire: declares that something owned shall be no more. A plan shows its deletion; what leans on it goes
-- first.
function retire.word(engine)
  return function(row)
    local why, t = faulty(engine, row)
    if why then return engine:fault("%s", why) end
    local node = node_of(engine, t, row)
    wire(engine, node, row)
    node.fields, node.field_names = {}, function() return {} end
    engine.by_address[node.address] = node
    engine.nodes[node.index] = node
    engine.pending[#engine.pending + 1] = node
  end
end

return retire
