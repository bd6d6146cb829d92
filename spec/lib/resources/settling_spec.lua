-- What is not known everywhere yet is waited for, for half a minute; what is wrong in another way is told at once.
local resource = require "resources"
local settling = require "resources.settling"

describe("settling.patiently", function()
  local naps
  setup(function()
    resource.pause_by(function(seconds, what) naps[#naps + 1] = seconds .. " " .. what end)
  end)
  teardown(function()
    resource.pause_by(function(seconds) require "tidelock.loop".sleep(seconds) end)
  end)
  before_each(function() naps = {} end)

  -- Fails so many times with this code, then gives what a call gives.
  local function failing(times, code)
    local calls = 0
    return function()
      calls = calls + 1
      if calls <= times then error({code = code, message = "no"}, 0) end
      return "done", calls
    end
  end
  local CODES <const> = {InvalidRoleException = true}

  it("waits while it fails in the way that passes", function()
    assert.same({"done", 3}, {settling.patiently(CODES, "the role", failing(2, "InvalidRoleException"))})
    assert.same({"3 the role", "3 the role"}, naps)
  end)
  it("raises what it still fails with after half a minute", function()
    local ok, err = pcall(settling.patiently, CODES, "the role", failing(99, "InvalidRoleException"))
    assert.same({false, "InvalidRoleException", 10}, {ok, err.code, #naps})
  end)
  it("does not wait for what will not pass", function()
    local ok, err = pcall(settling.patiently, CODES, "the role", failing(1, "AccessDenied"))
    assert.same({false, "AccessDenied", 0}, {ok, err.code, #naps})
    assert.is_false((pcall(settling.patiently, CODES, "the role", function() error "a bug" end)))
    assert.equal(0, #naps)
  end)
end)

describe("what leans on what was made a moment ago", function()
  local naps = 0
  setup(function() resource.pause_by(function() naps = naps + 1 end) end)
  teardown(function()
    resource.pause_by(function(seconds) require "tidelock.loop".sleep(seconds) end)
  end)

  local function once_refused(code, answer)
    local calls = 0
    return function()
      calls = calls + 1
      if calls == 1 then error({code = code, message = "not yet"}, 0) end
      return answer
    end
  end
  it("is made when that is known: recorder, channel, trail", function()
    local config = {put_configuration_recorder = once_refused "InvalidRoleException",
      put_delivery_channel = once_refused "InsufficientDeliveryPolicyException",
      describe_configuration_recorders = function() return {ConfigurationRecorders = {{name = "r", arn = "arn"}}} end}
    assert.same({arn = "arn"}, require "resources.config.recorder".create({config = config},
      {name = "r", roleARN = "x"}))
    require "resources.config.delivery_channel".create({config = config}, {name = "c", s3BucketName = "b"})
    local trail = {create_trail = once_refused("InvalidCloudWatchLogsRoleArnException", {TrailARN = "arn"}),
      start_logging = function() end}
    assert.same({arn = "arn"}, require "resources.cloudtrail.trail".create({cloudtrail = trail},
      {name = "t", S3BucketName = "b"}))
    assert.equal(3, naps)
  end)
end)
