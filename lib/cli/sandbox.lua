-- sandbox.lua -- tidelock sandbox: an AWS and a Redis on this machine, for the command that follows.
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local signal = require "tidelock.signal"

local SERVER <const> = "spec/support/moto/server.py"
local KEY <const>, SECRET <const> = "AKIASANDBOXSANDBOX00", "sandbox-secret-sandbox-secret-sandbox-00"
local UNAVAILABLE <const>, USAGE <const>, NOT_FOUND <const> = 69, 64, 127         -- the last as of a shell

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Where this program lies: beside the source tree's spec/, or in PREFIX/bin.
local function home()
  local out = proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}
  return out and out.stdout:match "^(.*)/[^/]+/[^/]+\n$" or "."
end

--- The server's script and a Python that can run it, or nil and what to do.
local function find()
  local root = home()
  for _, base in ipairs {".", root, root .. "/..", root .. "/share/tidelock"} do
    local script = base .. "/" .. SERVER
    if exists(script) then
      for _, python in ipairs {os.getenv "TIDELOCK_PYTHON" or "", base .. "/build/venv/bin/python",
                               base .. "/venv/bin/python"} do
        if python ~= "" and exists(python) then return script, python end
      end
      return nil, ("the sandbox needs moto, which is not there yet: run `make setup` in tidelock's source tree,"
        .. " or make a venv in %s/venv, or point TIDELOCK_PYTHON at a Python that has moto 5.2.5"):format(base)
    end
  end
  return nil, "the sandbox's files are not there: run tidelock from its source tree, or install it with `make install`"
end

--- The words before a background program's own, so that the kernel ends it with us, even at SIGKILL.
local function tied(signal_name)
  local out = proc.run {"setpriv", "--version"}
  return out and out.code == 0 and {"setpriv", "--pdeathsig", signal_name} or {}
end

