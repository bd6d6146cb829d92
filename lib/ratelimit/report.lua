--- What a sender of messages says of its work: a log line per outcome, without any text of a message, and metrics as
-- CloudWatch's embedded metric format.
local json = require "tidelock.json"
local loop = require "tidelock.loop"

local report = {}
local methods = {}
methods.__index = methods

local COUNTS <const> = {sent = "MessagesSent", deferred = "RateLimitedMessages", duplicate = "MessagesDuplicate",
  failed = "MessagesFailed", dlq = "MessagesDeadLettered", unavailable = "LimiterUnavailable",
  blocked = "PlatformRateLimited", received = "MessagesReceived",
  -- by priority, each a metric of its own: a dimension more would hide them from who looks at the environment alone
  high = "MessagesOfHighPriority", medium = "MessagesOfMediumPriority", low = "MessagesOfLowPriority"}
local VALUES <const> = {decision = "DecisionLatency", queue = "QueueLatency"}
local MOST <const> = 100          -- values of one metric in one line

--- @param options {namespace =, environment =, write = function(line)}
function report.new(options)
  local self = setmetatable({namespace = options.namespace or "Tidelock/RateLimiter",
    environment = options.environment or "production", clock = options.clock or loop.time,
    write = options.write or function(line) io.stdout:write(line, "\n") io.stdout:flush() end}, methods)
  self:clear()
  return self
end

function methods:clear() self.counts, self.values = {}, {} end

function methods:count(what) self.counts[assert(COUNTS[what], what)] = (self.counts[COUNTS[what]] or 0) + 1 end

function methods:time(what, seconds)
  local name = assert(VALUES[what], what)
  local list = self.values[name] or {}
  self.values[name] = list
  list[#list + 1] = math.floor(seconds * 1e6 + 0.5) / 1000
  if #list >= MOST then self:flush() end
end

--- Writes the metrics that came together since the last time; nothing where there are none.
function methods:flush()
  if not next(self.counts) and not next(self.values) then return end
  local line, metrics = {Environment = self.environment}, {}
  for name, n in pairs(self.counts) do
    line[name] = n
    metrics[#metrics + 1] = {Name = name, Unit = "Count"}
  end
  for name, list in pairs(self.values) do
    line[name] = json.array(list)
    metrics[#metrics + 1] = {Name = name, Unit = "Milliseconds"}
  end
  table.sort(metrics, function(a, b) return a.Name < b.Name end)
  line._aws = {Timestamp = math.floor(self.clock() * 1000), CloudWatchMetrics = {{Namespace = self.namespace,
    Dimensions = {{"Environment"}}, Metrics = metrics}}}
  self:clear()
  self.write(json.encode(line, {sort = true}))
end

--- A line for one outcome: event, ids, figures.
function methods:log(event, fields)
  local line = {time = math.floor(self.clock() * 1000) / 1000, event = event}
  for name, value in pairs(fields or {}) do line[name] = value end
  self.write(json.encode(line, {sort = true}))
end

return report
