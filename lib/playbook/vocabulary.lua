--- The words of a playbook, bound to an engine: playbook, var, account, ensure, step and the rest.
local fault = require "playbook.fault"
local libraries = require "playbook.libraries"
local lists = require "lists"
local resources = require "resources"
local sandbox = require "playbook.sandbox"
local shellword = require "shellword"
local suggest = require "suggest"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"

local vocabulary = {}

-- ## Data words

local function var_word(engine, values)
  return setmetatable({}, {
    __index = function(_, name)
      local value = values[name]
      if value == nil then
        engine:fault("there is no var %q%s; vars are declared in the playbook's header", tostring(name),
          suggest.phrase(name, vars.names(values)))
        return unknown.poison()
      end
      return value
    end,
    __newindex = function() error("a var cannot be set here; give it with --var, or a default in the header", 2) end,
    __metatable = "var",
  })
end

-- That there is no account file is one fault, wherever else one is asked for.
local function no_account(engine, name)
  if engine.missed_account then return unknown.poison() end
  engine.missed_account = true
  engine:fault("account.%s is asked for, but there is no account file; give one with --account FILE", tostring(name))
  return unknown.poison()
end

local function missing_account(engine, name)
  if not engine.account then return no_account(engine, name) end
  local names = require "playbook.account".names()
  local known = false
  for _, n in ipairs(names) do known = known or n == name end
  if known then
    engine:fault("account.%s is needed here, and %s does not give it; add it there", name, engine.account_path)
  else
    engine:fault("account.%s is not known%s; what is your own goes under custom = {} in the account file",
      tostring(name), suggest.phrase(name, names))
  end
  return unknown.poison()
end

local function no_region(engine)
  engine:fault "account.region is not known: give --region, AWS_REGION, or region in an account file (--account FILE)"
  return unknown.poison()
end

local function read_only(data)
  if type(data) ~= "table" then return data end
  local out = {}
  for key, value in pairs(data) do out[key] = read_only(value) end
  return out
end

local function account_word(engine)
  local data = read_only(engine.account or {})
  return setmetatable({}, {
    __index = function(_, name)
      if name == "region" then return engine.region or no_region(engine) end     -- --region's, before the file's
      if name == "file" and engine.account then return shellword(engine.account_path) end
      if data[name] ~= nil then return data[name] end
      if name == "id" then
        if engine.identity.known then return engine.identity.known.id end
        return unknown.field(engine.identity, {"id"})
      end
      if name == "partition" then
        return engine.region and require "playbook.place".partition(engine.region) or no_region(engine)
      end
      return missing_account(engine, name)
    end,
    __newindex = function() error("the account file cannot be changed from a playbook", 2) end,
    __metatable = "account",
  })
end

-- ## ensure

local function kind_word(engine, service, kind)
  return function(args)
    engine:refuse_in_step(("ensure.%s.%s"):format(service, kind))
    return engine:declare(service .. "." .. kind, args)
  end
end

local function first_of(service)
  for _, name in ipairs(resources.names()) do
    if name:match "^[^.]+" == service then return name end
  end
end

-- ensure(...) and ensure.sqs(...): half of a word.
local function half_word(engine, text, example)
  return function()
    engine:fault("%s is no type of a resource; write %s {name = ...}", text, example)
    return unknown.poison()
  end
end

local function ensure_word(engine)
  local services = {}
  for _, name in ipairs(resources.services()) do services[name] = true end
  return setmetatable({}, {
    __index = function(_, service)
      if not services[service] then
        engine:fault("ensure.%s: there are no resource types of that service%s", tostring(service),
          suggest.phrase(service, resources.services()))
        return unknown.poison()
      end
      return setmetatable({}, {__index = function(_, kind) return kind_word(engine, service, kind) end,
        __call = function() return half_word(engine, "ensure." .. service, "ensure." .. first_of(service))() end,
        __metatable = "ensure"})
    end,
    __call = half_word(engine, "ensure", "ensure.sqs.queue"),
    __metatable = "ensure",
  })
end

-- ## Words for units and text

local function span(unit)
  return function(n)
    if type(n) ~= "number" then error(("a number is expected, not a %s"):format(type(n)), 2) end
    return math.tointeger(n * unit) or n * unit
  end
end

local function known(value) return not (unknown.is(value) or unknown.is_handle(value)) end

-- A value of a plan; the same again in the plan that is made once more before it is carried out (context.drawn).
local function drawn(engine, name, make)
  local before = engine.context.drawn
  engine.drawn = engine.drawn or {}
  engine.drawn[name] = before and before[name] or make()
  return engine.drawn[name]
