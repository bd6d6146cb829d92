--- What worker and lambda share: a playbook that says `worker {...}`, with its vars and account, and nothing else.
local fault = require "playbook.fault"
local setup = require "ratelimit.setup"

local consuming = {}

local function account_of(name, path, header)
  local accounts = require "playbook.account"
  local file = name and accounts.find(name, path) or nil
  if not file then
    if header.account == false then return {} end
    return nil
  end
  return (accounts.load(file))
end

--- Runs the playbook's body, which only declares.
-- @param path the playbook's file
-- @param given vars by name
-- @param account_name the account's file or name, or nil
-- @return what it gave to `worker`, its account (nil without one)
function consuming.load(path, given, account_name)
  local source = require "playbook.source"
  local list = fault.list()
  local program = source.parse(path, source.read(path), list)
  fault.raise(list)
  local values, faults = require "playbook.vars".resolve(program.header.vars or {}, given)
  if #faults > 0 then fault.fail(64, "%s", table.concat(faults, "\n")) end
  local account = account_of(account_name, path, program.header)
  local spec
  local vocabulary = {
    playbook = function() end, var = values,
    account = account or setmetatable({}, {__index = function(_, name)
      fault.fail(64, "%s uses account.%s, and no account was given: --account FILE.", path, name)
    end}),
    worker = function(declared) spec = declared end,
    seconds = function(n) return n end, minutes = function(n) return n * 60 end,
    hours = function(n) return n * 3600 end, days = function(n) return n * 86400 end,
  }
  local env = require "playbook.sandbox".environment(vocabulary, function(name)
    fault.fail(65, "%s: there is no %q for a worker's playbook; it may use playbook, var, account and worker.",
      path, name)
  end)
  source.chunk(program, env)()
  if spec == nil then
    fault.fail(65, "%s declares no worker: it must say worker {queue = ..., redis = ..., limit = ..., send = ...}.",
      path)
  end
  setup.check(spec)
  return spec, account
end

--- One consumer of the queue, never both: the account file says which.
function consuming.check_consumer(account, kind)
  if account and account.consumer and account.consumer ~= kind then
    fault.fail(64, "The account file says consumer = %q, so this queue is not for a %s: two kinds of consumer would "
      .. "send side by side. If the other one has been stopped, set consumer = %q there.", account.consumer, kind, kind)
  end
end

return consuming
