-- http.lua -- the CPU a request costs in tidelock.http, libcurl and kernel: at most 30 us at 32 in flight.
local http = require "tidelock.http"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local server = require "support.server"

local REQUESTS <const>, MOST <const> = 5000, 30
local STUB <const> = "build/bench/stub"

assert(proc.run {"mkdir", "-p", "build/bench"})
local out = assert(proc.run {
  os.getenv "CC" or "cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", STUB, "spec/bench/stub.c"
})
assert(out.code == 0, out.stderr)
local _ <close>, port = server.start({STUB}, "(%d+)\n")

local function request()
  return {method = "POST", scheme = "http", host = "127.0.0.1:" .. port, path = "/", query = "",
    body = '{"MaxResults":5}',
    headers = {["Content-Type"] = "application/x-amz-json-1.0",
      ["X-Amz-Target"] = "AmazonSQS.ListQueues", ["X-Amz-Date"] = "20260101T000000Z",
      Authorization = "AWS4-HMAC-SHA256 " .. ("x"):rep(180)}}
end

local function measure(inflight)
  local left, tasks, cpu, wall = REQUESTS, {}, os.clock(), loop.now()
  for i = 1, inflight do
    tasks[i] = loop.spawn(function()
      while left > 0 do
        left = left - 1
        assert(http.send(request()))
      end
    end)
  end
  for _, task in ipairs(tasks) do
    local ok, err = loop.wait(task)
    if not ok then error(err) end
  end
  return (os.clock() - cpu) / REQUESTS * 1e6, REQUESTS / (loop.now() - wall)
end

measure(32)
local failed = false
for _, inflight in ipairs {1, 32} do
  local best, rate = math.huge, 0
  for _ = 1, 3 do
    local cpu, n = measure(inflight)
    if cpu < best then best, rate = cpu, n end
  end
  local missed = inflight == 32 and best > MOST
  failed = failed or missed
  print(("http: %2d in flight: %5.1f us of CPU a request%s, %6.0f requests/s"):format(inflight, best,
    inflight == 32 and (" (at most %d%s)"):format(MOST, missed and ": NOT REACHED" or "") or "", rate))
end
return failed and 1 or 0
