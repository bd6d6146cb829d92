-- The constructor of types, and that what a type waits with ends with the run.
local loop = require "tidelock.loop"
local recorder = require "playbook.recorder"
local resource = require "resources"

describe("a type's declaration", function()
  it("with a word that no type has is refused, with the one that may be meant", function()
    local ok, err = pcall(resource, {type = "test.odd", provide = {"arn"}})
    assert.is_false(ok)
    assert.equal('test.odd: a type has no field provide; did you mean "provides"?', err)
    ok, err = pcall(resource, {type = "test.odd", prov = {"arn"}})
    assert.is_false(ok)
    assert.matches("a type has no field prov", err, 1, true)
  end)
  it("makes the addresses of its resources by its key, or by its label", function()
    assert.equal("a", resource {type = "test.one"}:key_text {name = "a"})
    assert.equal("x/y", resource {type = "test.two", key = {"A", "B"}}:key_text {A = "x", B = "y"})
    local only = resource {type = "test.three", key = {}, label = function() return "the only" end}
    assert.equal("the only", only:key_text {})
  end)
  it("keeps every other refusal than those that mean there is none", function()
    local code
    local t = resource {type = "test.four", absent = {"Gone"}, read = function() error({code = code}, 0) end}
    code = "Gone"
    assert.is_nil(t.read {})
    code = "AccessDenied"
    assert.same({code = "AccessDenied"}, select(2, pcall(t.read, {})))
  end)
end)

describe("what a type waits with", function()
  -- How long a create that waits by `wait` lasts, and how it ends, in a run that is interrupted after a moment.
  local function interrupted(wait)
    local run = recorder.new({test = {get_it = function() return {} end}})
    local began, err = loop.now(), nil
    local body = loop.spawn(function()
      local _
      _, err = pcall(function()
        run:client().test:get_it {}
        wait()
      end)
    end)
    loop.sleep(0.05)
    run:interrupt()
    loop.wait(body)
    return loop.now() - began, err
  end

  for name, wait in pairs {nap = function() resource.nap(20) end,
    await = function() resource.await("the thing", function() return false end) end} do
    it("ends as soon as the run is interrupted: " .. name, function()
      local seconds, err = interrupted(wait)
      assert.is_true(seconds < 10, seconds)
      assert.equal("Interrupted", err.code)
    end)
  end
  it("is a plain pause where no run is there", function()
    local began = loop.now()
    resource.nap(0.01)
    assert.is_true(loop.now() - began >= 0.009)
  end)
  it("gives up with a sentence", function()
    local ok, err = pcall(resource.await, "the thing", function() return false end, 0)
    assert.is_false(ok)
    assert.equal("the thing did not come within 0 seconds", err.message)
  end)
end)
