--- Scripts that run inside Redis: sent once, then named by their hash.
local digest = require "tidelock.digest"

local script = {}
script.__index = script
script.__name = "redis script"

function script.new(source)
  return setmetatable({source = source, sha = digest.hex(digest.sha1(source))}, script)
end

local function words(first, keys, args)
  local out = {first, #keys}
  table.move(keys, 1, #keys, 3, out)
  return table.move(args, 1, #args, #keys + 3, out)
end

--- Runs it: s:run(client, {"key"}, {1, 2}) -> reply, or nil, err. A server that does not know it yet is told once:
-- NOSCRIPT says that nothing ran, so sending it again is safe.
function script:run(client, keys, args)
  keys, args = keys or {}, args or {}
  local reply, err = client:call("EVALSHA", table.unpack(words(self.sha, keys, args)))
  if err and err.code == "NOSCRIPT" then
    return client:call("EVAL", table.unpack(words(self.source, keys, args)))
  end
  return reply, err
end

return script
