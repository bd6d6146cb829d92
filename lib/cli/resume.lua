--- tidelock resume: goes on with a run that was stopped, parked or failed. What is done is not repeated.
local apply = require "cli.apply"
local options = require "cli.options"
local playing = require "cli.playing"

local function assumed(list)
  local out = {}
  for _, word in ipairs(list or {}) do
    local name, what = word:match "^(.*)=(%a+)$"
    if what ~= "done" and what ~= "again" then
      options.usage(("--assume takes STEP=done or STEP=again, not %q"):format(word))
    end
    out[name] = what
  end
  return out
end

local function run(args, ctx)
  if #args ~= 1 then options.usage "which run? tidelock resume RUN (or: last)" end
  local how, ended <close> = apply.run_options(args, ctx)  -- luacheck: ignore
  how.assume, how.undo = assumed(args.assume), args.undo
  local id = how.store:resolve(args[1])
  if not id then options.usage(("there is no run %q; tidelock runs lists them"):format(args[1])) end
  local out = require "playbook.run".resume(id, how, function(loaded, record)
    args.unsafe, args.max_instructions = record.unsafe, record.instructions      -- what the run was allowed
    return playing.context(loaded, args, ctx, record.region)
  end)
  return apply.finish(out, ctx)
end

return {
  name = "resume",
  about = "Go on with a run that was stopped, parked or failed",
  usage = "tidelock resume RUN [--approve NAME] [--assume STEP=done|again] [--undo]",
  options = {
    playing.STORE, playing.REPORT, require "cli.telling".OPTION,
    {name = "approve", value = "NAME", many = true, about = "grant an approval or confirmation"},
    {name = "assume", value = "STEP=WHAT", many = true, about = "a step that was in flight is done, or runs again"},
    {name = "changed", about = "accept that the playbook or account file has changed since"},
    {name = "undo", about = "undo the steps that were done, the last first, instead of going on"},
    {name = "on-failure", value = "WHAT", choices = {"undo", "stop"},
      about = "what a failed step does with those before"},
    {name = "concurrency", value = "N", number = true, least = 1, about = "requests in flight at once"},
  },
  queries = true,
  run = playing.heard(run, function(args)
    return "Nothing more was done. Go on with: tidelock resume " .. tostring(args[1])
  end),
}
