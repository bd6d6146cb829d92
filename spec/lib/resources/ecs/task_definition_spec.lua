-- What Fargate and ECS would refuse is told before anything is sent, and equal containers are equal however written.
local resources = require "resources"

describe("ecs.task_definition", function()
  local t <const> = resources.find "ecs.task_definition"

  local function faults(more)
    local want = {name = "f", requiresCompatibilities = {"FARGATE"}, cpu = "256", memory = "512",
      networkMode = "awsvpc", containerDefinitions = {{name = "run", image = "i"}}}
    for name, value in pairs(more) do want[name] = value end
    return table.concat(t.check(want), "\n")
  end

  it("takes what Fargate has", function()
    assert.equal("", faults {})
    for cpu, memory in pairs {["256"] = "2048", ["512"] = "4096", ["1024"] = "3072", ["8192"] = "20480"} do
      assert.equal("", faults {cpu = cpu, memory = memory})
    end
  end)
  it("names the sizes that Fargate has not", function()
    assert.equal('Fargate has no cpu = "300"; it has 256, 512, 1024, 2048, 4096, 8192, 16384', faults {cpu = "300"})
    assert.matches('Fargate has no memory = "1536" with cpu = "256"', faults {memory = "1536"})
    assert.matches('with cpu = "512"; it has 1024 to 4096 in steps of 1024', faults {cpu = "512"})
  end)
  it("wants a task's own network on Fargate", function()
    assert.matches("networkMode is \"bridge\"; tasks on Fargate have awsvpc", faults {networkMode = "bridge"})
  end)
  it("finds a mount without a volume and a name given twice", function()
    assert.matches('container run mounts the volume "wrok", which the task does not have', faults {
      volumes = {{name = "work"}},
      containerDefinitions = {{name = "run", image = "i", mountPoints = {{sourceVolume = "wrok"}}}}})
    assert.matches("two containers are called run", faults {
      containerDefinitions = {{name = "run", image = "i"}, {name = "run", image = "j"}}})
  end)
  it("tells no difference by order or by AWS's defaults, and one by a variable taken away", function()
    local live = t.normal {name = "f", containerDefinitions = {{name = "run", image = "i", cpu = 0, essential = true,
      environment = {{name = "B", value = "1"}, {name = "A", value = "2"}}, mountPoints = {}, volumesFrom = {},
      portMappings = {{containerPort = 80, hostPort = 80, protocol = "tcp"}}, systemControls = {}}}}
    local function names(container)
      local out = {}
      for i, change in ipairs(t:diff(live, t:complete {name = "f", containerDefinitions = {container}})) do
        out[i] = change.name
      end
      return table.concat(out, " ")
    end
    assert.equal("", names {name = "run", image = "i", portMappings = {{containerPort = 80}},
      environment = {{name = "A", value = "2"}, {name = "B", value = "1"}}})
    assert.equal("containerDefinitions", names {name = "run", image = "i", portMappings = {{containerPort = 80}},
      environment = {{name = "A", value = "2"}}})
    assert.equal("containerDefinitions", names {name = "run", image = "i", portMappings = {{containerPort = 80}}})
  end)
  it("takes another refusal than that there is none for an error", function()
    local refusal = {code = "ClientException", message = "Cluster is being deleted."}
    local aws = {ecs = {describe_task_definition = function() error(refusal, 0) end}}
    local ok, err = pcall(t.read, aws, {name = "f"})
    assert.is_false(ok)
    assert.equal(refusal, err)
    refusal.message = "Unable to describe task definition."
    assert.is_nil(t.read(aws, {name = "f"}))
  end)
end)
