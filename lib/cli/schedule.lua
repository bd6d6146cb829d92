--- tidelock schedule: playbooks that run by themselves, on ECS Fargate.
local options = require "cli.options"
local playing = require "cli.playing"
local suggest = require "suggest"

local COMMANDS <const> = {"add", "list", "run", "pause", "unpause", "remove", "logs", "task"}
local OWN <const> = {add = true, remove = true, task = true}   -- a file each; the others share one

local function run(args, ctx)
  local name = table.remove(args, 1)
  if name == nil then options.usage("what about schedules? " .. table.concat(COMMANDS, ", ", 1, #COMMANDS - 1)) end
  for _, known in ipairs(COMMANDS) do
    if known == name then
      if OWN[name] then return require("cli.schedule." .. name).run(args, ctx) end
      return require "cli.schedule.others"[name](args, ctx)
    end
  end
  options.usage(("schedule does not know %q%s"):format(name, suggest.phrase(name, COMMANDS)))
end

-- Of what other commands with a playbook take: a schedule runs it whole.
local function shared(own)
  local wanted = {account = true, var = true, ["var-file"] = true, unsafe = true, concurrency = true}
  for _, option in ipairs(playing.OPTIONS) do
    if wanted[option.name] then own[#own + 1] = option end
  end
  return own
end

return {
  name = "schedule",
  about = "Let a playbook run by itself on ECS: add, list, run, pause, unpause, remove, logs",
  usage = 'tidelock schedule add FILE.lua --rate "1 day" | list | run NAME | pause NAME | remove NAME | logs NAME',
  options = shared {
    {name = "rate", value = "SPAN", about = 'add: how often, such as "1 day" or "6 hours"'},
    {name = "cron", value = "FIELDS", about = 'add: at what times, such as "0 6 ? * MON-FRI *"'},
    {name = "at", value = "TIME", about = "add: once, at 2026-01-31T09:00:00"},
    {name = "timezone", value = "NAME", about = "add: of --cron and --at, such as Europe/Berlin (default UTC)"},
    {name = "name", value = "NAME", about = "add: the schedule's name (default the playbook's)"},
    {name = "image", value = "IMAGE", about = "add: tidelock's image in a registry; else TIDELOCK_IMAGE"},
    {name = "subnet", value = "ID", many = true, about = "add: where the task runs; else the account file's subnets"},
    {name = "security-group", value = "ID", many = true, about = "add: else the account file's security_groups"},
    {name = "public-ip", about = "add: for subnets that have no other way out"},
    {name = "cpu", value = "UNITS", about = "add: 256 to 16384 (default 256)"},
    {name = "memory", value = "MB", about = "add: as Fargate has it for that CPU (default 512)"},
    {name = "arm64", about = "add: the image is for arm64"},
    {name = "bucket", value = "NAME", about = "add: the store's bucket (default tidelock-ACCOUNT-REGION)"},
    {name = "retention", value = "DAYS", number = true, least = 1,
      about = "add: how long the log is kept (default 90)"},
    {name = "email", value = "ADDRESS", about = "add: who is told of failures; else the account file's emails.ops"},
    {name = "notify", value = "WHEN", choices = {"changes", "always"},
      about = "add: runs tell whom the account file's notify names"},
    {name = "yes", short = "y", about = "add, remove: do not ask"},
    {name = "approve", value = "NAME", many = true, about = "run: grant an approval that a run is parked for"},
    {name = "wait", about = "run: until the task has ended, and exit with its code"},
    {name = "since", value = "SPAN", about = "logs: from so long ago (default 24h)"},
    {name = "follow", short = "f", about = "logs: go on with what comes"},
    playing.STORE,
  },
  run = run,
}
