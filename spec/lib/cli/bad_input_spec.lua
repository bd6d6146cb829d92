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
    ensure.sqs.queue {name = "b", tags = {a = a.arn}}]], 2,
    "in a circle: sqs.queue/a %-> sqs.queue/b %-> sqs.queue/a"},
  ["a handle used as a number"] = {'local a = ensure.sqs.queue {name = "a"}\nlocal n = a.arn * 2', 3,
    "sqs.queue/a.arn is not known before apply, so it cannot be used as a number"},
  ["a branch on an unknown value"] = {'local a = ensure.sqs.queue {name = "a"}\nif a.arn == "x" then print(1) end', 3,
    "a.arn is not known before apply, so the playbook cannot branch on it"},
  ["an endless loop"] = {"while true do end", nil, "it ran too long without an end"},
  ["an unknown type"] = {'ensure.sqs.queu {name = "a"}', 2, 'no resource type sqs.queu; did you mean "sqs.queue"%?'},
  ["a retry that is no number"] = {'step "a" {retry = "soon", run = print}', 2,
    'step "a": retry must be a whole number from 0 on'},
  ["a confirmation that nobody can type"] = {'step "a" {confirm = true, run = print}', 2,
    'step "a": confirm must be text, which a person types'},
  ["a misspelt severity"] = {'check "a" {severity = "critcal", test = print}', 2,
    'check "a": severity must be one of .*; did you mean "critical"%?'},
  ["a misspelt severity of controls"] = {'check "a" {controls = "sqs-*", severity = "hgh"}', 2,
    'check "a": severity must be one of .*; did you mean "high"%?'},
  ["a wait without a pause"] = {'wait_until "a" {every = 0, test = print}', 2,
    'wait_until "a": every must be longer than nothing'},
  ["half a step"] = {'step "a"', 2, 'step "a" has no table; write step "name" {run = function%(%) ... end}'},
  ["a step without a name"] = {"step {run = function() end}", 2, "step takes a name, then a table"},
  ["half a find"] = {'local x = find "a"', 2, 'find "a" has no table'},
  ["half a wait"] = {'\nwait_until "up"', 3, 'wait_until "up" has no table'},
  ["a check without a name"] = {"check {test = function() end}", 2, "check takes a name, then a table"},
  ["an approval without a name"] = {'approve ""', 2, "approve takes a name"},
  ["a second header"] = {'playbook {name = "spec/other"}', 2, "a second time; a file has one header"},
  ["a name set without local"] = {"x = 1", 2, "x is set without local; write local x = ..."},
  ["a function without local"] = {"function f() end", 2, "write local function f"},
  ["a name set by way of _G"] = {'_G.x = 1', 2, "x is set without local"},
  ["a function that is put out"] = {"output {x = {y = print}}", 2, "x.y is a function, which cannot be put out"},
  ["a resource that is put out"] = {'output {x = ensure.sqs.queue {name = "a"}}', 2, "x is a whole resource"},
  ["a value that is put out without a name"] = {'output {"x"}', 2, "has no name; write output {name = value}"},
  ["a value without end that is put out"] = {"local t = {} t.t = t output {t = t}", 2, "or holds itself"},
  ["a property that holds itself"] = {'local t = {} t.t = t ensure.sqs.queue {name = "a", Policy = t}', 2,
    "sqs.queue: Policy is nested too deep, or holds itself"},
  ["ensure called"] = {"ensure()", 2, "ensure is no type of a resource; write ensure.sqs.queue {name = ...}"},
  ["a service called"] = {"ensure.sqs()", 2, "ensure.sqs is no type of a resource; write ensure.sqs.queue"},
  ["what a shell holds"] = {'local home = os.getenv "HOME"', 2, "os.getenv is not there: .* by %-%-var NAME=VALUE"},
  ["what tasks do"] = {"local co = coroutine.create(print)", 2, "coroutine is not there: .* written with task"},
  ["a garbage collector"] = {"collectgarbage()", 2, "collectgarbage is not there"},
  ["files"] = {'local f = io.open "x"', 2, "io is not there: .* %-%-unsafe"},
  ["a name of a megabyte"] = {'ensure.sqs.queue {name = ("x"):rep(1000000)}', 2,
    "name is too long: 1000000 characters, at most 80"},
  ["a name that is no name anywhere"] = {'ensure.events.rule {name = ("x"):rep(5000), ScheduleExpression = "x"}', 2,
    "name is too long: 5000 characters"},
  ["a secret joined to text"] = {'local x = secret "y" .. "z"', 2, "a secret cannot be joined to text, where it would"
    .. " be printed or logged; pass it on as it is: what sends it sends its bytes"},
  ["an unknown service"] = {'ensure.sqz.queue {name = "a"}', 2, 'of that service; did you mean "sqs"%?'},
}

