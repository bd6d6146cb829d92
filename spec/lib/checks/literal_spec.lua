-- What looks like a secret in an environment, and what only says where one lies.
local literal = require "checks.literal"

local SECRETS <const> = {{"DB_PASSWORD", "x"}, {"api_key", "abc"}, {"APIKEY", "abc"}, {"STRIPE_SECRET", "s"},
  {"SESSION_TOKEN", "t"}, {"ANYTHING", "AKIAIOSFODNN7EXAMPLE"}, {"PEM", "-----BEGIN PRIVATE KEY-----"},
  {"MODEL", "sk-live-0f7c"}, {"DATABASE_URL", "postgresql://app:pw@db:5432/app"}, {"AWS_CREDENTIALS", "a:b"}}
local OTHERS <const> = {{"NODE_ENV", "production"}, {"DB_PASSWORD", ""}, {"DB_PASSWORD_ARN", "x"},
  {"TOKEN_SECRET", "arn:aws:secretsmanager:us-east-1:1:secret:x"}, {"SECRET_NAME", "prod/db"}, {"API_KEY_ID", "1"},
  {"MAX_TOKENS", "4096"}, {"TOKENS_PER_WINDOW", "10"}, {"DATABASE_URL", "postgresql://db:5432/app"},
  {"HOMEPAGE", "https://example.com/a@b"}}

describe("a variable", function()
  for _, row in ipairs(SECRETS) do
    it(row[1] .. " with such a value looks like a secret: " .. #row[2] .. " letters", function()
      assert.is_true(literal.secret(row[1], row[2]))
    end)
  end
  for _, row in ipairs(OTHERS) do
    it(("%s=%s does not look like one"):format(row[1], row[2]), function()
      assert.is_false(literal.secret(row[1], row[2]))
    end)
  end
end)
