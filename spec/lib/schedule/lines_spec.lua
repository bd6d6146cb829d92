-- A task's log: a JSON object a line, for metric filters; and the same for people.
local json = require "tidelock.json"
local lines = require "schedule.lines"
local secret = require "tidelock.secret"

describe("the lines of a task", function()
  it("are one JSON object each, with their time, whatever is in them", function()
    local text = lines.text({kind = "note", message = "two\nlines"}, 1790000000.25)
    assert.equal('{"at":"2026-09-21T14:13:20.250Z","kind":"note","message":"two\\nlines"}\n', text)
  end)
  it("hold no secret", function()
    local text = lines.text({kind = "note", value = secret.new "hunter2"}, 0)
    assert.is_nil(text:find "hunter2")
    assert.equal("<secret>", json.decode(text).value)
  end)
  it("say what became of resources, steps and checks, and how bad it is", function()
    local node = {address = "sqs.queue/q"}
    local failed = lines.event {kind = "resource.fail", node = node, action = "create",
      error = {code = "AccessDenied", message = "no"}}
    assert.same({"error", "sqs.queue/q", "create", "AccessDenied", "no"}, {failed.level, failed.name, failed.action,
      failed.error.code, failed.error.message})
    local check = lines.event {kind = "check", name = "8.1", result = {result = "fail", severity = "critical",
      evidence = "none"}}
    assert.same({"check", "error", "8.1", "fail", "critical", "none"},
      {check.kind, check.level, check.name, check.result, check.severity, check.evidence})
    assert.equal("info", lines.event {kind = "check", name = "x", result = {result = "pass"}}.level)
    assert.is_nil(lines.event {kind = "call"})
  end)
  it("read well", function()
    assert.equal("t  summary  done  exit 0", lines.human '{"at":"t","kind":"summary","exit":0,"result":"done"}')
    assert.equal("t  resource.fail  sqs.queue/q  create: no",
      lines.human '{"at":"t","kind":"resource.fail","name":"sqs.queue/q","action":"create","error":{"message":"no"}}')
    assert.equal("not JSON at all", lines.human "not JSON at all")
  end)
end)
