-- printing_spec.lua -- print in a playbook: what a person reads of values; and a text that begins with a mark of its
-- encoding.
local playbook = require "playbook"
local things = require "support.things"

describe("print", function()
  local function said(text)
    local world, out = things.world(), {}
    local context = things.context(world)
    context.emit = function(event)
      if event.kind == "say" then out[#out + 1] = event.text end
    end
    playbook.plan(things.load(text), context)
    return out
  end

  it("shows tables by what is in them, numbers as people write them, and nothing as none", function()
    assert.same({'{{2, "x"}, a = 1}\tnone\ttrue\t1\t1.5'}, said 'print({a = 1, {2, "x"}}, nil, true, 1.0, 1.5)')
  end)
  it("says what a table says of itself, a resource's address, and what is not known yet", function()
    assert.same({"me\ttest.thing/a\t(known after apply)\t<secret>"}, said [[
      local q = ensure.test.thing {name = "a"}
      print(setmetatable({}, {__tostring = function() return "me" end}), q, q.arn, secret "x")]])
  end)
  it("takes a table whose metatable is locked", function()
    for _, what in ipairs {"_G", "os"} do assert.equal("table", type(said("print(" .. what .. ")")), what) end
  end)
  it("comes to an end in a table that holds itself", function()
    local text = said "local t = {} t.t = t print(t)"[1]
    assert.matches("^{t = {t = ", text)
    assert.is_true(#text < 1000)
  end)
end)

describe("print in a run that plans first", function()
  it("says once what stands outside of steps, and each time what a step says", function()
    local world, out, dir = things.world(), {}, require "tidelock.fs".tempdir "printing_spec"
    local context = things.context(world)
    context.emit = function(event)
      if event.kind == "say" then out[#out + 1] = event.text end
    end
    local engine = playbook.plan(things.load [[print "before" print "before"
      local n = step "one" {run = function() print "in it" print "in it" return 1 end}
      print(n)]], context)
    require "playbook.run".execute(engine, {store = require "playbook.store".open(dir)})
    os.execute("rm -rf '" .. dir .. "'")
    assert.same({"before", "before", "(known after apply)", "in it", "in it", "1"}, out)
  end)
end)

describe("a playbook's text", function()
  it("may begin with the mark of UTF-8, as editors elsewhere write it", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "wb"))
    file:write('\xEF\xBB\xBFplaybook {name = "spec/mark"}\nensure.test.thing {name = "a"}\n')
    file:flush()
    local world = things.world()
    local engine = playbook.plan(playbook.load(path, {}), things.context(world))
    os.remove(path)
    assert.equal("create", engine.nodes[1].action)
  end)
end)
