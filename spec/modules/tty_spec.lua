-- tty_spec.lua -- what is asked of the terminal: who is there, and a wait for what is typed.
local proc = require "tidelock.proc"
local terminal = require "support.terminal"

-- Hands the command that runs `body` to `use`: in a process of its own, whose standard input is not that of the specs.
local function with(body, use)
  local path <const> = os.tmpname()
  local _ <close> = setmetatable({}, {__close = function() os.remove(path) end})
  local file <close> = assert(io.open(path, "w"))
  file:write('local tty, loop, sweep = require "tidelock.tty", require "tidelock.loop", require "support.sweep" ', body)
  file:close()
  return use {arg[-1], path}
end

-- `how` is the shell's word for the standard input: a pipe at its end, or one where nothing ever comes.
local ENDED <const>, SILENT <const> = ': | "$@"', 'd=$(mktemp -d) && mkfifo "$d/in" && "$@" <>"$d/in"; rm -r "$d"'

local function piped(how, body)
  local out = with(body, function(command) return assert(proc.run {"sh", "-c", how, "sh", table.unpack(command)}) end)
  assert.equal("", out.stderr)
  return out.stdout
end

describe("tidelock.tty", function()
  it("tells a terminal from a pipe, and its size", function()
    local show <const> = 'print(tty.is "stdin", tty.is "stdout", tty.is "stderr", (select("#", tty.size())))'
    assert.equal("false\tfalse\tfalse\t0\n", piped(ENDED, show))
    local shown = with(show .. 'local columns, rows = tty.size() print(columns > 0 and rows > 0) io.read "l"',
      function(command) return terminal.run(command, {{"true\r\n", "\n"}}) end)
    assert.matches("true\ttrue\ttrue\t2\r\ntrue", shown.output)
    assert.equal(0, shown.code)
  end)
  it("lets other tasks run until something is typed", function()
    local shown = with([[
      local typed = loop.spawn(function() tty.wait() return io.read "l" end)
      loop.sleep(0.01)
      print "others run"
      print("typed", select(2, loop.wait(typed)))]],
      function(command) return terminal.run(command, {{"others run", "yes\n"}}) end)
    assert.matches("typed\tyes", shown.output)
    assert.equal(0, shown.code)
  end)
  it("ends a wait at the end of the input, and one that is cancelled", function()
    assert.equal("true\tnil\n", piped(ENDED, 'print(tty.wait(), io.read "l")'))
    assert.equal("true\n", piped(SILENT, "local t = loop.spawn(tty.wait) loop.sleep(0) print(loop.cancel(t))"))
  end)
  it("lives through every allocation failing", function()
    local runs = piped(SILENT,
      'print(sweep(function() local t = loop.spawn(tty.wait) loop.sleep(0) loop.cancel(t) end))')
    assert.is_true((tonumber(runs) or 0) > 3, runs)
  end)
end)
