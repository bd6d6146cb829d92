-- What policies let in and keep out, as controls ask: a condition counts for what it leaves out, not for being there.
local policy = require "checks.policy"

local BUCKET <const> = "arn:aws:s3:::b"
local BOTH <const> = {BUCKET, BUCKET .. "/some/object"}

local function allow(condition, more)
  local out = {Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*", Condition = condition}
  for name, value in pairs(more or {}) do out[name] = value end
  return {out}
end

describe("a policy", function()
  for name, condition in pairs {
    ["no condition"] = {}, ["TLS"] = {Bool = {["aws:SecureTransport"] = "true"}},
    ["a browser's word"] = {StringLike = {["aws:Referer"] = "https://example.com/*"}},
    ["any account"] = {StringLike = {["aws:SourceAccount"] = "*"}},
    ["any bucket"] = {ArnLike = {["aws:SourceArn"] = "arn:aws:s3:*:*:*"}},
    ["all but one account"] = {StringNotEquals = {["aws:SourceAccount"] = "123456789012"}},
    ["an account, if one is named"] = {StringEqualsIfExists = {["aws:PrincipalAccount"] = "123456789012"}},
    ["all of none"] = {["ForAllValues:StringEquals"] = {["aws:PrincipalOrgPaths"] = "o-a/r-b/"}},
    ["every address"] = {IpAddress = {["aws:SourceIp"] = {"10.0.0.0/8", "0.0.0.0/0"}}},
    ["half of all addresses"] = {IpAddress = {["aws:SourceIp"] = "128.0.0.0/1"}},
    ["no account"] = {Null = {["aws:SourceAccount"] = "true"}}} do
    it("for everyone under the condition of " .. name .. " is public", function()
      assert.is_true(policy.public(allow(condition)))
    end)
  end

  for name, condition in pairs {
    ["an account"] = {StringEquals = {["AWS:SourceOwner"] = "123456789012"}},
    ["a bucket"] = {ArnLike = {["aws:SourceArn"] = "arn:aws:s3:*:*:b"}},
    ["an organization"] = {StringEquals = {["aws:PrincipalOrgID"] = "o-a"}},
    ["an endpoint and TLS"] = {StringEquals = {["aws:SourceVpce"] = {"vpce-1"}},
      Bool = {["aws:SecureTransport"] = "true"}},
    ["a network"] = {IpAddress = {["aws:SourceIp"] = {"192.0.2.0/24", "2001:db8::/48"}}}} do
    it("for everyone under the condition of " .. name .. " is not", function()
      assert.is_false(policy.public(allow(condition)))
    end)
  end

  it("is public for all but somebody, not for somebody, nor where it denies", function()
    assert.is_true(policy.public(allow(nil, {Principal = false, NotPrincipal = {AWS = "arn:aws:iam::1:root"}})))
    assert.is_true(policy.public(allow(nil, {Principal = {AWS = {"arn:aws:iam::1:root", "*"}}})))
    assert.is_false(policy.public(allow(nil, {Principal = {AWS = "arn:aws:iam::1:root"}})))
    assert.is_false(policy.public(allow(nil, {Effect = "Deny"})))
  end)

  it("of a new topic lets in what belongs to its account, and one that asks for more does not", function()
    local new = {Effect = "Allow", Principal = {AWS = "*"}, Action = {"SNS:Publish", "SNS:Subscribe"}, Resource = "*",
      Condition = {StringEquals = {["AWS:SourceOwner"] = "123456789012"}}}
    assert.is_true(policy.allows_owner({new}, "sns:Publish"))
    assert.is_false(policy.allows_owner({new}, "sns:DeleteTopic"))
    new.Condition.ArnLike = {["aws:SourceArn"] = "arn:aws:s3:*:*:b"}
    assert.is_false(policy.allows_owner({new}, "sns:Publish"))
  end)

  it("lets a service do what it or everybody may, unless one refuses it to it or to everybody", function()
    local function may(...) return policy.allows_service({...}, "events.amazonaws.com", "sns:Publish") end
    local function says(effect, principal, condition)
      return {Effect = effect, Principal = principal, Action = "sns:*", Resource = "*", Condition = condition}
    end
    local events = says("Allow", {Service = {"s3.amazonaws.com", "events.amazonaws.com"}})
    local plain = {Bool = {["aws:SecureTransport"] = "false"}}
    assert.is_true(may(events))
    assert.is_true(may(says("Allow", "*")))
    assert.is_true(may(events, says("Deny", "*", plain)))
    assert.is_true(may(events, says("Deny", {Service = "s3.amazonaws.com"})))
    assert.is_false(may())
    assert.is_false(may(says("Allow", {Service = "s3.amazonaws.com"})))
    assert.is_false(may(says("Allow", {AWS = "*"}, {StringEquals = {["AWS:SourceOwner"] = "123456789012"}})))
    for _, whom in ipairs {"*", {AWS = "*"}, {Service = "events.amazonaws.com"}} do
      assert.is_false(may(events, says("Deny", whom)))
    end
  end)

  it("allows everything on everything by either spelling", function()
    assert.is_true(policy.allows_all {{Effect = "Allow", Action = {"s3:*", "*:*"}, Resource = {"*"}}})
    assert.is_false(policy.allows_all {{Effect = "Allow", Action = "s3:*", Resource = "*"}})
  end)
end)

describe("plain HTTP", function()
  local PLAIN <const> = {Bool = {["aws:SecureTransport"] = "false"}}
  local function deny(more)
    local out = {Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {BUCKET, BUCKET .. "/*"},
      Condition = PLAIN}
    for name, value in pairs(more or {}) do out[name] = value end
    return out
  end

  it("is denied by one statement, or by one for the bucket and one for its objects", function()
    for _, statements in ipairs {{deny()}, {deny {Resource = "*", Action = "*"}}, {deny {Resource = BUCKET .. "*"}},
      {deny {Resource = BUCKET}, deny {Resource = BUCKET .. "/*"}},
      {deny {Condition = {Bool = {["aws:SecureTransport"] = false, ["aws:PrincipalIsAWSService"] = "false"}}}}} do
      assert.is_true(policy.denies_plaintext(statements, "s3", BOTH))
    end
  end)

  it("is let through where the bucket, some objects, some actions, somebody or some requests are left out", function()
    for i, statements in ipairs {{}, {deny {Resource = BUCKET}}, {deny {Resource = BUCKET .. "/*"}},
      {deny {Resource = {BUCKET, BUCKET .. "/private/*"}}}, {deny {Action = "s3:Get*"}},
      {deny {Principal = {AWS = "arn:aws:iam::1:root"}}}, {deny {Effect = "Allow"}},
      {deny {Condition = {Bool = {["aws:SecureTransport"] = "true"}}}}, {deny {Condition = false}},
      {deny {Condition = {StringNotEquals = {["aws:SecureTransport"] = "false"}}}},
      {deny {Condition = {Bool = PLAIN.Bool, StringEquals = {["aws:PrincipalAccount"] = "1"}}}}} do
      assert.is_false(policy.denies_plaintext(statements, "s3", BOTH), i)
    end
  end)
end)
