-- many.lua -- N list_queues by tidelock with so many in flight.
local aws = require "aws"
local task = require "task"

local count <const>, flight <const> = tonumber(arg[1]), tonumber(arg[2])
local sqs = aws.session().sqs
local done = 0

local function one()
  local urls = sqs:list_queues({}).QueueUrls   -- waits: `done` is read after it
  done = done + #urls
end

if flight == 1 then
  for _ = 1, count do one() end
else
  local list = {}
  for i = 1, count do list[i] = i end
  task.map(list, one, {concurrency = flight})
end
assert(done == 3 * count)
return 0
