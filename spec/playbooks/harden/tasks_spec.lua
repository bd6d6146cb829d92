-- harden/tasks on the unhardened account: what waits for a person, what is put back, roles and secrets of families.
local fleet = require "support.fleet"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"

local ASKED <const> = {"--approve", "change task definitions", "--var", "propagation=0"}

local definition <const>, live <const>, read <const> = fleet.definition, fleet.live, fleet.read
local container <const>, register <const>, serve <const> = fleet.container, fleet.register, fleet.serve
local insights <const>, statements <const> = fleet.insights, fleet.statements

local host, names, ecs

local function start() host, names, ecs = fleet.start() end

teardown(fleet.stop)

describe("the change of task definitions", function()
  before_each(start)
  after_each(function() host:close() end)

  local function revisions()
    local out = {}
    for _, s in ipairs(names.services) do
      out[#out + 1] = live(s.cluster, s.name).taskDefinition:match ":(%d+)$"
    end
    return table.concat(out)
  end

  it("waits for a person, and nothing else waits for it", function()
    local code, text = host:apply "harden/containers"
    assert.equal(75, code, text)
    assert.is_truthy(text:find("tidelock apply playbooks/harden/containers.lua --account playbooks/accounts/example.lua"
      .. ' --approve "change task definitions"', 1, true), text)
    assert.equal("1111111111", revisions())
    assert.equal(2, live("ai-team", "chatbot").deploymentConfiguration.deploymentCircuitBreaker.thresholdConfiguration
      .value)
    assert.equal("enhanced", insights "ai-team")
    assert.equal(0, (host:apply("harden/containers", table.unpack(ASKED))))
    assert.equal("2222222222", revisions())
  end)
  it("leaves roles or secrets, each alone, where that is wanted", function()
    local code, text = host:apply("harden/tasks", "--var", "roles=leave", table.unpack(ASKED))
    assert.equal(0, code, text)
    assert.equal("2111111111", revisions())
    assert.same({DATABASE_URL = true, API_KEY = true}, (function()
      local out = {}
      for _, s in ipairs(definition "example-api:2".containerDefinitions[1].secrets) do out[s.name] = true end
      return out
    end)())
    assert.matches("example%-worker:1 %(example%-cluster/worker%): left as it is: roles=leave", text)
  end)
  it("puts everything back where tasks do not come up, and says why", function()
    -- a secret that the running tasks took when they started, and that is gone since
    local secret = host.session.secretsmanager:create_secret {Name = "gone", SecretString = "x"}.ARN
    register("late", {containerDefinitions = {container {secrets = {{name = "A", valueFrom = secret}}}}})
    host.session.iam:put_role_policy {RoleName = "example-ecs", PolicyName = "s", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "secretsmanager:*", Resource = "*"}}}}
    serve "late"
    assert.equal("COMPLETED", live("ai-team", "late").deployments[1].rolloutState)
    host.session.secretsmanager:delete_secret {SecretId = secret, ForceDeleteWithoutRecovery = true}
    local code, text = host:apply("harden/containers", table.unpack(ASKED))
    assert.equal(1, code, text)
    assert.matches("ai%-team/late did not come up with late:2: .-rolling back to late:1", text)
    assert.equal("1111111111", revisions())
    assert.equal("1", live("ai-team", "late").taskDefinition:match ":(%d+)$")
    assert.equal("COMPLETED", live("ai-team", "analytics").deployments[1].rolloutState)
  end)
  it("is done when a run that was interrupted in it is resumed", function()
    local env, pid = {TIDELOCK_STATE = host.state, NO_COLOR = "1"}, host.state .. "/pid"
    for name, value in pairs(host.server.env) do env[name] = value end
    local program = arg[-1]:gsub("tidelua$", "tidelock")
    local ended = loop.spawn(proc.run, {"sh", "-c", 'echo $$ > "$0"; exec "$@"', pid, program, "apply",
      "playbooks/harden/tasks.lua", hardening.ACCOUNT, "--yes", "--approve", "change task definitions", "--var",
      "propagation=5", env = env})
    for _ = 1, 600 do                              -- until all are registered, and it waits for the roles
      local found = ecs:describe_task_definition {taskDefinition = "example-of-sync"}.taskDefinition
      if found.revision == 2 then break end
      loop.sleep(0.05)
    end
    os.execute("kill -INT $(cat '" .. pid .. "')")
    local ok, run = loop.wait(ended)
    assert.is_true(ok)
    assert.equal(130, run.code, run.stdout .. run.stderr)
    assert.equal("1111111111", revisions())
    local code, text = host:run("resume", "last", "--approve", "change task definitions")
    assert.equal(0, code, text)
    for _, s in ipairs(names.services) do
      local d = definition(live(s.cluster, s.name).taskDefinition)
      assert.equal(names.role, d.taskRoleArn)
      assert.matches("%-start$", d.executionRoleArn)
    end
    assert.equal(1, #read("secretsmanager", "ListSecrets", {}).SecretList)
  end)
  local function role_of(arn) return arn:match "[^/]+$" end

  -- A role that starts tasks, as an earlier run made it.
  local function starter(name)
    local arn = host.session.iam:create_role {RoleName = name, AssumeRolePolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
        Principal = {Service = "ecs-tasks.amazonaws.com"}}}}}.Role.Arn
    host.session.iam:attach_role_policy {RoleName = name,
      PolicyArn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"}
    return arn
  end

  it("1.5 gives a program a role of its own where a role that starts tasks was both", function()
    local shared = starter "example-ecs-start"
    register("twice", {executionRoleArn = shared, taskRoleArn = shared})
    serve "twice"
    local code, text = host:apply("harden/tasks", table.unpack(ASKED))
    assert.equal(0, code, text)
    assert.is_truthy(text:find("twice:1 (ai-team/twice): one role for both, example-ecs-start, which is only for"
      .. " starting tasks", 1, true), text)
    assert.is_truthy(text:find("its program gets a role of its own, example.twice-task, which may do nothing", 1, true),
      text)
    assert.is_truthy(text:find("11 task definition(s), two roles for 11,", 1, true), text)
    local d = definition(live("ai-team", "twice").taskDefinition)
    assert.equal(2, d.revision)
    assert.equal(shared, d.executionRoleArn)
    assert.equal("example.twice-task", role_of(d.taskRoleArn))
    assert.same({}, statements "example.twice-task")
    local again, said = host:apply("harden/tasks", table.unpack(ASKED))
    assert.equal(0, again, said)
    assert.matches("Nothing was changed: .*, 0 writes", said)
  end)
  it("1.5 gives each family a role that starts it, whatever it is called: none reads another's secrets", function()
    local expected = {orders = "example.orders-start", ["example-orders"] = "example-orders-start",
      ["example-ecs"] = "example..ecs-start", ecs = "example.ecs-start"}
    host.session.iam:put_role_policy {RoleName = "example-ecs", PolicyName = "s", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "secretsmanager:*", Resource = "*"}}}}
    for family in pairs(expected) do
      local secret = host.session.secretsmanager:create_secret {Name = "of/" .. family, SecretString = "x"}.ARN
      register(family, {containerDefinitions = {container {secrets = {{name = "A", valueFrom = secret}}}}})
      serve(family)
    end
    local code, text = host:apply("harden/tasks", table.unpack(ASKED))
    assert.equal(0, code, text)
    for family, name in pairs(expected) do
      local d = definition(live("ai-team", family).taskDefinition)
      assert.equal(name, role_of(d.executionRoleArn))
      assert.equal(names.role, d.taskRoleArn)
      local may = statements(name).Secrets.Resource
      assert.equal(1, #may)
      assert.equal("secret:of/" .. family .. "-??????", may[1]:match "secret:.*$")
    end
    assert.same({}, statements "example-ecs-start")
  end)
  it("takes up the secret that a try before this one has moved", function()
    local before = host.session.secretsmanager:create_secret {Name = "example/ecs/example-api/api", SecretString = "{}",
      Description = "moved out of a task definition"}.ARN
    local code, text = host:apply("harden/tasks", table.unpack(ASKED))
    assert.equal(0, code, text)
    local from = definition "example-api:2".containerDefinitions[1].secrets[1]
    assert.same({name = "API_KEY", valueFrom = before .. ":API_KEY::"}, from)
    assert.equal("sk-live-0f7c11d2a9b84e6fb3", json.decode(read("secretsmanager", "GetSecretValue",
      {SecretId = before}).SecretString).API_KEY)
  end)
  it("does not write over somebody's secret of that name", function()
    host.session.secretsmanager:create_secret {Name = "example/ecs/example-api/api", SecretString = "theirs"}
    local code, text = host:apply("harden/tasks", table.unpack(ASKED))
    assert.equal(1, code, text)
    assert.matches("the secret example/ecs/example%-api/api is there already, and is somebody else's", text)
    assert.equal("1111111111", revisions())
    assert.equal("theirs", read("secretsmanager", "GetSecretValue", {SecretId = "example/ecs/example-api/api"})
      .SecretString)
  end)
  it("tells of a cluster that the account file names and that is not there", function()
    local path = host.state .. "/account.lua"
    local file = assert(io.open(path, "w"))
    file:write 'return {prefix = "example", env = "production", clusters = {"ai-team", "ai-taem"}}'
    file:close()
    local code, text = host:run("apply", "playbooks/harden/containers.lua", "--account=" .. path, "--yes", "--quiet",
      table.unpack(ASKED))
    assert.is_true(code == 1 or code == 2, text)
    assert.matches("ai%-taem: there is no such cluster", text)
  end)
end)
