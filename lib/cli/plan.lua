--- tidelock plan: what an apply would do. Reads only.
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"

-- Whether whoever plans may apply, as far as IAM says: true where nothing is missing.
local function permitted(engine, ctx)
  local permissions = require "playbook.permissions"
  local who = engine.identity.known
  local needed = permissions.needed(playbook.all_nodes(engine), engine.models, {account = who.id,
    region = engine.region, partition = who.arn:match "^arn:([^:]+)"})
  local answer = permissions.ask(engine.recorder:client(), who.arn, needed)
  for _, line in ipairs(permissions.lines(answer)) do ctx:say("%s", line) end
  return #answer.missing == 0
end

local function run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "plan"), args, ctx)
  local engine = playbook.plan(loaded, context, {target = args.target, exclude = args.exclude, prune = args.prune})
  playing.show(engine, args, ctx)
  if args.out then
    require "playbook.planfile".save(args.out, engine,
      {target = args.target, exclude = args.exclude, prune = args.prune})
  end
  if args.check_permissions and not permitted(engine, ctx) then return 77 end
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
    {name = "check-permissions", about = "ask IAM whether these credentials may apply it; exit 77 where they may not"},
    {name = "prune", about = "also delete what this playbook owns and no longer declares"},
  },
  queries = true,
  run = playing.heard(run),
}
