-- That what is found is enough: playbooks run as a role that may do that and nothing else, on an account that looks.
local actions = require "schedule.actions"
local http = require "tidelock.http"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"
local support = require "support.server"

local TRUST <const> = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
  Principal = {AWS = "*"}}}}

describe("a role with what was found", function()
  local server, session, folder, number

  setup(function()
    server, folder, number = moto.start {private = true}, support.folder(), 0
    session = server:session()
  end)
  teardown(function()
    server:stop()
    support.remove(folder)
  end)

  -- From the nth request on every one is held to the policies of who sends it.
  local function look(from)
    local answer = assert(http.send({method = "POST", scheme = "http", host = "127.0.0.1:" .. server.port, query = "",
      path = "/moto-api/reset-auth", headers = {["Content-Type"] = "text/plain"}, body = tostring(from)},
      {timeout = 10}))
    assert(answer.status == 200, answer.status)
  end

  -- moto calls some actions by its own names of the services: these are given as well.
  local MOTOS <const> = {["cloudwatch:DescribeAlarms"] = "monitoring:DescribeAlarms",
    ["cloudwatch:ListMetrics"] = "monitoring:ListMetrics", ["cloudwatch:ListDashboards"] = "monitoring:ListDashboards",
    ["s3:GetAccountPublicAccessBlock"] = "s3:GetPublicAccessBlock"}

  local function also(list)
    local out = table.move(list, 1, #list, 1, {})
    for _, action in ipairs(list) do out[#out + 1] = MOTOS[action] end
    return out
  end

  local function environment(list)
    look "inf"
    number = number + 1
    local name = "role-" .. number
    local role = session.iam:create_role {RoleName = name, AssumeRolePolicyDocument = json.encode(TRUST)}.Role.Arn
    session.iam:put_role_policy {RoleName = name, PolicyName = "task", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = json.array(actions.statements(also(list)))}}
    local got = session.sts:assume_role {RoleArn = role, RoleSessionName = "task"}.Credentials
    local function text(value) return type(value) == "userdata" and require "tidelock.secret".reveal(value) or value end
    local env = {}
    for key, value in pairs(server.env) do env[key] = value end
    env.TIDELOCK_STATE = ("%s/%d"):format(folder, number)
    env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY = got.AccessKeyId, text(got.SecretAccessKey)
    env.AWS_SESSION_TOKEN = text(got.SessionToken)
    look "0"
    return env
  end

  -- As the command sees it: types, controls and calls of the playbook and its parts.
  local function needed(path)
    local add = require "cli.schedule.add"
    local loaded = require "playbook".load(path, {account = "playbooks/accounts/example.lua"})
    return add.needed(add.declare(loaded, server.region, {}))
  end

  local function tidelock(env, ...)
    return assert(proc.run(program.command(env, ...)))
  end

  local function without(list, action)
    local out = {}
    for _, one in ipairs(list) do
      if one ~= action then out[#out + 1] = one end
    end
    assert.equal(#list - 1, #out)
    return out
  end

  local ALL <const>, ACCOUNT <const> = "playbooks/provision/all.lua", "--account=playbooks/accounts/example.lua"

  it("provisions all that the playbook declares, and again without a write", function()
    local list = needed(ALL)
    local out = tidelock(environment(list), "apply", ALL, ACCOUNT, "--region", server.region, "--yes", "--quiet")
    assert.equal(0, out.code, out.stderr .. out.stdout)
    out = tidelock(environment(list), "apply", ALL, ACCOUNT, "--region", server.region, "--yes", "--quiet")
    assert.equal(0, out.code, out.stderr)
    assert.matches("Nothing was changed", out.stdout)
  end)
  it("is refused what it was not given: the account does look", function()
    local out = tidelock(environment(without(needed(ALL), "sqs:GetQueueAttributes")), "plan", ALL, ACCOUNT, "--region",
      server.region)
    assert.not_equal(0, out.code)
    assert.matches("AccessDenied.*sqs:GetQueueAttributes", out.stderr)
  end)
  it("runs the security runbook without a refusal", function()
    local path = "playbooks/runbooks/security.lua"
    local function refusals(list)
      local out = tidelock(environment(list), "run", path, ACCOUNT, "--region", server.region, "--output", "json")
      assert.is_true(#json.decode(out.stdout).checks > 20, out.stderr)
      return (select(2, out.stdout:gsub("AccessDenied", "")))
    end
    assert.equal(0, refusals(needed(path)))
    assert.is_true(refusals(without(needed(path), "dynamodb:DescribeTimeToLive")) > 0)
  end)
end)
