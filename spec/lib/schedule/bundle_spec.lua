-- What a task takes along: the playbook, its includes, its account; the same by the same hash; nothing outside of it.
local bundle = require "schedule.bundle"
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local playbook = require "playbook"
local support = require "support.server"

describe("a bundle", function()
  local folder, out
  setup(function()
    folder, out = support.folder(), support.folder()
    assert(os.execute("mkdir -p " .. folder .. "/playbooks/parts " .. folder .. "/accounts"))
  end)
  teardown(function()
    support.remove(folder)
    support.remove(out)
  end)

  local function write(path, text)
    local file <close> = assert(io.open(folder .. "/" .. path, "w"))
    file:write(text)
    return folder .. "/" .. path
  end

  local function made(path, options)
    local loaded = playbook.load(path, {account = options and options.account, vars = options and options.vars or {}})
    local engine = playbook.declare(loaded, {session = {}, models = require "tidelock.models", region = "eu-west-1",
      offline = true, emit = function() end}, "plan")
    return bundle.make(loaded, engine, "nightly", {notify = options and options.notify})
  end

  local function whole()
    local path = write("playbooks/all.lua", [[
      playbook {name = "all", vars = {wait = {"integer", default = 1}}}
      include "parts/one"
    ]])
    write("playbooks/parts/one.lua", 'playbook {name = "one"}\nensure.sqs.queue {name = account.prefix}\n')
    local account = write("accounts/mine.lua", 'return {prefix = "mine", env = "spec"}')
    return made(path, {account = account, vars = {wait = "5"}, notify = "changes"})
  end

  it("unpacks to the same, under its own hash", function()
    local one = whole()
    local told = bundle.unpack(one.text, one.hash, out)
    assert.equal(out .. "/" .. one.hash .. "/playbooks/all.lua", told.playbook)
    assert.same({wait = "5"}, told.vars)
    assert.equal("changes", told.options.notify)
    local loaded = playbook.load(told.playbook, {account = told.account, vars = told.vars})
    assert.same({"mine", 5}, {loaded.account.prefix, loaded.vars.wait})
    assert.equal(one.hash, bundle.hash_of(told.playbook, out))
    assert.is_nil(bundle.hash_of("/home/somebody/all.lua", out))
    assert.equal("schedules/nightly/" .. one.hash .. ".json", bundle.key("nightly", one.hash))
  end)
  it("is the same for the same files, and another for others", function()
    local one = whole()
    assert.equal(one.hash, whole().hash)
    local other = made(write("playbooks/other.lua", 'playbook {name = "other"}\n'))
    assert.not_equal(one.hash, other.hash)
    assert.equal(1, (select(2, json.encode(json.decode(other.text).files):gsub("%.lua", ""))))
  end)
  it("refuses an include that only the folder of the command finds", function()
    local path = write("playbooks/far.lua", 'playbook {name = "far"}\ninclude "runbooks/inventory"\n')
    local ok, err = pcall(made, path, {account = "playbooks/accounts/example.lua"})
    assert.is_false(ok)
    assert.matches("includes playbooks/runbooks/inventory.lua by way of the folder that you are in", tostring(err))
  end)
  it("takes no secret along", function()
    local path = write("playbooks/key.lua", 'playbook {name = "key", vars = {key = {"secret"}}}\n')
    local ok, err = pcall(made, path, {vars = {key = "PATH"}})
    assert.is_false(ok)
    assert.matches("The var key is a secret", tostring(err))
    assert.is_nil(tostring(err):find(os.getenv "PATH", 1, true))
  end)
  it("is refused where it is not what was put there", function()
    local one = whole()
    local ok, err = pcall(bundle.unpack, one.text .. " ", one.hash, out)
    assert.is_false(ok)
    assert.matches("is not what was put there", tostring(err))
  end)
  it("puts nothing outside of itself", function()
    for _, path in ipairs {"../evil.lua", "/tmp/evil.lua"} do
      local text = json.encode {format = "tidelock.bundle/1", files = {[path] = "x"}, playbook = "a"}
      local ok, err = pcall(bundle.unpack, text, digest.hex(digest.sha256(text)), out)
      assert.is_false(ok)
      assert.matches("holds a file outside of itself", tostring(err))
    end
  end)
end)
