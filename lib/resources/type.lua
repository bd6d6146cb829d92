--- What every resource type can do: its properties out of the model, its defaults, and what differs from what is live.
local compare = require "resources.compare"
local suggest = require "suggest"

local Type <const> = {}
Type.__index = Type

local FIELDS <const> = {"type", "about", "service", "model", "inside", "also", "without", "properties", "required",
  "key", "label", "provides", "replaces", "sets", "documents", "defaults", "guards", "normal", "secrets", "tags",
  "absent", "check", "read", "read_many", "create", "update", "delete", "settle", "note", "protected", "arns",
  "once", "renews", "list", "all", "kept", "found_by",
  "longest"}

local function set_of(list)
  local out = {}
  for _, name in ipairs(list or {}) do out[name] = true end
  return out
end

local function rules_of(d)
  local rules = {}
  for name, by in pairs(d.sets or {}) do
    if type(name) == "number" then rules[by] = "set" else rules[name] = {set = by} end
  end
  for name, kind in pairs(d.documents or {}) do
    if type(name) == "number" then rules[kind] = "json" else rules[name] = kind end
  end
  if d.tags ~= false then rules.Tags = "map" end
  return rules
end

-- What AWS answers with where there is none becomes nil; every other refusal stays an error.
local function or_absent(absent, fn)
  return function(aws, ...)
    local result = table.pack(pcall(fn, aws, ...))
    if result[1] then return table.unpack(result, 2, result.n) end
    local err = result[2]
    if type(err) == "table" and absent[err.code] then return nil end
    error(err, 0)
  end
end

local NAME <const> = 2048                             -- characters that no name of AWS has

-- The row of a name: where the model knows no end of it, the type's, or one that is far away.
local function named(row, longest)
  local out = {type = "string", max = NAME}
  for key, value in pairs(row or {}) do out[key] = value end
  out.max = math.min(out.max, longest or out.max)
  return out
end

-- A word that no type has: what a file misspells must not be left out silently.
local function refuse_unknown(d)
  local known = set_of(FIELDS)
  for name in pairs(d) do
    if not known[name] then
      error(("%s: a type has no field %s%s"):format(tostring(d.type), name, suggest.phrase(name, FIELDS)), 0)
    end
  end
end

--- A type of a declaration, whose fields are those that resources.new tells of.
function Type.new(d)
  refuse_unknown(d)
  local t = setmetatable({declaration = d}, Type)
  for _, name in ipairs(FIELDS) do t[name] = d[name] end
  t.service = d.service or d.type:match "^[^.]+"
  t.absent = set_of(d.absent)
  t.replaced_by = set_of(d.replaces)
  t.hidden = set_of(d.secrets)
  t.is_guard = set_of(d.guards)
  t.rules = rules_of(d)
  t.tagged = d.tags ~= false
  t.keys = type(d.key) == "table" and d.key or {"name"}
  t.is_key = set_of(t.keys)
  if d.read then t.read = or_absent(t.absent, d.read) end
  return t
end

--- The properties {Name = {row=, required=}} of the type, made from the model when first asked for.
function Type:schema(models)
  if self.made then return self.made end
  local schema = require "resources.schema"
  local d, made = self.declaration, {}
  local service = (d.model or d.also) and {model = assert(models.service((self.service:gsub("_", "-"))))}
  local without = set_of(d.without)
  without.Tags, without.tags, without.TagList, without.ResourceTags = true, true, true, true
  if d.model then schema.from(service, made, d.model, without, nil, d.inside) end
  for operation, members in pairs(d.also or {}) do
    schema.from(service, made, operation, {}, set_of(members))
    for _, member in ipairs(members) do made[member].required = nil end
  end
  if type(d.key) == "string" then
    made.name, made[d.key] = {row = named((made[d.key] or {}).row, d.longest), required = true}, nil
  end
  for name, row in pairs(d.properties or {}) do
    made[name] = {row = schema.row(row), required = type(row) == "table" and row.required or nil}
  end
  for name in pairs(d.documents or {}) do
    if made[name] then made[name].row = {type = "document", shape = made[name].row} end
  end
  for _, name in ipairs(d.required or {}) do made[name].required = true end
  if self.tagged then made.Tags = {row = {type = "map", value = {type = "string"}}} end
  self.made = made
  return made
end

--- The names that a handle of this type has.
function Type:field_names(models)
  if self.fields then return self.fields end
  local out = set_of(self.provides)
  for name in pairs(self:schema(models)) do out[name] = true end
  self.fields = out
  return out
end

--- What it is called in addresses: the key's values, joined.
function Type:key_text(want)
  if self.label then return self.label(want) end
  local out = {}
  for i, key in ipairs(self.keys) do out[i] = tostring(want[key]) end
  return table.concat(out, "/")
end

local function default_of(value, want)
  if type(value) == "function" then return value(want) end
  return value
end

--- The wanted state with the defaults that the API has put in. What guards something has none where one is `live`: a
-- playbook that does not speak of it leaves it as somebody set it.
function Type:complete(want, live)
  local out = {}
  for name, value in pairs(self.defaults or {}) do
    if live and self.is_guard[name] then out[name] = live[name] else out[name] = default_of(value, want) end
  end
  for name, value in pairs(want) do out[name] = value end
  return self.normal and self.normal(out) or out
end

--- What a resource is to be made with in the place of `live`: `want`, and the guards that somebody set on that.
function Type:in_place_of(live, want)
  local out = {}
  for name in pairs(self.is_guard) do
    local default = default_of(self.defaults[name], want)
    if live[name] and not compare.equal(default, live[name], self.rules[name]) then out[name] = live[name] end
  end
  for name, value in pairs(want) do out[name] = value end
  return out
end

-- A default that means "there is none of it": an empty table, or false where nothing is live.
local function no_value(value) return value == false or (type(value) == "table" and next(value) == nil) end

local function differs(self, name, want, live)
  if live == nil and no_value(want) then return false end
  return not compare.equal(want, live, self.rules[name])
end

local function by_name(a, b) return a.name < b.name end

--- What must change for `live` to be as `want` says: a sorted list of {name=, before=, after=, replaces=, secret=}.
-- `want` is complete; `open(value)` says whether a value has parts that are not known yet, `is_unknown(part)` which;
-- `differs` where such a value has known parts that are not as live: lists that are sets and documents are not taken
-- apart for that.
function Type:diff(live, want, open, is_unknown)
  local out = {}
  for name, value in pairs(want) do
    if not self.is_key[name] and not self.hidden[name] then
      local is_open = open and open(value)
      if is_open or differs(self, name, value, live[name]) then
        out[#out + 1] = {name = name, before = live[name], after = value, unknown = is_open or nil,
          differs = is_open and self.rules[name] == nil and live[name] ~= nil
            and not compare.may_equal(value, live[name], is_unknown) or nil,
          replaces = self.replaced_by[name]}
      end
    end
  end
  table.sort(out, by_name)
  return out
end

return Type
