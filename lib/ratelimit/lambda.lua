--- The limiter as a Lambda function: batches of SQS and requests of a function URL or an API, by the runtime API.
local deliver = require "ratelimit.deliver"
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local messages = require "ratelimit.message"
local queues = require "ratelimit.queue"
local responses = require "ratelimit.http"
local task = require "task"

local lambda = {}

local MARGIN <const> = 1          -- seconds to answer in, before the deadline
local LEAST <const> = 3           -- with less time than that no send is begun

-- ## SQS: what stays in the queue is named, the rest is deleted by the event source mapping

local function one(self, record, left)
  if left() < LEAST then return false end
  self.deliver.time_left = function() return left() - MARGIN end
  local ok, done = pcall(function()
    return deliver.settle(self.queue, record, deliver.handle(self.deliver, record))
  end)
  if not ok then
    if done == loop.CANCELLED then error(done, 0) end
    self.report:log("error", {id = record.id, detail = tostring(type(done) == "table" and done.message or done)})
  end
  return ok and done
end

local function batch(self, event, left)
  local failures = {}
  for _, raw in ipairs(event.Records) do
    local record = queues.record(raw)
    if not one(self, record, left) then failures[#failures + 1] = {itemIdentifier = record.id} end
  end
  self.report:flush()
  return {batchItemFailures = json.array(failures)}
end

-- ## The front door: it only looks; the sender takes

local function problem(status, title, headers)
  headers = headers or {}
  headers["Content-Type"] = "application/problem+json"
  return {status = status, headers = headers, body = json.encode({status = status, title = title}, {sort = true})}
end

local function body_of(event)
  local body = event.body
  if type(body) ~= "string" then return "" end
  if event.isBase64Encoded == true then return digest.unbase64(body) or "" end
  return body
end

local function request(self, event)
  local context = event.requestContext or {}
  local method = event.httpMethod or context.http and context.http.method
  if method ~= "POST" then return problem(405, "Messages are sent with POST.", {Allow = "POST"}) end
  local body = body_of(event)
  local message, why = messages.parse(body, loop.time())
  if not message then return problem(400, "The message was refused: " .. why .. ".") end
  local open, info = self.limiter:peek(message.userId)
  local answer = responses.answer(self.limiter.policy, info)
  if not open then
    self.report:log("turned away", {messageId = message.messageId, userId = message.userId, code = info.code,
      wait = info.wait})
    return answer
  end
  self.queue.sqs:send_message {QueueUrl = self.queue.url, MessageBody = body}
  self.report:log("queued", {messageId = message.messageId, userId = message.userId})
  return answer
end

--- Answers one event; `left` tells the seconds until its deadline.
function lambda.handle(self, event, left)
  if type(event) == "table" and type(event.Records) == "table" and event.Records[1]
    and event.Records[1].eventSource == "aws:sqs" then
    return batch(self, event, left)
  end
  if type(event) == "table" and (event.httpMethod or event.requestContext) then
    local answer = request(self, event)
    return {statusCode = answer.status, headers = answer.headers, body = answer.body, isBase64Encoded = false}
  end
  error({code = "Event", message = "This function answers SQS events and HTTP requests; this event is neither."}, 0)
end

--- The parts for `handle`. The queue's messages are deleted by the mapping, never here.
function lambda.new(session, spec, parts)
  local queue = queues.open(session, spec)
  function queue.delete() end
  return {queue = queue, limiter = parts.limiter, report = parts.report,
    deliver = deliver.new {limiter = parts.limiter, sender = parts.sender, report = parts.report, tries = spec.tries,
      backoff = spec.backoff, patience = 0}}
end

-- ## The runtime API

local function api(self, method, path, body, headers)
  local response, err = self.send({method = method, scheme = "http", host = self.host,
    path = "/2018-06-01/runtime/" .. path, query = "", headers = headers or {}, body = body},
    {timeout = 0, read_timeout = 0, connect_timeout = 5})
  if not response then return nil, err.message end
  if response.status >= 300 then
    return nil, ("the runtime API answered %s with status %d"):format(path, response.status)
  end
  return response
end

local function failure(err)
  if type(err) == "table" then return tostring(err.code or "Error"), tostring(err.message or err) end
  return "Internal", tostring(err)
end

local function tell(self, path, err)
  local kind, text = failure(err)
  return api(self, "POST", path, json.encode {errorType = kind, errorMessage = text, stackTrace = json.array {}},
    {["Content-Type"] = "application/json", ["Lambda-Runtime-Function-Error-Type"] = "Tidelock." .. kind})
end

local function invoke(handler, invocation)
  local deadline = (tonumber(invocation.headers["lambda-runtime-deadline-ms"]) or 0) / 1000
  local function left() return deadline - loop.time() end
  local event, wrong = json.decode(invocation.body)
  if wrong then error({code = "Event", message = "The event is not JSON: " .. wrong.message}, 0) end
  local answer, late = task.timeout(math.max(0.1, left() - 0.2), handler, event, left)
  if answer == nil and late then
    error({code = "Deadline", message = "The function's time was over before it had an answer."}, 0)
  end
  return json.encode(answer)
end

--- Asks for one invocation after another and answers each. Returns why the runtime API could not be reached.
-- @param options {host = AWS_LAMBDA_RUNTIME_API, init = function -> handler(event, left), once = true for specs}
function lambda.run(options)
  local self = {host = options.host, send = options.transport or require "tidelock.http".send}
  local ready, handler = xpcall(options.init, function(err)
    return type(err) == "table" and err or debug.traceback(tostring(err), 2)
  end)
  if not ready then
    tell(self, "init/error", handler)
    return nil, select(2, failure(handler))
  end
  while true do
    local invocation, why = api(self, "GET", "invocation/next")
    if not invocation then return nil, why end
    local id = invocation.headers["lambda-runtime-aws-request-id"]
    local ok, answer = pcall(invoke, handler, invocation)
    local told
    if ok then
      told, why = api(self, "POST", ("invocation/%s/response"):format(id), answer,
        {["Content-Type"] = "application/json"})
    else
      told, why = tell(self, ("invocation/%s/error"):format(id), answer)
    end
    if not told then return nil, why end
  end
end

return lambda
