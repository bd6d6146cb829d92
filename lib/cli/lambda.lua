--- tidelock lambda: the program as a Lambda function's bootstrap. The handler is a worker's playbook.
local options = require "cli.options"

local UNAVAILABLE <const> = 69

local function environment_vars()
  local text = os.getenv "TIDELOCK_VARS"
  if not text or text == "" then return {} end
  local value = require "tidelock.json".decode(text)
  if type(value) ~= "table" then options.usage("TIDELOCK_VARS is not a JSON object of vars") end
  for name, v in pairs(value) do value[name] = type(v) == "number" and tostring(v) or v end
  return value
end

-- The handler as Lambda names it: a file in the package, with or without .lua.
local function handler_path(args)
  local name = args[1] or os.getenv "_HANDLER"
  if not name or name == "" then
    options.usage("which playbook? set the function's handler, or: tidelock lambda FILE.lua")
  end
  local root = os.getenv "LAMBDA_TASK_ROOT"
  if root and name:sub(1, 1) ~= "/" then name = root .. "/" .. name end
  return name:find "%.lua$" and name or name .. ".lua"
end

local function run(args, ctx)
  local host = os.getenv "AWS_LAMBDA_RUNTIME_API"
  if not host or host == "" then
    options.usage("AWS_LAMBDA_RUNTIME_API is not set: this command is started by Lambda (or by a local runtime API)")
  end
  local lambda = require "ratelimit.lambda"
  local _, why = lambda.run {host = host, init = function()
    local consuming = require "cli.consuming"
    local given = environment_vars()
    for name, value in pairs(args.var or {}) do given[name] = value end
    local spec, account = consuming.load(handler_path(args), given, args.account or os.getenv "TIDELOCK_ACCOUNT")
    consuming.check_consumer(account, "lambda")
    local session = ctx:session(account and account.region)
    local parts = require "ratelimit.setup".parts(spec, session, function(line)
      ctx:print(line)
      ctx:flush()
    end)
    local self = lambda.new(session, spec, parts)
    return function(event, left) return lambda.handle(self, event, left) end
  end}
  ctx:say("tidelock lambda: %s", why)
  return UNAVAILABLE
end

return {
  name = "lambda",
  about = "Be a Lambda function's runtime: answer its events with a worker's playbook",
  usage = "tidelock lambda [FILE.lua] [--account FILE] [--var NAME=VALUE]",
  options = {
    {name = "account", value = "FILE", about = "account file; else TIDELOCK_ACCOUNT"},
    {name = "var", value = "NAME=VALUE", pairs = true, about = "a var of the playbook; else TIDELOCK_VARS, as JSON"},
  },
  run = run,
}
