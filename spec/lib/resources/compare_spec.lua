local compare = require "resources.compare"

local function policy(statement) return {Version = "2012-10-17", Statement = statement} end

describe("policies", function()
  local base = policy {{Effect = "Allow", Principal = {AWS = "123456789012"}, Action = "sns:Publish",
    Resource = "arn:x", Condition = {StringEquals = {["AWS:SourceAccount"] = "1"}}}}
  local function same(other) return compare.equal(base, other, "policy") end

  it("take an account's number and its root for one principal", function()
    assert.is_true(same(policy {{Effect = "Allow", Principal = {AWS = {"arn:aws:iam::123456789012:root"}},
      Action = "sns:Publish", Resource = "arn:x", Condition = {StringEquals = {["AWS:SourceAccount"] = "1"}}}}))
  end)
  it("take a string and a list of it alone as one, action names in any case, condition keys in any case", function()
    assert.is_true(same(policy {{Effect = "Allow", Principal = {AWS = {"123456789012"}}, Action = {"SNS:Publish"},
      Resource = {"arn:x"}, Condition = {StringEquals = {["aws:sourceaccount"] = {"1"}}}}}))
  end)
  it("take a lone statement and a list of it as one", function()
    assert.is_true(compare.equal(base, {Version = "2012-10-17", Statement = base.Statement[1]}, "policy"))
  end)
  it("keep statements in any order equal", function()
    local a = {Sid = "a", Effect = "Allow", Action = "s3:Get*", Principal = "*", Resource = "x"}
    local b = {Sid = "b", Effect = "Deny", Action = "s3:*", Principal = {AWS = "*"}, Resource = "y"}
    assert.is_true(compare.equal(policy {a, b}, policy {b, a}, "policy"))
  end)
  it("differ by one action more", function()
    assert.is_false(same(policy {{Effect = "Allow", Principal = {AWS = "123456789012"},
      Action = {"sns:Publish", "sns:Subscribe"}, Resource = "arn:x",
      Condition = {StringEquals = {["AWS:SourceAccount"] = "1"}}}}))
  end)
  it("differ by a condition that is gone", function()
    assert.is_false(same(policy {{Effect = "Allow", Principal = {AWS = "123456789012"}, Action = "sns:Publish",
      Resource = "arn:x"}}))
  end)
  it("differ by the principal's account", function()
    assert.is_false(same(policy {{Effect = "Allow", Principal = {AWS = "123456789013"}, Action = "sns:Publish",
      Resource = "arn:x", Condition = {StringEquals = {["AWS:SourceAccount"] = "1"}}}}))
  end)
end)

describe("other values", function()
  it("of structures compare only in the members that are wanted", function()
    assert.is_true(compare.equal({Enabled = true}, {Enabled = true, Status = "ENABLED"}))
    assert.is_false(compare.equal({Enabled = true}, {Enabled = false, Status = "ENABLED"}))
  end)
  it("of lists compare in order and length", function()
    assert.is_false(compare.equal({"a", "b"}, {"b", "a"}))
    assert.is_false(compare.equal({"a"}, {"a", "b"}))
    assert.is_false(compare.equal({}, {"a"}))
  end)
  it("of sets compare in any order", function()
    assert.is_true(compare.equal({"a", "b"}, {"b", "a"}, "set"))
    assert.is_false(compare.equal({"a", "a"}, {"a", "b"}, "set"))
  end)
  it("of keyed sets compare item by item", function()
    local rule = {set = "Name"}
    assert.is_true(compare.equal({{Name = "a", N = 1}, {Name = "b"}}, {{Name = "b", N = 2}, {Name = "a", N = 1}}, rule))
    assert.is_false(compare.equal({{Name = "a", N = 1}}, {{Name = "a", N = 2}}, rule))
  end)
  it("of tags count a foreign key, but not AWS's own", function()
    assert.is_true(compare.equal({a = "1"}, {a = "1", ["aws:created"] = "x"}, "map"))
    assert.is_false(compare.equal({a = "1"}, {a = "1", b = "2"}, "map"))
  end)
  it("of JSON documents compare numbers with the text of them", function()
    assert.is_true(compare.equal({maxReceiveCount = 5}, {maxReceiveCount = "5"}, "json"))
    assert.is_false(compare.equal({maxReceiveCount = 5}, {maxReceiveCount = "6"}, "json"))
  end)
  it("that are nothing equal an empty table", function()
    assert.is_true(compare.equal({}, nil, "json"))
    assert.is_true(compare.equal(nil, {}, "json"))
  end)
  it("are identical member for member, with none more on either side, at any depth", function()
    local identical = compare.identical
    assert.is_true(identical({a = {1, {b = false}}}, {a = {1, {b = false}}}))
    assert.is_true(identical({1}, {1.0}))
    assert.is_false(identical({a = {b = 1}}, {a = {b = 1, c = 2}}))
    assert.is_false(identical({a = {b = 1, c = 2}}, {a = {b = 1}}))
    assert.is_false(identical({a = "1"}, {a = 1}))
    assert.is_false(identical({a = false}, {}))
    assert.is_false(identical({}, nil))
  end)
end)
