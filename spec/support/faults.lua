-- faults.lua -- the fault proxy of spec/support/faults.py before a moto: the same faults for the same seed.
local server = require "support.server"

local faults = {}
faults.__index = faults

--- Starts one before `m` (of support.moto).
-- @param options.rate share of requests that fail (default 0.2)
-- @param options.seed default 1
-- @param options.kinds list; see faults.py
-- @param options.only list of operations that may fail (default all)
-- @return {url=, port=, env=} as moto's, with `stop`
function faults.start(m, options)
  options = options or {}
  local command = {server.PYTHON, "spec/support/faults.py", "--stdin", "--to", tostring(m.port),
    "--rate", tostring(options.rate or 0.2), "--seed", tostring(options.seed or 1)}
  for _, name in ipairs {"kinds", "only"} do
    if options[name] then
      command[#command + 1] = "--" .. name
      command[#command + 1] = table.concat(options[name], ",")
    end
  end
  local self = setmetatable({account = m.account, region = m.region, credentials = m.credentials, env = {}}, faults)
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.port = math.tointeger(port)
  self.url = "http://127.0.0.1:" .. port
  for name, value in pairs(m.env) do self.env[name] = value end
  self.env.AWS_ENDPOINT_URL = self.url
  return self
end

function faults:stop() self.process:close() end

faults.close = faults.stop
faults.__close = faults.stop
return faults
