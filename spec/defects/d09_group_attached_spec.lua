-- D9: the parameter group that enforces TLS was made and never attached, so that nothing was enforced.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D9", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"data"}, encrypted = true})
  end)
  teardown(function() host:close() end)
  local function group()
    return host.session.rds:describe_db_instances {DBInstanceIdentifier = names.database}.DBInstances[1]
      .DBParameterGroups[1]
  end

  it("is avoided: the run does not end well before the group is attached and in force", function()
    local code, text = host:apply("harden/database", "--var", "public=leave")
    assert.equal(75, code, text)                             -- it waits for somebody to allow the reboot
    assert.equal(names.database .. "-tls", group().DBParameterGroupName)
    assert.equal("pending-reboot", group().ParameterApplyStatus)
    code, text = host:run("resume", text:match "tidelock resume (%S+)", "--approve", "reboot " .. names.database)
    assert.equal(0, code, text)
    assert.equal("in-sync", group().ParameterApplyStatus)
    local value
    for p in host.session.rds:items("describe_db_parameters", {DBParameterGroupName = group().DBParameterGroupName}) do
      if p.ParameterName == "rds.force_ssl" then value = p.ParameterValue end
    end
    assert.equal("1", value)
  end)
end)
