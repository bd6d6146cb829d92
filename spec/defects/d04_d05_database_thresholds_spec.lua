-- D4, D5: less than 1 GB of memory free on a machine of 1 GB, and a load of 0.8 on two vCPUs: always in alarm.
local hardening = require "support.hardening"

local MIB <const> = 1024 * 1024

-- By class: vCPUs, memory and the most connections of a PostgreSQL as AWS makes it.
local CLASSES <const> = {
  ["db.t3.micro"] = {vcpu = 2, memory = 1024 * MIB, connections = 79},
  ["db.t4g.medium"] = {vcpu = 2, memory = 4096 * MIB, connections = 414},
  ["db.m5.large"] = {vcpu = 2, memory = 8192 * MIB, connections = 829},
  ["db.r5.4xlarge"] = {vcpu = 16, memory = 131072 * MIB, connections = 5000},
}

describe("D4 and D5", function()
  local host, alarms, text
  local function create(name, class)
    host.session.rds:create_db_instance {DBInstanceIdentifier = name, Engine = "postgres", EngineVersion = "16.3",
      DBInstanceClass = class, AllocatedStorage = 100, MasterUsername = "app", MasterUserPassword = "Plain-Sight-7"}
  end
  setup(function()
    host = hardening.start()
    for class in pairs(CLASSES) do create(class:gsub("%.", "-"), class) end
    create("odd", "db.x9.huge")
    host.session.rds:create_db_parameter_group {DBParameterGroupName = "few", DBParameterGroupFamily = "postgres16",
      Description = "d"}
    host.session.rds:modify_db_parameter_group {DBParameterGroupName = "few", Parameters = {{
      ParameterName = "max_connections", ParameterValue = "50", ApplyMethod = "pending-reboot"}}}
    create("few", "db.m5.large")
    host.session.rds:modify_db_instance {DBInstanceIdentifier = "few", DBParameterGroupName = "few"}
    local code
    code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    alarms = {}
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do alarms[alarm.AlarmName] = alarm end
  end)
  teardown(function() host:close() end)

  for class, machine in pairs(CLASSES) do
    local of = "example-rds-" .. class:gsub("%.", "-") .. "-"
    it(("are avoided on %s: memory, load and connections are measured against the machine"):format(class), function()
      assert.equal(machine.memory // 10, alarms[of .. "memory-low"].Threshold)
      assert.equal("LessThanThreshold", alarms[of .. "memory-low"].ComparisonOperator)
      assert.is_true(math.abs(machine.vcpu * 0.8 - alarms[of .. "load-high"].Threshold) < 1e-9)
      assert.equal(math.floor(machine.connections * 0.8), alarms[of .. "connections-high"].Threshold)
      assert.equal(15 * 1024 ^ 3, alarms[of .. "storage-low"].Threshold)
    end)
  end
  it("are avoided where somebody has set max_connections", function()
    assert.equal(40, alarms["example-rds-few-connections-high"].Threshold)
  end)
  it("are avoided for a class that is not known: no threshold is made up, and that is said", function()
    assert.is_nil(alarms["example-rds-odd-memory-low"])
    assert.is_table(alarms["example-rds-odd-cpu-high"])
    assert.matches("odd is of class db.x9.huge, which EC2 does not know: no alarm on memory, connections", text)
  end)
end)
