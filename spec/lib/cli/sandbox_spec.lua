-- sandbox_spec.lua -- tidelock sandbox: what the command sees, its exit code, and that nothing outlives it.
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local server = require "support.server"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local TIDELOCK <const> = HERE .. "/tidelock"

local function sandbox(...)
  return assert(proc.run {TIDELOCK, "sandbox", ...})
end

local function gone(pid)
  for _ = 1, 1000 do
    if not server.exists("/proc/" .. pid) then return true end
    loop.sleep(0.02)
  end
  return false
end

describe("tidelock sandbox", function()
  it("points the command at a moto and a Redis that answer, and returns its exit code", function()
    local out = sandbox("--", "sh", "-c", [[
      curl -sS -o /dev/null -w '%{http_code} ' "$AWS_ENDPOINT_URL/moto-api/data.json"
      redis-cli -u "$TIDELOCK_REDIS_URL" PING; exit 7]])
    assert.equal("200 PONG\n", out.stdout)
    assert.equal(7, out.code)
  end)

  -- Or in what its moto alone takes, twice over, where the machine is busy.
  it("is up and down again in under 5 seconds", function()
    local began = loop.now()
    require "support.moto".start({private = true}):stop()
    local alone = loop.now() - began
    began = loop.now()
    assert.equal(0, sandbox("--", "true").code)
    assert.is_true(loop.now() - began < math.max(5, 2 * alone))
  end)

  it("hides the user's own account from the command", function()
    local out = assert(proc.run {TIDELOCK, "sandbox", "--no-redis", "--", "env", env = {AWS_PROFILE = "mine",
      AWS_SESSION_TOKEN = "mine", AWS_ACCESS_KEY_ID = "mine", AWS_CONFIG_FILE = "/home/mine",
      AWS_WEB_IDENTITY_TOKEN_FILE = "mine", TIDELOCK_REDIS_URL = "redis://mine"}})
    assert.not_matches("=mine", out.stdout)
    assert.not_matches("redis://mine", out.stdout, 1, true)
    assert.matches("AWS_CONFIG_FILE=/dev/null", out.stdout, 1, true)
  end)

  it("without a command prints lines that a shell takes: its own account is hidden by them too", function()
    local p <close> = assert(proc.spawn {TIDELOCK, "sandbox", "--no-redis", stdout = "pipe", stderr = "pipe"})
    local seen = ""
    repeat seen = seen .. (p:read() or error(seen)) until seen:find "no_proxy"
    p:kill "TERM"
    p:wait()
    for _, name in ipairs {"AWS_PROFILE", "AWS_SESSION_TOKEN", "TIDELOCK_REDIS_URL"} do
      assert.matches("\nunset " .. name .. "\n", seen)
    end
    assert.matches("\nexport AWS_ENDPOINT_URL='http://127.0.0.1:%d+'\n", seen)
  end)

  it("returns 128 and the signal's number where one ended the command", function()
    assert.equal(137, sandbox("--no-redis", "--", "sh", "-c", "kill -KILL $$").code)
  end)

  it("hands a TERM on to the command and stops the servers", function()
    local file = os.tmpname()
    local p <close> = assert(proc.spawn {TIDELOCK, "sandbox", "--", "sh", "-c",
      "trap 'exit 5' TERM; ps -o pid= --ppid $PPID > " .. file .. "; echo up; while :; do sleep 0.05; done",
      stdout = "pipe"})
    assert.equal("up\n", p:read())
    p:kill "TERM"
    assert.equal(5, (p:wait()))
    for pid in io.lines(file) do assert.is_true(gone(tonumber(pid))) end
    os.remove(file)
  end)

  it("leaves no orphan behind even when it is killed", function()
    local file = os.tmpname()
    local p <close> = assert(proc.spawn {TIDELOCK, "sandbox", "--", "sh", "-c",
      "ps -o pid= --ppid $PPID > " .. file .. "; echo up; exec sleep 60", stdout = "pipe"})
    assert.equal("up\n", p:read())
    p:kill "KILL"
    p:wait()
    local pids = {}
    for pid in io.lines(file) do pids[#pids + 1] = tonumber(pid) end
    assert.is_true(#pids >= 3)   -- moto, Redis and the command
    for _, pid in ipairs(pids) do assert.is_true(gone(pid)) end
    os.remove(file)
  end)

  it("says what to do where moto is not installed", function()
    local folder = server.folder()
    assert(proc.run {"sh", "-c", ("mkdir -p %s/bin %s/share/tidelock/spec/support/moto && cp %s %s/bin/tidelock &&"
      .. " touch %s/share/tidelock/spec/support/moto/server.py"):format(folder, folder, TIDELOCK, folder, folder)})
    local out = assert(proc.run {folder .. "/bin/tidelock", "sandbox", "--", "true", cwd = folder})
    server.remove(folder)
    assert.equal(69, out.code)
    assert.matches("the sandbox needs moto, .*run `make setup`", out.stderr)
  end)

  it("says so when the command is not there", function()
    local out = sandbox("--no-redis", "--", "no-such-command-here")
    assert.equal(127, out.code)
    assert.matches("no%-such%-command%-here", out.stderr)
  end)
end)
