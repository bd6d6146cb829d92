--- Bodies that are sent compressed: PutMetricData says in its model that it takes gzip.
local aws = require "aws"
local gzip = require "tidelock.gzip"
local world = require "support.world"

-- Sends `count` metrics; returns the request as it went out.
local function put(count, env, body)
  local variables = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}
  for name, value in pairs(env or {}) do variables[name] = value end
  local options, record = world.new {env = variables, answers = function() return {status = 200, headers = {},
    body = body or "\xa0"} end}
  local data = {}
  for i = 1, count do data[i] = {MetricName = "metric " .. i, Value = i} end
  local s = aws.session(options)
  pcall(s.cloudwatch.put_metric_data, s.cloudwatch, {Namespace = "n", MetricData = data})
  return record.sent[1]
end

describe("a body that is worth it", function()
  it("goes out as gzip, and is signed so", function()
    local sent, plain = put(1000), put(1000, {AWS_DISABLE_REQUEST_COMPRESSION = "true"})
    assert.equal("gzip", sent.headers["Content-Encoding"])
    assert.equal(plain.body, gzip.decompress(sent.body, 1 << 20))
    assert.is_true(#sent.body < #plain.body // 4)
    assert.is_nil(plain.headers["Content-Encoding"])
    assert.matches("content%-encoding", sent.headers.Authorization)
  end)

  it("has 10,240 bytes or more, or as many as the configuration says", function()
    assert.is_nil(put(1).headers["Content-Encoding"])
    assert.equal("gzip", put(1, {AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES = "1"}).headers["Content-Encoding"])
    assert.is_nil(put(1000, {AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES = "10485760"}).headers["Content-Encoding"])
  end)

  it("is never of an operation that does not take it", function()
    local options, record = world.new {
      env = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}, answers = {{body = "{}"}}}
    local s = aws.session(options)
    s.sqs:send_message {QueueUrl = "u", MessageBody = ("x"):rep(100000)}
    assert.is_nil(record.sent[1].headers["Content-Encoding"])
  end)

  it("is told when the size makes no sense", function()
    local options = world.new {env = {AWS_REGION = "eu-west-1", AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES = "10485761",
      AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}}
    local s = aws.session(options)
    local err = world.raised(s.cloudwatch.put_metric_data, s.cloudwatch, {Namespace = "n",
      MetricData = {{MetricName = "m"}}})
    assert.matches('AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES; it must be a whole number from 0 to 10485760',
      tostring(err))
    assert.equal(64, err.exit)
  end)
end)
