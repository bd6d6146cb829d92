-- init_spec.lua -- tidelock repl, from a pipe and on a terminal, with either editor.
local fs = require "tidelock.fs"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local terminal = require "support.terminal"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local TIDELOCK <const> = HERE .. "/tidelock"
local P <const> = "tidelock> "

local aws, state

local function env_of()
  local env = {XDG_STATE_HOME = state, TERM = "xterm", LC_ALL = "C.UTF-8", INPUTRC = "/dev/null", PAGER = "cat"}
  for name, value in pairs(aws.env) do env[name] = value end
  return env
end

local function piped(input, ...)
  return assert(proc.run {TIDELOCK, "repl", input = input, env = env_of(), ...})
end

local function typed(editor, steps, ...)
  return terminal.run({TIDELOCK, "repl", "--editor", editor, env = env_of(), ...}, steps)
end

describe("tidelock repl from a pipe", function()
  setup(function()
    aws = moto.start()
    state = assert(fs.tempdir "tidelock-repl")
  end)
  after_each(function() aws:reset() end)
  teardown(function() proc.run {"rm", "-rf", state} end)

  it("prints the values of expressions, runs statements over lines, and shows no prompt", function()
    local out = piped "1 + 1\nx = {b = 1,\n  a = 2}\nx\n_.b\nfor i = 1, 2 do\n  print(i)\nend\nnil\n"
    assert.same({0, "2\n{a = 2, b = 1}\n1\n1\n2\nnil\n", ""}, {out.code, out.stdout, out.stderr})
  end)

  it("makes any call, also many at a time", function()
    local out = piped [[
names = {"a", "b", "c"}
urls = task.map(names, function(n) return aws.sqs:create_queue{QueueName = n}.QueueUrl end)
#aws.sqs:list_queues{}.QueueUrls
aws.sts:get_caller_identity{}.Account
]]
    assert.same({0, "3\n\"" .. aws.account .. "\"\n"}, {out.code, out.stdout}, out.stderr)
  end)

  it("ends at the first error with a sentence, its line and its exit code", function()
    local out = piped "print(1)\naws.sqs:list_quees{}\nprint(2)\n"
    assert.same({64, "1\n"}, {out.code, out.stdout})
    assert.matches('^tidelock repl: line 2: sqs has no operation "list_quees"; did you mean "list_queues"', out.stderr)
    assert.not_matches("traceback", out.stderr)
    assert.equal(1, piped "error 'x'".code)
    assert.matches("stack traceback", piped("error 'x'", "--debug").stderr)
  end)

  it("tells bad syntax, and an input that ends in the middle", function()
    local out = piped "print(1)\nx = = 1\n"
    assert.same({64, "tidelock repl: line 2: repl:1: unexpected symbol near '='\n"}, {out.code, out.stderr})
    out = piped "print(1)\nfor i = 1, 2 do\n"
    assert.same({64, "tidelock repl: line 2: the input ends in the middle of what begins here\n"},
      {out.code, out.stderr})
  end)

  it("helps on functions, services and names, in the form of Lua", function()
    local by_function = piped "help(aws.sqs.create_queue)\n".stdout
    assert.matches("aws%.sqs:create_queue{QueueName = \"...\", ...}", by_function)
    assert.equal(by_function, piped 'help "sqs create-queue"\n'.stdout)
    assert.matches("OPERATIONS", piped "help(aws.sqs)\n".stdout)
    assert.matches('did you mean "sqs"', piped 'help "sqz"\n'.stderr)
  end)

  it("goes on with what runs in the background while it waits for a line", function()
    local out = assert(proc.run {"sh", "-c", [[
      (echo "task.spawn(function() task.sleep(0.05) print 'behind' io.open('$1', 'w'):close() end)"
       echo 'x = 1'
       n=0; until [ -e "$1" ] || [ $n -gt 400 ]; do sleep 0.05; n=$((n + 1)); done
       echo 'print "after"') | "$0" repl]], TIDELOCK, state .. "/behind", env = env_of()})
    assert.equal("<object>\nbehind\nafter\n", out.stdout)
  end)
end)

-- The static program has its own editor alone.
for _, editor in ipairs(os.getenv "TIDELOCK_DIST" and {"built-in"} or {"readline", "built-in"}) do
  describe("tidelock repl on a terminal with the editor " .. editor, function()
    setup(function()
      aws = moto.start()
      state = assert(fs.tempdir "tidelock-repl")
    end)
    teardown(function() proc.run {"rm", "-rf", state} end)

    it("completes services, operations and members, and makes the call", function()
      local out = typed(editor, {{P, "aws.sq\t"}, {"aws.sqs", ":create_q\t"}, {"create_queue{", "Q\t"},
        {"QueueName = ", '"x"}\r'}, {'{QueueUrl = "http', ""}, {P, ":quit\r"}})
      assert.equal(0, out.code)
    end)

    it("lists what there is where several fit", function()
      typed(editor, {{P, "aws.sqs:create_queue{\t"}, {"QueueName", ""}, {"Attributes", ""}, {"tags", ""},
        {P, "\3"}, {"^C", ""}, {P, "\4"}})
    end)

    it("edits with the usual keys, and has what was typed under the arrow", function()
      local out = typed(editor, {{P, "1 + 20\r"}, {"21", ""}, {P, "\27[A\27[D\27[D\1\6\0115 .. 'x'\r"}, {'"15x"', ""},
        {P, "junk\21'ü' .. 6 * 9\r"}, {'"ü54"', ""}, {P, "\4"}})
      assert.equal(0, out.code)
    end)

    it("takes lines until they are complete; Ctrl-C drops them", function()
      typed(editor, {{P, "for i = 7, 8 do\r"}, {">> ", "print(i * 11)\r"}, {">> ", "end\r"}, {"77", ""}, {"88", ""},
        {P, "for i = 1, 2 do\r"},
        {">> ", "xyz"}, {"xyz", "\3"}, {"^C", ""}, {P, "6 * 7\r"}, {"42", ""}, {P, "\4"}})
    end)

    it("gives the prompt back when Ctrl-C stops a call, or Lua that never waits", function()
      typed(editor, {{P, "print('o' .. 'n') task.sleep(100)\r"}, {"on\r", "\3"}, {"stopped", ""},
        {P, "print('g' .. 'o') while true do end\r"}, {"go\r", "\3"}, {"stopped", ""},
        {P, "print('al' .. 'so') while true do pcall(error) end\r"}, {"also", "\3"}, {"stopped", ""},
        {P, "'still ' .. 'here'\r"}, {'"still here"', ""}, {P, "\4"}})
    end)

    it("shows what background tasks print above the line being typed", function()
      typed(editor, {{P, "x = task.spawn(function() task.sleep(1) print('be' .. 'hind') end)\r"}, {P, "6 *"},
        {"behind", " 7\r"}, {"42", ""}, {P, "\4"}})
    end)

    it("keeps the history for the next time, without secrets", function()
      -- a prompt is drawn anew with what is typed; the one after an output is the next line's
      typed(editor, {{P, "kept = 1\r"}, {P, "password = 'hunter2'\r"}, {P, "'do' .. 'ne'\r"}, {'"done"', ""},
        {P, "\4"}})
      local file <close> = assert(io.open(state .. "/tidelock/history"))
      local text = file:read "a"
      assert.matches("kept = 1\n", text)
      assert.not_matches("hunter2", text)
      typed(editor, {{P, "\27[A\27[A"}, {"kept = 1", ".5\r"}, {P, "kept + 1\r"}, {"2.5", ""}, {P, "\4"}})
    end)
  end)
end
