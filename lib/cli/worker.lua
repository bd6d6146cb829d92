--- tidelock worker: sends what is on a queue, until it is told to stop.
local loop = require "tidelock.loop"
local signal = require "tidelock.signal"

local UNAVAILABLE <const> = 69

local function run(args, ctx)
  local playing = require "cli.playing"
  local consuming = require "cli.consuming"
  local path = playing.file(args, "worker")
  local spec, account = consuming.load(path, playing.vars(args), args.account)
  consuming.check_consumer(account, "worker")
  local session = ctx:session(account and account.region)
  local parts = require "ratelimit.setup".parts(spec, session, function(line)
    ctx:print(line)
    ctx:flush()
  end)
  local options = {}
  for name, value in pairs(spec) do options[name] = value end
  options.limiter, options.sender, options.report = parts.limiter, parts.sender, parts.report
  local worker = require "ratelimit.worker".new(session, options)
  local watch = loop.spawn(function()
    local name = signal.wait("TERM", "INT")
    worker:drain()
    return name
  end)
  local ended = worker:run()
  loop.cancel(watch)
  parts.close()
  if not ended then ctx:say("tidelock worker: some messages were still in flight; they show again in the queue.") end
  return ended and 0 or UNAVAILABLE
end

return {
  name = "worker",
  about = "Send what is on a queue at the pace that a limit allows; SIGTERM ends it in order",
  usage = "tidelock worker FILE.lua [--account FILE] [--var NAME=VALUE]",
  options = {
    {name = "account", value = "FILE", about = "account file, or its name in playbooks/accounts/"},
    {name = "var", value = "NAME=VALUE", pairs = true, about = "a var of the playbook"},
    {name = "var-file", value = "FILE", about = "a JSON file of vars"},
  },
  run = run,
}
