-- The program of make dist: needs nothing but the kernel, finds names and authorities by itself, writes nowhere.
local certs = require "support.certs"
local httpd = require "support.httpd"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local room = require "dist.room"
local support = require "support.server"

local MINE <const> = "127.83.7.9"                        -- an address of loopback that nobody else listens on

describe("the static program", function()
  local lacks <const> = room.lacks()
  local function fact(name, fn)
    if lacks then pending(name .. " (" .. lacks .. ")", fn) else it(name, fn) end
  end

  fact("asks for no loader and no library", function()
    local out = assert(proc.run {"sh", "host/dist/check", room.PROGRAM})
    assert.equal(0, out.code, out.stderr)
    assert.matches("statically linked", assert(proc.run {"sh", "-c", "ldd build/dist/tidelock 2>&1"}).stdout)
    assert.not_equal(0, assert(proc.run {"sh", "host/dist/check", "/bin/true"}).code)
  end)

  fact("runs in an empty root that it cannot write to, as nobody in particular", function()
    local here <close> = room.empty()
    local out = here:run {"/tidelock", "version"}
    assert.equal(0, out.code, out.stderr)
    assert.matches("^tidelock ", out.stdout)
    local runs = here:run {"/tidelock", "runs", env = {TIDELOCK_STATE = "/state"}}
    assert.equal(0, runs.code, runs.stderr)
    assert.matches("There are no runs yet", runs.stdout)
    local homeless = here:run {"/tidelock", "runs"}
    assert.equal(64, homeless.code)
    assert.matches("no place for the journal of runs: HOME is not set", homeless.stderr)
  end)

  fact("makes a signed call from there", function()
    local here <close> = room.empty()
    local account = moto.start()
    local out = here:run {"/tidelock", "call", "sts", "get-caller-identity", "--query", "Account", env = account.env}
    assert.equal(0, out.code, out.stderr)
    assert.equal(('"%s"\n'):format(account.account), out.stdout)
  end)

  describe("names of hosts", function()
    local server, site
    local function start()
      site = site or httpd.start()
      server = server or support.start({support.PYTHON, "spec/dist/names.py", MINE, "aws.spec.test"}, "^(ready)\n")
    end
    teardown(function()
      if server then server:close() end
      if site then site:stop() end
    end)

    local function asked(host, files)
      start()
      local here <close> = room.empty(files)
      return here:run {"/tidelock", "call", "sts", "get-caller-identity", "--endpoint-url",
        ("http://%s:%d/status/418"):format(host, site.port), env = {AWS_ACCESS_KEY_ID = "k", AWS_REGION = "eu-west-1",
          AWS_SECRET_ACCESS_KEY = "s", AWS_MAX_ATTEMPTS = "1"}}
    end

    -- What the system's own glibc would load for these is of another version, and must not be asked for.
    local FOREIGN <const> = "hosts: mymachines resolve [!UNAVAIL=return] mdns4_minimal [NOTFOUND=return] files dns\n"

    fact("come from the servers of /etc/resolv.conf", function()
      local out = asked("aws.spec.test", {["/etc/resolv.conf"] = "nameserver " .. MINE .. "\n",
        ["/etc/nsswitch.conf"] = FOREIGN})
      assert.matches("status 418", out.stderr)
      assert.matches("aws%.spec%.test 1\n", server:read())
    end)
    fact("come from /etc/hosts", function()
      local out = asked("inside.spec.test", {["/etc/hosts"] = "127.0.0.1 inside.spec.test\n",
        ["/etc/nsswitch.conf"] = FOREIGN})
      assert.matches("status 418", out.stderr)
    end)
    fact("that are not there are told as such", function()
      local out = asked("nowhere.spec.test", {["/etc/resolv.conf"] = "nameserver " .. MINE .. "\n"})
      assert.equal(69, out.code, out.stderr)
      assert.matches("nowhere%.spec%.test", out.stderr)
      assert.matches("cannot be found", out.stderr)
    end)
  end)

  describe("authorities", function()
    local site
    local function ask(files)
      site = site or httpd.start {tls = true}
      local here <close> = room.empty(files)
      return here:run {"/tidelock", "call", "sts", "get-caller-identity", "--endpoint-url", site.url .. "/status/418",
        env = {AWS_ACCESS_KEY_ID = "k", AWS_SECRET_ACCESS_KEY = "s", AWS_REGION = "eu-west-1", AWS_MAX_ATTEMPTS = "1"}}
    end
    teardown(function() if site then site:stop() end end)

    local function bundle()
      local file <close> = assert(io.open(certs.folder() .. "/ca.pem"))
      return file:read "a"
    end
    for _, path in ipairs {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
      "/etc/ssl/cert.pem"} do
      fact("are found in " .. path, function()
        assert.matches("status 418", ask {[path] = bundle()}.stderr)
      end)
    end
    fact("that are missing are told, and nothing is sent", function()
      local out = ask {}
      assert.not_equal(0, out.code)
      assert.matches("AWS_CA_BUNDLE", out.stderr)
    end)
  end)
end)