local function joined(...)
  local out = {}
  for _, words in ipairs {...} do table.move(words, 1, #words, #out + 1, out) end
  return out
end

--- Reads what a starting program prints up to `pattern`; nil and what it printed when it ends before.
local function ready(process, pattern)
  local seen = ""
  repeat
    local chunk = process:read()
    seen = seen .. (chunk or "")
    local found = seen:match(pattern)
    if found then return found end
  until not chunk
  return nil, seen
end

local function start_aws(script, python, slow)
  local words = joined(tied "KILL", {python, script, "--stdin", "--slow", tostring(slow)})
  words.stdin, words.stdout, words.session = "pipe", "pipe", true
  local process, err = proc.spawn(words)
  if not process then return nil, err.message end
  local port, seen = ready(process, "^(%d+)\n")
  if not port then return nil, "moto ended before it was ready: " .. seen end
  return process, tonumber(port)
end

--- The settings go in by standard input. A port that is taken ends redis-server: the next one is tried.
local function start_redis()
  local why
  for _ = 1, 5 do
    local port = math.random(20000, 32000)
    local words = joined(tied "KILL", {"redis-server", "-"})
    words.stdin, words.stdout, words.session = "pipe", "pipe", true
    local process, err = proc.spawn(words)
    if not process then return nil, err.message end
    process:write(('bind 127.0.0.1\nport %d\nsave ""\nappendonly no\nmaxmemory-policy noeviction\ndir /tmp\n')
      :format(port))
    process:shut()
    local found, seen = ready(process, "Ready to accept connections")
    if found then return process, port end
    process:close()
    why = seen:match "[^\n]+%s*$" or "it printed nothing"
  end
  return nil, "redis-server ended before it was ready (is it installed? apt-get install redis-server): " .. why
end

local function no_proxy()
  local old = os.getenv "NO_PROXY" or os.getenv "no_proxy" or ""
  return old == "" and "127.0.0.1" or old .. ",127.0.0.1"
end

--- What the command sees: the sandbox, and nothing of the user's own account.
local function environment(region, port, redis_port)
  local url = ("http://127.0.0.1:%d"):format(port)
  return {
    AWS_ENDPOINT_URL = url, AWS_ACCESS_KEY_ID = KEY, AWS_SECRET_ACCESS_KEY = SECRET,
    AWS_REGION = region, AWS_DEFAULT_REGION = region, AWS_EC2_METADATA_DISABLED = "true",
    AWS_SESSION_TOKEN = false, AWS_PROFILE = false, AWS_DEFAULT_PROFILE = false,
    AWS_ROLE_ARN = false, AWS_WEB_IDENTITY_TOKEN_FILE = false, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = false,
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = false, AWS_CONTAINER_CREDENTIALS_FULL_URI = false,
    AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    NO_PROXY = no_proxy(), no_proxy = no_proxy(), TIDELOCK_SANDBOX = url,
    TIDELOCK_REDIS_URL = redis_port and ("redis://127.0.0.1:%d"):format(redis_port) or false,
  }
end

local function exit_code(code, number)
  return number and 128 + number or code
end

--- Runs the command in the foreground: Ctrl-C is the command's, TERM and HUP are handed on.
local function run_command(words, env)
  words = joined(tied "TERM", words)
  words.env, words.stdin = env, "inherit"
  local child, err = proc.spawn(words)
  if not child then return nil, err.message end
  local _ <close> = child
  local watch = loop.spawn(function()
    while true do
      local name = signal.wait("INT", "TERM", "HUP")
      if name ~= "INT" then child:kill(name) end
    end
  end)
  local code, number = child:wait()
  loop.cancel(watch)
  return exit_code(code, number)
end

--- Without a command: says how to use it, and stays until Ctrl-C.
local function stay(env, context)
  local lines = {}
  for name, value in pairs(env) do
    lines[#lines + 1] = value and ("export %s='%s'"):format(name, value) or "unset " .. name
  end
  table.sort(lines)
  context:print(lines)
  context:flush()
  context:say("tidelock: the sandbox is up; paste the lines above into a shell. Ctrl-C ends it.")
  signal.wait("INT", "TERM", "HUP")
  return 0
end

--- Starts both servers side by side, then calls `body` with the environment that points at them.
local function with_servers(options, body)
  local script, python = find()
  if not script then return nil, python end
  local redis_task = options.redis and loop.spawn(start_redis)
  local aws <close>, port = start_aws(script, python, options.slow)
  if not aws then return nil, port end
  if not redis_task then return body(environment(options.region, port)) end
  local ok, started, redis_port = loop.wait(redis_task)
  if not ok then error(started, 0) end
  local redis <close> = started
  if not redis then return nil, redis_port end
  return body(environment(options.region, port, redis_port))
end

-- Whether a shell would find the command: asked before two servers are started for it.
local function found(command)
  if command:find("/", 1, true) then return exists(command) end
  for folder in ((os.getenv "PATH" or "") .. ":"):gmatch "([^:]*):" do
    if exists((folder == "" and "." or folder) .. "/" .. command) then return true end
  end
  return false
end

local function run(args, context)
  if args.slow and args.slow < 0 then
    context:say("tidelock sandbox: --slow takes a number of seconds, such as --slow 2")
    return USAGE
  end
  local words = args.rest or {}
  if words[1] and not found(words[1]) then
    context:say("tidelock sandbox: there is no command %s here; what follows is run as a shell would: tidelock sandbox"
      .. " -- COMMAND ...", words[1])
    return NOT_FOUND
  end
  local options = {slow = args.slow or 0, redis = not args.no_redis,
    region = args.region or os.getenv "AWS_REGION" or "us-east-1"}
  local code, why = with_servers(options, function(env)
    if #words == 0 then return stay(env, context) end
    context:flush()
    return run_command(words, env)
  end)
  if code then return code end
  context:say("tidelock sandbox: %s", why)
  return UNAVAILABLE
end

return {
  name = "sandbox",
  about = "Start an AWS and a Redis on this machine and run a command against them",
  usage = "tidelock sandbox [--slow SECONDS] [--no-redis] [-- COMMAND ...]",
  options = {
    {name = "slow", value = "SECONDS", number = true,
      about = "how long slow resources take to become available (default 0)"},
    {name = "no-redis", about = "start the AWS alone"},
  },
  rest = "COMMAND", outputs = {},
  run = run,
}
