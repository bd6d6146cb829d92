--- tidelock destroy: deletes what a playbook declares and owns, in the graph's reverse order.
local apply = require "cli.apply"
local fault = require "playbook.fault"
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"
local prune = require "playbook.prune"

local function confirm(engine, args, ctx)
  local name = engine.program.header.name
  if args.confirm == name then return true end
  if args.confirm then fault.fail(64, "--confirm must be the playbook's name, %s. Nothing was changed.", name) end
  if not ctx:can_ask() then
    fault.fail(64, "There is no terminal to ask on. Confirm with --confirm %s. Nothing was changed.", name)
  end
  return ctx:ask("All of this is deleted, with what it holds. Type the playbook's name to go on: ") == name
end

-- Who types --yes means to go on without being asked: what does that here is said before anything is looked at.
local function refuse_yes(loaded, args)
  if args.yes and not args.confirm then
    fault.fail(64, "--yes does not confirm a deletion: its playbook's name does, as --confirm %s in place of --yes."
      .. " Nothing was changed.", loaded.name)
  end
end

local function run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "destroy"), args, ctx)
  refuse_yes(loaded, args)
  local engine = playbook.plan(loaded, context, {target = args.target, exclude = args.exclude,
    purpose = "destroy"})
  prune.everything(engine)
  for _, node in ipairs(engine.nodes) do node.stays = node.action ~= "delete" end   -- whatever the playbook wants of it
  engine.outputs = {}                                 -- of what is no longer there
  engine.without_steps, engine.again = true, "tidelock destroy " .. args[1]
  if not ctx:wants_json() then playing.show(engine, args, ctx) end
  ctx.out:flush()
  local refused = prune.protected(engine.nodes)
  if #refused > 0 then
    fault.fail(1, "Nothing was deleted, because of what is protected: %s.", table.concat(refused, "; "))
  end
  if not planner.changes_anything(engine.nodes) then
    ctx:say "There is nothing to delete."
    return 0
  end
  if not confirm(engine, args, ctx) then
    ctx:say "Nothing was changed."
    return 0
  end
  local how, ended <close> = apply.run_options(args, ctx)  -- luacheck: ignore
  return apply.finish(require "playbook.run".execute(engine, how), ctx)
end

return {
  name = "destroy",
  about = "Delete what a playbook declares and owns; asks for its name",
  usage = "tidelock destroy FILE.lua [--account FILE] [--confirm NAME]",
  options = playing.options {
    playing.STORE, playing.REPORT,
    {name = "confirm", value = "NAME", about = "the playbook's name, instead of typing it"},
    {name = "yes", short = "y", hidden = true},
  },
  queries = true,
  run = playing.heard(run),
}
