-- include_spec.lua -- a playbook to include that is not there: one sentence, with what may be meant, and no echo of it.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local things = require "support.things"

describe("include of what is not there", function()
  local top, dir
  before_each(function()
    top = fs.tempdir "include_spec"
    dir = top .. "/own/playbooks"                          -- two folders up are looked through too
    for _, folder in ipairs {top .. "/own", dir, dir .. "/parts"} do assert(fs.mkdir(folder)) end
    assert(fs.write(dir .. "/jobs.lua", 'playbook {name = "spec/jobs"}\noutput {list = {1, 2}}\n'))
    assert(fs.write(dir .. "/parts/letters.lua", 'playbook {name = "spec/letters"}\n'))
  end)
  after_each(function() os.execute("rm -rf '" .. top .. "'") end)

  local function refused(body, instructions)
    local path = dir .. "/whole.lua"
    assert(fs.write(path, 'playbook {name = "spec/whole"}\n' .. body))
    local context = things.context(things.world())
    context.instructions = instructions
    local ok, err = pcall(function() return playbook.plan(playbook.load(path, {}), context) end)
    assert.is_false(ok, body)
    assert.equal(65, err.exit)
    return (tostring(err):gsub(dir:gsub("%p", "%%%0"), "DIR"))
  end

  it("is told with the name that was meant, beside it or in a folder", function()
    for name, meant in pairs {jbos = "jobs", ["parts/leters"] = "parts/letters", ["jobs.lua"] = "jobs"} do
      assert.equal(('DIR/whole.lua:2: include: there is no playbook %s.lua beside this one or in playbooks/; did you '
        .. 'mean "%s"? Nothing was sent.'):format(name, meant), refused(('include "%s"'):format(name)))
    end
    assert.matches('in playbooks/. Nothing was sent.', refused 'include "nothing/alike"', 1, true)
    assert.matches('include takes the name of a playbook: include "parts/one"', refused "include {}", 1, true)
  end)
  it("is told alone, whatever the lines after it do with what it would have put out", function()
    for _, body in ipairs {"for i, v in ipairs(out.list) do output {['a' .. i] = v} end",
      "for name in pairs(out) do output {[name] = 1} end", "for i = 1, #out do print(out[i]) end",
      "while out.more do out = out.next end", "repeat local n = out.n until n == 3",
      "local all = {} while out.more do all[#all + 1] = out end",
      "ensure.test.thing {name = out.list[1].name .. 'x'}"} do
      local text = refused('local out = include "jbos"\n' .. body, 5000000)
      assert.equal('DIR/whole.lua:2: include: there is no playbook jbos.lua beside this one or in playbooks/; did you '
        .. 'mean "jobs"? Nothing was sent.', text, body)
    end
  end)
  it("leaves a loop without an end what it is where the fault has nothing to do with it", function()
    assert.matches("whole.lua:3: it ran too long without an end",
      refused('local out = include "jobs"\nwhile out.list do end', 1000000), 1, true)
    local text = refused('local out = include "jbos"\nprint(out.list)\nwhile true do end', 5000000)
    assert.matches("whole.lua:2: include: there is no playbook jbos.lua", text, 1, true)
    assert.matches("whole.lua:4: it ran too long without an end", text, 1, true)
    assert.matches("2 faults. Nothing was sent.", text, 1, true)
  end)
end)

describe("ipairs of what is not known", function()
  it("is refused at once, as pairs is", function()
    for value, why in pairs {["a.arn"] = "test.thing/a.arn is not known before apply, so it cannot be walked",
      a = "test.thing/a is not known before apply, so it cannot be walked; name the fields that are meant"} do
      for _, walk in ipairs {"ipairs", "pairs"} do
        local ok, err = pcall(function()
          playbook.plan(things.load(('local a = ensure.test.thing {name = "a"}\nfor i in %s(%s) do print(i) end')
            :format(walk, value)), things.context(things.world()))
        end)
        assert.is_false(ok)
        assert.matches(":2: " .. why, tostring(err), 1, true)
      end
    end
  end)
end)
