-- Whether whoever plans may apply: what is needed is what is written, and what IAM says of it is told.
local action = require "aws.action"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local models = require "tidelock.models"
local permissions = require "playbook.permissions"
local resources = require "resources"
local writes = require "playbook.writes"

local PLACE <const> = {account = "123456789012", region = "eu-west-1", partition = "aws"}

local function node(kind, name, verb, want, live)
  return {type = resources.find(kind), name = name, address = kind .. "/" .. name, action = verb, want = want or {},
    live = live}
end

local function pairs_of(nodes)
  local out = {}
  for i, row in ipairs(permissions.needed(nodes, models, PLACE)) do out[i] = row.action .. " " .. row.resource end
  return out
end

describe("what a plan needs", function()
  it("is what its types write, on the resource where its ARN can be said", function()
    local queue = "arn:aws:sqs:eu-west-1:123456789012:q"
    assert.same({"sqs:CreateQueue " .. queue, "sqs:TagQueue " .. queue},
      pairs_of {node("sqs.queue", "q", "create")})
    assert.same({"s3:DeleteBucket arn:aws:s3:::b"}, pairs_of {node("s3.bucket", "b", "delete")})
    assert.same({"kms:DeleteAlias *", "kms:ScheduleKeyDeletion *"}, pairs_of {node("kms.key", "alias/k", "delete")})
    assert.same({"kms:DeleteAlias live", "kms:ScheduleKeyDeletion live"},
      pairs_of {node("kms.key", "alias/k", "delete", {}, {arn = "live"})})
    assert.same({"iam:CreateServiceLinkedRole *"}, pairs_of {node("iam.service_linked_role", "R", "create")})
  end)
  it("is nothing where nothing is to be done, and one thing once", function()
    assert.same({}, pairs_of {node("sqs.queue", "q", "none")})
    local rows = permissions.needed({node("securityhub.standard", "a", "create"),
      node("securityhub.standard", "b", "create")}, models, PLACE)
    assert.same({1, {"securityhub.standard/a", "securityhub.standard/b"}}, {#rows, rows[1].of})
  end)
  it("has the right to hand on a role, where one is handed on", function()
    local role = "arn:aws:iam::123456789012:role/r"
    local found = pairs_of {node("cloudtrail.trail", "t", "create", {CloudWatchLogsRoleArn = role})}
    assert.equal("iam:PassRole " .. role, found[#found])
    assert.equal(5, #found)
  end)
  it("finds at least one action for each type that makes something, and only actions of services", function()
    for _, name in ipairs(resources.names()) do
      local t = resources.find(name)
      for _, verb in ipairs {"create", "update", "delete"} do
        for _, found in ipairs(t[verb] and writes.of(t, verb, models) or {}) do
          assert.matches("^%l[%l%d-]+:%u%w+$", found)
          assert.is_nil(found:find ":Get" or found:find ":List" or found:find ":Describe", found)
        end
      end
      if t.tagged then assert.is_true(#writes.of(t, "create", models) > 0, name) end
    end
  end)
end)

describe("what IAM says", function()
  local asked
  local function iam(decide)
    return {iam = {
      get_role = function(_, input)
        return {Role = {Arn = "arn:aws:iam::123456789012:role/path/" .. input.RoleName}}
      end,
      items = function(_, operation, input)
        assert.equal("simulate_principal_policy", operation)
        asked[#asked + 1] = input
        local i = 0
        return function()
          i = i + 1
          local name = input.ActionNames[i]
          if not name then return nil end
          local out = decide(name, input.ResourceArns[1])
          out.EvalActionName = name
          return out
        end
      end}}
  end
  before_each(function() asked = {} end)
  local NODES <const> = {node("sqs.queue", "q", "create"), node("events.rule", "r", "delete")}
  local function ask(arn, decide)
    return permissions.ask(iam(decide), arn, permissions.needed(NODES, models, PLACE))
  end
  local function allowed() return {EvalDecision = "allowed"} end

  it("is asked once a resource, of the user, or of the role that a session stands for", function()
    local answer = ask("arn:aws:sts::123456789012:assumed-role/ci/session", allowed)
    assert.same({"arn:aws:iam::123456789012:role/path/ci", 0}, {answer.source, #answer.missing})
    assert.equal(2, #asked)
    assert.same({"sqs:CreateQueue", "sqs:TagQueue"}, asked[1].ActionNames)
    assert.same({"arn:aws:sqs:eu-west-1:123456789012:q"}, asked[1].ResourceArns)
    assert.same({"Permissions of arn:aws:iam::123456789012:role/path/ci: 4 actions looked at, 0 missing."},
      permissions.lines(answer))
    assert.equal("arn:aws:iam::1:user/u", ask("arn:aws:iam::1:user/u", allowed).source)
  end)
  it("cannot be asked for root and for sessions of neither, which is said and not taken for a yes", function()
    local lines = permissions.lines(ask("arn:aws:iam::123456789012:root", allowed))
    assert.matches("^Permissions were not looked at: these are the account's root credentials", lines[1])
    lines = permissions.lines(ask("arn:aws:sts::123456789012:federated-user/x", allowed))
    assert.matches("users and roles, and these credentials are of neither: arn:aws:sts::123456789012:federated%-user/x",
      lines[1])
    assert.equal(0, #asked)
  end)
  it("is told by resource, with the statements to add", function()
    local answer = ask("arn:aws:iam::1:user/u", function(name)
      return {EvalDecision = name:find "^sqs" and "implicitDeny" or "allowed"}
    end)
    assert.same({"Permissions of arn:aws:iam::1:user/u: 4 actions looked at, 2 missing:",
      "  sqs:CreateQueue, sqs:TagQueue on arn:aws:sqs:eu-west-1:123456789012:q: not allowed (sqs.queue/q)",
      "Add to a policy of these credentials:",
      '  {"Action":["sqs:CreateQueue","sqs:TagQueue"],"Effect":"Allow",'
        .. '"Resource":["arn:aws:sqs:eu-west-1:123456789012:q"]}'}, permissions.lines(answer))
  end)
  it("gives no statement for what a statement would not help", function()
    local answer = ask("arn:aws:iam::1:user/u", function(name)
      if name == "events:DeleteRule" then return {EvalDecision = "explicitDeny"} end
      if name == "sqs:CreateQueue" then
        return {EvalDecision = "implicitDeny", OrganizationsDecisionDetail = {AllowedByOrganizations = false}}
      end
      return {EvalDecision = "allowed"}
    end)
    local text = table.concat(permissions.lines(answer), "\n")
    assert.matches("events:DeleteRule on [^\n]+: explicitly denied: a statement that allows it does not help", text)
    assert.matches("sqs:CreateQueue on [^\n]+: denied by a policy of the organisation", text)
    assert.is_nil(text:find("Add to", 1, true))
  end)
end)

describe("plan --check-permissions", function()
  local host, session
  setup(function()
    host = hardening.start()
    session = host.session
    session.iam:create_user {UserName = "ci"}
    local key = session.iam:create_access_key {UserName = "ci"}.AccessKey
    host.server.env.AWS_ACCESS_KEY_ID, host.server.env.AWS_SECRET_ACCESS_KEY = key.AccessKeyId, key.SecretAccessKey
  end)
  teardown(function() host:close() end)

  local function allow(actions)
    session.iam:put_user_policy {UserName = "ci", PolicyName = "p", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = actions, Resource = "*"}}}}
  end
  local function plan(...)
    return host:run("plan", "playbooks/harden/security-services.lua", hardening.ACCOUNT, "--check-permissions", ...)
  end

  it("exits 77 and names what is missing, and all that an apply then writes is among it", function()
    allow {"sts:GetCallerIdentity"}
    local code, text = plan()
    assert.equal(77, code, text)
    local named = {}
    for line in text:match("missing:\n(.-)Add to a policy"):gmatch "[^\n]+" do
      for name in line:match "^  (.-) on ":gmatch "[%w-]+:%w+" do named[name] = true end
    end
    code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
    local seen = 0
    for event in session.cloudtrail:items("lookup_events", {}) do
      local service = event.EventSource:match "^[^.]+"
      if event.ReadOnly ~= "true" and event.EventName ~= "CreateUser" and event.EventName ~= "CreateAccessKey"
        and event.EventName ~= "PutUserPolicy" and event.EventName ~= "SimulatePrincipalPolicy"
        and event.EventName ~= "TestEventPattern" then
        seen = seen + 1
        local name = action.of(service == "monitoring" and "cloudwatch" or service, event.EventName)
        assert.is_true(named[name], name .. " was done, and not said to be needed")
      end
    end
    assert.is_true(seen > 40, seen .. " writes were seen")
  end)
  it("exits 0 where all is allowed, and where there is nothing to do", function()
    allow "*"
    local code, text = plan("--var", "cis=true")
    assert.equal(0, code, text)
    assert.matches("Permissions of arn:aws:iam::%d+:user/ci: 1 action looked at, 0 missing%.", text)
  end)
end)
