--- Playbooks: load a file, plan it, apply it. What the commands call; nothing here touches the terminal.
local account_of = require "playbook.account"
local applier = require "playbook.applier"
local engine_of = require "playbook.engine"
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local narrow = require "playbook.narrow"
local place = require "playbook.place"
local planner = require "playbook.planner"
local recorder_of = require "playbook.recorder"
local source = require "playbook.source"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"
local vocabulary = require "playbook.vocabulary"

local playbook = {}

-- The account file's data and text; its faults join those of the playbook.
local function load_account(path, list)
  local ok, data, text = pcall(account_of.load, path)
  if ok then return data, text end
  if not fault.is(data) then error(data, 0) end
  for _, f in ipairs(data.faults) do fault.add(list, f.file, f.line, f.message) end
  fault.raise(list)
end

--- Loads a playbook and its account file. What is wrong with the text stays in `faults`, for `declare` to raise along
-- with what it finds by running it; a file that cannot be run has all its faults raised here.
-- options: account (name or path), vars {name = text}
function playbook.load(path, options)
  local list = fault.list()
  local program = source.parse(path, source.read(path), list)
  if not program.runs then fault.raise(list) end
  local loaded = {program = program, path = path, name = program.header.name, faults = list}
  local values, faults = vars.resolve(program.header.vars or {}, options.vars or {})
  if #faults > 0 and #list == 0 then fault.fail(64, "%s: %s", path, table.concat(faults, "; ")) end
  for _, message in ipairs(faults) do fault.add(list, path, nil, message) end
  loaded.vars, loaded.given_vars = values, options.vars or {}
  if options.account then
    loaded.account_path = account_of.find(options.account, path)
    loaded.account, loaded.account_text = load_account(loaded.account_path, list)
  end
  return loaded
end

local function is_secret(value)
  if type(value) ~= "userdata" then return false end
  local ok, secret = pcall(require, "tidelock.secret")
  return ok and secret.is ~= nil and secret.is(value)
end

