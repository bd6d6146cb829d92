-- harden/identities: a policy where there is none, what is stricter left, and what is not spoken of left.
local hardening = require "support.hardening"

describe("harden/identities", function()
  local host, iam
  before_each(function()
    host = hardening.start()
    iam = host.session.iam
  end)
  after_each(function() host:close() end)
  local function live() return iam:get_account_password_policy({}).PasswordPolicy end

  it("asks for long passwords that were not used before, and makes no write the second time", function()
    assert.equal(2, (host:run("check", "iam-password-policy")))
    local code, text = host:apply "harden/identities"
    assert.equal(0, code, text)
    assert.same({14, 24, true}, {live().MinimumPasswordLength, live().PasswordReusePrevention,
      live().AllowUsersToChangePassword})
    assert.equal(0, (host:run("check", "iam-password-policy")))
    code, text = host:apply "harden/identities"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: .*, 0 writes", text)
  end)
  it("leaves what somebody set stricter, and what it does not speak of", function()
    iam:update_account_password_policy {MinimumPasswordLength = 20, PasswordReusePrevention = 5, RequireSymbols = true,
      MaxPasswordAge = 60}
    assert.equal(0, (host:apply "harden/identities"))
    assert.same({20, 24, true, 60, false}, {live().MinimumPasswordLength, live().PasswordReusePrevention,
      live().RequireSymbols, live().MaxPasswordAge, live().AllowUsersToChangePassword})
  end)
  it("ends passwords sooner where that is asked for, never later", function()
    iam:update_account_password_policy {MinimumPasswordLength = 14, MaxPasswordAge = 60}
    assert.equal(0, (host:apply("harden/identities", "--var", "age=90")))
    assert.equal(60, live().MaxPasswordAge)
    assert.equal(0, (host:apply("harden/identities", "--var", "age=30")))
    assert.equal(30, live().MaxPasswordAge)
  end)
end)
