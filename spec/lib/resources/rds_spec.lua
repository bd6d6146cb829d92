-- Databases on moto: parameter groups made, read back, changed, deleted; instances adjusted, and nothing else.
local models = require "tidelock.models"
local moto = require "support.moto"
local place = require "playbook.place"
local recorder_of = require "playbook.recorder"
local schema = require "resources.schema"

local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}

describe("on moto", function()
  local server <const> = moto.start()
  local session, recorder, client
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    session = server:session()
    recorder = recorder_of.new(session)
    recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}, nodes = {}}
    client = recorder:client()
  end)

  local function differs(t, want)
    local names = {}
    for i, change in ipairs(t:diff(t.read(client, want), t:complete(want))) do names[i] = change.name end
    return table.concat(names, ", ")
  end
  -- One property changed: it differs, one update of so many calls mends it.
  local function change(t, want, name, value, calls)
    want[name] = value
    assert.same({}, schema.faults(t:schema(models), want, IS))
    assert.same({}, t.check(want) or {})
    assert.equal(name, differs(t, want))
    local writes = recorder.writes
    t.update(client, t.read(client, want), t:complete(want), {[name] = true})
    assert.equal(calls or 1, recorder.writes - writes, name)
    assert.equal("", differs(t, want), name)
  end

  describe("rds.parameter_group", function()
    local t = require "resources.rds.parameter_group"
    local function want()
      return {name = "pg", DBParameterGroupFamily = "postgres16", Description = "d", Tags = {a = "1"},
        Parameters = {["rds.force_ssl"] = 1, log_statement = "ddl"}}
    end
    it("goes round: made, read back, each property changed alone, deleted", function()
      local w = want()
      assert.is_nil(t.read(client, w))
      assert.same({}, schema.faults(t:schema(models), w, IS))
      local made = t.create(client, w)
      assert.equal(t.read(client, w).arn, made.arn)
      assert.equal("", differs(t, w))
      change(t, w, "Parameters", {["rds.force_ssl"] = 0, log_statement = "ddl", max_connections = 90})
      change(t, w, "Tags", {a = "2"})
      change(t, w, "Tags", {b = "2"}, 2)
      t.delete(client, t.read(client, w))
      assert.is_nil(t.read(client, w))
    end)
    it("leaves parameters alone that the playbook does not give", function()
      local w = want()
      t.create(client, w)
      session.rds:modify_db_parameter_group {DBParameterGroupName = "pg", Parameters = {{
        ParameterName = "log_lock_waits", ParameterValue = "1", ApplyMethod = "immediate"}}}
      assert.equal("", differs(t, w))
      change(t, w, "Parameters", {["rds.force_ssl"] = 1, log_statement = "all"})
      assert.equal("1", t.read(client, w).Parameters.log_lock_waits)
    end)
    it("says every parameter that there is not, with the one that was meant, and sets none", function()
      local w = want()
      w.Parameters = {["rds.forcessl"] = 1, log_statment = "ddl", ssl = 0, log_connections = 1}
      local ok, err = pcall(t.create, client, w)
      assert.is_false(ok)
      assert.matches('no parameter log_statment; did you mean "log_statement"', err.message)
      assert.matches('no parameter rds.forcessl; did you mean "rds.force_ssl"', err.message)
      assert.matches("ssl cannot be changed", err.message)
      assert.same({}, t.read(client, w).Parameters)
    end)
    it("refuses AWS's own groups before anything is sent", function()
      assert.matches("default.postgres16 is AWS's own", t.check {name = "default.postgres16"}[1])
    end)
    it("sends more than twenty parameters in parts", function()
      local sent = {}
      local fake = {rds = {items = function(_, _, input)
        local i = 0
        return function()
          i = i + 1
          return not input.Source and i <= 45 and {ParameterName = "p" .. i, ApplyType = "static"} or nil
        end
      end, create_db_parameter_group = no, modify_db_parameter_group = function(_, input)
        sent[#sent + 1] = #input.Parameters
        assert.equal("pending-reboot", input.Parameters[1].ApplyMethod)
      end}, arn = function() return "arn" end}
      local parameters = {}
      for i = 1, 45 do parameters["p" .. i] = "1" end
      t.create(fake, {name = "pg", Parameters = parameters})
      assert.same({20, 20, 5}, sent)
    end)
  end)

  describe("rds.instance", function()
    local t = require "resources.rds.instance"
    local ROLE <const> = "arn:aws:iam::123456789012:role/monitoring"
    before_each(function()
      session.rds:create_db_instance {DBInstanceIdentifier = "db", Engine = "postgres", EngineVersion = "16.3",
        DBInstanceClass = "db.t3.micro", AllocatedStorage = 20, MasterUsername = "app",
        MasterUserPassword = "Plain-Sight-7"}
    end)
    it("changes each setting alone, in one call", function()
      local w = {name = "db"}
      assert.equal("", differs(t, w))
      change(t, w, "EnablePerformanceInsights", true)
      change(t, w, "PerformanceInsightsRetentionPeriod", 31)
      change(t, w, "EnableCloudwatchLogsExports", {"postgresql", "upgrade"})
      change(t, w, "EnableCloudwatchLogsExports", {"postgresql"})
      change(t, w, "DeletionProtection", true)
      change(t, w, "BackupRetentionPeriod", 14)
      session.rds:create_db_parameter_group {DBParameterGroupName = "pg", DBParameterGroupFamily = "postgres16",
        Description = "d"}
      change(t, w, "DBParameterGroupName", "pg")
      assert.equal("pending-reboot", t.read(client, w).parameters)
      assert.equal("its parameters wait for a reboot", t.note(t.read(client, w)))
      session.rds:reboot_db_instance {DBInstanceIdentifier = "db"}
      assert.equal("in-sync", t.read(client, w).parameters)
    end)
    it("sends the role with the interval, and the interval with the role", function()
      local w = {name = "db", MonitoringInterval = 60, MonitoringRoleArn = ROLE}
      t.update(client, t.read(client, w), w, {MonitoringInterval = true, MonitoringRoleArn = true})
      assert.equal("", differs(t, w))
      change(t, w, "MonitoringInterval", 30)
      change(t, w, "MonitoringRoleArn", ROLE .. "2")
    end)
    it("is not drift while it waits for the maintenance window, and says so", function()
      local live = {DBInstanceIdentifier = "db", DBInstanceStatus = "available", BackupRetentionPeriod = 1,
        PendingModifiedValues = {BackupRetentionPeriod = 7, PendingCloudwatchLogsExports = {
          LogTypesToEnable = {"postgresql"}}}}
      local read = t.read({rds = {describe_db_instances = function() return {DBInstances = {live}} end}}, {name = "db"})
      assert.equal(0, #t:diff(read, {name = "db", BackupRetentionPeriod = 7,
        EnableCloudwatchLogsExports = {"postgresql"}}))
      assert.equal('waits for the maintenance window: {"BackupRetentionPeriod":7}', t.note(read))
    end)
    it("is never made nor deleted", function()
      local ok, err = pcall(t.create, client, {name = "gone"})
      assert.is_false(ok)
      assert.matches("there is no database gone here, and rds.instance adjusts what exists", err.message)
      assert.matches("never deleted", t.protected())
      assert.is_false((pcall(t.delete, client, {name = "db"})))
      assert.is_nil(t.read(client, {name = "gone"}))
    end)
  end)
end)