--- Runs the chunk in plan mode: the engine, with nodes and sequence, nothing sent yet. Raises all faults.
-- context: session, models, traffic, region, emit, concurrency, unsafe, instructions
function playbook.declare(loaded, context, mode, more)
  local recorder = recorder_of.new(context.session, context.traffic)
  local options = {program = loaded.program, account = loaded.account, account_path = loaded.account_path,
    vars = loaded.vars, models = context.models, region = context.region, emit = context.emit, mode = mode or "plan",
    identity = context.identity or {address = "account"}, is_secret = is_secret, recorder = recorder,
    concurrency = context.concurrency, unsafe = context.unsafe, words = context.words,
    faults = table.move(loaded.faults or {}, 1, #(loaded.faults or {}), 1, fault.list())}
  for name, value in pairs(more or {}) do options[name] = value end
  local engine = engine_of.new(options)
  recorder.before, recorder.after, recorder.on_call = context.before, context.after, context.on_call
  engine.loaded, engine.context, engine.heard = loaded, context, context.heard
  recorder.place, recorder.instructions = place.of(engine), context.instructions
  local env = vocabulary.environment(engine, loaded.vars, engine.outputs)
  guard.chunk(engine, function() engine:run(env) end)
  return engine
end

-- Faults of the playbook come first: only then does it matter that no region is set.
local function need_region(engine)
  if engine.context.no_region then error(engine.context.no_region, 0) end
end

-- Whose credentials these are, by AWS; asked once.
local function ask_who(engine)
  local ok, who = require "playbook.patience".read(function()
    return engine.recorder:client().sts:get_caller_identity {}
  end)
  if not ok then error(who, 0) end
  engine.identity.known = {id = who.Account, arn = who.Arn}
end

-- Refuses an account that is not the one of `what`, a file or a run.
local function refuse_other(known, id, what, remedy)
  if id and id ~= known.id then
    fault.fail(77, "These credentials are of account %s, but %s is for account %s. Nothing was changed. Use other"
      .. " credentials (--profile)%s.", known.id, what, id, remedy or "")
  end
end

--- Asks AWS whose credentials these are; refuses where the account file names another account, or where `id` is that of
-- another, for which `what` (a run, a saved plan) was begun.
function playbook.identify(engine, id, what)
  need_region(engine)
  if engine.context.identify == false then return end
  if not engine.identity.known then ask_who(engine) end
  local known, account = engine.identity.known, engine.account
  refuse_other(known, account and account.id, engine.account_path, ", or the account file of this one (--account)")
  refuse_other(known, id, what)
end

--- Whether the chunk has barriers, so that an apply runs it again from the top.
function playbook.has_barriers(engine)
  if engine.without_steps then return false end
  for _, entry in ipairs(engine.sequence) do
    if entry.kind ~= "resources" then return true end
  end
  return false
end

local function settle_barriers(engine)
  local seen
  for _, entry in ipairs(engine.sequence) do
    if entry.kind == "resources" then entry.after = seen else seen = entry end
  end
end

-- For as long as a plan is made: what it has asked once need not be asked again.
local function remembering(traffic)
  if not traffic then return nil end
  traffic.answers = require "playbook.answers".new()
  return setmetatable({}, {__close = function() traffic.answers = nil end})
end

--- Plans a loaded playbook: reads only. Returns the engine; `engine.nodes` carry action, changes and why.
-- options: target, exclude, purpose (playbook.narrow), prune (a flag), of_account (the one that a saved plan
-- is for), identified(engine), called before any resource is read: what it raises ends the plan
function playbook.plan(loaded, context, options)
  options = options or {}
  local began = require "tidelock.loop".now()
  local ends <close> = remembering(context.traffic)                -- luacheck: ignore
  local engine = playbook.declare(loaded, context, "plan")
  narrow.plan(engine, options)
  engine.options = options
  settle_barriers(engine)
  playbook.identify(engine, options.of_account, "the saved plan")
  if options.identified then options.identified(engine) end
  narrow.look(engine)
  planner.plan(engine, engine.nodes)
  if options.prune then
    engine.orphans = require "playbook.prune".find(engine)
  end
  engine.read_by = require "tidelock.loop".now()                 -- by when all of it had been read
  engine.seconds = engine.read_by - began
  return engine
end

--- What would be done, in order: nodes of the plan and what --prune deletes.
function playbook.all_nodes(engine)
  local out = {}
  for _, node in ipairs(engine.nodes) do
    if not node.left_out then out[#out + 1] = node end
  end
  return table.move(engine.orphans or {}, 1, #(engine.orphans or {}), #out + 1, out)
end

--- Applies a plan without barriers, as it stands.
function playbook.apply(engine)
  local began = require "tidelock.loop".now()
  applier.apply(engine, playbook.all_nodes(engine))
  engine.seconds = (engine.seconds or 0) + require "tidelock.loop".now() - began
  return engine
end

--- The outputs, with all that is known put in; what is not stays as text for people.
function playbook.outputs(engine)
  local out, show = {}, require "playbook.show"
  for name, value in pairs(engine.outputs) do out[name] = show.value((unknown.resolve(value))) end
  return out
end

--- A summary of what was done: counts by result, steps that ran, reads, writes (those of steps apart too), seconds.
function playbook.summary(engine)
  local s = {created = 0, updated = 0, replaced = 0, deleted = 0, unchanged = 0, failed = 0, skipped = 0}
  local NAMES <const> = {create = "created", update = "updated", replace = "replaced", delete = "deleted",
    none = "unchanged", failed = "failed", skipped = "skipped"}
  for _, node in ipairs(playbook.all_nodes(engine)) do
    local name = NAMES[node.result or ""]
    if name then s[name] = s[name] + 1 end
  end
  s.steps = engine.workflow and engine.workflow.ran or 0
  s.step_writes = engine.recorder.step_writes
  s.reads, s.writes, s.seconds = engine.recorder.reads, engine.recorder.writes, engine.seconds
  s.requests = engine.recorder.requests
  return s
end

return playbook
