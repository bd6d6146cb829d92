local http = require "tidelock.http"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local post = require "notify.post"

local function counts(server)
  local answer = http.send {method = "GET", scheme = "http", host = server.host, path = "/counts", query = "",
    headers = {}}
  return json.decode(answer.body)
end

describe("notify.post", function()
  local server <const> = httpd.start()
  teardown(function() server:stop() end)
  local slept
  local quick = {sleep = function(s) slept[#slept + 1] = s end}
  before_each(function() slept = {} end)

  it("posts JSON", function()
    assert.is_true(post.json(server.url .. "/keep/hook?key=1", {text = "told"}, quick))
    local kept = http.send {method = "GET", scheme = "http", host = server.host, path = "/kept/hook", query = "",
      headers = {}}
    assert.same({'{"text":"told"}'}, json.decode(kept.body))
  end)

  it("tries a server that is not well three times in all", function()
    assert.is_true(post.json(server.url .. "/flaky/2/well", {}, quick))
    assert.same({1, 2}, slept)
    local before = counts(server).status or 0
    local ok, why = post.json(server.url .. "/status/503", {}, quick)
    assert.is_nil(ok)
    assert.equal("answered with status 503, after 3 tries", why)
    assert.equal(before + 3, counts(server).status)
  end)

  it("takes a refusal for final", function()
    local before = counts(server).status or 0
    local ok, why = post.json(server.url .. "/status/404", {}, quick)
    assert.is_nil(ok)
    assert.equal("answered with status 404, after 1 try", why)
    assert.equal(before + 1, counts(server).status)
  end)

  it("waits as long as the server asks, within reason", function()
    local answers = {{status = 429, headers = {["retry-after"] = "7"}}, {status = 429, headers = {["retry-after"] =
      "86400"}}, {status = 200, headers = {}}}
    local n = 0
    assert.is_true(post.json("https://hooks.invalid/T0/secret", {}, {sleep = quick.sleep, send = function()
      n = n + 1
      return answers[n]
    end}))
    assert.same({7, 30}, slept)
  end)

  it("never says the address: it is the secret", function()
    local ok, why = post.json("http://127.0.0.1:1/T0/B0/hunter2", {}, quick)
    assert.is_nil(ok)
    assert.is_nil(why:find "hunter2")
    ok, why = post.json("https://hunter2.invalid/hunter2", {}, {sleep = quick.sleep, send = function()
      return nil, {code = "tls", message = "POST https://hunter2.invalid: no"}
    end})
    assert.is_nil(ok)
    assert.equal("could not be reached (tls), after 1 try", why)
  end)

  it("refuses http but to this machine, and what is no address", function()
    local ok, why = post.json("http://hooks.example/T0/hunter2", {}, quick)
    assert.is_nil(ok)
    assert.is_truthy(why:find("anybody on the way can read", 1, true))
    assert.same({nil, "it holds no http address"}, {post.json("xoxb-hunter2", {}, quick)})
  end)
end)
