--- Requests that are no AWS calls go out as the environment says.
local httpd = require "support.httpd"
local proc = require "tidelock.proc"
local proxy = require "proxy"
local server = require "support.server"

describe("the way out", function()
  local ENV <const> = {HTTPS_PROXY = "http://p:1", HTTP_PROXY = "http://q:2", NO_PROXY = ".corp", AWS_CA_BUNDLE = "/ca"}
  local function options(scheme, host, own, env)
    return proxy.options({scheme = scheme, host = host}, own, function(name) return (env or ENV)[name] end)
  end

  it("is by the proxy of the scheme, with the bundle where there is TLS", function()
    assert.same({proxy = "http://p:1", no_proxy = ".corp", ca = "/ca"}, options("https", "hooks.example"))
    assert.same({proxy = "http://q:2", no_proxy = ".corp", ca = "/ca"}, options("http", "hooks.example:8080"))
    assert.same({}, options("http", "hooks.example", nil, {}))
  end)

  it("is direct to this machine itself", function()
    for _, host in ipairs {"localhost", "localhost:4318", "127.0.0.1", "127.9.9.9:80", "[::1]:4318", "[::1]"} do
      assert.same({ca = "/ca"}, options("https", host), host)
      assert.same({}, options("http", host), host)
    end
    for _, host in ipairs {"localhost.example", "127.0.0.1.example", "127.0.0.256a"} do
      assert.equal("http://p:1", options("https", host).proxy, host)
    end
  end)

  it("is named in small letters first, and not by an empty word; what the caller says stands", function()
    local env = {https_proxy = "http://small:1", HTTPS_PROXY = "http://p:1", NO_PROXY = ""}
    assert.same({proxy = "http://small:1"}, options("https", "a", nil, env))
    assert.same({proxy = "http://own:1", ca = "/own", timeout = 3, no_proxy = ".corp"},
      options("https", "a", {proxy = "http://own:1", ca = "/own", timeout = 3}))
  end)

  it("is taken by notices, traces, the worker's sender and the http word of playbooks", function()
    local far <close> = httpd.start {tls = "other"}            -- its certificate is of elsewhere.invalid
    local gate <close> = require "support.proxy".start {password = "user:word"}
    local folder = server.folder()
    local path, url = folder .. "/out.lua", "https://elsewhere.invalid:" .. far.port
    local f <close> = assert(io.open(path, "w"))
    f:write(([[
      local url = %q
      print(require "notify.post".json(url .. "/echo", {a = 1}))
      local sender = require "ratelimit.sender".new {url = url .. "/echo"}
      print(sender:send({messageId = "m", userId = "u", content = "c"}, 5, 0).detail)
      local engine = {in_step = {}}
      package.loaded["playbook.seen"] = {over = function() end}
      print(require "playbook.web".word(engine).get(url .. "/echo").status)
      print(require "report.otlp".new("call"):finish())]]):format(url))
    f:close()
    local out = proc.run {arg[-1], path, env = {HTTPS_PROXY = gate.url, AWS_CA_BUNDLE = far.ca,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = url .. "/echo"}}
    server.remove(folder)
    assert.equal("true\nHTTP 200\n200\ntrue\n", out.stdout, out.stderr)
    assert.equal(1, #gate:seen())                              -- one tunnel, kept, for all four
  end)
end)
