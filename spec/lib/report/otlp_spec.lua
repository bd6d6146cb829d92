local json = require "tidelock.json"
local otlp = require "report.otlp"
local playbook = require "playbook"
local run = require "playbook.run"
local server = require "support.server"
local store = require "playbook.store"
local things = require "support.things"

local PARENT <const> = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

local FLOW <const> = [[playbook {name = "spec/traced"}
local a = ensure.test.thing {name = "a"}
ensure.test.thing {name = "b", Link = a.arn}
step "talk" {run = function() return aws.test:do_step {name = "x"} end}]]

-- A receiver of our own on loopback, that keeps what it is sent.
local RECEIVER <const> = [[
import http.server, sys, threading
got = []
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"{}")
    def do_GET(self):
        path, headers, body = got.pop(0)
        head = (path + " " + headers.get("Content-Type", "") + " " + headers.get("x-team", "") + "\n").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(head + body))); self.end_headers()
        self.wfile.write(head + body)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), s.shutdown()), daemon=True).start()
s.serve_forever()
]]

local function environ(values) return function(name) return values[name] end end

describe("a trace", function()
  local receiver, port = server.start({server.PYTHON, "-c", RECEIVER}, "^(%d+)\n")
  local world, dir
  teardown(function() receiver:close() end)
  before_each(function()
    world, dir = things.world(), server.folder()
    world.answer["test.do_step"] = function() return {} end
  end)
  after_each(function() server.remove(dir) end)

  local function traced(text, values)
    values.OTEL_EXPORTER_OTLP_ENDPOINT = values.OTEL_EXPORTER_OTLP_ENDPOINT or "http://127.0.0.1:" .. port .. "/"
    local trace = assert(otlp.new("playbook spec/traced", environ(values)))
    local context = things.context(world)
    context.emit = require "playbook.events".stream {function(event) trace:event(event) end}
    context.on_call = function(call, err) context.emit {kind = "call", call = call, error = err} end
    local path = things.file(text)
    local loaded = playbook.load(path, {})
    os.remove(path)
    local out = run.execute(playbook.plan(loaded, context), {store = store.open(dir), on_failure = "stop"})
    return trace, out
  end

  local function received()
    local answer = assert(require "tidelock.http".send {method = "GET", scheme = "http", host = "127.0.0.1:" .. port,
      path = "/", query = "", headers = {}})
    local head, body = answer.body:match "^(.-)\n(.*)$"
    local data = assert(json.decode(body))
    local spans = {}
    for _, span in ipairs(data.resourceSpans[1].scopeSpans[1].spans) do spans[span.name] = span end
    return spans, head, data
  end

  local function attribute(span, name)
    for _, a in ipairs(span.attributes) do
      if a.key == name then return a.value.stringValue or a.value.intValue end
    end
  end

  it("has a span a run, resource, step and call, each under what it belongs to", function()
    local trace, out = traced(FLOW, {OTEL_EXPORTER_OTLP_HEADERS = "x-team=a%20b"})
    assert.equal("done", out.result)
    assert.is_true(trace:finish())
    local spans, head, data = received()
    assert.equal("/v1/traces application/json a b", head)
    local root = spans["playbook spec/traced"]
    assert.is_nil(root.parentSpanId)
    assert.equal(32, #root.traceId)
    assert.equal("done", attribute(root, "tidelock.result"))
    assert.equal(out.run, attribute(root, "tidelock.run"))
    for _, name in ipairs {"create test.thing/a", "create test.thing/b", "step talk"} do
      assert.equal(root.spanId, spans[name].parentSpanId, name)
      assert.equal(root.traceId, spans[name].traceId, name)
      assert.equal(1, spans[name].status.code, name)
      assert.is_true(tonumber(spans[name].endTimeUnixNano) >= tonumber(spans[name].startTimeUnixNano), name)
    end
    assert.equal(spans["step talk"].spanId, spans["test.do_step"].parentSpanId)
    assert.equal(spans["create test.thing/b"].spanId, spans["test.create_thing"].parentSpanId)
    assert.equal(3, spans["test.create_thing"].kind)
    assert.equal("create_thing", attribute(spans["test.create_thing"], "rpc.method"))
    assert.equal(root.spanId, spans["sts.get_caller_identity"].parentSpanId)
    assert.equal("tidelock", attribute({attributes = data.resourceSpans[1].resource.attributes}, "service.name"))
  end)
  it("goes on with the trace of TRACEPARENT, and is silent where that is not recorded", function()
    local trace = traced(FLOW, {TRACEPARENT = PARENT, OTEL_SERVICE_NAME = "mine"})
    assert.is_true(trace:finish())
    local spans = received()
    local root = spans["playbook spec/traced"]
    assert.equal("0af7651916cd43dd8448eb211c80319c", root.traceId)
    assert.equal("b7ad6b7169203331", root.parentSpanId)
    assert.is_nil(otlp.new("x", environ {OTEL_EXPORTER_OTLP_ENDPOINT = "http://h",
      TRACEPARENT = PARENT:gsub("1$", "0")}))
    assert.is_nil(otlp.new("x", environ {}))
    assert.is_nil(otlp.new("x", environ {OTEL_EXPORTER_OTLP_ENDPOINT = "http://h", OTEL_SDK_DISABLED = "true"}))
  end)
  it("says what failed, and where", function()
    world.fail["create_thing b"] = "Broken"
    local trace = traced(FLOW, {})
    assert.is_true(trace:finish())
    local spans = received()
    assert.equal(2, spans["create test.thing/b"].status.code)
    assert.equal("Broken", spans["create test.thing/b"].status.message)
    assert.equal(2, spans["playbook spec/traced"].status.code)
    assert.equal(1, spans["create test.thing/a"].status.code)
  end)
  it("that cannot be sent is said in a sentence, and fails nothing", function()
    local trace, out = traced(FLOW, {OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:1"})
    assert.equal("done", out.result)
    local ok, why = trace:finish()
    assert.is_nil(ok)
    assert.matches("^The trace could not be sent: ", why)
  end)
end)
