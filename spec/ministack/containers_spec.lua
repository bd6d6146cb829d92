-- harden/tasks and the types of ECS's settings on the second emulator, which knows circuit breakers by itself.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ministack = require "support.ministack"
local program = require "support.program"
local secret = require "tidelock.secret"

local ROLE <const> = "arn:aws:iam::000000000000:role/one"
local WORDS <const> = {"apply", "playbooks/harden/tasks.lua", "--account=playbooks/accounts/example.lua", "--yes",
  "--quiet", "--approve", "change task definitions", "--var", "propagation=0"}

describe("containers on ministack", function()
  local server <const> = ministack.start {auth = false, region = "us-east-1"}
  local session <const> = server:session()
  local folder, restore

  setup(function()
    folder = fs.tempdir "containers_spec"
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state"}))
    session.ecs:create_cluster {clusterName = "c"}
    session.iam:create_role {RoleName = "one", AssumeRolePolicyDocument = "{}"}
    session.ecs:register_task_definition {family = "t", requiresCompatibilities = {"FARGATE"}, cpu = "256",
      memory = "512", networkMode = "awsvpc", executionRoleArn = ROLE, taskRoleArn = ROLE,
      containerDefinitions = {{name = "a", image = "a", environment = {{name = "API_KEY", value = "sk-x"}}}}}
    session.ecs:create_service {cluster = "c", serviceName = "s", taskDefinition = "t", desiredCount = 1}
  end)
  teardown(function()
    restore()
    os.execute("rm -rf '" .. folder .. "'")
    server:stop()
  end)

  it("1.5 gives a task two roles and moves its secret; a second apply makes no write", function()
    local code, out, err = program.run(table.unpack(WORDS))
    assert.equal(0, code, out .. err)
    local live = session.ecs:describe_services {cluster = "c", services = {"s"}}.services[1]
    local d = session.ecs:describe_task_definition {taskDefinition = live.taskDefinition}.taskDefinition
    assert.equal(2, d.revision)
    assert.equal(ROLE, d.taskRoleArn)
    assert.equal("arn:aws:iam::000000000000:role/example.t-start", d.executionRoleArn)
    assert.same({}, d.containerDefinitions[1].environment)
    local arn = d.containerDefinitions[1].secrets[1].valueFrom:match "^(arn:.+:secret:[^:]+):API_KEY::$"
    assert.same({API_KEY = "sk-x"}, json.decode(secret.reveal(session.secretsmanager:get_secret_value {SecretId = arn}
      .SecretString)))
    code, out, err = program.run(table.unpack(WORDS))
    assert.equal(0, code, out .. err)
    assert.matches("Nothing was changed: 1 as declared. %d+ reads, 0 writes", out)
  end)
  it("6.3 sets a circuit breaker and reads it back; 2.4 sets Container Insights", function()
    local service, settings = require "resources.ecs.service", require "resources.ecs.cluster_settings"
    local want = {cluster = "c", service = "s", deploymentConfiguration = {deploymentCircuitBreaker = {enable = true,
      rollback = true, thresholdConfiguration = {type = "COUNT", value = 2}}}}
    assert.equal(1, #service:diff(service.read(session, want), want))
    service.update(session, service.read(session, want), want, {deploymentConfiguration = true})
    assert.same({}, service:diff(service.read(session, want), want))
    local seen = {name = "c", settings = {{name = "containerInsights", value = "enhanced"}}}
    settings.update(session, settings.read(session, seen), seen)
    assert.same({}, settings:diff(settings.read(session, seen), seen))
  end)
end)
