-- history_spec.lua -- which lines are kept, where, and that no secret is among them.
local fs = require "tidelock.fs"
local history = require "repl.history"
local models = require "tidelock.models"

local SECRETS <const> = {
  'aws.secretsmanager:put_secret_value{SecretId = "x", SecretString = "hunter2"}',
  'aws.rds:create_db_instance{MasterUserPassword = "hunter2"}',
  'aws.ssm:put_parameter{Name = "n", Value = "hunter2"}',                        -- sensitive by its model
  'aws.lambda:call("create_function", {Environment = {Variables = {A = "hunter2"}}})',
  "aws:client('sqs', {credentials = {access_key_id = 'AKIAIOSFODNN7EXAMPLE'}})",
  "k = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'", 'db_password = "x"', 'secret.new "x"', "secret.reveal(_)",
  'url = "redis://me:hunter2@host"', ' x = 1',
}
local PLAIN <const> = {"1 + 1", 'aws.sqs:create_queue{QueueName = "q"}', "aws.secretsmanager:list_secrets{}",
  'arn = "arn:aws:sqs:eu-west-1:123456789012:q"', "x == y", 'aws.s3:get_object{Bucket = "b", Key = "k"}'}

describe("the history", function()
  for _, line in ipairs(SECRETS) do
    it("does not keep " .. line, function() assert.is_false(history.may_keep(line, models)) end)
  end
  for _, line in ipairs(PLAIN) do
    it("keeps " .. line, function() assert.is_true(history.may_keep(line, models)) end)
  end

  it("lies in the user's state folder", function()
    local function with(t) return function(name) return t[name] end end
    assert.equal("/s/tidelock/history", history.path(with {XDG_STATE_HOME = "/s", HOME = "/h"}))
    assert.equal("/h/.local/state/tidelock/history", history.path(with {HOME = "/h"}))
    assert.is_nil(history.path(with {}))
  end)

  it("gives back inputs of many lines as they were, from a file that its owner alone can read", function()
    local folder = assert(fs.tempdir "tidelock-history")
    local path = folder .. "/deep/history"
    local inputs = {"1", "for i = 1, 2 do\n  print(i)\nend", 'x = "a\\\nb"'}
    for _, input in ipairs(inputs) do assert(history.add(path, input)) end
    assert.same(inputs, history.read(path))
    assert.equal(tonumber("600", 8), fs.stat(path).mode & 511)
    os.remove(path)
    os.remove(folder .. "/deep")
    os.remove(folder)
    assert.same({}, history.read(path))
  end)
end)
