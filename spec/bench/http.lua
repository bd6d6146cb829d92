-- http.lua -- what a request costs in tidelock.http and libcurl together, kernel included: at most 30 us at 32 in flight.
local http = require "tidelock.http"
local httpd = require "support.httpd"
local loop = require "tidelock.loop"

local REQUESTS <const>, MOST <const> = 5000, 30
local server <close> = httpd.start {fast = true}

local function request()
  return {method = "POST", scheme = "http", host = server.host, path = "/", query = "", body = '{"MaxResults":5}',
    headers = {["Content-Type"] = "application/x-amz-json-1.0", ["X-Amz-Target"] = "AmazonSQS.ListQueues",
      ["X-Amz-Date"] = "20260101T000000Z", Authorization = "AWS4-HMAC-SHA256 " .. ("x"):rep(180)}}
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
for _, inflight in ipairs {1, 32} do
  local best, rate = math.huge, 0
  for _ = 1, 3 do
    local cpu, n = measure(inflight)
    if cpu < best then best, rate = cpu, n end
  end
  print(("http: %2d in flight: %5.1f us of CPU a request, %6.0f requests/s"):format(inflight, best, rate))
  if inflight == 32 and best > MOST then error("http: more than " .. MOST .. " us of CPU a request", 0) end
end
