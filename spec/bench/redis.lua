-- redis.lua -- commands a second from one process, beside redis-benchmark with 50 connections, on the same server.
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local redis = require "redis"
local redis_server = require "support.redis"

local COMMANDS <const>, TASKS <const>, LEAST <const> = 100000, 50, 0.9
local SCRIPT <const> = "local n = redis.call('INCR', KEYS[1]) "
  .. "redis.call('PEXPIRE', KEYS[1], ARGV[1]) return {n, ARGV[1]}"

local server <close> = redis_server.start()
local client <close> = assert(redis.connect {url = server.url})
local script = redis.script(SCRIPT)
assert(script:run(client, {"k"}, {60000}))

local function ours(fn)
  local left, tasks, wall, cpu = COMMANDS, {}, loop.now(), os.clock()
  for i = 1, TASKS do
    tasks[i] = loop.spawn(function()
      while left > 0 do
        left = left - 1
        local reply, err = fn(tostring(i))
        if not reply then error(err) end
      end
    end)
  end
  for _, task in ipairs(tasks) do
    local ok, err = loop.wait(task)
    if not ok then error(err.message or err, 0) end
  end
  return COMMANDS / (loop.now() - wall), (os.clock() - cpu) / COMMANDS * 1e6
end

local function theirs(...)
  local out = assert(proc.run {"redis-benchmark", "-p", tostring(server.port), "-c", tostring(TASKS), "-n",
    tostring(COMMANDS), "--csv", ...})
  assert(out.code == 0, out.stderr)
  return tonumber(out.stdout:match '\n"[^\n]-","([%d.]+)"[^\n]*\n$')
end

local failed = false
for _, case in ipairs {
  {"SET", function(key) return client:call("SET", "s" .. key, "value") end, {"SET", "s", "value"}},
  {"script", function(key) return script:run(client, {"k" .. key}, {60000}) end,
    {"EVALSHA", script.sha, "1", "k", "60000"}},
} do
  local rate, cpu = ours(case[2])
  local other = theirs(table.unpack(case[3]))
  local missed = rate / other < LEAST
  failed = failed or missed
  print(("redis: %-6s %7.0f a second, %5.2f us of CPU each; redis-benchmark %7.0f, ratio %.2f (at least %g%s)"):format(
    case[1], rate, cpu, other, rate / other, LEAST, missed and ": NOT REACHED" or ""))
end
return failed and 1 or 0
