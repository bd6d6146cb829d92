-- proc_spec.lua -- other programs: their output, their ends, and what is left of them.
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local sweep = require "support.sweep"

local function alive(pid)
  local f = io.open(("/proc/%d/stat"):format(pid))
  if f == nil then return false end
  local state = f:read("a"):match("%) (%a)")
  f:close()
  return state ~= "Z"
end

describe("tidelock.proc", function()
  it("collects output, errors and the exit code, NUL bytes and all", function()
    local out = assert(proc.run {"sh", "-c", "printf 'a\\0b'; printf oops >&2; exit 3"})
    assert.same({code = 3, stdout = "a\0b", stderr = "oops"}, out)
  end)

  it("feeds input and reads more than a pipe holds in both directions", function()
    local input = ("0123456789abcdef"):rep(64 * 1024)
    assert.equal(input, assert(proc.run {"cat", input = input}).stdout)
  end)

  it("survives a program that does not read its input", function()
    assert.equal(0, assert(proc.run {"true", input = ("x"):rep(1 << 20)}).code)
  end)

  it("says which signal ended a program", function()
    local out = assert(proc.run {"sh", "-c", "kill -TERM $$"})
    assert.equal(15, out.signal)
  end)

  it("merges env over its own environment; false removes a name", function()
    local out = assert(proc.run {"sh", "-c", "printf '%s|%s|%s' \"$ADDED\" \"${HOME-none}\" \"${PATH:+kept}\"",
      env = {ADDED = "yes", HOME = false}})
    assert.equal("yes|none|kept", out.stdout)
  end)

  it("takes numbers as arguments and a folder to start in", function()
    assert.equal("7 /\n", assert(proc.run {"sh", "-c", "echo $0 $(pwd)", 7, cwd = "/"}).stdout)
  end)

  it("answers nil and a sentence for a program that is not there", function()
    local none, err = proc.run {"no-such-program-here"}
    assert.is_nil(none)
    assert.equal("proc", err.code)
    assert.matches("could not start no%-such%-program%-here: .*is it installed", err.message)
    assert.is_nil((proc.spawn {"no-such-program-here"}))
  end)

  it("raises for what is no command", function()
    assert.error_matches(function() proc.run {} end, "names no program")
    assert.error_matches(function() proc.run {"a\0b"} end, "holds a NUL byte")
    assert.error_matches(function() proc.run {{}} end, "an argument must be a string, not table")
    assert.error_matches(function() proc.run {"true", env = {["A=B"] = "x"}} end, "can't be an environment name")
    assert.error_matches(function() proc.run {"true", stdout = "file"} end, "invalid option 'file'")
  end)

  it("streams what a running program prints, and nil at the end", function()
    local p <close> = assert(proc.spawn {"sh", "-c", "echo one; read x; echo got $x", stdin = "pipe", stdout = "pipe"})
    assert.equal("one\n", p:read())
    assert.is_true(p:write "two\n")
    assert.equal("got two\n", p:read())
    assert.is_nil((p:read()))
    assert.same({0}, {p:wait()})
    assert.same({0}, {p:wait()})
  end)

  it("ends the input of a program that reads to the end", function()
    local p <close> = assert(proc.spawn {"wc", "-c", stdin = "pipe", stdout = "pipe"})
    p:write("12345")
    p:shut()
    assert.equal("5\n", p:read())
  end)

  it("says so when the program has closed its input", function()
    local p <close> = assert(proc.spawn {"true", stdin = "pipe"})
    p:wait()
    local ok, err = true, nil
    for _ = 1, 3 do ok, err = p:write(("x"):rep(1 << 20)) if not ok then break end end
    assert.is_nil(ok)
    assert.matches("could not write to the process", err.message)
  end)

  it("kills by name or number, and answers false when it has ended", function()
    local p <close> = assert(proc.spawn {"sleep", "60"})
    assert.is_true(p:kill "KILL")
    local _, signal = p:wait()
    assert.equal(9, signal)
    assert.is_false(p:kill())
  end)

  it("lets many programs run at once", function()
    local began, tasks = loop.now(), {}
    for i = 1, 20 do tasks[i] = loop.spawn(function() return proc.run {"sleep", "0.5"} end) end
    for _, t in ipairs(tasks) do
      local ok, out = loop.wait(t)
      assert.is_true(ok)
      assert.equal(0, out.code)
    end
    assert.is_true(loop.now() - began < 8, "they ran one after the other")
  end)

  it("leaves no program behind when it is closed, and wakes who waits", function()
    local p = assert(proc.spawn {"sleep", "60", stdout = "pipe"})
    local pid = p:pid()
    local waiter = loop.spawn(function() return p:wait() end)
    local reader = loop.spawn(function() return p:read() end)
    loop.sleep(0)
    p:close()
    assert.is_false(alive(pid))
    for _, t in ipairs {waiter, reader} do
      local _, none, err = loop.wait(t)
      assert.is_nil(none)
      assert.equal("closed", err.code)
    end
    assert.error_matches(function() p:wait() end, "the process is closed")
  end)

  it("ends the program of a cancelled run", function()
    local file = os.tmpname()
    local t = loop.spawn(function() return proc.run {"sh", "-c", "echo $$ > " .. file .. "; exec sleep 60"} end)
    local pid
    repeat
      loop.sleep(0.01)
      local f = assert(io.open(file))
      pid = f:read "n"
      f:close()
    until pid
    loop.cancel(t)
    collectgarbage()
    assert.is_false(alive(pid))
    os.remove(file)
  end)

  it("waits only inside a task, and one task at a time", function()
    assert.error_matches(function() coroutine.wrap(proc.run) {"true"} end, "outside a task")
    local p <close> = assert(proc.spawn {"sleep", "60"})
    local t = loop.spawn(function() p:wait() end)
    loop.sleep(0)
    assert.error_matches(function() p:wait() end, "another task waits")
    loop.cancel(t)
  end)

  it("survives every allocation failing", function()
    sweep(function()
      local out = proc.run {"echo", "hi", env = {A = "b"}, input = "x"}
      assert(out == nil or out.stdout == "hi\n")
      local p <close> = proc.spawn {"cat", stdin = "pipe", stdout = "pipe"}
      if p and p:write "x" then p:read() end
    end)
  end)
end)
