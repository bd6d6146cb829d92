-- shellword_spec.lua -- what a person pastes is one word to the shell, and the same text.
local proc = require "tidelock.proc"
local shellword = require "shellword"

describe("shellword", function()
  it("leaves alone what a shell would", function()
    for _, text in ipairs {"playbooks/accounts/example.lua", "name=a,b", "arn:aws:sns:eu-west-1:1:t", "a@b+c"} do
      assert.equal(text, shellword(text))
    end
  end)

  it("quotes the rest, so that the shell gives it back", function()
    for _, text in ipairs {"", "a b", "it's", "$HOME", "`id`", "a;b", "*", "a\nb", "--x='y'", "ümlaut"} do
      local out = assert(proc.run {"sh", "-c", "printf %s " .. shellword(text)})
      assert.same({0, text}, {out.code, out.stdout}, text)
    end
  end)
end)
