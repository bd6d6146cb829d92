-- A user who may too little, before a server that holds requests to policies: what is missing is named, all of it, with
-- the statement to add; when it is added, the rest is done.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ministack = require "support.ministack"
local program = require "support.program"

local BOOK <const> = [[playbook {name = "denied", about = "a topic, a queue and a rule"}
local topic = ensure.sns.topic {name = "told"}
ensure.sqs.queue {name = "kept"}
ensure.events.rule {name = "hourly", ScheduleExpression = "rate(1 hour)", Targets = {{Id = "t", Arn = topic.arn}}}
]]

describe("a user who may too little", function()
  local server <const> = ministack.start {region = "us-east-1"}
  local root <const> = server:session()
  local folder, restore

  setup(function()
    folder = fs.tempdir "denied_spec"
    assert(fs.write(folder .. "/book.lua", BOOK))
    root.iam:create_user {UserName = "ci"}
    local key = root.iam:create_access_key {UserName = "ci"}.AccessKey
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state",
      AWS_ACCESS_KEY_ID = key.AccessKeyId, AWS_SECRET_ACCESS_KEY = key.SecretAccessKey}))
  end)
  teardown(function()
    restore()
    os.execute("rm -rf '" .. folder .. "'")
    server:stop()
  end)

  local function allow(...)
    root.iam:put_user_policy {UserName = "ci", PolicyName = "p", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = {...}, Resource = "*"}}}}
  end
  local function run(word, ...) return program.shown(word, folder .. "/book.lua", "--quiet", ...) end

  it("is told in a plan of every read that is refused, each with the statement to add", function()
    allow "sts:GetCallerIdentity"
    local code, text = run "plan"
    assert.equal(77, code, text)
    for _, name in ipairs {"sns:GetTopicAttributes", "sqs:GetQueueUrl", "events:DescribeRule"} do
      assert.matches(('Allow %s to these credentials in IAM, or use others (--profile). The statement to add:'
        .. ' {"Effect":"Allow","Action":"%s","Resource":"*"}.'):format(name, name), text, 1, true)
    end
  end)
  it("is told beforehand, on asking, of the writes that would be refused", function()
    allow("sts:*", "sns:Get*", "sns:List*", "sqs:*", "events:*", "tag:*", "iam:SimulatePrincipalPolicy")
    local code, text = run("plan", "--check-permissions")
    assert.equal(77, code, text)
    assert.matches("sns:CreateTopic, sns:TagResource on arn:aws:sns:us-east-1:000000000000:told: not allowed", text, 1,
      true)
    assert.matches('{"Action":["sns:CreateTopic","sns:TagResource"],"Effect":"Allow","Resource":["arn:aws:sns:'
      .. 'us-east-1:000000000000:told"]}', text, 1, true)
    assert.is_nil(text:find("sqs:CreateQueue", 1, true))
  end)
  it("is told of the write that was refused; all else is done, and the rest when it is allowed", function()
    local code, text = run("apply", "--yes")
    assert.equal(1, code, text)
    assert.matches('sns.topic/told%s+failed while creating: .-The statement to add: '
      .. '{"Effect":"Allow","Action":"sns:CreateTopic","Resource":"%*"}', text)
    assert.matches("events.rule/hourly  not done: it needs sns.topic/told, which failed", text, 1, true)
    assert.matches("1 created, 0 updated, 0 replaced, 0 deleted, 0 unchanged, 1 failed, 1 not done", text, 1, true)
    allow("sts:*", "sns:*", "sqs:*", "events:*", "tag:*")
    code, text = run("apply", "--yes", "--new")
    assert.equal(0, code, text)
    assert.matches("2 created, 0 updated, 0 replaced, 0 deleted, 1 unchanged", text, 1, true)
  end)
end)
