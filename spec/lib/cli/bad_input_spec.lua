-- bad_input_spec.lua -- a faulty playbook or account file through the program: file, line, a sentence, exit 65, and
-- nothing is sent. The endpoint is one where nobody listens: what is sent would end with 69.
local fs = require "tidelock.fs"
local program = require "support.program"

local ENV <const> = {AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = "x", AWS_REGION = "eu-west-1",
  AWS_ENDPOINT_URL = "http://127.0.0.1:1", AWS_MAX_ATTEMPTS = "1", AWS_PROFILE = false, AWS_SESSION_TOKEN = false}

-- What is written after the header's line, the line that is told, and what is said there.
local PLAYBOOKS <const> = {
  ["a syntax error"] = {"local x = = 1", 2, "unexpected symbol near '='"},
  ["an undefined variable"] = {"print(acount.prefix)", 2, 'acount is not defined; did you mean "account"%?'},
  ["a misspelt property"] = {'ensure.sqs.queue {name = "a", VisibilityTimout = 3}', 2,
    'VisibilityTimout is not a property of it; did you mean "VisibilityTimeout"%?'},
  ["a wrong type"] = {'ensure.sqs.queue {name = "a", VisibilityTimeout = "soon"}', 2,
    'VisibilityTimeout must be a whole number, not the text "soon"'},
  ["a missing required property"] = {'\nensure.dynamodb.table {name = "a"}', 3, "KeySchema is missing"},
  ["a duplicate resource"] = {'ensure.sqs.queue {name = "a"}\nensure.sqs.queue {name = "a"}', 3,
    "sqs.queue/a is declared twice; the other is at %S+:2"},
  ["a cycle"] = {[[local a = ensure.sqs.queue {name = "a", after = "sqs.queue/b"}
    ensure.sqs.queue {name = "b", tags = {a = a.arn}}]], nil,
    "in a circle: sqs.queue/a %-> sqs.queue/b %-> sqs.queue/a"},
  ["a handle used as a number"] = {'local a = ensure.sqs.queue {name = "a"}\nlocal n = a.arn * 2', 3,
    "sqs.queue/a.arn is not known before apply, so it cannot be used as a number"},
  ["a branch on an unknown value"] = {'local a = ensure.sqs.queue {name = "a"}\nif a.arn == "x" then print(1) end', 3,
    "a.arn is not known before apply, so the playbook cannot branch on it"},
  ["an endless loop"] = {"while true do end", nil, "it ran too long without an end"},
  ["an unknown type"] = {'ensure.sqs.queu {name = "a"}', 2, 'no resource type sqs.queu; did you mean "sqs.queue"%?'},
  ["an unknown service"] = {'ensure.sqz.queue {name = "a"}', 2, 'of that service; did you mean "sqs"%?'},
}

local ACCOUNTS <const> = {
  ["a syntax error"] = {'return {prefix = "x"', 2, "'}' expected"},
  ["a misspelt name"] = {'return {\nprefix = "x", env = "y",\nbudgett = {limit = 1}}', 3,
    'budgett is not known in an account file; did you mean "budget"%?'},
  ["a wrong type"] = {'return {prefix = "x", env = "y",\n  budget = {limit = "much"}}', 2, "budget.limit must be"},
  ["a missing name"] = {'return {env = "y"}', nil, "prefix is missing"},
}

describe("the program", function()
  local dir, restore
  before_each(function()
    dir = fs.tempdir "bad_input_spec"
    restore = program.environment(program.with(ENV, {TIDELOCK_STATE = dir .. "/state"}))
  end)
  after_each(function()
    restore()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local run <const> = program.run

  local function file(name, text)
    local path = dir .. "/" .. name
    assert(fs.write(path, text))
    return path
  end

  local function refused(where, row, ...)
    local code, out, err = run(...)
    assert.equal(65, code, err)
    assert.equal("", out)
    assert.matches(row[3], err)
    local place = row[2] and ("%s:%d: "):format(where, row[2]) or where .. ":"
    assert.is_truthy(err:find(place, 1, true), ("%s is not in: %s"):format(place, err))
    assert.matches("Nothing was sent", err)
    assert.is_nil(fs.stat(dir .. "/state/runs"), "no run was begun")
  end

  for what, row in pairs(PLAYBOOKS) do
    it("refuses a playbook with " .. what, function()
      local path = file("bad.lua", 'playbook {name = "spec/bad"}\n' .. row[1] .. "\n")
      refused(path, row, "plan", path, "--max-instructions", "2000000")
      refused(path, row, "apply", path, "--yes", "--max-instructions", "2000000")
    end)
  end
  it("refuses a playbook that takes all memory", function()
    local guard = require "playbook.guard"
    local all = guard.MEMORY
    guard.MEMORY = 32 * 1024 * 1024
    local path = file("bad.lua", 'playbook {name = "spec/bad"}\nlocal t = {} for i = 1, 40 do'
      .. ' t[i] = string.rep("x", 4 * 1024 * 1024) end\n')
    local ok, why = pcall(refused, path, {nil, nil, "more than 32 MB of memory"}, "plan", path)
    guard.MEMORY = all
    assert.is_true(ok, why)
  end)
  for what, row in pairs(ACCOUNTS) do
    it("refuses an account file with " .. what, function()
      local path = file("good.lua", 'playbook {name = "spec/good"}\nensure.sqs.queue {name = account.prefix}\n')
      local account = file("account.lua", row[1] .. "\n")
      refused(account, row, "plan", path, "--account", account)
    end)
  end
  it("tells the faults of the playbook's text and of the account file together", function()
    local path = file("bad.lua", 'playbook {name = "spec/bad"}\nprint(acount)\n')
    local account = file("account.lua", 'return {prefix = "x", env = "y", budgett = {}}\n')
    local code, _, err = run("plan", path, "--account", account)
    assert.equal(65, code)
    assert.matches("account.lua:1: budgett is not known", err)
    assert.matches("bad.lua:2: acount is not defined", err)
    assert.matches("2 faults. Nothing was sent.", err)
  end)
end)
