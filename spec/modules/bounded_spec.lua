-- bounded_spec.lua -- no one call of the library works for ever under a limit; without one, and within it, all is as in
-- plain Lua.
local limit = require "tidelock.limit"

local BUDGET <const> = 2000000

-- Runs `fn` with a limit: ok, the error or the results.
local function limited(fn, n)
  local co = coroutine.create(function()
    limit.instructions(n or BUDGET)
    return fn()
  end)
  local out = table.pack(coroutine.resume(co))
  limit.instructions()
  return table.unpack(out, 1, out.n)
end

local HUGE <const> = 1000000000000000
local blank <const> = setmetatable({}, {__index = function() return "" end})

local ENDLESS <const> = {
  ["a pattern of many ?"] = {"a pattern", function() return ("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60)) end},
  ["a pattern of many *"] = {"a pattern", function() return ("a"):rep(60):match(("a*"):rep(30) .. "b") end},
  ["a pattern over a long text, in gsub"] = {"a pattern", function() return ("a"):rep(100000):gsub("a*b", "") end},
  ["a pattern over a long text, in gmatch"] = {"a pattern", function()
    return ("a"):rep(100000):gmatch "a-b"
  end},
  ["back references"] = {"a pattern", function() return ("a"):rep(5000):find "(.*)(.*)%1%2b" end},
  ["a long text in a long text"] = {"a call of the library", function()
    return ("a"):rep(1000000):find(("a"):rep(500000) .. "b", 1, true)
  end},
  ["nothing, repeated"] = {"a call of the library", function() return (""):rep(HUGE) end},
  ["a move of a range without end"] = {"a call of the library", function() return table.move({}, 1, HUGE, 2) end},
  ["a move over all integers"] = {"a call of the library", function()
    return table.move({}, math.mininteger + 2, -1, 1)
  end},
  ["joining a range without end"] = {"a call of the library", function() return table.concat(blank, "", 1, HUGE) end},
  ["inserting before a length that is said"] = {"a call of the library", function()
    table.insert(setmetatable({}, {__len = function() return HUGE end}), 1, "x")
  end},
  ["removing before a length that is said"] = {"a call of the library", function()
    table.remove(setmetatable({}, {__len = function() return HUGE end}), 1)
  end},
  ["sorting over and over"] = {"ran too long", function()
    local t = {}
    for i = 1, 100000 do t[i] = i end
    while true do table.sort(t) end
  end},
  ["copies of a large text"] = {"ran too long", function()
    local s, n = ("x"):rep(8000000), 0
    while true do n = n + #(s .. n) end
  end},
  ["changes of a large text's case"] = {"ran too long", function()
    local s, n = ("x"):rep(8000000), 0
    while true do n = n + #s:upper() end
  end},
  ["a pattern that is caught each time"] = {"a pattern", function()
    while true do pcall(string.find, ("a"):rep(60), ("a?"):rep(60) .. ("a"):rep(60)) end
  end},
}

describe("under a limit", function()
  for what, row in pairs(ENDLESS) do
    it("ends " .. what, function()
      local began = os.clock()
      local ok, err = limited(row[2])
      assert.is_false(ok)
      assert.matches(row[1], err)
      assert.matches("ran too long", err)
      assert.is_true(os.clock() - began < 5, "CPU seconds: " .. os.clock() - began)
    end)
  end

  it("says where it was, by the whole path", function()
    local _, err = limited(function() while true do end end)
    assert.matches("^spec/modules/bounded_spec.lua:%d+: the playbook ran too long", err)
  end)

  it("lets ordinary work pass", function()
    local function work()
      local sum = 0
      for i = 1, 20000 do
        local name, value = ("  key_%d = some value  "):format(i):match "^%s*(.-)%s*=%s*(.-)%s*$"
        sum = sum + #name + #value + select(2, ("a,b,c"):gsub(",", ";"))
      end
      local t = {}
      for i = 1, 2000 do table.insert(t, 1, i) end
      table.sort(t)
      return sum + #table.concat(t, ",")
    end
    assert.same({true, work()}, {limited(work, 20000000)})
  end)

  it("refuses what the library refuses, in its words", function()
    for _, pattern in ipairs {"%", "[a", "(", ")", "%b", "%f", "%1", "(%1)", ("a?"):rep(300), ("()"):rep(33)} do
      local text = ("a"):rep(30)
      local plain, limits = table.pack(pcall(string.find, text, pattern)), table.pack(limited(function()
        return pcall(string.find, text, pattern)
      end))
      assert.same(plain, table.pack(table.unpack(limits, 2, limits.n)), pattern)
    end
    assert.matches("table expected, got no value", (select(3, limited(function() return pcall(table.concat) end))))
    assert.matches("number expected, got no value", (select(3, limited(function() return pcall(table.move, {}) end))))
  end)

  it("ends what runs beyond its time, and nothing after that is lifted", function()
    local began = os.clock()
    limit.seconds(0.2)
    local ok, err = limited(function() while true do pcall(function() while true do end end) end end, HUGE)
    limit.seconds()
    assert.is_false(ok)
    assert.matches("ran beyond its time", err)
    assert.is_true(os.clock() - began < 3)
    assert.is_true((limited(function() for _ = 1, 100000 do end end)))
  end)

  it("call gives what pcall gives, and leaves no limit", function()
    assert.same({true, 1, nil, 3, n = 4}, table.pack(limit.call(BUDGET, function(...) return ... end, 1, nil, 3)))
    assert.same({false, "why"}, {limit.call(BUDGET, error, "why")})
    local ok, err = limit.call(100000, function() while true do end end)
    assert.is_false(ok)
    assert.matches("ran too long", err)
    for _ = 1, 300000 do end
  end)
end)

-- The counting matcher goes the library's way: it finds what that finds.
describe("the counting of a pattern", function()
  local ATOMS <const> = {"a", "b", ".", "%a", "%d", "%s", "[ab]", "[^a]", "[a-c]", "[]x]", "[%w_]", "(", ")", "()",
    "%1", "%bab", "%f[a]", "$", "^", "%", "[", "x", "[a-]", "%A", "%2", "[^]a]", "%z", "[%a-z]", "%f", "%b", "\0", "%g",
    "%U"}
  local HOW <const> = {"", "", "", "*", "+", "-", "?"}
  local TEXT <const> = "abcab x_1]-\0"

  local function any(list, random) return list[random(#list)] end

  it("follows the library on patterns made by chance", function()
    local seed = os.time()
    local state = seed
    local function random(n)
      state = (state * 1103515245 + 12345) & 0x7fffffff
      return state // 65536 % n + 1
    end
    for _ = 1, 8000 do
      local pattern, text = {}, {}
      for i = 1, random(8) - 1 do pattern[i] = any(ATOMS, random) .. any(HOW, random) end
      for i = 1, random(12) - 1 do
        local at = random(#TEXT)
        text[i] = TEXT:sub(at, at)
      end
      local p, s = table.concat(pattern), table.concat(text)
      local fine, from, to = pcall(string.find, s, p)
      if fine then
        local _, seen = limit.pattern(s, p)
        assert.equal(from and to, seen, ("seed %d: %q in %q"):format(seed, p, s))
      end
    end
  end)

  it("is in line with the work", function()
    local one, two = limit.pattern(("a"):rep(1000) .. "b", "a*b"), limit.pattern(("a"):rep(2000) .. "b", "a*b")
    assert.is_true(two > 1.8 * one and two < 2.2 * one, one .. " " .. two)
  end)
end)
