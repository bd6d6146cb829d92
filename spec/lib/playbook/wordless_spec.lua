-- wordless_spec.lua -- errors that a playbook raises without a word: a sentence at their line, and no internal error.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

describe("an error without a word", function()
  it("of a playbook's body is a fault at its line", function()
    for text, what in pairs {["error {1, 2}"] = "a table", ["error()"] = "nothing", ["error(nil)"] = "nothing",
      ["error {code = 3}"] = "a table", ["error {message = {}, exit = 3}"] = "a table"} do
      local ok, err = pcall(playbook.plan, things.load("local x = 1\n" .. text), things.context(things.world()))
      assert.is_false(ok, text)
      assert.equal(65, err.exit, text)
      assert.matches(":%d+: error was given " .. what .. ", which says nothing: give it text", tostring(err))
      assert.is_nil(tostring(err):find("0x", 1, true))
    end
  end)
  it("of a step fails it with that sentence", function()
    for raised, what in pairs {["{1, 2}"] = "a table", ["{code = {}}"] = "a table", [""] = "nothing"} do
      local dir = fs.tempdir "wordless_spec"
      local loaded = things.load(('step "a" {run = function() error(%s) end}'):format(raised))
      local out = run.execute(playbook.plan(loaded, things.context(things.world())), {store = store.open(dir)})
      assert.equal("failed", out.result)
      assert.matches('step "a" failed: error was given ' .. what, out.message)
      os.execute("rm -rf '" .. dir .. "'")
    end
  end)
end)
