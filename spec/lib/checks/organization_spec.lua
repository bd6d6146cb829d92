-- Controls over the accounts of an organization, on moto: each account is one of its own, entered by a role.
local checks = require "checks"
local findings = require "report.findings"
local moto = require "support.moto"
local organization = require "checks.organization"
local paint = require "report.paint"

describe("checks.organization", function()
  local server <const> = moto.start {region = "us-east-1"}
  local session, who, ids
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    session = server:session()
    who = session.sts:get_caller_identity {}
    session.organizations:create_organization {FeatureSet = "ALL"}
    ids = {}
    for i = 1, 3 do
      ids[i] = session.organizations:create_account({AccountName = "member-" .. i,
        Email = ("m%d@example.com"):format(i)}).CreateAccountStatus.AccountId
    end
  end)

  local function options(more)
    local out = {session = session, who = who, role = organization.ROLE, now = 1764028800,
      regions = function(of) return {of:region(), "eu-west-1"} end}
    for name, value in pairs(more or {}) do out[name] = value end
    return out
  end

  local function member(id)
    return organization.session(session, {id = id}, organization.ROLE, who)
  end

  it("lists the active accounts, the caller's own among them", function()
    local accounts, members = organization.accounts(session)
    local names, n = {}, 0
    for id in pairs(members) do n = n + (id:find "^%d+$" and 1 or 0) end
    assert.same({4, true}, {n, members[ids[1]]})
    for _, account in ipairs(accounts) do names[account.id] = account.name end
    assert.equal(4, #accounts)
    assert.equal("member-1", names[ids[1]])
    assert.is_truthy(names[who.Account])
  end)

  it("errs where the organization tells of no account: that none was looked at is no pass", function()
    local results = organization.run(checks.select {id = {"sqs-encryption"}}, {}, options())
    assert.equal(1, #results)
    assert.equal("error", results[1].result)
    assert.equal("critical", results[1].severity)
    assert.matches("no active account, so none was checked", results[1].evidence)
    assert.equal(1, findings.new(results, {started = 0, seconds = 0}).exit)
  end)

  it("looks into each account and region, and keeps them apart", function()
    member(ids[2]).sqs:create_queue {QueueName = "open", Attributes = {SqsManagedSseEnabled = "false"}}
    member(ids[3]):derive({region = "eu-west-1"}).sqs:create_queue {QueueName = "far",
      Attributes = {SqsManagedSseEnabled = "false"}}
    session.sqs:create_queue {QueueName = "fine", Attributes = {SqsManagedSseEnabled = "true"}}
    local controls = checks.select {id = {"sqs-encryption"}}
    local results = organization.run(controls, organization.accounts(session), options())
    local seen = {}
    for _, r in ipairs(results) do
      if r.result ~= "skip" then
        seen[#seen + 1] = ("%s %s %s %s"):format(r.account, r.region, r.subject.name, r.result)
      end
    end
    local expected = {("%s us-east-1 open fail"):format(ids[2]), ("%s eu-west-1 far fail"):format(ids[3]),
      ("%s us-east-1 fine pass"):format(who.Account)}
    table.sort(seen)
    table.sort(expected)
    assert.same(expected, seen)

    local report = findings.new(results, {account = who.Account, accounts = 4, regions = {"us-east-1", "eu-west-1"},
      started = 1764028800})
    local page = table.concat(findings.page(report, paint.new(false)), "\n")
    assert.is_truthy(page:find(("%s us-east-1 open: "):format(ids[2]), 1, true), page)
    assert.is_truthy(page:find("4 accounts of the organization of " .. who.Account, 1, true))
  end)

  it("looks at what is global once an account", function()
    local results = organization.run(checks.select {id = {"iam-password-policy"}}, organization.accounts(session),
      options())
    assert.equal(4, #results)
  end)

  it("says of an account that lets nobody in that nothing is known of it, and checks the others", function()
    local real = session
    local shy = setmetatable({derive = function(_, with)
      local of = with.credentials
      with.credentials = of and function()
        local creds = of()
        if creds.source:find(ids[1], 1, true) then
          error({code = "AccessDenied", message = "not authorized to perform sts:AssumeRole"}, 0)
        end
        return creds
      end
      return real:derive(with)
    end}, {__index = function(_, name)
      local value = real[name]
      return type(value) == "function" and function(_, ...) return value(real, ...) end or value
    end})
    local results = organization.run(checks.select {id = {"sqs-encryption"}}, organization.accounts(session),
      options {session = shy})
    local shut
    for _, r in ipairs(results) do
      if r.account == ids[1] then
        assert.is_nil(shut)
        shut = r
      end
    end
    assert.same({"error", "critical", "not authorized to perform sts:AssumeRole"},
      {shut.result, shut.severity, shut.evidence})
    assert.equal(1, findings.new(results, {}).exit)
    assert.equal(7, #results)
  end)
end)
