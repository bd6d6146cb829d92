-- harden/tables on the unhardened account: recovery and protection of every table, but for those left out by choice.
local account = require "support.account"
local hardening = require "support.hardening"

describe("9.5 harden/tables", function()
  local host, names, dynamodb
  before_each(function()
    host = hardening.start()
    dynamodb = host.session.dynamodb
    names = account.build(host, {only = {"tables"}})
  end)
  after_each(function() host:close() end)

  local function live(name)
    local found = dynamodb:describe_continuous_backups {TableName = name}.ContinuousBackupsDescription
    return (found.PointInTimeRecoveryDescription or {}).PointInTimeRecoveryStatus == "ENABLED",
      dynamodb:describe_table {TableName = name}.Table.DeletionProtectionEnabled == true
  end

  it("gives every table both, which the control then passes, and makes no write the second time", function()
    assert.equal(2, (host:run("check", "dynamodb-point-in-time-recovery")))
    local code, text = host:apply "harden/tables"
    assert.equal(0, code, text)
    for _, name in ipairs(names.tables) do assert.same({true, true}, {live(name)}, name) end
    assert.equal(0, (host:run("check", "dynamodb-point-in-time-recovery")))
    code, text = host:apply "harden/tables"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: .*, 0 writes", text)
    for _, name in ipairs(names.tables) do
      assert.same({}, dynamodb:list_tags_of_resource {ResourceArn = dynamodb:describe_table {TableName = name}.Table
        .TableArn}.Tags, name)
    end
  end)
  it("leaves volatile tables out by choice, names them, and takes nothing back from them", function()
    dynamodb:update_continuous_backups {TableName = "example-sessions",
      PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true}}
    local code, text = host:apply("harden/tables", "--var", "without=session,lock,limit", "--var", "protect=false")
    assert.equal(0, code, text)
    assert.matches("without recovery, by choice: example%-job%-locks, example%-rate%-limits", text)
    assert.same({false, false}, {live "example-job-locks"})
    assert.same({true, false}, {live "example-sessions"})
    assert.same({true, false}, {live "example-users"})
  end)
  it("does not weaken what provision/messaging makes, nor is weakened by it", function()
    assert.equal(0, (host:apply "provision/messaging"))
    assert.equal(0, (host:apply "harden/tables"))
    assert.same({true, true}, {live "example-ai-costs-production"})
    local code, text = host:apply "provision/messaging"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: .*, 0 writes", text)
    assert.same({true, true}, {live "example-ai-costs-production"})
  end)
end)
