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

  local function of_account(account, ...)
    local one = result(...)
    one.account = account
    return one
  end
  local function shut(account)
    local one = of_account(account, "organization-account-readable", account .. " (second)", "error", "critical")
    one.region = nil
    return one
  end

  it("forgets an account that left the organization, and says how much was remembered of it", function()
    local first = change.between(nil, {result("a", "x", "fail"), of_account("210987654321", "a", "y", "fail"),
      of_account("210987654321", "b", "z", "fail")}, 100, {["123456789012"] = true, ["210987654321"] = true})
    local second = change.between(first.memory, {result("a", "x", "fail")}, 200, {["123456789012"] = true})
    assert.same({{account = "210987654321", failures = 2}}, change.leavers(second))
    assert.same({{}, {}, 1, 0}, {second.new, second.gone, second.same, second.unseen})
    assert.is_nil(second.memory["b|210987654321|eu-west-1|z"])
    local third = change.between(second.memory, {result("a", "x", "fail")}, 300, {["123456789012"] = true})
    assert.same({{}, 1}, {third.left, third.same})
  end)

  it("remembers an account that could not be read, is suspended, or was not asked for", function()
    local both <const> = {["123456789012"] = true, ["210987654321"] = true}
    local first = change.between(nil, {of_account("210987654321", "a", "y", "fail")}, 100, both)
    local closed = change.between(first.memory, {shut "210987654321"}, 200, both)
    assert.same({{}, {}, 1, 1}, {closed.gone, closed.left, #closed.new, closed.unseen})
    local suspended = change.between(closed.memory, {result("a", "x", "pass")}, 300, both)
    assert.same({{}, {}, 2}, {suspended.gone, suspended.left, suspended.unseen})
    local alone = change.between(suspended.memory, {result("a", "x", "pass")}, 400)
    assert.same({{}, {}, 2}, {alone.gone, alone.left, alone.unseen})
    local left = change.between(alone.memory, {result("a", "x", "pass")}, 500, {["123456789012"] = true})
    assert.same({{account = "210987654321", failures = 2}}, change.leavers(left))
  end)

  it("takes it for over that an account could not be entered, once it could", function()
    local both <const> = {["123456789012"] = true, ["210987654321"] = true}
    local first = change.between(nil, {shut "210987654321"}, 100, both)
    local second = change.between(first.memory, {of_account("210987654321", "a", "y", "pass")}, 200, both)
    assert.same({"210987654321 (second)", 0}, {second.gone[1].name, second.unseen})
    assert.same({}, second.memory)
  end)

  it("tells accounts and regions apart", function()
    local here, there = result("a", "x", "fail"), result("a", "x", "fail")
    there.region = "us-east-1"
    assert.equal(1, #change.between(change.between(nil, {here}, 1).memory, {there}, 2).new)
    there.region, there.account = "eu-west-1", "210987654321"
    assert.equal(1, #change.between(change.between(nil, {here}, 1).memory, {there}, 2).new)
  end)
end)
