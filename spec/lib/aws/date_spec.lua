local date = require "aws.date"

describe("aws.date", function()
  it("reads ISO times with fraction and offset", function()
    assert.equal(0, date.iso "1970-01-01T00:00:00Z")
    assert.equal(1709210096, date.iso "2024-02-29T12:34:56Z")
    assert.equal(1709210096, date.iso "2024-02-29T12:34:56.789Z")
    assert.equal(1709210096 - 7200, date.iso "2024-02-29T12:34:56+02:00")
    assert.equal(1709210096, date.iso "2024-02-29 12:34:56UTC")
    assert.equal(951782400, date.iso "2000-02-29T00:00:00Z")
  end)

  it("reads HTTP dates", function()
    assert.equal(784111777, date.http "Sun, 06 Nov 1994 08:49:37 GMT")
  end)

  it("is the inverse of its own text", function()
    for _, at in ipairs {0, 951782399, 1709210096, 4102444800} do assert.equal(at, date.iso(date.text(at))) end
  end)

  it("returns nil for what is no date", function()
    for _, text in ipairs {"", "tomorrow", "2024-02-29", "2024-02-29T12:34:56X", "Sun, 06 Foo 1994 08:49:37 GMT"} do
      assert.is_nil(date.iso(text))
      assert.is_nil(date.http(text))
    end
  end)
end)
