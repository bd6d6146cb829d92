-- output_spec.lua -- what a playbook puts out: each name once, and a second told with both places.
local playbook = require "playbook"
local things = require "support.things"

describe("output", function()
  local function planned(text) return playbook.plan(things.load(text), things.context(things.world())) end

  local function refused(text)
    local ok, err = pcall(planned, text)
    assert.is_false(ok, text)
    assert.equal(65, err.exit)
    return tostring(err)
  end

  it("is put out once a name: a second is refused, with the place of both", function()
    local text = refused 'output {a = 1}\noutput {b = 2}\noutput {a = 3}'
    local file = text:match "^(%S+):3: output a is put out twice; the other is at "
    assert.is_string(file, text)
    assert.matches("the other is at " .. file .. ":1. Nothing was sent.", text, 1, true)
  end)
  it("is refused in a loop that gives each turn the same name, and told with other faults", function()
    local text = refused 'for i = 1, 3 do output {a = i} end\noutput {b = print}\noutput {c = 1}\noutput {c = 1}'
    assert.matches(":1: output a is put out twice; the other is at %S+:1\n", text)
    assert.matches(":2: output: b is a function, which cannot be put out", text, 1, true)
    assert.matches(":4: output c is put out twice; the other is at %S+:3\n3 faults%. Nothing was sent%.$", text)
  end)
  it("takes several words of other names, in a run from the top as in its plan", function()
    local engine = planned 'output {a = 1, b = false}\nfor i = 1, 2 do output {["n" .. i] = i} end'
    assert.same({a = 1, b = false, n1 = 1, n2 = 2}, playbook.outputs(engine))
  end)
end)
