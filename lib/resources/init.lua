--- Resource types: the constructor that a type's file calls, and the registry that finds the files.
-- A file is a declaration: what differs from the API's own model, and short functions that the engine orders.
local Type = require "resources.type"
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

--- Services that have types, sorted.
function resources.services()
  local out = {}
  for service in pairs(CATALOG) do out[#out + 1] = service end
  table.sort(out)
  return out
end

--- Makes a type of a declaration. Fields:
-- type, about; service (model's name, default the first word of type); model (the create operation, whose input
-- members are the properties); also {operation = {members}}; without {members}; properties {Name = row};
-- required {names}; key (member that `name` stands for, or a list of properties); longest (characters that a name may
-- have, where the model gives more);
-- provides {names that only live state has}; replaces {names}; sets {Name = member | "Name"};
-- documents {Name = "policy" | "json"}; defaults {Name = value that AWS has where none is given};
-- guards {those of the defaults that an update never goes back to: encryption, policies, retention, who is told};
-- secrets {names that cannot be read back}; tags (true, or false where the type has none); absent {error codes};
-- check(want) -> sentences; read(aws, want) -> live | nil; read_many(aws, wants) -> list; create(aws, want) -> live;
-- update(aws, live, want, changed); delete(aws, live, want); settle(aws, want, live); protected(live) -> why;
-- renews {fields of provides that an update changes, but for one of Tags alone};
-- found_by {properties beside the key that read must know: where it is, such as a group or a bus};
-- once {operations that make a second one when sent twice: after a lost answer the engine looks first};
-- inside (the structure of the create input that holds the properties); normal(want) -> want, spelt as AWS does;
-- note(live) -> what a person should know though nothing is to be done; arns (pattern that takes the name out of its
-- ARN, so that --prune can find it); list(aws) -> {{name =, Tags =}} (all there are, where the account's tag call does
-- not know the type); kept (why --prune leaves what it finds of this type);
-- all (which there are, for adopt: an operation and the member that is the name, or function(aws) -> wants as `read`
-- takes them; `leave` in one says why not).
-- `aws` is a client that also has account_id, region, arn(service, resource [, region, account]) and
-- tags(arn, own), which gives tags out of one call for all resources, or calls own().
function resources.new(d) return Type.new(d) end

setmetatable(resources, {__call = function(_, d) return Type.new(d) end})

-- The small tools for the files, under one name with the constructor.
for name, tool in pairs(require "resources.tools") do resources[name] = tool end

return resources
