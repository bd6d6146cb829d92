-- visible_spec.lua -- nothing that comes from outside is obeyed by a terminal.
local visible = require "visible"

-- A title that is set, a line that is drawn over, a colour that hides, the eight-bit form of them, writing that is
-- turned around.
local EVIL <const> = {
  ["\27]0;owned\7"] = "\\e]0;owned\\x07", ["a\rb"] = "a\\rb", ["\27[8mhidden\27[0m"] = "\\e[8mhidden\\e[0m",
  ["\xC2\x9B2J"] = "\\u{9B}2J", ["\x9B2J"] = "\\x9B2J", ["a\0b"] = "a\\x00b", ["\127"] = "\\x7F",
  ["x\u{202E}y"] = "x\\u{202E}y", ["x\u{2067}y"] = "x\\u{2067}y", ["a\u{2028}b"] = "a\\u{2028}b",
  ["\8\8"] = "\\x08\\x08",
}

describe("visible", function()
  for text, shown in pairs(EVIL) do
    it(("writes out %q"):format(text), function()
      assert.equal(shown, visible.text(text))
      assert.equal(shown, visible.line(text))
    end)
  end
  it("leaves what people write, and line ends and tabs where there may be some", function()
    local text = "Größe: 3 µm\tändern\n日本語 🌙 %q \\n"
    assert.equal(text, visible.text(text))
    assert.equal("Größe: 3 µm\\tändern\\n日本語 🌙 %q \\n", visible.line(text))
  end)
  it("leaves a painter's colours and nothing else", function()
    assert.equal("\\e[8mhidden \\e[7m\\e[40m\\e[m\27[0m", visible.painted "\27[8mhidden \27[7m\27[40m\27[m\27[0m")
    for _, color in ipairs {"bold", "dim", "red", "green", "yellow", "blue", "magenta", "cyan"} do
      local text = require "report.paint".new(true):text(color, "x\27[2J")
      assert.equal((text:gsub("\27%[2J", "\\e[2J")), visible.painted(text))
    end
    assert.equal("\27[31mred\27[0m \\e[2J\\e]8;;x \27[1mbold\27[0m", visible.painted(
      "\27[31mred\27[0m \27[2J\27]8;;x \27[1mbold\27[0m"))
  end)
end)
