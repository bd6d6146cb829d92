-- A scheduled task as ECS would run it: the image's root, read only, as nobody; credentials from the agent, the journal
-- in S3. Killed, held off while its lock lives, gone on with by the next run, parked, approved.
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local room = require "dist.room"
local support = require "support.server"

local PLAYBOOK <const> = [[
playbook {name = "spec/nightly", about = "A step, a wait, an approval"}
local queue = ensure.sqs.queue {name = "nightly"}
step "send" {run = function(token)
  return aws.sqs:send_message {QueueUrl = queue.url, MessageBody = token}.MessageId
end}
wait_until "released" {timeout = "1m", every = 0.2, test = function()
  return #(aws.sqs:list_queues {QueueNamePrefix = "released"}.QueueUrls or {}) > 0
end}
approve "go on"
step "send again" {run = function(token)
  return aws.sqs:send_message {QueueUrl = queue.url, MessageBody = token}.MessageId
end}
]]

local TOKEN <const> = "Bearer of-the-spec"

describe("a scheduled task", function()
  local lacks <const> = room.lacks(true)
  local function fact(name, fn)
    if lacks then pending(name .. " (" .. lacks .. ")", fn) else it(name, fn) end
  end
  local server, session, folder, here, agent, environment, command

  -- The schedule is added from outside, as a person would, by the static program as well.
  local function add(path, name, ...)
    local subnet = session.ec2:describe_subnets {}.Subnets[1].SubnetId
    local env = {TIDELOCK_STATE = folder .. "/state"}
    for key, value in pairs(server.env) do env[key] = value end
    local words = {room.PROGRAM, "schedule", "add", path, "--name", name, "--rate", "1 hour", "--image", "tidelock:1",
      "--subnet", subnet, "--yes", env = env, ...}
    local out = assert(proc.run(words))
    assert(out.code == 0, out.stderr)
  end

  -- What ECS gives to a container: the definition's environment, and where its credentials are.
  local function prepare()
    server = moto.start()
    session = server:session()
    folder = support.folder()
    local file <close> = assert(io.open(folder .. "/nightly.lua", "w"))
    file:write(PLAYBOOK)
    file:flush()
    add(folder .. "/nightly.lua", "nightly")
    local container = session.ecs:describe_task_definition {taskDefinition = "tidelock-nightly"}.taskDefinition
      .containerDefinitions[1]
    local allowed = session.iam:get_role_policy {RoleName = "tidelock-nightly-task", PolicyName = "task"}.PolicyDocument
    allowed = type(allowed) == "table" and json.encode(allowed) or allowed
    assert(allowed:find "sqs:CreateQueue" and allowed:find "sqs:SendMessage", "the program does not see its own types")
    local role = session.iam:get_role {RoleName = "tidelock-nightly-task"}.Role.Arn
    local got = session.sts:assume_role {RoleArn = role, RoleSessionName = "task"}.Credentials
    local reveal = require "tidelock.secret".reveal
    local function text(value) return type(value) == "userdata" and reveal(value) or value end
    local given = json.encode {token = TOKEN, credentials = {AccessKeyId = got.AccessKeyId,
      SecretAccessKey = text(got.SecretAccessKey), Token = text(got.SessionToken), RoleArn = role,
      Expiration = "2037-01-01T00:00:00Z"}}
    local port
    agent, port = support.start({support.PYTHON, "spec/dist/agent.py"}, "^(%d+)\n", {env = {AGENT = given}})
    environment = {HOME = "/work", AWS_ENDPOINT_URL = server.url, AWS_EXECUTION_ENV = "AWS_ECS_FARGATE",
      AWS_CONTAINER_CREDENTIALS_FULL_URI = ("http://127.0.0.1:%d/creds"):format(port),
      AWS_CONTAINER_AUTHORIZATION_TOKEN = TOKEN}
    for _, one in ipairs(container.environment) do environment[one.name] = one.value end
    command = container.command
    here = room.of_image()
  end

  teardown(function()
    if agent then agent:close() end
    if here then here:close() end
    if folder then support.remove(folder) end
  end)

  local function words(...)
    local out = {"/bin/tidelock"}
    table.move(command, 1, #command, 2, out)
    table.move({...}, 1, select("#", ...), #out + 1, out)
    out.env = environment
    return out
  end

  -- Every line is JSON: that is what a metric filter reads.
  local function parsed(text)
    local out = {}
    for line in text:gmatch "[^\n]+" do
      local value = json.decode(line)
      assert.is_table(value, "no JSON: " .. line)
      out[#out + 1] = value
    end
    return out
  end

  local function run(...)
    local out = here:run(words(...))
    local lines = parsed(out.stdout)
    assert.equal("", out.stderr)
    return out.code, lines[#lines], lines
  end

  local function of_kind(lines, kind, name)
    for _, line in ipairs(lines) do
      if line.kind == kind and (name == nil or line.name == name) then return line end
    end
  end

  local function messages()
    local url = session.sqs:get_queue_url {QueueName = "nightly"}.QueueUrl
    return url, session.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"ApproximateNumberOfMessages"}}
      .Attributes.ApproximateNumberOfMessages
  end

  -- What it wrote until it waited and a signal came, and its exit code.
  local function stopped(signal)
    local options = words()
    options.stdout = "pipe"
    local process = assert(proc.spawn(here:command(options)))
    local text = ""
    while not text:find '"name":"released"' do text = text .. assert(process:read(), text) end
    process:kill(signal)
    for chunk in function() return process:read() end do text = text .. chunk end
    local code = process:wait()
    process:close()
    return text, code
  end

  local first                                            -- the id of the run that is killed

  fact("says in JSON what it does, until it is killed", function()
    prepare()
    local text = stopped "KILL"
    local lines = parsed(text:match "^(.*)\n")
    first = of_kind(lines, "run.start").run
    assert.equal("info", of_kind(lines, "step.done", "send").level)
    assert.is_nil(of_kind(lines, "summary"))
    assert.equal("1", (select(2, messages())))
    assert.is_nil(text:find("of-the-spec", 1, true))
  end)

  fact("leaves a run alone whose lock gives signs of life: two that overlap do not collide", function()
    local code, summary = run()
    assert.equal(75, code)
    assert.equal("overlap", summary.result)
    assert.matches(first, summary.message, 1, true)
  end)

  fact("goes on with the killed run: what is done is not repeated, and an approval parks it", function()
    local key = {id = {S = ("%s/%s"):format(server.account, server.region)}}
    session.dynamodb:update_item {TableName = "tidelock-locks", Key = key, UpdateExpression = "SET expires = :past",
      ExpressionAttributeValues = {[":past"] = {N = "1"}}}           -- as if its lease had run out
    session.sqs:create_queue {QueueName = "released"}
    local code, summary, lines = run()
    assert.equal(75, code, json.encode(lines))
    assert.equal(first, of_kind(lines, "resume").run)
    assert.same({first, "parked", 75}, {summary.run, summary.result, summary.exit})
    assert.equal("1", (select(2, messages())))
  end)

  fact("takes an approval from its command, and ends", function()
    local code, summary = run("--approve", "go on")
    assert.equal(0, code, summary.message)
    assert.same({first, "done", 0}, {summary.run, summary.result, summary.exit})
    assert.equal("2", (select(2, messages())))
  end)

  fact("begins a new run when none is left, and its exit code is the task's", function()
    local code, summary, lines = run()
    assert.equal(75, code)
    assert.not_equal(first, summary.run)
    assert.is_nil(of_kind(lines, "resume"))
    assert.equal("3", (select(2, messages())))
    local keys = {}
    local bucket = ("tidelock-%s-%s"):format(server.account, server.region)
    for object in session.s3:items("list_objects_v2", {Bucket = bucket, Prefix = "runs/runs/"}) do
      keys[#keys + 1] = object.Key:match "runs/runs/([^/]+)/"
    end
    assert.equal(first, keys[1])
    assert.equal(summary.run, keys[#keys])
  end)

  fact("is the security runbook: its checks in the log, its verdict the exit code", function()
    add("playbooks/runbooks/security.lua", "security", "--account", "playbooks/accounts/example.lua", "--region",
      server.region)
    local kept = command
    command = session.ecs:describe_task_definition {taskDefinition = "tidelock-security"}.taskDefinition
      .containerDefinitions[1].command
    local code, summary, lines = run()
    command = kept
    assert.equal(1, code)
    assert.same({"runbooks/security", "done", 1}, {summary.playbook, summary.result, summary.exit})
    assert.equal(0, summary.writes)
    local seen = 0
    for _, line in ipairs(lines) do
      if line.kind == "check" then seen = seen + 1 end
    end
    assert.is_true(seen > 20)
    assert.is_true(summary.checks.fail > 0)
  end)

  fact("waits for another playbook's run, and says so when it waited in vain", function()
    local key, bucket = {S = ("%s/%s"):format(server.account, server.region)},
      ("tidelock-%s-%s"):format(server.account, server.region)
    local now = require "tidelock.loop".time() // 1 | 0
    session.s3:put_object {Bucket = bucket, Key = "runs/runs/20260101-000000-aa/000001.jsonl",
      Body = '{"kind":"run","playbook":"spec/other","host":"elsewhere"}\n'}
    local function hold(seconds)
      session.dynamodb:put_item {TableName = "tidelock-locks", Item = {id = key, run = {S = "20260101-000000-aa"},
        host = {S = "elsewhere"}, start = {S = "-"}, token = {S = "-"}, expires = {N = tostring(now + seconds)}}}
    end
    hold(600)
    environment.TIDELOCK_WAIT = "0"
    local code, summary = run()
    assert.same({69, "failed"}, {code, summary.result})
    assert.matches("run 20260101-000000-aa of spec/other on elsewhere", summary.message, 1, true)
    hold(4)
    environment.TIDELOCK_WAIT = "60"
    local lines
    code, summary, lines = run "--approve=go on"
    environment.TIDELOCK_WAIT = nil
    assert.same({0, "done"}, {code, summary.result})
    local told = false
    for _, line in ipairs(lines) do
      told = told or tostring(line.message):find("Waiting for its end", 1, true) ~= nil
    end
    assert.is_true(told)
  end)

  fact("ends in order when ECS stops it, and the next run goes on at once", function()
    session.sqs:delete_queue {QueueUrl = session.sqs:get_queue_url {QueueName = "released"}.QueueUrl}
    local text, code = stopped "TERM"
    local lines = parsed(text)
    local summary = lines[#lines]
    assert.same({130, "interrupted", 130}, {code, summary.result, summary.exit})
    session.sqs:create_queue {QueueName = "released"}
    local again, _, more = run()
    assert.equal(75, again)
    assert.equal(summary.run, of_kind(more, "resume").run)
  end)

  fact("says what is wrong with it as JSON too, with a code that is not zero", function()
    local kept = environment.TIDELOCK_STORE
    environment.TIDELOCK_STORE = "s3://there-is-no-such-bucket/runs"
    local code, summary, lines = run()
    environment.TIDELOCK_STORE = kept
    assert.equal(69, code, json.encode(lines))
    assert.equal("error", of_kind(lines, "error").level)
    assert.same({"summary", "failed", 69}, {summary.kind, summary.result, summary.exit})
    command = {"schedule", "task", "schedules/nightly/0123.json"}
    code, summary = run()
    assert.equal(66, code)
    assert.matches("There is no schedules/nightly/0123.json in the store", summary.message)
  end)

  fact("wrote to /work alone", function()
    local out = assert(proc.run {"find", here.root, "-type", "f", "-newer", here.folder .. "/bundle/config.json"})
    assert.equal("", out.stdout)
    assert.matches("nightly.lua", assert(proc.run {"find", here.root .. ".work", "-type", "f"}).stdout)
  end)
end)
