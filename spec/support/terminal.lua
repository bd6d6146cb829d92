-- terminal.lua -- a program on a terminal of its own, driven by what it shows (terminal.py).
local json = require "tidelock.json"
local proc = require "tidelock.proc"
local server = require "support.server"

local terminal = {}

--- Runs `command` (with `env`): for each step {wait, type} waits for a text and types another; a third member is what a
-- shell does in between.
-- @return {output =, code =}; raises where a text never came
function terminal.run(command, steps)
  local out = assert(proc.run {server.PYTHON, "spec/support/terminal.py", input = json.encode(steps),
    env = command.env, table.unpack(command)})
  local result = assert(json.decode(out.stdout), out.stderr)
  if result.missing then
    error(("the terminal never showed %q, but:\n%s"):format(result.missing, result.output), 0)
  end
  return result
end

return terminal