-- What is written as the header, and all that is said of it, each with its line.
local HEADERS <const> = {
  ["a misspelt word of a var, also where it is part of a right one"] = {
    'playbook {name = "a/b", vars = {x = {"integer", defaul = 5}}}',
    'vars.x: defaul is not known here; did you mean "default"?'},
  ["bounds of what is no number"] = {'playbook {name = "a/b", vars = {x = {"string", default = "a", min = 3}}}',
    "vars.x: min is of numbers, and this is a string"},
  ["bounds that are no numbers"] = {'playbook {name = "a/b", vars = {x = {"integer", default = 5, max = "7"}}}',
    'vars.x: max must be a number, not "7"'},
  ["choices that are no list"] = {'playbook {name = "a/b", vars = {x = {"string", choices = "a", about = 3}}}',
    "vars.x: about must be text", 'vars.x: choices must be a list such as {"a", "b"}'},
  ["vars that are no table"] = {'playbook {name = "a/b", about = 3, vars = "x"}', "playbook: about must be text",
    'playbook: vars must be a table such as {wait = {"seconds", default = 20}}'},
  ["vars without names"] = {'playbook {name = "a/b", vars = {"string", [true] = {"string"}, y = {"string"}}}',
    'vars: 1 has no name; write wait = {"seconds", default = 20}', "vars: true has no name"},
  ["a var of a type that there is not"] = {'playbook {name = "a/b", vars = {x = {"integr"}}}',
    'vars.x: there is no type "integr"; did you mean "integer"?'},
  ["a misspelt header"] = {'playbok {name = "a/b"}', "a playbook begins with its header",
    'playbok is not defined; did you mean "playbook"?'},
  ["what is not there yet"] = {'playbook {name = account.prefix}',
    "of plain values; here: attempt to index a nil value (global 'account')"},
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
  for what, row in pairs(HEADERS) do
    it("refuses a header with " .. what, function()
      local path = file("bad.lua", row[1] .. "\n")
      refused(path, {nil, 1, ""}, "plan", path)
      local _, _, err = run("plan", path)
      for i = 2, #row do
        assert.is_truthy(err:find(row[i], 1, true), row[i] .. " is not in: " .. err)
      end
    end)
  end
  it("tells what is wrong with the body beside what is wrong with the header", function()
    local path = file("bad.lua", [[playbook {name = "spec/bad", abuot = "", vars = {wait = {"secnds"}, n = {"integer"}}}
ensure.sqs.queue {name = "a", DelaySeconds = var.wait, VisibilityTimout = var.n}
ensure.sqs.queue {name = "b", DelaySeconds = var.wiat}
]])
    local code, _, err = run("plan", path)
    assert.equal(65, code)
    for _, told in ipairs {"1: playbook: abuot is not known", '1: vars.wait: there is no type "secnds"',
      "2: sqs.queue: VisibilityTimout is not a property", 'did you mean "wait"?', "var n has no default"} do
      assert.is_truthy(err:find(told, 1, true), told .. " is not in: " .. err)
    end
    assert.matches("5 faults", err)
  end)
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
  it("tells all faults of a file at once, also those behind a handle that was used as a number or called", function()
    local path = file("bad.lua", [[playbook {name = "spec/bad"}
local a = ensure.sqs.queue {name = "a", VisibilityTimout = 3}
local b = ensure.sqs.queue {name = "b"}
local n = b.arn * 2 + 1
local m = b.arn "x"
ensure.sqs.queue {name = "c", VisibilityTimeout = n, DelaySeconds = "soon"}
print(var.nothing)
ensure.sqs.queue {name = "b"}
ensure.sqs.queue {name = "d", after = "sqs.queue/e"}
ensure.sqs.queue {name = "e", after = "sqs.queue/d"}
]])
    local code, _, err = run("plan", path)
    assert.equal(65, code)
    local lines = {}
    for line in err:gmatch "bad.lua:(%d+): " do lines[#lines + 1] = line end
    assert.equal("2 4 5 6 7 8 9", table.concat(lines, " "), err)
  end)
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
