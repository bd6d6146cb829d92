-- redis and tokenbucket in playbooks: steps and checks use them, find only looks, and a plan writes nothing.
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local redis = require "support.redis"

describe("redis in a playbook", function()
  local account, store, folder

  setup(function() account, store, folder = hardening.start(), redis.start {auth = true}, fs.tempdir "redis" end)
  teardown(function()
    account:close()
    store:stop()
    os.execute("rm -rf '" .. folder .. "'")
  end)
  before_each(function() store:reset() end)

  local function run(body, word)
    local file <close> = assert(io.open(folder .. "/r.lua", "w"))
    file:write('playbook {name = "spec/redis", about = "Asks"}\n', (body:gsub("URL", store.url)))
    file:close()
    if word == "plan" then return account:run("plan", folder .. "/r.lua", hardening.ACCOUNT) end
    return account:run("run", folder .. "/r.lua", hardening.ACCOUNT, "--yes", "--new")
  end

  it("takes commands in steps and checks, by any of the client's ways", function()
    local code, text = run [[
      step "write" {run = function()
        local r <close> = redis.connect {url = "URL"}
        r:set("a", "1", {ex = 100})
        r:call("INCRBY", "a", 41)
        r:transaction {{"SET", "b", "x"}, {"APPEND", "b", "y"}}
        r:set("p", secret "hidden")
        return {sum = redis.script("return redis.call('GET', KEYS[1]) + 1"):run(r, {"a"}), gone = r:get "no" == nil}
      end}
      check "written" {test = function()
        local r <close> = redis.connect "URL"
        return r:get "a" == "42" and r:get "b" == "xy" and r:get "p" == "hidden", "what is there"
      end}]]
    assert.equal(0, code, text)
    assert.equal("42", store:call("GET", "a"))
  end)
  it("raises what Redis refuses, and what can't be reached, without the password", function()
    local code, text = run [[step "w" {run = function()
      local r <close> = redis.connect "URL"
      r:lpush("a", "x")
      r:incr "a"
    end}]]
    assert.equal(1, code, text)
    assert.matches("WRONGTYPE", text)
    code, text = run [[step "w" {run = function() redis.connect "redis://:s3cret@127.0.0.1:1" end}]]
    assert.equal(1, code, text)
    assert.matches("127.0.0.1:1", text)
    assert.not_matches("s3cret", text)
  end)
  it("is refused outside steps; a find may look and not write; a plan leaves all as it was", function()
    local code, text = run([[redis.connect "URL"]], "plan")
    assert.equal(65, code, text)
    assert.matches("redis.connect cannot be called here, where a plan would call it too", text)
    store:call("SET", "a", "7")
    code, text = run([[
      local x = find "x" {run = function()
        local r <close> = redis.connect "URL"
        r:ping()
        r:config_get "maxmemory"
        return {a = r:get "a", all = r:call("EXISTS", "a")}
      end}
      step "write" {run = function() redis.connect("URL"):set("a", "8") end}]], "plan")
    assert.equal(0, code, text)
    assert.equal("7", store:call("GET", "a"))
    for _, body in ipairs {
      'r:set("a", 1)', 'r:call("set", "a", 1)', 'r:eval("return redis.call(\'SET\', \'a\', 1)", 0)',
      'r:batch {{"SET", "a", 1}}', 'r:transaction {{"SET", "a", 1}}', 'r:flushall()', 'r:config_set("maxmemory", 1)',
      'redis.script("return redis.call(\'DEL\', \'a\')"):run(r)', 'r.call(r, "GETDEL", "a")'} do
      code, text = run(('find "x" {run = function() local r <close> = redis.connect "URL" %s return 1 end}')
        :format(body:gsub("%%", "%%%%")), "plan")
      assert.not_equal(0, code, body)
      assert.matches("find only looks", text, body)
      assert.equal("7", store:call("GET", "a"), body)
    end
  end)
  it("paces by a token bucket, in steps only, and refuses a rule that can't be kept", function()
    local code, text = run [[
      local got = step "pace" {run = function()
        local pace = tokenbucket.new {windows = {{limit = 3, ms = 60000}}}
        local n = 0
        for _ = 1, 10 do if pace:take "k" then n = n + 1 end end
        return n
      end}
      check "three" {test = function() return got == 3, got end}]]
    assert.equal(0, code, text)
    code, text = run([[tokenbucket.new {burst = 1, every = 1}]], "plan")
    assert.equal(65, code, text)
    assert.matches("tokenbucket.new cannot be called here", text)
    code, text = run [[step "pace" {run = function()
      tokenbucket.new {windows = {{limit = 10, ms = 60000}}, burst = 3, every = 7000}
    end}]]
    assert.equal(1, code, text)
    assert.matches("can't be kept", text)
  end)
end)
