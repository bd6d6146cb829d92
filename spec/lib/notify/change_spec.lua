local change = require "notify.change"

local function result(id, name, verdict, severity)
  return {id = id, title = id .. " holds", result = verdict, severity = severity or "high", region = "eu-west-1",
    account = "123456789012", subject = {name = name}, evidence = "seen"}
end

describe("notify.change", function()
  it("takes every failure for new where nothing is remembered; what passed or was skipped is none", function()
    local got = change.between(nil, {result("a", "x", "fail"), result("b", "x", "pass"), result("c", "x", "skip"),
      result("d", "x", "error"), result("e", "x", "warn")}, 100)
    assert.equal(3, #got.new)
    assert.same({}, got.gone)
    assert.equal(100, got.memory["a|123456789012|eu-west-1|x"].since)
    assert.is_nil(got.memory["b|123456789012|eu-west-1|x"])
  end)

  it("knows a failure again, and since when it is there", function()
    local first = change.between(nil, {result("a", "x", "fail")}, 100)
    local second = change.between(first.memory, {result("a", "x", "fail"), result("a", "y", "fail")}, 200)
    assert.equal(1, second.same)
    assert.equal("y", second.new[1].subject.name)
    assert.equal(100, second.memory["a|123456789012|eu-west-1|x"].since)
    assert.equal(200, second.memory["a|123456789012|eu-west-1|y"].since)
  end)

  it("tells again what could be checked and now cannot, and the other way round", function()
    local first = change.between(nil, {result("a", "x", "fail")}, 100)
    local second = change.between(first.memory, {result("a", "x", "error")}, 200)
    assert.equal(1, #second.new)
    assert.equal(100, second.memory["a|123456789012|eu-west-1|x"].since)
    assert.equal(1, #change.between(second.memory, {result("a", "x", "fail")}, 300).new)
  end)

  it("says what is gone: it passes, or its subject is there no longer", function()
    local first = change.between(nil, {result("a", "x", "fail"), result("a", "y", "fail")}, 100)
    local second = change.between(first.memory, {result("a", "x", "pass")}, 200)
    assert.equal(2, #second.gone)
    assert.same({"x", "y"}, {second.gone[1].name, second.gone[2].name})
    assert.same({}, second.memory)
  end)

  it("does not take for gone what could not be looked at: a list is refused, a run does not come so far", function()
    local first = change.between(nil, {result("a", "x", "fail"), result("a", "y", "fail"),
      result("b", "z", "fail")}, 100)
    local refused = change.between(first.memory, {result("a", "buckets", "error"), result("b", "z", "fail")}, 200)
    assert.same({{}, 1, 1, 2}, {refused.gone, #refused.new, refused.same, refused.unseen})
    local again = change.between(refused.memory, {result("a", "x", "pass"), result("b", "z", "fail")}, 300)
    assert.equal(3, #again.gone)                         -- x passes, y is no more, and the list can be read
    local cut = change.between(first.memory, {result("a", "x", "fail"), result("a", "y", "pass")}, 200)
    assert.same({"y", 1}, {cut.gone[1].name, cut.unseen})
    assert.equal(100, cut.memory["b|123456789012|eu-west-1|z"].since)
    local partly = change.between(first.memory, {result("a", "x", "pass"), result("a", "y", "error")}, 200)
    assert.same({1, "x"}, {#partly.gone, partly.gone[1].name})
  end)

  it("tells accounts and regions apart", function()
    local here, there = result("a", "x", "fail"), result("a", "x", "fail")
    there.region = "us-east-1"
    assert.equal(1, #change.between(change.between(nil, {here}, 1).memory, {there}, 2).new)
    there.region, there.account = "eu-west-1", "210987654321"
    assert.equal(1, #change.between(change.between(nil, {here}, 1).memory, {there}, 2).new)
  end)
end)
