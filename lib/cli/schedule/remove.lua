--- tidelock schedule remove: takes a schedule away, and leaves what others share and what was written.
local apply = require "cli.apply"
local fault = require "playbook.fault"
local options = require "cli.options"
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"
local prune = require "playbook.prune"
local stack = require "cli.schedule.stack"

-- Only its name matters: what else a schedule is made of is not compared.
local function vars_of(place)
  return {name = place.name, expression = "rate(1 day)", image = "any", subnets = {"any"}, statements = "[]",
    bundle = "{}", bundle_key = "schedules/any", bucket = place.bucket, silence = "26h"}
end

local STAYS <const> = {["logs.group"] = "what was written stays until its retention ends",
  ["s3.object"] = "runs that began with it are in the store"}

-- What stays is shown in the plan, and then is no part of the work.
local function spare(engine)
  local gone = {}
  for _, node in ipairs(engine.nodes) do
    local why = STAYS[node.type.type] or node.owner ~= engine.program.header.name and "all schedules share it"
    if why and node.live then node.action, node.why = "none", why end
    if node.action == "delete" then gone[#gone + 1] = node end
  end
  return gone
end

local function confirmed(args, ctx, name)
  if args.yes then return true end
  if not ctx:can_ask() then
    fault.fail(64, "There is no terminal to ask on, and --yes was not given. Nothing was changed.")
  end
  return ctx:ask(("The schedule %s is removed. Only yes is taken as yes: "):format(name)) == "yes"
end

--- Runs it: args[1] is the schedule's name.
return {run = playing.heard(function(args, ctx)
  if #args ~= 1 then options.usage "which schedule? tidelock schedule remove NAME" end
  local session, name = stack.session(args), args[1]
  stack.live(session, name)
  ctx.args = stack.args(vars_of(stack.place(session, args, name)), args)
  local loaded, context = playing.load(ctx.args[1], ctx.args, ctx)
  local engine = playbook.plan(loaded, context)
  prune.everything(engine)
  local gone = spare(engine)
  if not ctx:wants_json() then playing.show(engine, ctx.args, ctx) end
  ctx:flush()
  if not planner.changes_anything(engine.nodes) or not confirmed(args, ctx, name) then
    ctx:say "Nothing was changed."
    return 0
  end
  engine.nodes, engine.outputs, engine.without_steps = gone, {}, true
  engine.again = "tidelock schedule remove " .. name
  local how, ended <close> = apply.run_options(ctx.args, ctx)  -- luacheck: ignore
  return apply.finish(require "playbook.run".execute(engine, how), ctx)
end)}
