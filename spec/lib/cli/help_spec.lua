-- Help on a playbook: its vars as a person would give them, without the body being run.
local cli = require "cli"
local things = require "support.things"

local function helped(text)
  local parts = {}
  local out = {write = function(self, ...)
    for _, part in ipairs {...} do parts[#parts + 1] = tostring(part) end
    return self
  end, flush = function() end, setvbuf = function() end}
  local path = things.file(text)
  local code = cli.main({"help", path}, {out = out, err = out, input = io.stdin})
  os.remove(path)
  return code, table.concat(parts)
end

describe("help on the language", function()
  it("names every word of a playbook that is not Lua's", function()
    local page = require "cli.language"
    local seen = 0
    for _, word in ipairs(require "playbook.lint".WORDS) do
      if _G[word] == nil and word ~= "_ENV" then
        seen = seen + 1
        assert.is_truthy(page:find("%f[%w_]" .. word .. "%f[^%w_]"), word)
      end
    end
    assert.is_true(seen > 30, seen)
    for line in page:gmatch "[^\n]+" do assert.is_true(#line <= 120, line) end
  end)
end)

describe("help on a playbook", function()
  it("shows each var's default as it would be given", function()
    local code, text = helped [[playbook {name = "spec/help", about = "Something", vars = {
      names = {"list", default = {"a", "b"}}, none = {"list", default = {}}, key = {"string", default = ""},
      wait = {"integer", default = 3, about = "seconds"}, must = {"string"}}}
      error "the body runs"]]
    assert.equal(0, code, text)
    for name, default in pairs {names = "default a,b", none = "default none", key = "default none",
      wait = "default 3", must = "required"} do
      assert.matches(("--var %s=%%u+.-%%(%s%%)\n"):format(name, default):gsub("^%-%-", "%%-%%-"), text)
    end
  end)
  it("shows what a var may be chosen from", function()
    local code, text = helped [[playbook {name = "spec/help", about = "x", vars = {
      limits = {"string", default = "keep", choices = {"keep", "replace"}, about = "limits"}}}]]
    assert.equal(0, code, text)
    assert.matches("--var limits=keep|replace  limits  (default keep)", text, 1, true)
  end)
end)
