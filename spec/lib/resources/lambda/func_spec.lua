-- What lambda.func does beside its round trip: no secret in plain sight, a lost publish is made up, versions follow.
local elf = require "support.elf"
local fs = require "tidelock.fs"
local func = require "resources.lambda.func"
local hardening = require "support.hardening"
local moto = require "support.moto"

describe("lambda.func", function()
  local account, folder, program

  setup(function()
    account, folder = hardening.start(), fs.tempdir "func"
    program = elf.write(folder .. "/program")
    account.session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = "{}"}
  end)
  teardown(function()
    account:close()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  local function faults(variables) return func.check {Environment = {Variables = variables}} end

  it("refuses a literal secret in the environment, and takes its ARN", function()
    assert.matches("Variables.REDIS_AUTH_TOKEN is a secret in plain sight", faults({REDIS_AUTH_TOKEN = "abc"})[1])
    assert.matches("Variables.db_password is a secret", faults({db_password = "abc"})[1])
    assert.matches("Variables.X is a secret", faults({X = require "tidelock.secret".new "x"})[1])
    assert.same({}, faults {TOKEN_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf", URL = "x"})
    assert.matches("Variables.N must be text, not a number", faults({N = 1})[1])
    assert.matches("Environment.Varibles is not known", func.check({Environment = {Varibles = {}}})[1])
  end)

  local function playbook(timeout)
    local file <close> = assert(io.open(folder .. "/fn.lua", "w"))
    file:write(([[
playbook {name = "spec/fn", about = "A function and its alias"}
local fn = ensure.lambda.func {name = "fn", Runtime = "provided.al2023", Handler = "h", Timeout = %d, Publish = true,
  Role = "arn:aws:iam::" .. account.id .. ":role/fn", Package = {bootstrap = %q}}
ensure.lambda.alias {FunctionName = fn.name, Name = "live", FunctionVersion = fn.version}
]]):format(timeout, program))
    file:close()
    return folder .. "/fn.lua"
  end
  local function run(word, timeout, ...)
    return account:run(word, playbook(timeout), hardening.ACCOUNT, word == "apply" and "--yes" or "--detailed-exitcode",
      ...)
  end
  local function live()
    return account.session.lambda:get_alias {FunctionName = "fn", Name = "live"}.FunctionVersion
  end

  it("publishes a version with each change, and the alias follows in the same apply", function()
    local code, text = run("apply", 10)
    assert.equal(0, code, text)
    assert.equal("1", live())
    code, text = run("plan", 10)
    assert.equal(0, code, text)
    code, text = run("plan", 11)
    assert.equal(2, code, text)
    assert.matches("lambda.alias/fn/live", text)
    code, text = run("apply", 11)
    assert.equal(0, code, text)
    assert.equal("2", live())
  end)
  it("waits for each change before the next where Lambda takes its time", function()
    local slow <close> = moto.start {slow = 0.4, region = "us-east-1"}
    local session = slow:session {region = "us-east-1"}
    local role = session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = "{}"}.Role.Arn
    local want = func:complete {name = "slow", Runtime = "provided.al2023", Handler = "h", Role = role, Publish = true,
      Package = {bootstrap = program}}
    assert.equal("1", func.create(session, want).version)
    want = func:complete {name = "slow", Runtime = "provided.al2023", Handler = "g", Role = role, Publish = true,
      Package = {bootstrap = program, ["x.lua"] = {text = ""}}}
    local before = func.read(session, want)
    assert.equal("2", func.update(session, before, want, {CodeSha256 = true, Handler = true}).version)
    assert.same({}, func:diff(func.read(session, want), want))
  end)
  it("makes up for a publish that was lost after its update", function()
    account.session.lambda:update_function_configuration {FunctionName = "fn", Timeout = 12}
    local code, text = run("apply", 12)
    assert.equal(0, code, text)
    assert.equal("3", live())
    code, text = run("plan", 12)
    assert.equal(0, code, text)
  end)
end)
