-- wrap_spec.lua -- texts set to a width.
local wrap = require "repl.wrap"

describe("text in a window", function()
  it("breaks between words only, and hangs the items of a list", function()
    assert.same({"  a long", "  paragraph", "  - an item", "    more", "", "  end"},
      wrap.lines("a long paragraph\n- an item more\n\nend", "  ", 11))
  end)

  it("counts characters, not bytes, and lets a word be longer than the line", function()
    assert.same({"äöü äöü", "unbreakable"}, wrap.lines("äöü äöü unbreakable", "", 7))
  end)

  it("sets words in columns, read downwards", function()
    assert.same({"  a   cc", "  bb  d"}, wrap.columns({"a", "bb", "cc", "d"}, "  ", 12))
  end)
end)
