-- together_spec.lua -- real processes on moto: two applies at once, drift with who did it, graphs, traces.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

local HOLD <const> = [[playbook {name = "spec/hold"}
ensure.sqs.queue {name = "held"}
wait_until "let go" {every = 1, timeout = "60s", test = function()
  return #(aws.sqs:list_queues {QueueNamePrefix = "go"}.QueueUrls or {}) > 0
end}]]
local OTHER <const> = [[playbook {name = "spec/other"} ensure.sqs.queue {name = "other", VisibilityTimeout = 40}]]

describe("on one account", function()
  local server <const> = moto.start()
  local dir <const> = fs.tempdir "together_spec"
  local session
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function()
    server:reset()
    session = server:session()
  end)

  local function file(name, text)
    local path = dir .. "/" .. name .. ".lua"
    assert(fs.write(path, text))
    return path
  end

  local function command(more, ...)
    local env = {TIDELOCK_STATE = dir .. "/" .. server.account, NO_COLOR = "1"}
    for k, v in pairs(server.env) do env[k] = v end
    for k, v in pairs(more) do env[k] = v end
    return program.command(env, ...)
  end

  local function run(...) return assert(proc.run(command({}, ...))) end

  -- Two processes, the first of which holds the lock until the queue "go" is there.
  local function contend(...)
    local first = command({}, "apply", file("hold", HOLD), "--yes", ...)
    first.stdout, first.stderr = "null", "pipe"
    local holder <close> = assert(proc.spawn(first))
    repeat loop.sleep(0.05) until #(session.sqs:list_queues {QueueNamePrefix = "held"}.QueueUrls or {}) > 0
    local second = run("apply", file("other", OTHER), "--yes", ...)
    local reads = run("plan", file("other", OTHER))
    session.sqs:create_queue {QueueName = "go"}
    holder:wait()
    return second, reads, run("apply", file("other", OTHER), "--yes", ...)
  end

  local function holds(second, reads, third)
    assert.equal(69, second.code, second.stdout .. second.stderr)
    local sentence = "Another run is writing to [^ ]*%s[^ ]*eu%%-west%%-1: run (%%S+) on %s since %%d%%d%%d%%d%%-"
    assert.matches(sentence:format(
      server.account, (fs.hostname():gsub("%p", "%%%0"))), second.stderr)
    assert.equal(0, reads.code, "a plan needs no lock: " .. reads.stderr)
    assert.equal(0, third.code, third.stdout .. third.stderr)
  end

  it("of two applies one refuses, naming the other's run, host and start, and writes nothing", function()
    holds(contend())
  end)
  it("so it does where the lock is in DynamoDB and the journal in S3", function()
    session.s3:create_bucket {Bucket = "runs-" .. server.account,
      CreateBucketConfiguration = {LocationConstraint = server.region}}
    holds(contend("--store", "s3://runs-" .. server.account .. "/x"))
  end)

  it("a killed one's lock names the command that goes on with it at once, and does", function()
    session.s3:create_bucket {Bucket = "runs-" .. server.account,
      CreateBucketConfiguration = {LocationConstraint = server.region}}
    local store <const> = "s3://runs-" .. server.account .. "/x"
    local first = command({}, "apply", file("hold", HOLD), "--yes", "--store", store)
    first.stdout, first.stderr = "null", "null"
    local holder <close> = assert(proc.spawn(first))
    repeat loop.sleep(0.05) until #(session.sqs:list_queues {QueueNamePrefix = "held"}.QueueUrls or {}) > 0
    holder:kill "KILL"
    holder:wait()
    local refused = run("apply", file("other", OTHER), "--yes", "--store", store)
    assert.equal(69, refused.code, refused.stdout .. refused.stderr)
    local id, place = refused.stderr:match "go on with it at once: tidelock resume (%S+) %-%-store ([^%s;]+);"
    assert.equal(store, place, refused.stderr)
    session.sqs:create_queue {QueueName = "go"}
    local again = run("resume", id, "--store", place)
    assert.equal(0, again.code, again.stdout .. again.stderr)
    assert.equal(0, run("apply", file("other", OTHER), "--yes", "--store", store).code)   -- the lock is free again
  end)

  it("drift says what differs, who changed it and when, and exits 2", function()
    local path = file("other", OTHER)
    assert.equal(0, run("apply", path, "--yes").code)
    local none = run("drift", path)
    assert.equal(0, none.code, none.stdout .. none.stderr)
    local url = session.sqs:get_queue_url {QueueName = "other"}.QueueUrl
    session.sqs:set_queue_attributes {QueueUrl = url, Attributes = {VisibilityTimeout = "99"}}
    local some = run("drift", path)
    assert.equal(2, some.code, some.stdout .. some.stderr)
    assert.matches("VisibilityTimeout +99 %-> 40", some.stdout)
    assert.matches("SetQueueAttributes by sandbox, %d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d UTC", some.stdout)
    local data = assert(json.decode(run("drift", path, "--output", "json").stdout))
    assert.equal("SetQueueAttributes", data.resources[1].changed_by[1].event)
    assert.equal("sandbox", data.resources[1].changed_by[1].user)
  end)

  it("drift of what has no region is looked up where its events are kept", function()
    local path = file("role", [[playbook {name = "spec/role"} ensure.iam.role {name = "drifting",
      Description = "as said",
      AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
        Principal = {Service = "ecs-tasks.amazonaws.com"}}}}}]])
    assert.equal(0, run("apply", path, "--yes").code)
    session.iam:update_role {RoleName = "drifting", Description = "as somebody liked it"}
    local some = run("drift", path)
    assert.equal(2, some.code, some.stdout .. some.stderr)
    assert.matches("UpdateRole by sandbox, %d%d%d%d%-", some.stdout)
    path = file("spend", [[playbook {name = "spec/spend"} ensure.ce.anomaly_monitor {name = "all",
      MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE"}
      ensure.budgets.budget {name = "month", BudgetType = "COST", TimeUnit = "MONTHLY",
        BudgetLimit = {Amount = "5", Unit = "USD"}}]])
    assert.equal(0, run("apply", path, "--yes").code)
    session.budgets:update_budget {AccountId = server.account, NewBudget = {BudgetName = "month", BudgetType = "COST",
      TimeUnit = "MONTHLY", BudgetLimit = {Amount = "9", Unit = "USD"}}}
    assert.matches("UpdateBudget by sandbox", run("drift", path).stdout)
  end)
  it("a run is exported as a page of Markdown or HTML, with nothing in it that is taken for markup", function()
    local path = file("page", [[playbook {name = "spec/page"} ensure.sqs.queue {name = "page"}
step "<page> & more" {run = function() end}]])
    assert.equal(0, run("apply", path, "--yes").code)
    assert.matches("| when | what |", run("runs", "last", "--markdown").stdout, 1, true)
    local page = run("runs", "last", "--html").stdout
    assert.matches("^<!doctype html>", page)
    assert.matches("&lt;page&gt; &amp; more", page, 1, true)
    assert.matches("create sqs.queue/page done", page, 1, true)
    assert.is_nil(page:find("<page>", 1, true))
  end)

  it("graph draws resources, edges and steps as dot, mermaid, and svg where Graphviz is there", function()
    local path = file("graph", [[playbook {name = "spec/graph"}
local a = ensure.sqs.queue {name = "a"}
ensure.sqs.queue {name = "b", RedrivePolicy = {deadLetterTargetArn = a.arn, maxReceiveCount = 5}}
step "say \"hi\"" {run = function() end}
ensure.sns.topic {name = "t"}]])
    local dot = run("graph", path).stdout
    assert.matches('^digraph "spec/graph" {', dot)
    assert.matches('n1 %[label = "sqs.queue\\na"%]', dot)
    assert.matches("n1 %-> n2;", dot)
    assert.matches('label = "step\\nsay \\"hi\\""', dot)
    assert.matches("n2 %-> s2 %[style = dashed%];", dot)
    local mermaid = run("graph", path, "--format", "mermaid").stdout
    assert.matches("^flowchart LR", mermaid)
    assert.matches('n1 %-%-> n2', mermaid)
    assert.matches('s2{{"step: say #quot;hi#quot;"}}', mermaid)
    assert.matches('s2 %-%.%-> n3', mermaid)
    local bin = dir .. "/bin"
    assert(fs.mkdir(bin))
    local svg = assert(proc.run(command({PATH = bin}, "graph", path, "--format", "svg")))
    assert.equal(69, svg.code)
    assert.matches("Graphviz", svg.stderr)
    assert.matches("tidelock graph %S+ %-%-format dot", svg.stderr)
    assert(fs.write(bin .. "/dot", '#!/bin/sh\nprintf "<svg %s>" "$1"\n/bin/cat\n'))
    os.execute("chmod +x " .. bin .. "/dot")
    svg = assert(proc.run(command({PATH = bin}, "graph", path, "--format", "svg")))
    assert.equal(0, svg.code, svg.stderr)
    assert.matches('^<svg %-Tsvg>digraph "spec/graph"', svg.stdout)
  end)
end)
