--- Waits until a resource is as wanted, by the rules of waiters-2.json. Sleeps and calls through the client.
local error_of = require "aws.error"
local jmespath = require "aws.jmespath"
local suggest = require "suggest"
local values = require "aws.jmespath.values"

local waiter = {}

local OPTIONS <const> = {"delay", "max_attempts", "timeout"}
local UNITS <const> = {s = 1, m = 60, h = 3600, d = 86400}

-- ## Names

-- As botocore writes them: DBInstanceAvailable is db_instance_available.
local function snake(name)
  name = name:gsub("(.)(%u%l+)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2")
  return (name:gsub("__+", "_"):lower())
end

local function plain(name) return (name:gsub("_", ""):lower()) end

local function rule_of(client, name)
  local inner, names = client:inner(), {}
  for camel, rule in pairs(inner.model:waiters()) do
    if plain(camel) == plain(tostring(name)) then return rule, snake(camel), inner end
    names[#names + 1] = snake(camel)
  end
  table.sort(names)
  if #names == 0 then error_of.usage(("The models know nothing to wait for in %s."):format(inner.name)) end
  error_of.usage(("%s has no waiter %q%s"):format(inner.name, tostring(name), suggest.phrase(tostring(name), names)),
    {remedy = ("It has %s."):format(table.concat(names, ", "))})
end

-- ## Acceptors: does what came back match?

-- Results of an acceptor's expression; an expression that does not fit the answer matches nothing.
local function found(acceptor, output)
  local result = jmespath.search(acceptor.argument, output)
  return result
end

local function list_of(acceptor, output)
  local list = found(acceptor, output)
  return values.is_array(list) and list or {}
end

local MATCH <const> = {
  path = function(a, output) return values.equal(found(a, output), a.expected) end,
  pathAll = function(a, output)
    local list = list_of(a, output)
    for _, each in ipairs(list) do
      if not values.equal(each, a.expected) then return false end
    end
    return #list > 0
  end,
  pathAny = function(a, output)
    for _, each in ipairs(list_of(a, output)) do
      if values.equal(each, a.expected) then return true end
    end
    return false
  end,
  status = function(a, _, err) return (err and err.status or 200) == a.expected end,
  error = function(a, _, err)
    if type(a.expected) == "boolean" then return a.expected == (err ~= nil) end
    return err ~= nil and err.code == a.expected
  end,
}

--- What an answer means to a waiter's rule: "success", "failure", "retry" and the acceptor that said so; or nil
-- where none matches. `output` is nil and `err` the error where the call failed.
function waiter.decide(rule, output, err)
  local answer = output or (err and err.detail) or {}
  for _, acceptor in ipairs(rule.acceptors) do
    local match = MATCH[acceptor.matcher]
    if match and match(acceptor, answer, err) then return acceptor.state, acceptor end
  end
  return nil
end

-- ## What is said when it comes to nothing

local function shown(value)
  if type(value) ~= "table" then return tostring(value) end
  local parts, seen = {}, {}
  for _, each in ipairs(value) do
    local text = shown(each)
    if not seen[text] then
      parts[#parts + 1] = text
      seen[text] = true
    end
  end
  return table.concat(parts, ", ")
end

-- What the rule looks at, as it was last: "DBInstances[].DBInstanceStatus is creating".
local function last_seen(rule, output, err)
  if err then return ("the last answer was %s: %s"):format(err.code, err.message) end
  for _, acceptor in ipairs(rule.acceptors) do
    if acceptor.argument then
      local value = found(acceptor, output)
      local text = value ~= nil and shown(value) or ""
      if text ~= "" then return ("%s is %s"):format(acceptor.argument, text) end
    end
  end
  return "nothing was there to look at"
end

local function explained(acceptor)
  if acceptor.matcher == "error" then return ("the error %s came"):format(tostring(acceptor.expected)) end
  if acceptor.matcher == "status" then return ("the status was %s"):format(tostring(acceptor.expected)) end
  local any = acceptor.matcher == "pathAny" and "one of " or ""
  return ("%s%s is %s"):format(any, acceptor.argument, tostring(acceptor.expected))
end

local function give_up(w, code, why, remedy, err)
  error(error_of.new {code = code, service = w.service, operation = w.operation, waiter = w.name, detail = w.output,
    attempts = w.attempts, status = err and err.status, request_id = err and err.request_id, exit = 1,
    message = ("waiting for %s ended: %s"):format(w.name, why), remedy = remedy}, 0)
end

-- ## Options

local function number(name, value)
  if type(value) ~= "number" or value < 0 then
    error_of.usage(("%s of a wait must be a number of 0 or more, not %s."):format(name, tostring(value)))
  end
  return value
end

-- Seconds of 90, "90", "30m" or "1h30m".
local function seconds(name, value)
  if type(value) == "number" then return number(name, value) end
  local text, total = tostring(value), 0
  local plain_number = tonumber(text)
  if plain_number and plain_number >= 0 then return plain_number end
  local rest = text:gsub("(%d+)([smhd])", function(n, unit) total = total + n * UNITS[unit] return "" end)
  if rest ~= "" or text == "" then
    error_of.usage(('%s of a wait must be seconds or a duration such as "30m" or "1h30m", not %q.'):format(name, text))
  end
  return total
end

local function settings(rule, options)
  for name in pairs(options) do
    local known = false
    for _, each in ipairs(OPTIONS) do known = known or each == name end
    if not known then
      error_of.usage(("A wait has no option %q%s"):format(tostring(name), suggest.phrase(tostring(name), OPTIONS)))
    end
  end
  local timeout = options.timeout ~= nil and seconds("timeout", options.timeout) or nil
  local delay = options.delay ~= nil and seconds("delay", options.delay) or rule.delay
  local most = options.max_attempts ~= nil and number("max_attempts", options.max_attempts)
  return {delay = delay, timeout = timeout, max_attempts = most or (not timeout and rule.maxAttempts) or math.huge}
end

-- ## The wait

-- The answer of the service: output, or nil and its error. What never reached the service is raised.
local function ask(client, rule, input)
  local ok, result = pcall(client.call, client, rule.operation, input)
  if ok then return result end
  if not (error_of.is(result) and result.status) then error(result, 0) end
  return nil, result
end

-- Whether there is time for one more attempt, having slept for it.
local function again(w, io, limits, began)
  if w.attempts >= limits.max_attempts then return false end
  local pause = limits.delay
  if limits.timeout then
    local left = began + limits.timeout - io.monotonic()
    if left <= 0 then return false end
    pause = math.min(pause, left)
  end
  io.sleep(pause)
  return true
end

local function out_of_time(w, rule, limits, output, err)
  local spent = limits.timeout and ("after %g seconds"):format(limits.timeout)
    or ("after %d attempts, %g seconds apart"):format(w.attempts, limits.delay)
  give_up(w, "WaiterTimeout", ("%s, %s"):format(spent, last_seen(rule, output, err)),
    'Look why it takes so long; to wait longer, give {timeout = "1h"}.', err)
end

--- Waits until the waiter's rule is met, and returns the answer that met it (nil where that was an error).
-- Options: timeout (seconds or "30m": instead of the rule's number of attempts), delay, max_attempts.
-- Raises an error of code WaiterFailed or WaiterTimeout. Sleeps between attempts.
-- @param client the service's client
-- @param name the waiter's, as boto3 writes it (db_instance_available) or as the model does
-- @param input the input of each attempt
-- @param options the options, or nil
function waiter.wait(client, name, input, options)
  local rule, snake_name, inner = rule_of(client, name)
  local limits = settings(rule, options or {})
  local io = inner.world
  local w = {name = snake_name, service = inner.name, attempts = 0, operation = client:operation(rule.operation).snake}
  local began = io.monotonic()
  repeat
    local output, err = ask(client, rule, input or {})
    w.attempts, w.output = w.attempts + 1, output
    local state, acceptor = waiter.decide(rule, output, err)
    if state == "success" then return output end
    if state == "failure" then
      give_up(w, "WaiterFailed", explained(acceptor) .. ", from which it does not come back",
        "Look at the resource: it failed, or was deleted.", err)
    end
    if not state and err then error(err, 0) end
    local more = again(w, io, limits, began)
    if not more then out_of_time(w, rule, limits, output, err) end
  until not more
end

return waiter
