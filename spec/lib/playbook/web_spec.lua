-- http in playbooks: what is asked and what comes, signed where it is wanted, and never from a plan.
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local httpd = require "support.httpd"

describe("http in a playbook", function()
  local account, web, folder

  setup(function() account, web, folder = hardening.start(), httpd.start(), fs.tempdir "web" end)
  teardown(function()
    account:close()
    web:stop()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  local function run(body, word)
    local file <close> = assert(io.open(folder .. "/w.lua", "w"))
    file:write('playbook {name = "spec/web", about = "Asks"}\n', (body:gsub("WEB", web.url)))
    file:close()
    if word == "plan" then return account:run("plan", folder .. "/w.lua", hardening.ACCOUNT) end
    return account:run("run", folder .. "/w.lua", hardening.ACCOUNT, "--yes", "--new")
  end

  it("gets and posts, and gives status, headers and body", function()
    local code, text = run [[
      local got = step "ask" {run = function()
        local a = http.get "WEB/echo?x=1"
        local b = http.post {url = "WEB/echo", body = '{"n":1}', headers = {["X-Own"] = "yes"}}
        local c = http.get "WEB/status/503"
        return {a = json.decode(a.body), b = json.decode(b.body), c = c.status, kind = a.headers["content-type"]}
      end}
      check "all came" {test = function()
        local h = got.b.headers
        return got.a.method == "GET" and got.a.query == "x=1" and got.b.method == "POST" and got.b.body == '{"n":1}'
          and got.c == 503 and (h["X-Own"] or h["x-own"]) == "yes", json.encode(got)
      end}]]
    assert.equal(0, code, text)
  end)
  it("signs by the run's credentials where the address wants it, and not else", function()
    local code, text = run [[
      local got = step "ask" {run = function()
        return {signed = http.post {url = "WEB/echo", body = "{}", sign = "lambda"}.body,
          plain = http.post {url = "WEB/echo", body = "{}"}.body}
      end}
      check "signed" {test = function()
        return got.signed:find("AWS4%-HMAC%-SHA256 Credential=%d+/%d+/us%-east%-1/lambda/aws4_request") ~= nil
          and not got.plain:find("AWS4", 1, true), got.signed
      end}]]
    assert.equal(0, code, text)
  end)
  it("shows a client's certificate to an address that wants one, and trusts whom it is told to", function()
    local strict <close> = httpd.start {tls = true, client_auth = true}
    local certs = require "support.certs".folder()
    local code, text = run(([[
      local got = step "ask" {run = function()
        return http.get {url = "%s/echo", ca = "%s/ca.pem", cert = "%s/client.pem", key = "%s/client.key"}.status
      end}
      check "it was let in" {test = function() return got == 200, got end}
      step "ask without" {run = function() http.get {url = "%s/echo", ca = "%s/ca.pem"} end}]]):format(strict.url,
      certs, certs, certs, strict.url, certs))
    assert.equal(1, code, text)
    assert.matches("ask without", text)
    assert.matches("the server wants a client certificate", text)
  end)
  it("says of a request without an answer what was asked, and why there was none", function()
    local code, text = run [[
      step "ask" {run = function() http.get {url = "http://127.0.0.1:1/x?secret=1", timeout = 2} end}]]
    assert.equal(1, code, text)
    assert.matches("GET http://127.0.0.1:1/x failed: ", text)
    assert.not_matches("secret=1", text)
  end)
  it("is refused outside steps, in a plan too, and by find where it would post", function()
    local code, text = run([[http.get "WEB/echo"]], "plan")
    assert.equal(65, code, text)
    assert.matches("http.get cannot be called here, where a plan would call it too", text)
    code, text = run([[find "x" {run = function() http.post {url = "WEB/echo"} end}]], "plan")
    assert.not_equal(0, code)
    assert.matches("http.post may change something, and find only looks", text)
    code, text = run([[local x = find "x" {run = function() return http.get("WEB/status/200").status end}]], "plan")
    assert.equal(0, code, text)
  end)
  it("names what is wrong with a request", function()
    for body, said in pairs {
      ['http.get "ftp://x/"'] = "is no http address", ["http.get(1)"] = "takes an address",
      ['http.get {url = "http://x/", heders = {}}'] = 'heders is not known.*did you mean "headers"',
      ['http.post {url = "http://x/", body = {}}'] = "body must be a string, not a table",
    } do
      local code, text = run(('step "ask" {run = function() %s end}'):format(body))
      assert.not_equal(0, code, body)
      assert.matches(said, text)
    end
  end)
end)
