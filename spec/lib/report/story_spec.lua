-- story_spec.lua -- JUnit, Markdown and HTML of a run, made of the same events as all else.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local server = require "support.server"
local store = require "playbook.store"
local story_of = require "report.story"
local things = require "support.things"

local FLOW <const> = [[
  local a = ensure.test.thing {name = "a<b"}
  step "talk & walk" {run = function() aws.test:do_step {} return "x" end}
  step "not today" {when = false, run = function() end}
  check "holds" {test = function() return true, "it | holds" end}
  check "breaks" {severity = "warning", test = function() return false, "it is off" end}
  ensure.test.thing {name = "c", Link = a.arn}]]

describe("the story of a run", function()
  local world, dir
  before_each(function()
    world, dir = things.world(), server.folder()
    world.answer["test.do_step"] = function() return {} end
  end)
  after_each(function() server.remove(dir) end)

  local function told(text, more)
    local story = story_of.new "spec/one"
    local context = things.context(world)
    context.emit = require "playbook.events".stream {function(event) story:event(event) end}
    local engine = playbook.plan(things.load(text), context)
    local ok, out = pcall(run.execute, engine, {store = store.open(dir), on_failure = "stop", new = true})
    story:finish(not ok and out or more)
    return story, out
  end

  -- {["group/name"] = {result, text}} of the JUnit text, by a strict reader.
  local function cases(story)
    local path = fs.tempdir "story_spec" .. "/r.xml"
    assert(fs.write(path, story:text "junit"))
    local reader = [[
import sys, json, xml.etree.ElementTree as e
t = e.parse(sys.argv[1]).getroot()
out = {"cases": {}, "attrib": dict(t.attrib)}
for c in t.iter("testcase"):
    kind = c[0].tag
    out["cases"][c.get("classname").split(".")[-1] + "/" + c.get("name")] = [
        "pass" if kind == "system-out" else kind, c[0].get("message") or c[0].text or ""]
print(json.dumps(out))]]
    local pipe = assert(io.popen(("%s -c '%s' %s"):format(server.PYTHON, reader, path)))
    local text = pipe:read "a"
    pipe:close()
    os.execute("rm -rf '" .. path:match "^(.*)/" .. "'")
    return assert(require "tidelock.json".decode(text))
  end

  it("has a case a resource, step and check, and one for its end", function()
    local seen = cases((told(FLOW)))
    assert.same({["resources/test.thing/a<b"] = {"pass", "created"}, ["resources/test.thing/c"] = {"pass", "created"},
      ["steps/talk & walk"] = {"pass", "done"}, ["steps/not today"] = {"skipped", "not needed (when)"},
      ["checks/holds"] = {"pass", "it | holds"}, ["checks/breaks"] = {"failure", "it is off"},
      ["run/the run comes to its end"] = {"pass", "done"}}, seen.cases)
    assert.equal("7", seen.attrib.tests)
    assert.equal("1", seen.attrib.failures)
    assert.equal("1", seen.attrib.skipped)
  end)
  it("says of an unchanged resource that it was looked at", function()
    told 'ensure.test.thing {name = "a"}'
    local seen = cases((told 'ensure.test.thing {name = "a"}'))
    assert.equal("pass", seen.cases["resources/test.thing/a"][1])
    assert.matches("as declared", seen.cases["resources/test.thing/a"][2])
  end)
  it("never takes a failure, a skip, a parked or a broken run for a pass", function()
    world.fail["create_thing a"] = "Broken"
    local seen = cases((told 'local a = ensure.test.thing {name = "a"} ensure.test.thing {name = "b", Link = a.arn}'))
    assert.same({"failure", "Broken"}, seen.cases["resources/test.thing/a"])
    assert.equal("skipped", seen.cases["resources/test.thing/b"][1])
    assert.equal("failure", seen.cases["run/the run comes to its end"][1])
    seen = cases((told 'step "x" {run = function() error {code = "E", message = "no good"} end}'))
    assert.equal("failure", seen.cases["steps/x"][1])
    seen = cases((told 'approve "go"'))
    assert.equal("skipped", seen.cases["run/the run comes to its end"][1])
    local story = story_of.new "spec/one"
    story:finish {code = "X", message = "it blew up"}
    assert.same({"error", "it blew up"}, cases(story).cases["run/the run comes to its end"])
    story = story_of.new "spec/one"
    story:finish()
    assert.equal("error", cases(story).cases["run/the run comes to its end"][1])
  end)
  it("as Markdown has a row each, and nothing of it is taken for markup", function()
    local text = (told(FLOW)):text "markdown"
    assert.matches("| ✅ | test.thing/a\\<b | created |", text, 1, true)
    assert.matches("| ✅ | holds | it \\| holds |", text, 1, true)
    assert.matches("| ❌ | breaks | it is off |", text, 1, true)
    assert.matches("**done**", text, 1, true)
  end)
  it("as HTML needs nothing else, and escapes what it shows", function()
    local text = (told(FLOW)):text "html"
    assert.matches("test.thing/a&lt;b", text, 1, true)
    assert.is_nil(text:find("a<b", 1, true))
    for _, alien in ipairs {"<script", "src=", "href=", "http://", "https://", "@import", "url%("} do
      assert.is_nil(text:find(alien), alien)
    end
    assert.equal(4, select(2, text:gsub('<g class="g%-', "")))        -- a box each, but for the checks
    local open, shut = select(2, text:gsub("<div", "")), select(2, text:gsub("</div>", ""))
    assert.equal(open, shut)
  end)
  it("as HTML draws what leans on what", function()
    local story = told 'local a = ensure.test.thing {name = "a"} ensure.test.thing {name = "b", Link = a.arn}'
    local text = story:text "html"
    assert.equal(2, select(2, text:gsub('<g class="g%-pass"', "")))
    assert.equal(1, select(2, text:gsub("<path d=", "")))
  end)
end)
