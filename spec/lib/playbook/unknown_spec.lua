local unknown = require "playbook.unknown"

local function node(known) return {address = "sqs.queue/x", known = known} end

describe("a handle's field", function()
  local n, arn
  before_each(function()
    n = node()
    arn = unknown.handle(n).arn
  end)

  it("joins to text as a template that resolves when the value is known", function()
    local template = "<" .. arn .. "/*>"
    assert.is_true(unknown.is(template))
    local _, open = unknown.resolve(template)
    assert.is_true(open)
    n.known = {arn = "arn:1"}
    assert.equal("<arn:1/*>", (unknown.resolve(template)))
  end)
  it("resolves deep inside tables, which are copied", function()
    n.known = {arn = "arn:1"}
    local given = {a = {arn, "b"}, c = 1}
    assert.same({a = {"arn:1", "b"}, c = 1}, (unknown.resolve(given)))
    assert.is_true(unknown.is(given.a[1]))
  end)
  it("names the remedy when it is used as a number, compared, measured, called or walked", function()
    for _, use in ipairs {function() return arn + 1 end, function() return arn < "x" end, function() return #arn end,
      function() return arn() end, function() return tostring(arn) end, function() return pairs(arn) end} do
      local ok, err = pcall(use)
      assert.is_false(ok)
      assert.matches("sqs%.queue/x%.arn is not known before apply", err)
    end
  end)
  it("leaves its known neighbours in the part that is known, and no hole in a list", function()
    local part = unknown.known_part {a = arn, b = {x = 1, y = {arn, "z"}, w = arn}, c = {"<" .. arn}, d = false}
    assert.same({a = {}, b = {x = 1, y = {"z"}}, c = {}, d = false}, part)
    n.known = {arn = "arn:1"}
    assert.same({a = "arn:1"}, unknown.known_part {a = arn})
  end)
  it("hands on a path of fields", function()
    n.known = {Endpoint = {Address = "host"}}
    assert.equal("host", (unknown.resolve(unknown.handle(n).Endpoint.Address)))
  end)
  it("tells which nodes a value leans on", function()
    local seen = {}
    unknown.each_node({x = {"a" .. arn}}, function(other) seen[#seen + 1] = other end)
    assert.same({n}, seen)
  end)
  it("cannot be set, nor its metatable read", function()
    assert.is_false(pcall(function() arn.x = 1 end))
    assert.equal("unknown", getmetatable(arn))
  end)
end)

describe("two values", function()
  local here, there = node {arn = "arn:1"}, node()
  local known, open = unknown.field(here, {"arn"}), unknown.field(there, {"arn"})

  it("are alike where what is known of them is the same, at any depth", function()
    assert.is_true(unknown.alike({a = {1, {b = "x"}}}, {a = {1, {b = "x"}}}))
    assert.is_true(unknown.alike({a = {b = known}}, {a = {b = "arn:1"}}))
    assert.is_true(unknown.alike({a = known .. "/*"}, {a = "arn:1/*"}))
    assert.is_true(unknown.alike({a = open, b = 1}, {b = 1}))
    assert.is_true(unknown.alike({b = 1}, {a = open, b = 1}))
    assert.is_true(unknown.alike({a = open}, {a = unknown.field(node(), {"url"})}))
  end)
  it("are not alike where a known part differs, is missing or is more", function()
    for _, pair in ipairs {{{a = 1}, {a = 2}}, {{a = 1}, {}}, {{}, {a = 1}}, {{a = {b = 1}}, {a = {b = 1, c = 1}}},
      {{a = known}, {a = "arn:2"}}, {{a = open}, {a = "arn:1"}}, {{a = "arn:1"}, {a = open}}, {{a = {}}, {a = "x"}},
      {{a = false}, {}}} do
      assert.is_false(unknown.alike(pair[1], pair[2]))
    end
  end)
end)

describe("a handle", function()
  it("reports a misspelt field and goes on", function()
    local said
    local n = node()
    n.fields, n.field_names = {arn = true}, function() return {"arn"} end
    n.misnamed = function(key, phrase) said = key .. phrase end
    local _ = unknown.handle(n).anr
    assert.equal('anr; did you mean "arn"?', said)
  end)
  it("is not text", function()
    assert.is_false(pcall(function() return unknown.handle(node()) .. "x" end))
  end)
  it("gives real values once its resource is done", function()
    local n = node {arn = "arn:1"}
    n.done = true
    assert.equal("arn:1", unknown.handle(n).arn)
  end)
end)
