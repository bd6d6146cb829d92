--- Long texts on a terminal go through $PAGER or less; short ones, and all elsewhere, are just printed.
local pager = {}

local function program()
  for _, name in ipairs {"TIDELOCK_PAGER", "PAGER"} do
    local value = os.getenv(name)
    if value then return value ~= "" and value ~= "cat" and value or nil end
  end
  return "less"
end

-- Ctrl-C is the pager's own affair while it runs.
local function run(words, text)
  local loop, proc = require "tidelock.loop", require "tidelock.proc"
  local child = proc.spawn(words)
  if not child then return false end
  local _ <close> = child
  local watch = loop.spawn(function()
    local signal = require "tidelock.signal"
    while true do signal.wait "INT" end
  end)
  child:write(text)                          -- fails when the reader quits early: nothing is lost
  pcall(child.shut, child)
  local code = child:wait()
  loop.cancel(watch)
  return code ~= 127
end

--- Shows `lines`. `terminal` tells whether `out` is one.
function pager.show(lines, out, terminal)
  local text = table.concat(lines, "\n") .. "\n"
  local _, rows = require "tidelock.tty".size()
  local name = terminal and rows and #lines >= rows and program()
  if name then
    out:flush()
    if run({"sh", "-c", name, stdin = "pipe", stdout = "inherit", stderr = "inherit",
            env = {LESS = os.getenv "LESS" or "FRX"}}, text) then return end
  end
  out:write(text)
end

--- The width to set texts in.
function pager.width()
  local columns = require "tidelock.tty".size()
  return math.max(40, math.min(columns or 80, 100))
end

return pager
