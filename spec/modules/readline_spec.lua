-- readline_spec.lua -- lines edited key by key, without a terminal: in a child whose standard input is ours.
local fs = require "tidelock.fs"
local proc = require "tidelock.proc"

local TIDELUA <const> = assert(fs.realpath "/proc/self/exe")

-- Runs a script with `keys` as its input; what it printed after the last line of dashes.
local function child(script, keys)
  local name = os.tmpname()
  assert(fs.write(name, script))
  local out = assert(proc.run {TIDELUA, name, input = keys})
  os.remove(name)
  assert.same({0, ""}, {out.code, out.stderr})
  return out.stdout:match "%-%-%-\n(.*)$"
end

local EDIT <const> = [[
local readline = require "tidelock.readline"
local editor <close> = assert(readline.open "built-in")
editor:remember "first"
editor:remember "second"
local seen = {}
repeat
  editor:start "> "
  local what, text, point
  repeat
    what, text, point = editor:feed()
    if what == "tab" then editor:replace(0, point, "<" .. text .. ">") end
  until what == "line" or what == "end"
  seen[#seen + 1] = what == "line" and text or nil
until what == "end"
print "---"
for _, text in ipairs(seen) do print(text) end
]]

local KEYS <const> = {
  {"the letters typed", "abc", "abc"}, {"Ctrl-A and Ctrl-E: begin and end", "b\1a\5c", "abc"},
  {"Ctrl-B and Ctrl-F: a character back and on", "ac\2b\6d", "abcd"},
  {"Ctrl-K: to the end", "abc\1\6\11", "a"}, {"Ctrl-U: to the begin", "abc\2\21", "c"},
  {"Ctrl-W: a word", "one two\23x", "one x"}, {"Ctrl-D: the character under the cursor", "abc\1\4", "bc"},
  {"backspace, also over a character of two bytes", "aü\127b", "ab"},
  {"arrows over a character of two bytes", "aü\27[Db\27[Cc", "abüc"},
  {"Home, End and Delete in three dialects", "bc\27[Ha\27[1~\27[3~\27OFd", "bcd"},
  {"the arrow up: what was entered before", "\27[A\27[A!", "first!"},
  {"the arrow down: back to the unfinished line", "half\27[A\27[B!", "half!"},
  {"nothing for a sequence it does not know", "a\27[15;2~b\27xc", "abc"},
  {"what a tab was made to mean", "ab\t!", "<ab>!"},
}

describe("the built-in editor", function()
  for _, case in ipairs(KEYS) do
    it("understands " .. case[1], function() assert.equal(case[3] .. "\n", child(EDIT, case[2] .. "\r")) end)
  end

  it("takes a line of any length, and several at once", function()
    local long = ("x"):rep(10000)
    assert.equal(long .. "\nb\n", child(EDIT, long .. "\rb\r"))
  end)

  it("ends at Ctrl-D in an empty line, and where the input ends", function()
    assert.equal("a\n", child(EDIT, "a\r\4b\r"))
    assert.equal("a\n", child(EDIT, "a\rb"))
  end)

  it("refuses what is not in the line, and all once it is closed", function()
    assert.equal("false false false\nfalse\n", child([[
      local editor = assert(require "tidelock.readline".open "built-in")
      editor:start "> "
      print "---"
      print((pcall(editor.replace, editor, 1, 0, "x")), (pcall(editor.replace, editor, 0, 1, "x")),
        (pcall(editor.remember, editor, "a\0b")))
      editor:close()
      editor:close()
      print((pcall(editor.feed, editor)))]], ""):gsub("\t", " "))
  end)

  it("survives each allocation failing", function()
    local runs = child([[
      local readline = require "tidelock.readline"
      local runs = require "support.sweep"(function()
        local editor <close> = assert(readline.open "built-in")
        for i = 1, 3 do editor:remember("line " .. i) end
        editor:start "> "
        editor:replace(0, 0, ("x"):rep(300))
        editor:print "above\n"
        editor:feed()
        editor:drop()
      end)
      print "---"
      print(runs)]], "\27[A")
    assert.is_true(tonumber(runs) > 5, runs)
  end)
end)

describe("Ctrl-C", function()
  it("wakes the task that waits for it, and stops guarded Lua that never yields", function()
    assert.equal("false interrupted\ncaught\n", child([[
      local loop, fs = require "tidelock.loop", require "tidelock.fs"
      local readline = require "tidelock.readline"
      print "---"
      io.stdout:flush()
      local watch = loop.spawn(function() readline.interrupt() print "caught" end)
      loop.sleep(0)
      local killer
      local work = loop.spawn(function()
        readline.guard()
        killer = io.popen("sleep 0.1; kill -INT " .. math.tointeger(fs.pid()))   -- never before the guard is there
        while true do pcall(error) end
      end)
      local ok, err = loop.wait(work)
      print(tostring(ok) .. " " .. tostring(err))
      loop.wait(watch)
      killer:close()]], ""))
  end)

  it("has its own meaning again where nobody waits for it any more", function()
    local name = os.tmpname()
    assert(fs.write(name, [[
      local loop, readline = require "tidelock.loop", require "tidelock.readline"
      local watch = loop.spawn(readline.interrupt)
      loop.sleep(0)
      loop.cancel(watch)
      require "tidelock.proc".run {"kill", "-INT", tostring(math.tointeger(require "tidelock.fs".pid()))}
      loop.sleep(1)]]))
    local out = assert(proc.run {TIDELUA, name})
    os.remove(name)
    assert.equal(2, out.signal)
  end)
end)
