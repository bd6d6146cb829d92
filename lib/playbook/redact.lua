--- What the models call sensitive (a password, a function's variables) is said in plans and records, and never shown.
local compare = require "resources.compare"
local schema = require "resources.schema"

local redact = {}

local HIDDEN <const> = "<secret>"

--- What is said of a sensitive value that is not the one before it.
redact.OTHER = "<another secret>"

local hide

local function hide_members(row, value)
  local out = setmetatable({}, getmetatable(value))
  for name, inner in next, value do out[name] = inner end
  for _, member in ipairs(row.members()) do out[member.name] = hide(member.row, value[member.name]) end
  return out
end

local function hide_each(row, value)
  local out = setmetatable({}, getmetatable(value))
  for key, inner in next, value do out[key] = hide(row, inner) end
  return out
end

-- A row of a model's shape, as resources.schema makes them; what is a secret already stays one.
function hide(row, value)
  if value == nil or row == nil then return value end
  row = row.shape or row                       -- a document of a type is a structure of the model, where it is there
  if row.sensitive then return HIDDEN end
  if type(value) ~= "table" or type(getmetatable(value)) == "string" then return value end
  if row.members then return hide_members(row, value) end
  if row.item or row.value then return hide_each(row.item or row.value, value) end
  return value
end

-- operation's id -> its properties; models never change
local known <const> = {}

local function rows_of(models, service, operation)
  if not models.service then return {} end
  local id = service .. "." .. operation
  if not known[id] then
    local model, rows = models.service((service:gsub("_", "-"))), {}
    local op = model and model:operation(operation)
    if op and op:input_shape() then schema.from({model = model}, rows, operation, {}) end
    known[id] = rows
  end
  return known[id]
end

local function apply(rows, values)
  local out = {}
  for name, value in next, values do
    out[name] = hide(rows[name] and rows[name].row, value)
  end
  return out
end

--- The input of an operation (snake_case, or the API's name) as it may be kept: members that the model calls sensitive
-- are "<secret>". `models` is tidelock.models; of an operation that it does not know, the input as it is.
function redact.input(models, service, operation, input)
  if type(input) ~= "table" then return input end
  return apply(rows_of(models, service, operation), input)
end

-- Where a sensitive value is another after a change than before it, the text for it says so.
local function mark(row, before, after, hidden)
  row = row and (row.shape or row)
  if not row or after == nil then return hidden end
  if row.sensitive then return compare.equal(after, before) and hidden or redact.OTHER end
  if type(hidden) ~= "table" or type(after) ~= "table" or type(before) ~= "table" then return hidden end
  if row.members then
    for _, member in ipairs(row.members()) do
      local name = member.name
      hidden[name] = mark(member.row, before[name], after[name], hidden[name])
    end
  elseif row.item or row.value then
    for key in next, hidden do hidden[key] = mark(row.item or row.value, before[key], after[key], hidden[key]) end
  end
  return hidden
end

--- The values of one change of a resource (as Type:diff gives it, all that is known put in) as they may be shown: of
-- sensitive ones only whether they differ.
function redact.change(t, models, name, before, after)
  local property = t:schema(models)[name]
  local row = property and property.row
  return hide(row, before), before ~= nil and mark(row, before, after, hide(row, after)) or hide(row, after)
end

--- Properties of a resource, live or wanted, as they may be kept.
function redact.properties(t, models, values)
  if type(values) ~= "table" then return values end
  return apply(t:schema(models), values)
end

--- The changes of a resource (as playbook.show gives them) as they may be kept.
function redact.changes(t, models, changes)
  local rows = t:schema(models)
  for _, change in ipairs(changes or {}) do
    local row = rows[change.property] and rows[change.property].row
    change.before, change.after = hide(row, change.before), hide(row, change.after)
  end
  return changes
end

return redact
