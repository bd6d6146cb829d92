--- tidelock apply: shows the plan, asks, and acts. A second apply makes no write.
local fault = require "playbook.fault"
local options_of = require "cli.options"
local planfile = require "playbook.planfile"
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"
local run = require "playbook.run"
local telling = require "cli.telling"

local NOBODY_TOLD <const> = 69           -- exit code: all is well, but who should hear of it did not

local apply = {
  name = "apply",
  about = "Make the account as the playbook says; shows the plan and asks first",
  usage = "tidelock apply FILE.lua [--account FILE] [--var NAME=VALUE] [--yes]",
  queries = true,
  options = playing.options {
    {name = "yes", short = "y", about = "do not ask"},
    {name = "prune", about = "also delete what this playbook owns and no longer declares"},
    {name = "approve", value = "NAME", many = true, about = "grant an approval or confirmation beforehand"},
    {name = "on-failure", value = "WHAT", choices = {"undo", "stop"},
      about = "what a failed step does to those before it"},
    playing.STORE, playing.REPORT, telling.OPTION,
    {name = "new", about = "start over although an earlier run of this playbook has not ended"},
  },
}

local function asks_for_more(engine)
  local n = planner.counts(playbook.all_nodes(engine))
  return n.replace + n.delete
end

-- A replacement or a deletion is agreed to on its own: it takes data with it.
local function agree(engine, args, ctx)
  if args.yes then return true end
  if not ctx:can_ask() then
    fault.fail(64, "There is no terminal to ask on, and --yes was not given. Nothing was changed.")
  end
  local answer = ctx:ask("Apply this plan? Only yes is taken as yes: ")
  if answer ~= "yes" then return false end
  local lost = asks_for_more(engine)
  if lost > 0 then
    answer = ctx:ask(("%d of these are deleted, or deleted and made again, with what they hold. Type the"
      .. " number: "):format(lost))
    return answer == tostring(lost)
  end
  return true
end

--- Prints what a run did, as --output says; returns its exit code.
function apply.finish(out, ctx)
  if ctx:wants_json() then
    local data = require "report.data".apply(out.engine)
    data.result, data.message = out.result, out.message
    ctx:print_json(data)
  else
    ctx:print(require "report.terminal".summary(out.engine, ctx:paint()))
    ctx.out:flush()
  end
  if out.message then ctx:say("%s", out.message) end
  local told = telling.tell_run(out, ctx.args, ctx)
  return out.exit == 0 and not told and NOBODY_TOLD or out.exit
end

local function set_of(list)
  local out = {}
  for _, name in ipairs(list or {}) do out[name] = true end
  return out
end

-- What a signal does from here on: what only waits or asks ends, nothing more begins. Returns the words for a second.
local function stopper(engine, ctx, asking)
  local words = ("tidelock: stopped at once; what was in flight may still be done. Go on with: %s"):format(engine.again
    or engine.resume or "tidelock resume " .. tostring(engine.run_id))
  require "tidelock.signal".last_words(words)
  return function()
    engine.recorder:interrupt()
    if asking.task then require "tidelock.loop".cancel(asking.task) end
    ctx:say "Stopping: what is in flight ends first. Once more stops at once."
    return words
  end
end

-- Asks in a task of its own, which a signal ends: nil then.
local function asker(ctx, asking)
  local loop = require "tidelock.loop"
  return function(question)
    asking.task = loop.spawn(function() return ctx:ask(question) end)
    local ok, answer = loop.wait(asking.task)
    asking.task = nil
    return ok and answer or nil
  end
end

--- Options of a run that writes, from a command's own: where it is kept, who is asked, what is granted.
function apply.run_options(args, ctx)
  local asking = {}
  local options = {store = playing.store(args, ctx), approved = set_of(args.approve),
    on_failure = args.on_failure or (not ctx:can_ask() and "stop" or nil), new = args.new, changed = args.changed,
    ask = ctx:can_ask() and asker(ctx, asking) or nil}
  function options.started(engine) ctx.stop = stopper(engine, ctx, asking) end
  local ended = setmetatable({}, {__close = function()         -- a signal that comes later has nothing to wait for
    if ctx.stop then require "tidelock.loop".cancel(ctx.watcher) end
  end})
  return options, ended
end

-- Time has passed while the person read: what is live may be another by now.
local function look_again(engine, loaded, context, options)
  context.heard, context.drawn = engine.said, engine.drawn
  local again = playbook.plan(loaded, context, options)
  local why = planfile.differs(planfile.basis(engine), again)
  if why then
    fault.fail(1, "What is live or declared has changed since the plan was shown: %s. Nothing was changed; apply again"
      .. " to see the new plan.", why)
  end
  again.seconds = 0
  again.recorder:count_also(engine.recorder)
  return again
end

-- Checks and waits only look: a playbook of them alone is run without asking.
local function does_something(engine)
  if planner.changes_anything(playbook.all_nodes(engine)) then return true end
  for _, entry in ipairs(engine.sequence) do
    if entry.kind == "step" or entry.kind == "approve" or entry.kind == "park" then return true end
  end
  return false
end

-- A saved plan is carried out as it was saved: what would make another of it is refused, not passed over.
local function refuse_more(path, args, region)
  local faults = {}
  if args.region and args.region ~= region then
    faults[1] = ("%s is a saved plan for %s, not for %s: leave --region out"):format(path, region, args.region)
  end
  for _, name in ipairs {"account", "var", "var_file", "target", "exclude", "prune"} do
    if args[name] then
      faults[#faults + 1] = ("%s is a saved plan, which is carried out as it is: --%s belongs to the plan that is"
        .. " saved"):format(path, (name:gsub("_", "-")))
    end
  end
  options_of.tell(faults)
end

-- Loads what the command line names: a playbook, or a plan saved of one.
local function load_any(args, ctx)
  local path = playing.file(args, "apply")
  local saved = planfile.load(path)
  local options = {target = args.target, exclude = args.exclude, prune = args.prune}
  if not saved then
    local loaded, context = playing.load(path, args, ctx)
    return loaded, context, options
  end
  refuse_more(path, args, saved.region)
  local loaded = playbook.load(saved.file, {vars = saved.vars, account = saved.account_file})
  planfile.check_sources(saved, loaded)
  saved.options.of_account = saved.account
  return loaded, playing.context(loaded, args, ctx, saved.region), saved.options, saved
end

local function whole(args, ctx)
  local loaded, context, options, saved = load_any(args, ctx)
  local how, ended <close> = apply.run_options(args, ctx)  -- luacheck: ignore
  function options.identified(engine) run.refuse_open(engine, how) end
  local engine = playbook.plan(loaded, context, options)
  if saved then planfile.check_live(saved, engine) end
  if not ctx:wants_json() then playing.show(engine, args, ctx) end
  ctx.out:flush()
  if not saved and does_something(engine) then
    if not agree(engine, args, ctx) then
      ctx:say "Nothing was changed."
      return 0
    end
    if not args.yes then engine = look_again(engine, loaded, context, options) end
  end
  return apply.finish(run.execute(engine, how), ctx)
end

--- The whole of it, for `run` too.
apply.run = playing.heard(whole)

return apply
