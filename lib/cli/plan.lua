--- tidelock plan: what an apply would do. Reads only.
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"

local function run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "plan"), args, ctx)
  local engine = playbook.plan(loaded, context, {target = args.target, exclude = args.exclude, prune = args.prune})
  playing.show(engine, args, ctx)
  if args.out then
    require "playbook.planfile".save(args.out, engine,
      {target = args.target, exclude = args.exclude, prune = args.prune})
  end
  if args.detailed_exitcode and planner.changes_anything(playbook.all_nodes(engine)) then return 2 end
  return 0
end

return {
  name = "plan",
  about = "Show what an apply would change; reads only",
  usage = "tidelock plan FILE.lua [--account FILE] [--var NAME=VALUE] [--out PLAN]",
  options = playing.options {
    {name = "out", value = "PLAN", about = "save it; `tidelock apply PLAN` carries it out if nothing has changed"},
    {name = "detailed-exitcode", about = "exit 2 when there is something to change"},
    {name = "prune", about = "also delete what this playbook owns and no longer declares"},
  },
  queries = true,
  run = playing.heard(run),
}
