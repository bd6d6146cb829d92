-- D13: ticked boxes are no evidence. Roles of tasks were described and built nowhere; here each task has two.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D13", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"network", "containers"}})
    local code, text = host:apply("harden/tasks", "--approve", "change task definitions", "--var", "propagation=0")
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: the role that starts a task is not the one that its program has", function()
    for _, s in ipairs(names.services) do
      local live = host.session.ecs:describe_services {cluster = s.cluster, services = {s.name}}.services[1]
      local d = host.session.ecs:describe_task_definition {taskDefinition = live.taskDefinition}.taskDefinition
      assert.is_string(d.executionRoleArn)
      assert.is_string(d.taskRoleArn)
      assert.is_not.equal(d.executionRoleArn, d.taskRoleArn)
    end
  end)
  it("is avoided: the roles are there, and may be taken on by tasks", function()
    for _, name in ipairs {"example-ecs-start", "example-api-start"} do
      assert.matches("ecs%-tasks%.amazonaws%.com", tostring(require "tidelock.json".encode(
        host.session.iam:get_role {RoleName = name}.Role.AssumeRolePolicyDocument)))
    end
  end)
end)
