-- things.lua -- a resource type over a world in memory, and a playbook run against it: for specs of the engine.
local catalog = require "resources.catalog"
local playbook = require "playbook"
local resource = require "resources"

local things = {}

local function client(world)
  return setmetatable({}, {__index = function(_, service)
    return setmetatable({}, {__index = function(_, operation)
      return function(_, input)
        world.calls[#world.calls + 1] = operation .. " " .. tostring((input or {}).name or "")
        local fail = world.fail[operation .. " " .. tostring((input or {}).name)]
        if fail then
          error(setmetatable({code = fail, message = fail, exit = 1}, {__tostring = function() return fail end}), 0)
        end
        return world.answer[service .. "." .. operation](input or {})
      end
    end})
  end})
end

local function copy(t)
  if type(t) ~= "table" then return t end
  local out = {}
  for k, v in pairs(t) do out[k] = copy(v) end
  return out
end

--- A world: {store =, calls =, fail = {["operation name"] = code}}, and `session` to give to the engine.
function things.world()
  local world = {store = {}, calls = {}, fail = {}, n = 0}
  world.answer = {
    ["sts.get_caller_identity"] = function() return {Account = "123456789012", Arn = "arn:me"} end,
    ["test.get_thing"] = function(input)
      local found = world.store[input.name]
      if not found then error({code = "NoSuchThing", message = "no such thing"}, 0) end
      return copy(found)
    end,
    ["test.create_thing"] = function(input)
      world.n = world.n + 1
      local thing = copy(input)
      thing.Size = thing.Size or 1
      thing.arn = "arn:thing:" .. input.name .. ":" .. world.n
      world.store[input.name] = thing
      return copy(thing)
    end,
    ["test.update_thing"] = function(input)
      for k, v in pairs(input) do world.store[input.name][k] = copy(v) end
      return {}
    end,
    ["test.delete_thing"] = function(input)
      world.store[input.name] = nil
      return {}
    end,
  }
  world.session = client(world)
  return world
end

catalog.test = {"thing", "shelf", "guest"}
package.loaded["resources.test.thing"] = resource {
  type = "test.thing", about = "A thing of the specs",
  properties = {name = {type = "string", required = true}, Size = {type = "integer", max = 100},
    Mode = {type = "string", enum = {"fast", "slow"}}, Kind = "string", Link = "string", Doc = "document",
    Links = {"list", "string"}},
  provides = {"arn"}, replaces = {"Kind"}, defaults = {Size = 1}, absent = {"NoSuchThing"},
  documents = {Doc = "policy"}, sets = {"Links"},
  check = function(want)
    if want.Kind == "linked" and not want.Link then return {"Link is missing: a linked thing needs it"} end
  end,
  read = function(aws, want) return aws.test:get_thing {name = want.name} end,
  create = function(aws, want) return aws.test:create_thing(want) end,
  update = function(aws, _, want, changed)
    local input = {name = want.name}
    for name in pairs(changed) do input[name] = want[name] end
    aws.test:update_thing(input)
  end,
  delete = function(aws, live) aws.test:delete_thing {name = live.name} end,
}

-- As a bucket: each part is a request of its own, so only what the playbook gives is read.
package.loaded["resources.test.shelf"] = resource {
  type = "test.shelf", about = "A shelf of the specs, read in parts",
  properties = {name = {type = "string", required = true}, Kind = "string", Doc = "document",
    Lock = {type = "map", value = {type = "string"}}},
  provides = {"arn"}, absent = {"NoSuchThing"}, replaces = {"Lock"},
  read = function(aws, want)
    local whole = aws.test:get_thing {name = want.name}
    local live = {name = whole.name, arn = whole.arn, Tags = whole.Tags}
    for _, part in ipairs {"Kind", "Doc", "Lock"} do
      if want[part] ~= nil then live[part] = whole[part] end
    end
    return live
  end,
  create = function(aws, want) return aws.test:create_thing(want) end,
  update = function(aws, _, want, changed)
    local input = {name = want.name}
    for name in pairs(changed) do input[name] = want[name] end
    aws.test:update_thing(input)
  end,
  delete = function(aws, live) aws.test:delete_thing {name = live.name} end,
}

-- As a schedule in a group: found only in the place that another provides.
package.loaded["resources.test.guest"] = resource {
  type = "test.guest", about = "A guest of the specs, found in a room",
  properties = {name = {type = "string", required = true}, Room = "string"},
  provides = {"arn"}, absent = {"NoSuchThing"}, found_by = {"Room"},
  label = function(want) return want.Room .. "/" .. want.name end,
  read = function(aws, want) return aws.test:get_thing {name = want.Room .. "/" .. want.name} end,
  create = function(aws, want)
    local made = aws.test:create_thing {name = want.Room .. "/" .. want.name, Room = want.Room, Tags = want.Tags}
    return {arn = made.arn}
  end,
  delete = function(aws, live) aws.test:delete_thing {name = live.name} end,
}

local n = 0

--- Writes `text` as a playbook file (with a header unless it has one); the path.
function things.file(text)
  n = n + 1
  local path = os.tmpname() .. ".lua"
  local file = assert(io.open(path, "w"))
  if not text:find "^%s*playbook" then text = 'playbook {name = "spec/one"} ' .. text end
  file:write(text)
  file:close()
  return path
end

--- Loads a playbook of `text`; options as playbook.load, with account (a table) as data.
function things.load(text, options)
  options = options or {}
  local path = things.file(text)
  local loaded = playbook.load(path, {vars = options.vars})
  if options.account then loaded.account, loaded.account_path = options.account, "account.lua" end
  os.remove(path)
  os.remove((path:gsub("%.lua$", "")))
  return loaded
end

--- The context of a world.
function things.context(world)
  local events = {}
  return {session = world.session, models = {}, region = "eu-west-1", events = events,
    emit = function(event) events[#events + 1] = event end}
end

--- Plans `text` in a world: the engine.
function things.plan(world, text, options)
  return playbook.plan(things.load(text, options), things.context(world), options)
end

--- Plans and applies: the engine.
function things.apply(world, text, options)
  return playbook.apply(things.plan(world, text, options))
end

--- {address = action} of a plan.
function things.actions(engine)
  local out = {}
  for _, node in ipairs(playbook.all_nodes(engine)) do out[node.address] = node.action end
  return out
end

return things
