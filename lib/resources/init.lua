--- Resource types: the constructor that a type's file calls, and the registry that finds the files.
-- A file is a declaration: what differs from the API's own model, and short functions that the engine orders.
local compare = require "resources.compare"
local suggest = require "suggest"

local resources = {}

-- Types by service. A name in this list is a file lib/resources/SERVICE/TYPE.lua.
local CATALOG <const> = require "resources.catalog"

local loaded <const> = {}

--- The type "sqs.queue", or nil and a did-you-mean.
function resources.find(name)
  if loaded[name] then return loaded[name] end
  local service, kind = name:match "^([%w_]+)%.([%w_]+)$"
  local kinds = service and CATALOG[service]
  local known = false
  for _, k in ipairs(kinds or {}) do known = known or k == kind end
  if not known then return nil, suggest.phrase(name, resources.names()) end
  loaded[name] = require(("resources.%s.%s"):format(service, kind))
  return loaded[name]
end

--- All names of types, sorted.
function resources.names()
  local out = {}
  for service, kinds in pairs(CATALOG) do
    for _, kind in ipairs(kinds) do out[#out + 1] = service .. "." .. kind end
  end
  table.sort(out)
  return out
end

--- Services that have types, sorted; and whether one has.
function resources.services()
  local out = {}
  for service in pairs(CATALOG) do out[#out + 1] = service end
  table.sort(out)
  return out
end

-- ## The constructor

local Type <const> = {}
Type.__index = Type

local FIELDS <const> = {"type", "about", "service", "model", "inside", "also", "without", "properties", "required",
  "key", "label", "provides", "replaces", "sets", "documents", "defaults", "normal", "secrets", "tags", "absent",
  "check", "read", "read_many", "create", "update", "delete", "settle", "note", "protected", "arns",
  "once", "renews", "list", "kept", "found_by"}

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

--- Makes a type of a declaration. Fields:
-- type, about; service (model's name, default the first word of type); model (the create operation, whose input
-- members are the properties); also {operation = {members}}; without {members}; properties {Name = row};
-- required {names}; key (member that `name` stands for, or a list of properties);
-- provides {names that only live state has}; replaces {names}; sets {Name = member | "Name"};
-- documents {Name = "policy" | "json"}; defaults {Name = value that AWS has where none is given};
-- secrets {names that cannot be read back}; tags (true, or false where the type has none); absent {error codes};
-- check(want) -> sentences; read(aws, want) -> live | nil; read_many(aws, wants) -> list; create(aws, want) -> live;
-- update(aws, live, want, changed); delete(aws, live, want); settle(aws, want, live); protected(live) -> why;
-- renews {fields of provides that an update changes, but for one of Tags alone};
-- found_by {properties beside the key that read must know: where it is, such as a group or a bus};
-- once {operations that make a second one when sent twice: after a lost answer the engine looks first};
-- inside (the structure of the create input that holds the properties); normal(want) -> want, spelt as AWS does;
-- note(live) -> what a person should know though nothing is to be done; arns (pattern that takes the name out of its
-- ARN, so that --prune can find it); list(aws) -> {{name =, Tags =}} (all there are, where the account's tag call does
-- not know the type); kept (why --prune leaves what it finds of this type).
-- `aws` is a client that also has account_id, region, arn(service, resource [, region, account]) and
-- tags(arn, own), which gives tags out of one call for all resources, or calls own().
function resources.new(d)
  for name in pairs(d) do
    if not table.concat(FIELDS, " "):find(name, 1, true) then
      error(("%s: a type has no field %s%s"):format(tostring(d.type), name, suggest.phrase(name, FIELDS)), 2)
    end
  end
  local t = setmetatable({declaration = d}, Type)
  for _, name in ipairs(FIELDS) do t[name] = d[name] end
  t.service = d.service or d.type:match "^[^.]+"
  t.absent = set_of(d.absent)
  t.replaced_by = set_of(d.replaces)
  t.hidden = set_of(d.secrets)
  t.rules = rules_of(d)
  t.tagged = d.tags ~= false
  t.keys = type(d.key) == "table" and d.key or {"name"}
  if d.read then t.read = or_absent(t.absent, d.read) end
  return t
end

setmetatable(resources, {__call = function(_, d) return resources.new(d) end})

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
    made.name, made[d.key] = made[d.key] or {row = {type = "string"}}, nil
    made.name.required = true
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
  local out = set_of(self.provides)
  for name in pairs(self:schema(models)) do out[name] = true end
  return out
end

--- What it is called in addresses: the key's values, joined.
function Type:key_text(want)
  if self.label then return self.label(want) end
  local out = {}
  for i, key in ipairs(self.keys) do out[i] = tostring(want[key]) end
  return table.concat(out, "/")
end

--- The wanted state with the defaults that the API has put in.
function Type:complete(want)
  local out = {}
  for name, value in pairs(self.defaults or {}) do
    if type(value) == "function" then value = value(want) end
    out[name] = value
  end
  for name, value in pairs(want) do out[name] = value end
  return self.normal and self.normal(out) or out
end

-- A default that means "there is none of it": an empty table, or false where nothing is live.
local function no_value(value) return value == false or (type(value) == "table" and next(value) == nil) end

local function differs(self, name, want, live)
  if live == nil and no_value(want) then return false end
  return not compare.equal(want, live, self.rules[name])
end

--- What must change for `live` to be as `want` says: a sorted list of {name=, before=, after=, replaces=, secret=}.
-- `want` is complete; `open(value)` says whether a value has parts that are not known yet, `is_unknown(part)` which;
-- `differs` where such a value has known parts that are not as live: lists that are sets and documents are not taken
-- apart for that.
function Type:diff(live, want, open, is_unknown)
  local out = {}
  local names = compare.sorted_keys(want)
  local skip = set_of(self.keys)
  for _, name in ipairs(names) do
    if not skip[name] and not self.hidden[name] then
      local is_open = open and open(want[name])
      if is_open or differs(self, name, want[name], live[name]) then
        out[#out + 1] = {name = name, before = live[name], after = want[name], unknown = is_open or nil,
          differs = is_open and self.rules[name] == nil and live[name] ~= nil
            and not compare.may_equal(want[name], live[name], is_unknown) or nil,
          replaces = self.replaced_by[name]}
      end
    end
  end
  return out
end

-- ## Small tools for the files

--- {a = "b"} as {{Key = "a", Value = "b"}}, sorted; and with other member names.
function resources.tag_list(tags, key, value)
  local out = {}
  for i, name in ipairs(compare.sorted_keys(tags or {})) do
    out[i] = {[key or "Key"] = name, [value or "Value"] = tags[name]}
  end
  return out
end

--- The reverse; AWS's own tags (aws:...) are left out.
function resources.tag_map(list, key, value)
  local out = {}
  for _, tag in ipairs(list or {}) do
    local name = tag[key or "Key"]
    if not name:find "^aws:" then out[name] = tag[value or "Value"] or "" end
  end
  return out
end

--- What to set and what to take away so that `live` tags become `want`: a map, and a list of names.
function resources.tag_changes(live, want)
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

--- A document of the API (JSON text) as a table; nil where there is none.
function resources.document(text)
  if text == nil or text == "" then return nil end
  local json = require "tidelock.json"
  local value = json.decode(text)
  return value
end

--- A table as the JSON text the API wants: keys sorted, so that equal documents are equal text.
function resources.encode(value)
  if value == nil then return "" end
  return require "tidelock.json".encode(value, {sort = true})
end

--- Spells {} as false in these properties of `want`: "there shall be none", which a structure of no members cannot say.
function resources.none(want, names)
  for _, name in ipairs(names) do
    local value = want[name]
    if type(value) == "table" and getmetatable(value) == nil and next(value) == nil then want[name] = false end
  end
  return want
end

--- Calls the functions of a table side by side; the first result of each under its name.
function resources.all(fns) return require "task".all(fns) end

--- The result of `fn()`, or `otherwise` where it fails with one of these codes.
function resources.unless(codes, fn, otherwise)
  local ok, result = pcall(fn)
  if ok then return result end
  for _, code in ipairs(codes) do
    if type(result) == "table" and result.code == code then return otherwise end
  end
  error(result, 0)
end

--- Waits so many seconds; a run that is interrupted ends it at once (playbook.recorder puts that in).
function resources.nap(seconds) require "tidelock.loop".sleep(seconds) end

--- Waits until `fn()` is true: asks after a moment, then ever more rarely, at least every 10 seconds, `seconds` in all
-- (default 600).
function resources.await(what, fn, seconds)
  local loop = require "tidelock.loop"
  local limit, pause = loop.now() + (seconds or 600), 0.05
  while true do
    local done = fn()
    if done then return done end
    if loop.now() >= limit then
      error({code = "timeout", message = ("%s did not come within %d seconds"):format(what, seconds or 600)}, 0)
    end
    resources.nap(pause, what)
    pause = math.min(pause * 2, 10)
  end
end

return resources
