-- apply.lua -- the whole of an apply beside a boto3 script of the same, on moto: CPU, wall, memory, requests.
package.path = "spec/?.lua;" .. package.path
local moto = require "support.moto"
local proc = require "tidelock.proc"
local server = require "support.server"

local ROUNDS <const> = tonumber(os.getenv "ROUNDS") or 5
local TIME <const> = "/usr/bin/time"
local BINARY <const> = arg[-1] and arg[-1]:gsub("tidelua$", "tidelock") or "build/tidelock"

local LIMITS <const> = {first = {cpu = 50, memory = 24, requests = 60}, second = {cpu = 30, memory = 24, requests = 28}}

local bed <const> = moto.start()

local state <const> = server.folder()

local function measure(command)
  local env = {TIDELOCK_STATE = state, NO_COLOR = "1"}
  for k, v in pairs(bed.env) do env[k] = v end
  local loop = require "tidelock.loop"
  local began = loop.now()
  local run = assert(proc.run {TIME, "-f", "@@ %U %S %M", env = env, table.unpack(command)})
  local wall = loop.now() - began
  local user, system, kb = run.stderr:match "@@ (%S+) (%S+) (%S+)"
  if run.code ~= 0 then error(("%s failed:\n%s%s"):format(command[1], run.stdout, run.stderr), 0) end
  local reads, writes = run.stdout:match ".*%D(%d+) reads?, (%d+) writes?"     -- the summary's, the last
  return {cpu = (user + system) * 1000, wall = wall * 1000, memory = kb / 1024,
    requests = tonumber(reads or 0) + tonumber(writes or 0), text = run.stdout}
end

local TIDELOCK <const> = {BINARY, "apply", "spec/bench/set/tidelock.lua", "--yes", "--quiet"}
local BOTO <const> = {server.PYTHON, "spec/bench/set/boto.py"}

local function median(list, name)
  local values = {}
  for i, row in ipairs(list) do values[i] = row[name] end
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function rounds(command)
  local first, second = {}, {}
  for i = 1, ROUNDS do
    bed:reset()
    first[i] = measure(command)
    second[i] = measure(command)
  end
  return {first = first, second = second}
end

print(("apply of 4 queues, 2 tables, topic, budget, 12 alarms, trail with bucket; medians of %d, moto on this machine")
  :format(ROUNDS))
local boto, ours = rounds(BOTO), rounds(TIDELOCK)
local failed = false
for _, run in ipairs {"first", "second"} do
  local o, b = ours[run], boto[run]
  local cpu, wall, memory = median(o, "cpu"), median(o, "wall"), median(o, "memory")
  local requests, limits = median(o, "requests"), LIMITS[run]
  print(("  %-6s tidelock  CPU %4.0f ms (limit %d)  wall %4.0f ms  memory %4.1f MB (limit %d)  requests %d (%d)")
    :format(run, cpu, limits.cpu, wall, memory, limits.memory, requests, limits.requests))
  print(("  %-6s boto3     CPU %4.0f ms = %.1f times    wall %4.0f ms = %.1f times  memory %4.1f MB = %.1f times")
    :format("", median(b, "cpu"), median(b, "cpu") / cpu, median(b, "wall"), median(b, "wall") / wall,
    median(b, "memory"), median(b, "memory") / memory))
  if cpu > limits.cpu or memory > limits.memory or requests > limits.requests or wall > median(b, "wall") then
    failed = true
  end
end
if not ours.second[1].text:find ", 0 writes" then
  print "  the second apply wrote"
  failed = true
end
server.remove(state)
bed:stop()
if failed then print "  over the limit" end
return failed and 1 or 0
