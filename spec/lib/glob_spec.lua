-- Patterns with * and ?: the whole text, and no letter that means something to Lua alone.
local fits = require "glob".fits

describe("a pattern", function()
  it("fits the whole text", function()
    for _, row in ipairs {{"s3-*", "s3-bucket-tls-only"}, {"*", ""}, {"a?c", "abc"}, {"arn:aws:s3:::b/*",
      "arn:aws:s3:::b/x/y"}, {"a.b-c(d)[e]+%f^$", "a.b-c(d)[e]+%f^$"}, {"*-dlq", "x-dlq-dlq"}} do
      assert.is_true(fits(row[1], row[2]), row[1])
    end
  end)
  it("fits no part of it, and nothing like it", function()
    for _, row in ipairs {{"s3", "s3-x"}, {"x", "s3-x"}, {"a?c", "ac"}, {"a.c", "abc"}, {"%w", "a"}, {"a-b", "aab"},
      {"", "a"}} do
      assert.is_false(fits(row[1], row[2]), row[1])
    end
  end)
end)
