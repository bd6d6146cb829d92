-- What secretsmanager.secret does beside its round trip: values come from outside and never go back there.
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local secret = require "resources.secretsmanager.secret"

describe("secretsmanager.secret", function()
  local account, folder

  before_each(function() account, folder = hardening.start(), fs.tempdir "secret" end)
  after_each(function()
    account:close()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  local function write(name, text)
    local file <close> = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    return folder .. "/" .. name
  end
  local function apply(value, ...)
    return account:run("apply", write("s.lua", ([[
playbook {name = "spec/secret", about = "A secret"}
ensure.secretsmanager.secret {name = "site/token", Value = %s}
]]):format(value)), hardening.ACCOUNT, "--yes", ...)
  end
  local function value()
    return account.session.secretsmanager:get_secret_value {SecretId = "site/token"}.SecretString
  end
  -- Everything that the run left on the disk: its journal above all.
  local function written()
    local got = assert(require "tidelock.proc".run {"grep", "-rc", "", account.state})
    assert.matches("%d", got.stdout)
    return assert(require "tidelock.proc".run {"sh", "-c", "find '" .. account.state .. "' -type f | xargs cat"}).stdout
  end

  it("makes a value by chance, once, and shows it nowhere", function()
    local code, text = apply "{random = 40}"
    assert.equal(0, code, text)
    local made = value()
    assert.matches("^%w+$", made)
    assert.equal(40, #made)
    assert.is_nil(text:find(made, 1, true))
    local journal = written()
    assert.is_true(#journal > 0)
    assert.is_nil(journal:find(made, 1, true))
    assert.equal(0, (apply "{random = 40}"))
    assert.equal(made, value())
  end)
  it("takes a value from a file, and leaves what somebody put there since", function()
    local code, text = apply(("{file = %q}"):format(write("token", "from a file\n")))
    assert.equal(0, code, text)
    assert.equal("from a file", value())
    assert.is_nil((text .. written()):find("from a file", 1, true))
    account.session.secretsmanager:put_secret_value {SecretId = "site/token", SecretString = "rotated"}
    code, text = apply '{env = "NOT_THERE"}'
    assert.equal(0, code, text)
    assert.equal("rotated", value())
  end)
  it("says which value is missing, and takes it at the next apply", function()
    local code, text = apply '{env = "TIDELOCK_SPEC_NO_SUCH"}'
    assert.equal(1, code, text)
    assert.matches("The secret site/token has no value yet, and none could be had: the environment has no TIDELOCK",
      text)
    code, text = apply '{random = 20}'
    assert.equal(0, code, text)
    assert.equal(20, #value())
  end)
  it("is taken up again where it was marked for deletion", function()
    assert.equal(0, (apply '{random = 20}'))
    local before = value()
    account.session.secretsmanager:delete_secret {SecretId = "site/token", RecoveryWindowInDays = 30}
    local code, text = apply '{random = 30}'
    assert.equal(0, code, text)
    assert.not_equal(before, value())
  end)
  it("refuses the secret itself in a playbook", function()
    assert.matches("Value has no text", secret.check({Value = {text = "x"}})[1])
    assert.matches("never the secret itself", secret.check({Value = {env = "A", file = "b"}})[1])
    assert.same({}, secret.check {Value = {random = 32}})
    assert.matches("from 16 to 4096", secret.check({Value = {random = 8}})[1])
    assert.matches("Rotation needs", secret.check({Rotation = {RotationLambdaARN = "x"}})[1])
  end)
end)
