-- program.lua -- the command line: inside the spec's own process (what it prints, its exit code, its environment), or
-- as a process of its own.
local program = {}

-- What a person's own shell may hold, and no spec shall see.
local HIDDEN <const> = {TIDELOCK_ACCOUNT = false, TIDELOCK_IMAGE = false, TIDELOCK_STORE = false,
  AWS_DEFAULT_OUTPUT = false}

--- A stream that keeps what is written to it: `text()` gives it back.
function program.stream()
  local parts <const> = {}
  return {
    write = function(self, ...)
      for _, part in ipairs {...} do parts[#parts + 1] = tostring(part) end
      return self
    end,
    flush = function() end,
    setvbuf = function() end,
    text = function() return table.concat(parts) end,
  }
end

--- Runs these words: the exit code, what went to stdout, what went to stderr.
function program.run(...)
  local out, err = program.stream(), program.stream()
  local code = require "cli".main({...}, {out = out, err = err, input = io.stdin})
  return code, out:text(), err:text()
end

--- Runs these words with stdout and stderr on one stream, as a terminal shows them: the exit code and the text.
function program.shown(...)
  local out = program.stream()
  local code = require "cli".main({...}, {out = out, err = out, input = io.stdin})
  return code, out:text()
end

--- What starts these words as a process, for proc.run and proc.spawn: the tree's own lib/ by the interpreter that runs
-- the spec, so that no binary is needed. spec/dist/run looks for calls of it: there it is the static program.
function program.command(env, ...) return {arg[-1] or "build/tidelua", "spec/support/cli.lua", env = env, ...} end

--- The environment that the code under test sees: `values` first (false is a name without a value), then the process's
--- own. Returns the function that puts things back.
function program.environment(values)
  local getenv <const> = os.getenv
  os.getenv = function(name)                                       -- luacheck: ignore
    local value = values[name]
    if value == nil then value = HIDDEN[name] end
    if value == nil then return getenv(name) end
    return value or nil
  end
  return function() os.getenv = getenv end                         -- luacheck: ignore
end

--- `values` with `more` over them, as a new table: a server's env and what the spec adds.
function program.with(values, more)
  local out <const> = {}
  for name, value in pairs(values) do out[name] = value end
  for name, value in pairs(more) do out[name] = value end
  return out
end

return program