end

-- A value of the outside world, the same again when the run is resumed. Playbooks that include each other share a
-- journal: they count together. A step that is done is not run again, so what it asks for is not counted.
local function journalled(engine, kind, make)
  return function(...)
    if engine.in_step then return make(...) end
    local n = (engine.counts[kind] or 0) + 1
    engine.counts[kind] = n
    local name = ("%s #%d"):format(kind, n)
    local args = table.pack(...)
    local function fresh() return make(table.unpack(args, 1, args.n)) end
    if engine.mode ~= "apply" or not engine.workflow then return drawn(engine, name, fresh) end
    return engine.workflow:remember(name, fresh)
  end
end

local function aws_word(engine)
  return setmetatable({}, {
    __index = function(_, service)
      if not engine.in_step then
        error(("aws.%s cannot be called here, where a plan would call it too; put the call into a step's run function")
          :format(tostring(service)), 2)
      end
      if engine.in_step.only_looks then return require "playbook.find".client(engine, service) end
      return engine.recorder:client(engine.in_step)[service]
    end,
    __metatable = "aws",
  })
end

-- ## The environment

-- The header is read before the body runs; here it is only counted.
local function header_word(engine)
  local seen = false
  return function()
    if seen then engine:fault "playbook stands here a second time; a file has one header, at its beginning" end
    seen = true
  end
end

-- What the text alone has shown already is not told again when it is reached.
local function told(engine, name)
  for _, f in ipairs(engine.faults) do
    if f.undefined == name then return true end
  end
end

local function undefined(engine, words)
  return function(name)
    if told(engine, name) then return unknown.poison() end
    engine:fault("%s", require "playbook.lint".undefined(name, words))
    return unknown.poison()
  end
end

-- The text has told it already, at that line; what is set by _G or in a loaded chunk has not.
local function set_without_local(engine)
  return function(name)
    local path, line = fault.here(engine.sources)
    for _, f in ipairs(engine.faults) do
      if f.file == path and f.line == line then return end
    end
    local words = ("%s is set without local; write local %s = ..."):format(tostring(name), tostring(name))
    if engine.mode == "apply" then error(words, 3) end
    fault.add(engine.faults, path, line, words)
  end
end

-- Policies as the controls judge them, so that what one finds wanting another does not take for good.
local function policies()
  local policy = require "checks.policy"
  return {
    public = function(statement) return policy.public {statement} end,
    allows_service = function(statements, service, action)
      return policy.allows_service(lists.listed(statements), service, action)
    end,
    denies_plaintext = function(statements, service, arns)
      return policy.denies_plaintext(lists.listed(statements), service, lists.listed(arns))
    end,
  }
end

--- The environment of one playbook in `engine`: `values` are its vars, `outputs` takes what it puts out.
function vocabulary.environment(engine, values, outputs)
  local keep, recall = require "playbook.memory".words(engine)
  local words, say = require "playbook.barriers".words(engine), require "playbook.saying".word(engine)
  local more = {
    keep = keep, recall = recall, playbook = header_word(engine),
    var = var_word(engine, values), account = account_word(engine), ensure = ensure_word(engine),
    find = require "playbook.find".word(engine),
    owned = require "playbook.retire".owned(engine), retire = require "playbook.retire".word(engine),
    include = require "playbook.include".word(engine, vocabulary.environment),
    output = require "playbook.output".word(engine, outputs), known = known, aws = aws_word(engine),
    seconds = span(1), minutes = span(60), hours = span(3600), days = span(86400),
    now = journalled(engine, "now", function() return require "tidelock.loop".time() // 1 | 0 end),
    random = journalled(engine, "random", function(...) return math.random(...) end),
    print = say, log = say, json = libraries.json(),
    task = libraries.task(engine),
    http = require "playbook.web".word(engine), redis = require "playbook.redis".word(engine),
    tokenbucket = require "playbook.bucket".word(engine), postgres = libraries.postgres(engine),
    secret = function(text) return require "tidelock.secret".new(text) end,
    looks_secret = require "checks.literal".secret, policies = policies(),
    contains = lists.contains, listed = lists.listed,
  }
  for name, value in pairs(more) do words[name] = value end
  for name, value in pairs(engine.words or {}) do words[name] = value end
  local names = {}
  for name in pairs(words) do names[#names + 1] = name end
  for name in ("string table math utf8 ipairs pairs tostring tonumber type error"):gmatch "%a+" do
    names[#names + 1] = name
  end
  return sandbox.environment(words, undefined(engine, names), set_without_local(engine), engine.unsafe)
end

return vocabulary
