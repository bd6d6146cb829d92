-- victim.lua -- the command line, killed (KILL_WITH: KILL, TERM or HUP) at its nth boundary:
-- around each request and journal write.
-- usage: tidelua spec/kill/victim.lua POINT COMMAND ...   (point 0: never; prints the number of boundaries)
local fs = require "tidelock.fs"
local http = require "tidelock.http"
local store = require "playbook.store"

local landing = require "playbook.landing"
landing.SETTLE, landing.LATE = 1, 1       -- the emulator is at hand
require "playbook.s3store".LEASE = 1      -- and the dead are known to be dead

local point, count = tonumber(arg[1]), 0
local SIGNAL <const> = os.getenv "KILL_WITH" or "KILL"

local function boundary()
  count = count + 1
  if count == point then
    os.execute(("kill -%s %d"):format(SIGNAL, fs.pid()))
    while SIGNAL == "KILL" do end         -- it is on its way
  end
end

local function guarded(fn)
  return function(...)
    boundary()
    local result = table.pack(fn(...))
    boundary()
    return table.unpack(result, 1, result.n)
  end
end

http.send = guarded(http.send)

for _, name in ipairs {"create", "reopen"} do
  local open = store[name]
  store[name] = function(...)
    local journal = open(...)
    if journal then
      local file = journal.file
      journal.file = {write = guarded(function(_, text) return file:write(text) end)}
    end
    return journal
  end
end

local code = require "cli".main(table.move(arg, 2, #arg, 1, {}))
if point == 0 then io.stderr:write("boundaries ", count, "\n") end
return code
