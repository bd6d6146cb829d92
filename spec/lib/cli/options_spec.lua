local options = require "cli.options"

local TABLE <const> = {
  {name = "yes", short = "y", about = "do not ask"},
  {name = "var", value = "NAME=VALUE", pairs = true, about = "a var"},
  {name = "target", value = "ADDRESS", many = true, about = "only this"},
  {name = "concurrency", value = "N", number = true, about = "how many"},
  {name = "on-failure", value = "WHAT", choices = {"undo", "stop"}, about = "then"},
}

local function parse(...) return options.parse({...}, {TABLE, options.GLOBAL}, "tidelock apply") end

local function refused(...)
  local ok, err = pcall(parse, ...)
  assert.is_false(ok)
  assert.equal(64, err.exit)
  return err.message
end

describe("a command line", function()
  it("takes options before, between and after words, joined with = or not", function()
    assert.same({"a.lua", yes = true, concurrency = 4, on_failure = "undo", region = "eu-west-1"},
      parse("-y", "a.lua", "--concurrency=4", "--on-failure", "undo", "--region", "eu-west-1"))
  end)
  it("collects what may be given many times", function()
    assert.same({var = {wait = "30m", x_y = "a=b"}, target = {"a", "b"}},
      parse("--var", "wait=30m", "--var", "x-y=a=b", "--target", "a", "--target", "b"))
  end)
  it("leaves what follows -- alone", function()
    assert.same({"a", rest = {"--yes", "b"}}, parse("a", "--", "--yes", "b"))
  end)
  it("names the nearest option to one that is not known", function()
    assert.equal('tidelock apply has no option --concurency; did you mean "--concurrency"?', refused "--concurency")
  end)
  it("tells all that is wrong with it at once", function()
    assert.equal('tidelock apply has no option --concurency; did you mean "--concurrency"? '
      .. '--on-failure takes one of undo, stop, not "x". --yes takes no value. --region needs a value: --region REGION',
      refused("--concurency", "4", "--on-failure", "x", "--yes=1", "--region"))
  end)
  it("takes only whole numbers from the least on, where there is a least", function()
    local function whole(...)
      return options.parse({...}, {{{name = "concurrency", value = "N", number = true, least = 1}}}, "tidelock check")
    end
    assert.same({concurrency = 1}, whole "--concurrency=1")
    for _, value in ipairs {"0", "-1", "1.5", "many", "nan", "inf"} do
      local ok, err = pcall(whole, "--concurrency=" .. value)
      assert.is_false(ok, value)
      assert.equal(64, err.exit)
      assert.matches("takes a whole number from 1 on, not", err.message)
    end
  end)
  it("takes seconds that a timer can wait", function()
    local wait <const> = {{name = "wait", value = "SECONDS", seconds = true}}
    local function of(text) return options.parse({"--wait", text}, {wait}, "x").wait end
    assert.same({0, 1.5, 2073600}, {of "0", of "1.5", of "2073600"})
    for _, text in ipairs {"-1", "1e300", "nan", "x", "2073601"} do
      local ok, err = pcall(of, text)
      assert.is_false(ok)
      assert.matches("--wait takes seconds from 0 (no limit) to 2073600 (24 days), not", err.message, 1, true)
    end
  end)
  it("refuses a value that is missing, not a number, not a choice, or not asked for", function()
    assert.matches("needs a value", refused "--target")
    assert.matches("takes a number", refused("--concurrency", "many"))
    assert.matches('one of undo, stop, not "undoo"; did you mean "undo"', refused("--on-failure", "undoo"))
    assert.matches("takes name=value", refused("--var", "wait"))
    assert.matches("takes no value", refused "--yes=1")
  end)
end)

describe("help", function()
  it("aligns what each option is for", function()
    assert.same({"  -y, --yes              do not ask", "      --var NAME=VALUE   a var"},
      {table.unpack(options.help(TABLE), 1, 2)})
  end)
end)
