--- tidelock apply: shows the plan, asks, and acts. A second apply makes no write.
local fault = require "playbook.fault"
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"

local apply = {
  name = "apply",
  about = "Make the account as the playbook says; shows the plan and asks first",
  usage = "tidelock apply FILE.lua [--account FILE] [--var NAME=VALUE] [--yes]",
  options = playing.options {
    {name = "yes", short = "y", about = "do not ask"},
    {name = "prune", about = "also delete what this playbook owns and no longer declares"},
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
  local answer = ctx:ask "Apply this plan? Only yes is taken as yes: "
  if answer ~= "yes" then return false end
  local lost = asks_for_more(engine)
  if lost > 0 then
    answer = ctx:ask(("%d of these are deleted, or deleted and made again, with what they hold. Type the number: ")
      :format(lost))
    return answer == tostring(lost)
  end
  return true
end

local function mark_agreed(engine)
  for _, node in ipairs(engine.nodes) do node.replace_agreed = node.action == "replace" end
end

local function exit_code(engine)
  for _, node in ipairs(playbook.all_nodes(engine)) do
    if node.failed then return 1 end
  end
  return 0
end

local function finish(engine, ctx)
  if ctx:wants_json() then
    ctx:print(require "tidelock.json".encode(require "report.data".apply(engine), {indent = 2, sort = true}))
  else
    ctx:print(require "report.terminal".summary(engine, ctx:paint()))
  end
  return exit_code(engine)
end

local function same(a, b)
  if #a.nodes ~= #b.nodes then return false end
  for i, node in ipairs(a.nodes) do
    if node.action ~= b.nodes[i].action or node.why ~= b.nodes[i].why then return false end
  end
  return true
end

-- Time has passed while the person read: what is live may be another by now.
local function look_again(engine, loaded, context, options)
  local again = playbook.plan(loaded, context, options)
  if not same(engine, again) then
    fault.fail(1, "What is live has changed since the plan was shown. Nothing was changed; apply again to see the"
      .. " new plan.")
  end
  again.seconds = 0
  again.recorder.reads = again.recorder.reads + engine.recorder.reads
  return again
end

--- The whole of it, for `run` too.
function apply.run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "apply"), args, ctx)
  local options = {target = args.target, exclude = args.exclude, prune = args.prune}
  local engine = playbook.plan(loaded, context, options)
  if not ctx:wants_json() then playing.show(engine, args, ctx) end
  ctx.out:flush()
  if planner.changes_anything(playbook.all_nodes(engine)) then
    if not agree(engine, args, ctx) then
      ctx:say "Nothing was changed."
      return 0
    end
    if not args.yes then engine = look_again(engine, loaded, context, options) end
  end
  mark_agreed(engine)
  playbook.apply(engine)
  return finish(engine, ctx)
end

return apply
