-- server.lua -- starts a program that serves on loopback, and ends it with whoever started it.
local proc = require "tidelock.proc"

local server = {}
server.PYTHON = "build/venv/bin/python"

--- Is there such a file?
function server.exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Starts `command` and reads its standard output up to `pattern`'s capture: the port, say.
-- The program ends when its standard input does, or at our SIGKILL through `setpriv`.
-- @param options.quiet keep its standard error to be told only if it fails
function server.start(command, pattern, options)
  options = options or {}
  local p = assert(proc.spawn {stdin = "pipe", stdout = "pipe", stderr = options.stderr or "inherit",
    env = options.env, table.unpack(command)})
  if options.config then assert(p:write(options.config)) p:shut() end
  local seen = ""
  while true do
    local chunk = p:read()
    if not chunk then
      p:close()
      error(("%s ended before it was ready. It printed:\n%s"):format(table.concat(command, " "), seen), 0)
    end
    seen = seen .. chunk
    local found = seen:match(pattern)
    if found then
      p:unref()       -- a server in the background keeps no run from ending
      return p, found
    end
  end
end

--- A session on an account of an emulator, {region=, url=, credentials=}; `more` are options over its own.
function server.session(account, more)
  local options = {region = account.region, endpoint_url = account.url, credentials = account.credentials}
  for name, value in pairs(more or {}) do options[name] = value end
  return require "aws".session(options)
end

--- A new folder under the system's own for temporary files.
function server.folder()
  local out = assert(proc.run {"mktemp", "-d", "/tmp/tidelock-spec.XXXXXX"})
  return out.stdout:match "^%S+"
end

function server.remove(folder)
  assert(folder:match "^/tmp/tidelock%-spec%.%w+$", "only folders of our own are removed")
  assert(proc.run {"rm", "-rf", folder})
end

return server
