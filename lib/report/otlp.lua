--- Traces of runs as OpenTelemetry spans, sent as JSON over HTTP: one trace a run, a span a resource, step and call.
local otlp = {}
otlp.__index = otlp

local BATCH <const> = 512                  -- spans a request
local LIMIT <const> = 5                    -- seconds that sending may take
local CLIENT <const>, INTERNAL <const> = 3, 1

local function set(environ, name)
  local value = environ(name)
  return value ~= nil and value ~= "" and value or nil
end

local function id(bytes)
  local digest = require "tidelock.digest"
  return digest.hex(digest.random(bytes))
end

-- The trace that we are part of: its id, the span above us, and whether it is recorded.
local function parent(text)
  local trace, span, flags = (text or ""):match "^%x%x%-(%x+)%-(%x+)%-(%x%x)"
  if not trace or #trace ~= 32 or #span ~= 16 or trace:find "^0+$" or span:find "^0+$" then return nil end
  return trace:lower(), span:lower(), (tonumber(flags, 16) & 1) == 1
end

local function headers_of(text)
  local out = {["Content-Type"] = "application/json"}
  for name, value in (text or ""):gmatch "%s*([^=,%s]+)%s*=%s*([^,]*)" do
    out[name] = value:gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end)
  end
  return out
end

--- A listener that sends traces, or nil where no endpoint is set. `environ(name)` reads the environment; `send` is
-- that of http.
function otlp.new(name, environ, send)
  environ = environ or os.getenv
  local url = set(environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
  local base = set(environ, "OTEL_EXPORTER_OTLP_ENDPOINT")
  if set(environ, "OTEL_SDK_DISABLED") == "true" or not (url or base) then return nil end
  url = url or base:gsub("/$", "") .. "/v1/traces"
  local trace, above, sampled = parent(set(environ, "TRACEPARENT"))
  if trace and not sampled then return nil end
  local self = setmetatable({url = url, trace = trace or id(16), spans = {}, open = {},
    headers = headers_of(set(environ, "OTEL_EXPORTER_OTLP_HEADERS")),
    service = set(environ, "OTEL_SERVICE_NAME") or "tidelock", send_request = send}, otlp)
  self.root = self:span(name, above, INTERNAL)
  return self
end

local function value_of(value)
  if math.type(value) == "integer" then return {intValue = tostring(value)} end
  if type(value) == "number" then return {doubleValue = value} end
  if type(value) == "boolean" then return {boolValue = value} end
  return {stringValue = tostring(value)}
end

local function attributes(values)
  local out = require "tidelock.json".array {}
  for name, value in pairs(values) do out[#out + 1] = {key = name, value = value_of(value)} end
  table.sort(out, function(a, b) return a.key < b.key end)
  return out
end

local function nano(seconds) return ("%d"):format(math.floor(seconds * 1e6) * 1000) end

function otlp:span(name, above, kind, began)
  return {traceId = self.trace, spanId = id(8), parentSpanId = above, name = name, kind = kind,
    startTimeUnixNano = nano(began or require "tidelock.loop".time()), values = {}}
end

local function reason(err)
  if type(err) == "table" and not getmetatable(err) then return err.message or err.code or "?" end
  return tostring(err)
end

-- Ends a span; it goes out with the next batch.
function otlp:close(span, ended, err)
  span.endTimeUnixNano = nano(ended or require "tidelock.loop".time())
  span.attributes, span.values = attributes(span.values), nil
  span.status = err and {code = 2, message = reason(err)} or {code = 1}
  self.spans[#self.spans + 1] = span
end

local function start(self, key, name, values)
  local span = self:span(name, self.root.spanId, INTERNAL)
  span.values = values
  self.open[key] = span
end

local function finish(self, key, err)
  local span = self.open[key]
  if not span then return end
  self.open[key] = nil
  self:close(span, nil, err)
end

-- What a call belongs to: the resource or step that made it, or the run.
local function owner(self, node)
  local step = node and node.address and node.address:match "^step (.*)$"
  return self.open[node] or step and self.open[step] or self.root
end

local LISTEN <const> = {
  ["run.start"] = function(self, e)
    for _, name in ipairs {"run", "playbook", "account", "region"} do
      self.root.values["tidelock." .. name] = e[name]
    end
  end,
  ["run.end"] = function(self, e)
    self.root.values["tidelock.result"] = e.result
    if e.result == "failed" then self.failed = e.message or "the run failed" end
  end,
  ["resource.start"] = function(self, e)
    start(self, e.node, e.action .. " " .. e.node.address, {["tidelock.resource"] = e.node.address,
      ["tidelock.action"] = e.action})
  end,
  ["resource.done"] = function(self, e) finish(self, e.node) end,
  ["resource.fail"] = function(self, e) finish(self, e.node, e.error) end,
  ["step.start"] = function(self, e) start(self, e.name, "step " .. e.name, {["tidelock.step"] = e.name}) end,
  ["step.done"] = function(self, e) finish(self, e.name) end,
  ["step.fail"] = function(self, e) finish(self, e.name, e.error) end,
  call = function(self, e)
    local call = e.call
    local span = self:span(call.service .. "." .. call.operation, owner(self, call.node).spanId, CLIENT, call.began)
    span.values = {["rpc.system"] = "aws-api", ["rpc.service"] = call.service, ["rpc.method"] = call.operation,
      ["aws.request_id"] = call.request_id, ["http.response.status_code"] = call.status,
      ["tidelock.requests"] = call.requests}
    self:close(span, e.time, e.error)
  end,
}

--- Takes an event of the engine.
function otlp:event(event)
  local listen = LISTEN[event.kind]
  if listen then listen(self, event) end
end

local function post(self, spans)
  local scheme, host, path = self.url:match "^(https?)://([^/]+)(/?.*)$"
  if not scheme then return nil, {message = self.url .. " is not an http URL"} end
  local json = require "tidelock.json"
  local body = json.encode {resourceSpans = json.array {{
    resource = {attributes = attributes {["service.name"] = self.service, ["host.name"] =
      require "tidelock.fs".hostname()}},
    scopeSpans = json.array {{scope = {name = "tidelock"}, spans = json.array(spans)}}}}}
  local send = self.send_request or require "tidelock.http".send
  local request = {method = "POST", scheme = scheme, host = host, query = "", path = path == "" and "/" or path,
    headers = self.headers, body = body}
  local answer, err = send(request, require "proxy".options(request, {connect_timeout = LIMIT, timeout = LIMIT}))
  if answer and answer.status >= 300 then
    return nil, {message = ("%s answered with status %d"):format(self.url, answer.status)}
  end
  return answer, err
end

--- The command ended by this error: the trace's root says so.
function otlp:fail(err) self.failed = self.failed or reason(err) end

--- Ends what is open and sends all spans. Returns true, or nil and a sentence: a trace is never worth a run.
function otlp:finish()
  for key in pairs(self.open) do finish(self, key, "it did not come to its end") end
  self:close(self.root, nil, self.failed)
  for from = 1, #self.spans, BATCH do
    local ok, err = post(self, table.move(self.spans, from, math.min(from + BATCH - 1, #self.spans), 1, {}))
    if not ok then return nil, "The trace could not be sent: " .. reason(err) end
  end
  return true
end

return otlp
