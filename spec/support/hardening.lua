-- hardening.lua -- playbooks on an account of the specs' moto, through the command line, and what is live after.
local moto = require "support.moto"
local program = require "support.program"

local hardening = {ACCOUNT = "--account=playbooks/accounts/example.lua", PREFIX = "example"}
hardening.__index = hardening

--- An empty account: `run(words...)`, `session`, `apply(file, words...)`; close it after use. `options` are moto's.
function hardening.start(options)
  local self = setmetatable({server = moto.start {region = "us-east-1", slow = options and options.slow}}, hardening)
  self.state = require "tidelock.fs".tempdir "hardening"
  self.session = self.server:session {region = "us-east-1"}
  self.account = self.server.account
  return self
end

--- The command line with these words: its exit code and what it printed.
function hardening:run(...)
  local restore <const> = program.environment(program.with(self.server.env, {TIDELOCK_STATE = self.state}))
  local ok, code, text = pcall(program.shown, ...)
  restore()
  if not ok then error(code, 0) end
  return code, text
end

--- Applies a playbook of playbooks/ without asking; more words may follow.
function hardening:apply(file, ...)
  return self:run("apply", "playbooks/" .. file .. ".lua", hardening.ACCOUNT, "--yes", "--quiet", ...)
end

--- The account's log groups as {name = days, or false where they are kept for ever}.
function hardening:retention()
  local out = {}
  for group in self.session.logs:items("describe_log_groups", {}) do
    out[group.logGroupName] = group.retentionInDays or false
  end
  return out
end

function hardening:close()
  self.server:stop()
  os.execute("rm -rf '" .. self.state .. "'")
end

return hardening
