local models = require "tidelock.models"
local pages = require "cli.pages"

local function op() return models.service("sqs"):operation("ListQueues") end

-- A client with so many queues, three a page unless told.
local function client(n)
  local c = {calls = 0}
  function c.inner() return {name = "sqs"} end
  function c:call(_, input)
    self.calls = self.calls + 1
    local from, size, out = tonumber(input.NextToken or "1"), input.MaxResults or 3, {}
    for i = from, math.min(n, from + size - 1) do out[#out + 1] = "q" .. i end
    return {QueueUrls = out, NextToken = from + size <= n and tostring(from + size) or nil}
  end
  return c
end

describe("all pages", function()
  it("are joined into one output, without the token", function()
    local c = client(7)
    assert.same({QueueUrls = {"q1", "q2", "q3", "q4", "q5", "q6", "q7"}}, pages.fetch(c, op(), {}, {}))
    assert.equal(3, c.calls)
  end)
  it("are shown one by one as they come, for text", function()
    local c, seen = client(7), {}
    assert.is_nil(pages.each(c, op(), {}, {}, function(page)
      seen[#seen + 1] = table.concat(page.QueueUrls, " ") .. (page.NextToken and " and a token" or "")
      assert.equal(#seen, c.calls)
    end))
    assert.same({"q1 q2 q3", "q4 q5 q6", "q7"}, seen)
    assert.is_string(pages.each(client(7), op(), {}, {max_items = 4}, function() end))
  end)
  it("are left to the user who gives the token or the limit", function()
    assert.equal("4", pages.fetch(client(7), op(), {MaxResults = 3}, {}).NextToken)
  end)
  it("are asked for with the page size", function()
    local c = client(7)
    pages.fetch(c, op(), {}, {page_size = 7})
    assert.equal(1, c.calls)
  end)
  for most = 1, 8 do
    it(("can be walked %d items at a time, each once"):format(most), function()
      local seen, token = {}, nil
      repeat
        local out = pages.fetch(client(7), op(), {}, {max_items = most, starting_token = token})
        assert.is_true(#out.QueueUrls <= most)
        table.move(out.QueueUrls, 1, #out.QueueUrls, #seen + 1, seen)
        token = out.NextToken
      until not token
      assert.same({"q1", "q2", "q3", "q4", "q5", "q6", "q7"}, seen)
    end)
  end
  it("go on from the service's own token too, where that is one text", function()
    assert.same({"q5", "q6", "q7"}, pages.fetch(client(7), op(), {}, {starting_token = "5"}).QueueUrls)
  end)
  it("refuse a token that --max-items did not print", function()
    local records = models.service("route53"):operation "ListResourceRecordSets"   -- its tokens are three
    local ok, err = pcall(pages.fetch, client(7), records, {}, {starting_token = "nonsense"})
    assert.is_false(ok)
    assert.equal(64, err.exit)
  end)
end)
