--- The way out for requests that are no AWS calls: the environment's proxy, and whom to trust. AWS calls have their own
-- (aws.request), with what a profile says.
local proxy = {}

-- Small letters come first, as everywhere.
local function env(getenv, name)
  local value = getenv(name:lower()) or getenv(name)
  return value ~= "" and value or nil
end

local function is_loopback(host)
  local name = host:gsub(":%d+$", "")
  return name == "localhost" or name == "[::1]" or name:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

--- Options of tidelock.http for a request. HTTPS_PROXY or HTTP_PROXY, NO_PROXY and AWS_CA_BUNDLE are read; this machine
-- itself is reached directly.
-- @tparam table target where it goes: {scheme =, host =}
-- @tparam[opt] table own options of the caller, which come before these
-- @tparam[opt] function getenv os.getenv, unless a spec gives another
-- @treturn table the options
function proxy.options(target, own, getenv)
  getenv = getenv or os.getenv
  local options = {}
  if not is_loopback(target.host) then
    options.proxy = env(getenv, target.scheme == "https" and "HTTPS_PROXY" or "HTTP_PROXY")
    options.no_proxy = env(getenv, "NO_PROXY")
  end
  if target.scheme == "https" or options.proxy then options.ca = env(getenv, "AWS_CA_BUNDLE") end
  for name, value in pairs(own or {}) do options[name] = value end
  return options
end

return proxy
