-- secret_spec.lua -- a secret shows itself to secret.reveal and to nothing else.
local digest = require "tidelock.digest"
local secret = require "tidelock.secret"
local sweep = require "support.sweep"

local TEXT <const> = "wJalr\0XUtnFEMI"

describe("tidelock.secret", function()
  local s = secret.new(TEXT)

  it("gives its bytes back to reveal, NULs too", function()
    assert.equal(TEXT, secret.reveal(s))
    assert.equal("", secret.reveal(secret.new ""))
    assert.equal("text", secret.reveal "text")   -- what is a string already needs no care at each caller
  end)

  it("prints as <secret> wherever text is made of it", function()
    assert.equal("<secret>", tostring(s))
    assert.equal("<secret>", ("%s"):format(s))
    assert.equal("<secret>", tostring(secret.new ""))
  end)

  it("cannot be joined to text, from either side", function()
    for _, join in ipairs {function() return "x" .. s end, function() return s .. "x" end,
                           function() return s .. s end} do
      local ok, message = pcall(join)
      assert.is_false(ok)
      assert.matches("a secret cannot be joined to text", message)
      assert.is_nil(message:find("wJalr", 1, true))
    end
  end)

  it("has no length, no fields, no order and no metatable to look at", function()
    for _, look in ipairs {function() return #s end, function() return s.bytes end, function() return s < s end,
                           function() return next(s) end, function() s.x = 1 end, function() return s() end} do
      local ok, message = pcall(look)
      assert.is_false(ok)
      assert.is_nil(message:find("wJalr", 1, true))
    end
    assert.equal("secret", getmetatable(s))
    assert.is_false(pcall(setmetatable, s, {}))
  end)

  it("is not leaked by an encoder or a serializer", function()
    local encoders = {require("cjson").encode}
    local found, json = pcall(require, "tidelock.json")
    if found then encoders[2] = json.encode end
    for _, encode in ipairs(encoders) do
      local ok, text = pcall(encode, {key = s})
      assert.is_nil(tostring(text):find("wJalr", 1, true))
      if ok then assert.matches("secret", text) end
    end
  end)

  it("equals a secret of the same bytes and nothing else", function()
    assert.is_true(s == secret.new(TEXT))
    assert.is_false(s == secret.new "wJalr\0XUtnFEMj")
    assert.is_false(s == secret.new "wJalr")
    assert.is_false(secret.new "wJalr" == s)
    assert.is_false(s == TEXT)
  end)

  it("is told from other values by is", function()
    assert.is_true(secret.is(s))
    assert.is_false(secret.is(TEXT))
    assert.is_false(secret.is(nil))
    assert.is_false(secret.is(io.stdout))
  end)

  it("refuses what is not text", function()
    assert.error_matches(function() secret.new(12) end, "string expected, got number")
    assert.error_matches(function() secret.reveal {} end, "secret or string expected")
    assert.error_matches(function() secret.reveal(io.stdout) end, "secret or string expected")
  end)

  it("is empty once closed", function()
    local kept
    do
      local closing <close> = secret.new(TEXT)
      kept = closing
      assert.equal(TEXT, secret.reveal(kept))
    end
    assert.equal("", secret.reveal(kept))
  end)

  it("is a key for C without becoming text", function()
    assert.equal(digest.hmac_sha256(TEXT, "data"), digest.hmac_sha256(s, "data"))
  end)

  it("survives any allocation being refused", function()
    sweep(function() return secret.reveal(secret.new(TEXT)) end)
  end)
end)
