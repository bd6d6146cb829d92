-- live_spec.lua -- the foot of the terminal: it fits the window, whatever its size.
local live = require "report.live"
local loop = require "tidelock.loop"
local paint = require "report.paint"
local program = require "support.program"

describe("the live lines", function()
  after_each(function() loop.sleep(0.3) end)                 -- their ticking ends by itself
  -- However slow the machine is.
  local function at_once(text) return (text:gsub("%d+ s\n", "0 s\n")) end

  local function drawn(columns, lines, n, name)
    local out = program.stream()
    local foot = live.new(out, paint.new(false), function() return columns, lines end)
    for i = 1, n do
      local node = {address = (name or "sqs.queue/a-long-name-%d"):format(i)}
      foot:event {kind = "resource.start", action = "create", node = node}
    end
    foot:draw()
    foot:event {kind = "run.end"}
    local shown = {}
    for line in (at_once(out:text()):gsub("\27%[[%d]*[AJ]\r?", "")):gmatch "[^\n]+" do shown[#shown + 1] = line end
    return shown
  end

  it("say what is done, and for how long", function()
    assert.same({"    sqs.queue/a-long-name-1  creating, 0 s"}, drawn(80, 24, 1))
  end)
  it("are cut for a narrow window, the seconds last", function()
    assert.same({"    sqs.queue/~ 0 s"}, drawn(20, 24, 1))
    assert.same({"    größe/ü~ 0 s"}, drawn(17, 24, 1, "größe/ümläute-%d"))
    for columns = 1, 60 do
      for _, line in ipairs(drawn(columns, 24, 1)) do
        assert.is_true((utf8.len(line) or 99) < math.max(columns, 2), ("%d: %s"):format(columns, line))
      end
    end
  end)
  it("are drawn again below what is said meanwhile", function()
    local out = program.stream()
    local foot = live.new(out, paint.new(false))
    foot:event {kind = "resource.start", action = "create", node = {address = "sqs.queue/a"}}
    foot:draw()
    foot:say "Stopping"
    foot:event {kind = "run.end"}
    local line = "    sqs.queue/a  creating, 0 s\n"
    assert.equal(line .. "\27[1A\r\27[JStopping\n" .. line .. "\27[1A\r\27[J", at_once(out:text()))
  end)
  it("are no more than a low window has", function()
    local shown = drawn(80, 6, 9)
    assert.equal(5, #shown)
    assert.equal("    and 5 more", shown[5])
    assert.equal(13, #drawn(80, 50, 40))
  end)
end)
