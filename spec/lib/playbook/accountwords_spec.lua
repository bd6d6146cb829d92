local words = require "playbook.accountwords"

describe("playbook.accountwords", function()
  it("takes every region of AWS's list, and one that AWS may open", function()
    local data = require "tidelock.json".decode((require "tidelock.models".data "partitions"))
    local n = 0
    for _, partition in ipairs(data.partitions) do
      for name in pairs(partition.regions) do
        if not name:find "%-global$" then
          n = n + 1
          assert.is_nil(words.region(name), name)
        end
      end
    end
    assert.is_true(n > 40)
    for _, name in ipairs {"eu-northeast-1", "us-southwest-2", "cn-east-1", "us-gov-central-1"} do
      assert.is_nil(words.region(name), name)
    end
  end)

  it("refuses what is no region, with the one that may be meant", function()
    for name, meant in pairs {["us-est-1"] = "us-east-1", ["us_east_1"] = "us-east-1", ["eu-wset-2"] = "eu-west-2",
      ["cn-nort-1"] = "cn-north-1", ["US-EAST-1"] = "us-east-1", ["us-east-1a"] = "us-east-1"} do
      assert.equal(('must be a region of AWS such as "eu-west-1", not %q; did you mean %q?'):format(name, meant),
        words.region(name))
    end
    for _, name in ipairs {"", "mars", "aws-global", "xx-west-1", "us-east", "us-east-1\n", " us-east-1", "-east-1"} do
      assert.matches('^must be a region of AWS such as "eu%-west%-1", not ', words.region(name) or name)
    end
    assert.equal("must be text, not a number", words.region(1))
  end)

  it("takes a prefix that every name made of it may begin with", function()
    for _, prefix in ipairs {"p", "example", "my-company", "a1-b2", ("p"):rep(23)} do
      assert.is_nil(words.prefix(prefix), prefix)
    end
  end)

  it("refuses another, with one that would be right", function()
    for prefix, right in pairs {["My_Company"] = "my-company", ["a--b"] = "a-b", ["moon-"] = "moon", ["1st"] = "st",
      ["my.site"] = "my-site", ["two words"] = "two-words"} do
      local why = words.prefix(prefix)
      assert.matches("^must be of lower%-case letters, digits and single hyphens", why)
      assert.is_truthy(why:find(("not %q; for example %q"):format(prefix, right), 1, true), why)
      assert.is_nil(words.prefix(right))
    end
    for _, prefix in ipairs {"", "-", "_", "42"} do assert.matches("^must be of lower", words.prefix(prefix)) end
    assert.equal("must have at most 23 characters, because names of buckets are made of it that may have 63, and has 24"
      .. '; for example "' .. ("p"):rep(23) .. '"', words.prefix(("p"):rep(24)))
    assert.matches("S3 keeps buckets", words.prefix "sthree")
    assert.matches("S3 keeps buckets", words.prefix "amzn-s3-demo")
    assert.equal("must be text, not a boolean", words.prefix(true))
  end)

  it("leaves room for the longest name of a bucket that a playbook makes", function()
    local longest = 0
    for path in io.popen "ls playbooks/*/*.lua":lines() do
      local text = io.open(path):read "a"
      for name in text:gmatch 'bucket_name = account%.prefix %.%. ("[^\n]+)' do
        local rest = name:match '^"([^"]*)"'
        local n = #rest + (name:find("account.id", 1, true) and 12 or 0)
          + (name:find("account.region", 1, true) and #"-us-isof-south-1" or 0)
        longest = math.max(longest, n)
      end
    end
    assert.equal(40, longest)
    assert.equal(63, 23 + longest)
  end)

  it("takes a table by its name or its ARN, and nothing that belongs to one", function()
    local arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/"
    for _, v in ipairs {"kept", "a.b_c-9", arn .. "kept"} do assert.is_nil(words.table(v), v) end
    for _, v in ipairs {"ab", ("t"):rep(256), "a table", "", arn, arn .. "kept/index/i", arn .. "kept/stream/s",
      "arn:aws:dynamodb:eu-west-1:12:table/kept", "arn:aws:sns:eu-west-1:123456789012:kept"} do
      assert.matches("^must be the name of a table of DynamoDB", words.table(v) or v)
    end
    assert.equal("must be text, not a table", words.table {})
  end)

  it("takes an amount that is more than nothing, and a number", function()
    for _, v in ipairs {1, 0.01, 500} do assert.is_nil(words.amount(v)) end
    for _, v in ipairs {0, -5, -0.0, math.huge, 0 / 0} do
      assert.matches("^must be more than 0, not ", words.amount(v))
    end
    assert.equal("must be a number, not a string", words.amount "500")
  end)
end)
