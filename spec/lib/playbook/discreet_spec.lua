-- What the model calls sensitive comes to a playbook as a secret: nothing that a run prints or keeps shows it.
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local proc = require "tidelock.proc"

local PASSWORD <const> = "hunter2-tr0ub4dor"

describe("secrets in a playbook", function()
  local account, folder

  setup(function() account, folder = hardening.start(), fs.tempdir "discreet" end)
  teardown(function()
    account:close()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  local made = 0
  local function run(body, ...)
    made = made + 1
    local path = ("%s/b%d.lua"):format(folder, made)
    assert(fs.write(path, ('playbook {name = "spec/discreet-%d", about = "Reads"}\n'):format(made) .. body))
    return account:run("run", path, hardening.ACCOUNT, "--yes", ...)
  end

  local function kept()
    return assert(proc.run {"grep", "-rlF", PASSWORD, account.state, stderr = "null"}).stdout
  end

  setup(function()
    account.session.secretsmanager:create_secret {Name = "db", SecretString = PASSWORD}
  end)

  it("are printed, journalled and reported as <secret>", function()
    local code, text = run [[
      step "read" {run = function()
        local value = aws.secretsmanager:get_secret_value {SecretId = "db"}
        print(value.Name, value.SecretString)
        return value.Name
      end}]]
    assert.equal(0, code, text)
    assert.is_truthy(text:find("db%s+<secret>"), text)
    assert.is_nil(text:find(PASSWORD, 1, true))
    assert.equal("", kept())
  end)

  it("come so through items, find and check too", function()
    account.session.secretsmanager:tag_resource {SecretId = "db", Tags = {{Key = "k", Value = "v"}}}
    local code, text = run [[
      local names = find "its name" {run = function()
        return {aws.secretsmanager:describe_secret({SecretId = "db"}).Name}
      end}
      check "it is hidden" {test = function()
        local v = aws.secretsmanager:get_secret_value {SecretId = names[1]}.SecretString
        return tostring(v) == "<secret>" and type(v) ~= "string", tostring(v)
      end}]]
    assert.equal(0, code, text)
  end)

  it("can be compared and sent again without being seen", function()
    local code, text = run((([[
      step "copy" {run = function()
        local v = aws.secretsmanager:get_secret_value {SecretId = "db"}.SecretString
        if v ~= secret "PASSWORD" or v == secret "another" then error "not the same" end
        aws.secretsmanager:create_secret {Name = "copy", SecretString = v}
        local key = aws.iam:create_user {UserName = "u"} and aws.iam:create_access_key({UserName = "u"}).AccessKey
        print(key.SecretAccessKey)
      end}]]):gsub("PASSWORD", PASSWORD)))
    assert.equal(0, code, text)
    assert.equal(PASSWORD, account.session.secretsmanager:get_secret_value({SecretId = "copy"}).SecretString)
    assert.is_truthy(text:find("\n%s*<secret>"), text)
    assert.equal("", kept())
  end)

  it("cannot be joined to text or handed on as a step's value, and the error does not show them", function()
    for _, body in ipairs {
      [[return "postgres://u:" .. aws.secretsmanager:get_secret_value({SecretId = "db"}).SecretString .. "@h"]],
      [[return aws.secretsmanager:get_secret_value({SecretId = "db"}).SecretString]],
      [[return aws.secretsmanager:get_secret_value {SecretId = "db"}]],
      [[error(aws.secretsmanager:get_secret_value({SecretId = "db"}).SecretString)]],
      [[error(aws.secretsmanager:get_secret_value {SecretId = "db"})]],
    } do
      local code, text = run(('step "x" {run = function() %s end}'):format(body), "--debug")
      assert.is_true(code ~= 0, body .. "\n" .. text)
      assert.is_nil(text:find(PASSWORD, 1, true), body)
    end
    assert.equal("", kept())
  end)

  -- An address that is text in the playbook, and sensitive by the model.
  it("hides what the model calls sensitive in plans, diffs, reports and json, and says only that it differs", function()
    local body <const> = [[ensure.budgets.budget {name = "month", BudgetType = "COST", TimeUnit = "MONTHLY",
      BudgetLimit = {Amount = "%d", Unit = "USD"}, NotificationsWithSubscribers = {{
        Notification = {NotificationType = "ACTUAL", ComparisonOperator = "GREATER_THAN", Threshold = 80.0,
          ThresholdType = "PERCENTAGE"},
        Subscribers = {{SubscriptionType = "EMAIL", Address = "%s@example.com"}}}}}]]
    local path = folder .. "/budget.lua"
    local function with(limit, who)
      assert(fs.write(path, 'playbook {name = "spec/budget"}\n' .. body:format(limit, who)))
    end
    local function hidden(...)
      local code, text = account:run(...)
      assert.equal(0, code, text)
      assert.is_nil(text:find("@example.com", 1, true), text)
      return text
    end
    with(5, "first")
    assert.matches("Subscribers.*<secret>", hidden("plan", path))
    assert.matches('"<secret>"', hidden("plan", path, "--output", "json"))
    local report = folder .. "/report.html"
    hidden("apply", path, "--yes", "--report", report)
    local file <close> = assert(io.open(report))
    assert.is_nil(file:read "a":find("@example.com", 1, true))
    with(5, "second")
    assert.matches("<secret> %-> <another secret>", hidden("plan", path))
    assert.matches('"before".*"<secret>"', hidden("plan", path, "--output", "json"))
    with(6, "first")
    local text = hidden("plan", path)
    assert.matches('"5" %-> "6"', text)
    assert.is_nil(text:find("another secret", 1, true), text)
  end)
end)
