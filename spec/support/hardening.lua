-- hardening.lua -- playbooks on an account of the specs' moto, through the command line, and what is live after.
local aws = require "aws"
local cli = require "cli"
local moto = require "support.moto"

local hardening = {ACCOUNT = "--account=playbooks/accounts/example.lua", PREFIX = "example"}
hardening.__index = hardening

local function stream()
  local parts = {}
  return {write = function(self, ...)
    for _, part in ipairs {...} do parts[#parts + 1] = tostring(part) end
    return self
  end, flush = function() end, setvbuf = function() end, text = function() return table.concat(parts) end}
end

--- An empty account: `run(words...)`, `session`, `apply(file, words...)`; close it after use. `options` are moto's.
function hardening.start(options)
  local self = setmetatable({server = moto.start {region = "us-east-1", slow = options and options.slow}}, hardening)
  self.state = require "tidelock.fs".tempdir "hardening"
  self.session = aws.session {region = "us-east-1", endpoint_url = self.server.url,
    credentials = self.server.credentials}
  self.account = self.server.account
  return self
end

--- The command line with these words: its exit code and what it printed.
function hardening:run(...)
  local getenv, out = os.getenv, stream()
  local env = self.server.env
  local hidden = {TIDELOCK_STATE = self.state, TIDELOCK_ACCOUNT = false, AWS_DEFAULT_OUTPUT = false}
  os.getenv = function(name)                                       -- luacheck: ignore
    local value = env[name]
    if value == nil then value = hidden[name] end
    if value == nil then return getenv(name) end
    return value or nil
  end
  local ok, code = pcall(cli.main, {...}, {out = out, err = out, input = io.stdin})
  os.getenv = getenv                                               -- luacheck: ignore
  if not ok then error(code, 0) end
  return code, out:text()
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
