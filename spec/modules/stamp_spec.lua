-- stamp_spec.lua -- the three ways that AWS writes a time, held to Python's calendar and to what is no time.
local stamp = require "tidelock.stamp"
local sweep = require "support.sweep"

describe("stamp.parse", function()
  it("reads ISO 8601, with offsets, fractions and dates alone", function()
    for text, seconds in pairs {
      ["1970-01-01T00:00:00Z"] = 0, ["2014-04-29T18:30:38Z"] = 1398796238, ["2014-04-29T18:30:38"] = 1398796238,
      ["2014-04-29 18:30:38Z"] = 1398796238, ["2019-12-16T22:48:18-01:00"] = 1576540098,
      ["2019-12-17T00:48:18+0100"] = 1576540098, ["2019-12-17T00:48:18+01"] = 1576540098,
      ["2000-01-02T20:34:56.123Z"] = 946845296.123, ["1969-12-31T23:59:59.5Z"] = -0.5, ["2026-01-02"] = 1767312000,
      ["2000-02-29T00:00:00Z"] = 951782400, ["0001-01-01T00:00:00Z"] = -62135596800,
      ["9999-12-31T23:59:59Z"] = 253402300799, ["2016-12-31T23:59:60Z"] = 1483228800,
      [" 1970-01-01T00:00:01Z\n"] = 1,
    } do
      assert.equal(seconds, stamp.parse(text), text)
      assert.equal(seconds % 1 == 0 and "integer" or "float", math.type((stamp.parse(text))), text)
    end
  end)

  it("reads RFC 822 dates and seconds since 1970", function()
    for text, seconds in pairs {
      ["Tue, 29 Apr 2014 18:30:38 GMT"] = 1398796238, ["29 Apr 2014 18:30:38 GMT"] = 1398796238,
      ["Tue, 29 Apr 2014 18:30:38 +0000"] = 1398796238, ["Sun, 02 Jan 2000 20:34:56.456 GMT"] = 946845296.456,
      ["1398796238"] = 1398796238, ["-5"] = -5, ["1.5"] = 1.5, ["1.398796238E9"] = 1398796238, ["-0.25"] = -0.25,
    } do
      assert.equal(seconds, stamp.parse(text), text)
    end
  end)

  it("refuses what is no time, in a sentence", function()
    for _, text in ipairs {"", " ", "noon", "2026-02-30T00:00:00Z", "2025-02-29", "2026-13-01", "2026-00-01",
      "2026-01-00", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00Zx", "2026-01-01T",
      "2026-1-1", "20260101", "Tue, 32 Apr 2014 18:30:38 GMT", "Tue, 29 Foo 2014 18:30:38 GMT", "1e300", "nan", "inf",
      "0x10", "99999999999999999999", "12\0", "2026-01-01T00:00:00+99:00", ("1"):rep(5000), "-", ".", "T"} do
      if text ~= "20260101" then                     -- digits alone are seconds
        local value, err = stamp.parse(text)
        assert.is_nil(value, text)
        assert.equal("bad_time", err.code)
        assert.is_true(#err.message > 20)
      end
    end
  end)
end)

describe("stamp.format", function()
  it("writes each format, with fractions only where there are some", function()
    assert.equal("2014-04-29T18:30:38Z", stamp.format(1398796238))
    assert.equal("2014-04-29T18:30:38.500Z", stamp.format(1398796238.5, "iso8601"))
    assert.equal("2014-04-29T18:30:38.123456Z", stamp.format(1398796238.123456))
    assert.equal("Tue, 29 Apr 2014 18:30:38 GMT", stamp.format(1398796238.9, "rfc822"))
    assert.equal("1398796238", stamp.format(1398796238.0, "unix"))
    assert.equal("1398796238.25", stamp.format(1398796238.25, "unix"))
    assert.equal("-0.5", stamp.format(-0.5, "unix"))
    assert.equal("-1.5", stamp.format(-1.5, "unix"))
    assert.equal("1969-12-31T23:59:59.500Z", stamp.format(-0.5))
  end)

  it("refuses what no year of four digits holds", function()
    for _, n in ipairs {253402300800, -62167219201, 1e300, -1e300, 0 / 0, 1 / 0, math.maxinteger, math.mininteger} do
      assert.has_error(function() stamp.format(n) end)
    end
    assert.has_error(function() stamp.format(0, "julian") end)
  end)

  it("comes back equal for every day of 400 years, and agrees with os.date", function()
    for day = -146097 // 2, 146097 // 2, 7 do
      local seconds = day * 86400 + (day * 7919) % 86400
      local iso = stamp.format(seconds)
      assert.equal(os.date("!%Y-%m-%dT%H:%M:%SZ", seconds), iso)
      assert.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds), stamp.format(seconds, "rfc822"))
      assert.equal(seconds, stamp.parse(iso))
      assert.equal(seconds, stamp.parse(stamp.format(seconds, "rfc822")))
      assert.equal(seconds, stamp.parse(stamp.format(seconds, "unix")))
    end
  end)

  it("lives through every allocation failing", function()
    assert.is_true(sweep(function()
      local _, err = stamp.parse "no time"
      return stamp.format(stamp.parse "2026-01-02T03:04:05.25Z", "rfc822"), err.message
    end) > 3)
  end)
end)
