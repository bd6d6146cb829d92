-- paginate_spec.lua -- pages, items and whole answers, from a service that keeps its list in a table.
local digest = require "tidelock.digest"
local jmespath = require "aws.jmespath"
local json = require "tidelock.json"
local models = require "tidelock.models"
local paginate = require "aws.paginate"

local RULES <const> = {
  ListThings = {input_token = "Marker", output_token = "NextMarker", limit_key = "MaxThings", result_key = "Things"},
  ListDeep = {input_token = "Marker", output_token = "Out.Marker", more_results = "Out.More",
    result_key = {"Out.Items", "Out.Names", "Count", "Text"}, limit_key = "MaxItems", non_aggregate_keys = {"Owner"}},
  ListPairs = {input_token = {"Key", "Id"}, output_token = {"NextKey", "NextId"}, result_key = "Pairs"},
  ListKeys = {input_token = "Marker", output_token = "NextMarker || Keys[-1].K", more_results = "IsTruncated",
    limit_key = "MaxKeys", result_key = {"Keys", "Prefixes"}},
  ListMap = {input_token = "Marker", output_token = "NextMarker", result_key = "Map"},
  Nothing = {input_token = "Marker", output_token = "NextMarker"},
}

local function op_of(name, members)
  return {name = name, snake = name:gsub("(%l)(%u)", "%1_%2"):lower(),
    service = {paginators = function() return RULES end},
    input_shape = function() return {members = members or {}} end}
end

-- A client that answers the nth call with the nth page, and remembers what it was asked.
local function client_of(pages)
  local client = {asked = {}}
  function client.call(_, name, input)
    local copy = {name = name}
    for key, value in pairs(input) do copy[key] = value end
    client.asked[#client.asked + 1] = copy
    local page = assert(pages[#client.asked], "one call more than there are pages")
    return json.decode(json.encode(page))
  end
  function client.inner() return {name = "toy"} end
  function client.operation(_, name) return op_of(name) end
  return client
end

local function collect(iterator)
  local list = {}
  for each in iterator do list[#list + 1] = each end
  return list
end

local function things(first, last, marker)
  local page = {Things = json.array {}, NextMarker = marker}
  for i = first, last do table.insert(page.Things, i) end
  return page
end

local function three() return client_of {things(1, 2, "m2"), things(3, 4, "m4"), things(5, 5)} end

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("paginate.pages", function()
  it("follows the token to the last page, with the input of the first", function()
    local client, input = three(), {Owner = "me"}
    local pages = collect(paginate.pages(client, op_of "ListThings", input))
    assert.same({{1, 2}, {3, 4}, {5}}, {pages[1].Things, pages[2].Things, pages[3].Things})
    assert.same({{name = "ListThings", Owner = "me"}, {name = "ListThings", Owner = "me", Marker = "m2"},
      {name = "ListThings", Owner = "me", Marker = "m4"}}, client.asked)
    assert.same({Owner = "me"}, input)
  end)

  it("asks for no page before it is wanted", function()
    local client = three()
    local pages = paginate.pages(client, op_of "ListThings", {})
    assert.equal(0, #client.asked)
    pages()
    assert.equal(1, #client.asked)
  end)

  it("takes empty text, and a flag that is not set, for the last page", function()
    assert.equal(1, #collect(paginate.pages(client_of {things(1, 1, "")}, op_of "ListThings", {})))
    local deep = {Out = {Marker = "more", More = false, Items = {1}}}
    assert.equal(1, #collect(paginate.pages(client_of {deep}, op_of "ListDeep", {})))
  end)

  it("goes on after a page that is empty but names a next one", function()
    assert.same({1}, collect(paginate.items(client_of {things(1, 0, "m"), things(1, 1)}, op_of "ListThings", {})))
  end)

  it("takes the last key for the token where the service names none", function()
    local client = client_of {{IsTruncated = true, Keys = {{K = "a"}, {K = "b"}}},
      {IsTruncated = false, Keys = {{K = "c"}}}}
    assert.equal(2, #collect(paginate.pages(client, op_of "ListKeys", {})))
    assert.equal("b", client.asked[2].Marker)
  end)

  it("sends several tokens, and takes back one that the service gives no more", function()
    local client = client_of {{Pairs = {1}, NextKey = "k", NextId = "i"}, {Pairs = {2}, NextKey = "k2"}, {Pairs = {3}}}
    assert.same({1, 2, 3}, collect(paginate.items(client, op_of "ListPairs", {})))
    assert.same({name = "ListPairs", Key = "k", Id = "i"}, client.asked[2])
    assert.same({name = "ListPairs", Key = "k2"}, client.asked[3])
  end)

  it("raises where the service gives the same token twice", function()
    local same = {things(1, 1, "m"), things(2, 2, "m"), things(3, 3, "m")}
    local err = raised(collect, paginate.pages(client_of(same), op_of "ListThings", {}))
    assert.equal("Pagination", err.code)
    assert.matches("toy.list_things failed: Pagination: the service gave the same token", tostring(err))
  end)

  it("asks for the page size, as text where the model says so", function()
    local client = three()
    paginate.pages(client, op_of "ListThings", {}, {page_size = 2})()
    assert.equal(2, client.asked[1].MaxThings)
    client = three()
    paginate.pages(client, op_of("ListThings", {{name = "MaxThings", type = "string"}}), {}, {page_size = 2})()
    assert.equal("2", client.asked[1].MaxThings)
  end)

  it("refuses what it cannot do, with a sentence", function()
    local client = three()
    local function refused(pattern, name, options)
      local err = raised(paginate.pages, client, op_of(name), {}, options)
      assert.equal("Usage", err.code)
      assert.equal(64, err.exit)
      assert.matches(pattern, tostring(err))
    end
    refused("has no pages", "CreateThing")
    refused('no option "page_sise"; did you mean "page_size"%?$', "ListThings", {page_sise = 1})
    refused("max_items of list_things must be a whole number of 1 or more, not 0", "ListThings", {max_items = 0})
    refused("does not let its page size be set", "ListPairs", {page_size = 3})
    refused("cannot start there: the starting token is none", "ListPairs", {starting_token = "x"})
    assert.matches("do not say what the items", tostring(raised(paginate.items, client, op_of "Nothing", {})))
    assert.equal(0, #client.asked)
    assert.is_true(paginate.can(op_of "ListThings"))
    assert.is_false(paginate.can(op_of "CreateThing"))
  end)

  it("finds the operation by its name, too", function()
    assert.equal(5, #collect(paginate.items(three(), "ListThings", {})))
  end)
end)

describe("paginate.items", function()
  it("gives what stands in all pages", function()
    assert.same({1, 2, 3, 4, 5}, collect(paginate.items(three(), op_of "ListThings", {})))
  end)

  it("gives values and keys of a map", function()
    local seen = {}
    for value, key in paginate.items(client_of {{Map = {b = 2, a = 1}, NextMarker = "m"}, {Map = {c = 3}}},
      op_of "ListMap", {}) do
      seen[#seen + 1] = key .. value
    end
    assert.same({"a1", "b2", "c3"}, seen)
  end)

  it("does not ask for more pages than max_items needs", function()
    local client = three()
    assert.same({1, 2}, collect(paginate.items(client, op_of "ListThings", {}, {max_items = 2})))
    assert.equal(1, #client.asked)
  end)
end)

describe("a walk that max_items ends", function()
  local function walk(client, options)
    local pages = paginate.pages(client, op_of "ListThings", {}, options)
    local seen = {}
    for page in pages do
      for _, each in ipairs(page.Things) do seen[#seen + 1] = each end
    end
    return seen, pages.token
  end

  it("goes on from its token, within a page and at its end, wherever it was cut", function()
    for cut = 1, 4 do
      local seen, token = walk(three(), {max_items = cut})
      assert.equal(cut, #seen)
      local rest = client_of(cut < 2 and {things(1, 2, "m2"), things(3, 4, "m4"), things(5, 5)}
        or cut < 4 and {things(3, 4, "m4"), things(5, 5)} or {things(5, 5)})
      local more, none = walk(rest, {starting_token = token})
      assert.same({1, 2, 3, 4, 5}, table.move(more, 1, #more, #seen + 1, seen))
      assert.is_nil(none)
      assert.equal(({nil, "m2", "m2", "m4"})[cut], rest.asked[1].Marker)
    end
  end)

  it("has no token when all was seen", function()
    local seen, token = walk(three(), {max_items = 5})
    assert.equal(5, #seen)
    assert.is_nil(token)
  end)

  it("cuts one page twice", function()
    local _, first = walk(client_of {things(1, 9)}, {max_items = 3})
    local seen, second = walk(client_of {things(1, 9)}, {max_items = 3, starting_token = first})
    assert.same({4, 5, 6}, seen)
    assert.same({7, 8, 9}, (walk(client_of {things(1, 9)}, {starting_token = second})))
  end)

  it("gives the aws CLI's own token", function()
    local _, token = walk(three(), {max_items = 3})
    assert.same({Marker = "m2", boto_truncate_amount = 1}, json.decode(digest.unbase64(token)))
  end)

  it("starts at the service's own token", function()
    local client = client_of {things(3, 4, "m4"), things(5, 5)}
    assert.same({3, 4, 5}, (walk(client, {starting_token = "m2"})))
    assert.equal("m2", client.asked[1].Marker)
  end)

  it("keeps keys that are bytes", function()
    local key = {id = {B = "\xff\0\1"}}
    local pages = paginate.pages(client_of {}, op_of "ListThings", {}, {max_items = 1})
    pages.client = {call = function() return {Things = {1}, NextMarker = key} end}
    pages()
    local again = paginate.pages(client_of {}, op_of "ListThings", {}, {starting_token = pages.token})
    assert.same(key, again.input.Marker)
  end)

  it("says so where a token was changed", function()
    local bad = digest.base64 '{"Marker":"m","boto_truncate_amount":"x"}'
    assert.matches("was changed", tostring(raised(walk, three(), {starting_token = bad})))
    local odd = digest.base64 '{"Marker":"m","boto_encoded_keys":[["Nowhere","x"],[],["Marker"],7]}'
    assert.is_true(pcall(walk, client_of {things(1, 1)}, {starting_token = odd}))
  end)
end)

describe("paginate.all", function()
  it("joins lists, adds numbers and text, and keeps what the first page says once", function()
    local client = client_of {
      {Owner = "me", Out = {Marker = "m", More = true, Items = {1, 2}, Names = {"a"}}, Count = 2, Text = "x"},
      {Owner = "you", Out = {More = false, Items = {3}, Names = {"b"}}, Count = 1, Text = "y"}}
    assert.same({Owner = "me", Out = {Items = {1, 2, 3}, Names = {"a", "b"}}, Count = 3, Text = "xy"},
      paginate.all(client, op_of "ListDeep", {}))
  end)

  it("says where to go on after max_items, and shows other results of that page once", function()
    local function pages() return client_of {{IsTruncated = false, Keys = {{K = 1}, {K = 2}}, Prefixes = {"p"}}} end
    local all = paginate.all(pages(), op_of "ListKeys", {}, {max_items = 1})
    assert.same({{K = 1}}, all.Keys)
    assert.same({"p"}, all.Prefixes)
    local rest = paginate.all(pages(), op_of "ListKeys", {}, {starting_token = all.NextToken})
    assert.same({Keys = {{K = 2}}, Prefixes = {}}, rest)
  end)

  it("keeps an empty list a list", function()
    assert.equal('{"Things":[]}', json.encode(paginate.all(client_of {things(1, 0)}, op_of "ListThings", {})))
  end)
end)

describe("the paginators of the data", function()
  it("are found by the operation's model, which also says the type of a page's size", function()
    local function op(service, name) return assert(models.service(service)):operation(name) end
    local client = client_of {{QueueUrls = {"a"}, NextToken = "t"}, {QueueUrls = {"b"}}}
    assert.same({"a", "b"}, collect(paginate.items(client, op("sqs", "list_queues"), {}, {page_size = 1})))
    assert.same({name = "ListQueues", MaxResults = 1, NextToken = "t"}, client.asked[2])
    client = client_of {{HostedZones = {1}}}
    assert.same({1}, collect(paginate.items(client, op("route53", "list_hosted_zones"), {}, {page_size = 1})))
    assert.equal("1", client.asked[1].MaxItems)
    assert.is_false(paginate.can(op("sqs", "create_queue")))
  end)

  it("all compile, and their results can be put back", function()
    local rules, out <close> = 0, assert(io.popen "ls build/vendor/botocore/data/*/*/paginators-1.json")
    for path in out:lines() do
      local file <close> = assert(io.open(path))
      for name, rule in pairs(json.decode(file:read "a").pagination) do
        rules = rules + 1
        for _, key in ipairs {"output_token", "more_results", "result_key", "non_aggregate_keys"} do
          for _, text in ipairs(type(rule[key]) == "table" and rule[key] or {rule[key]}) do
            assert.is_function(jmespath.compile(text), path .. " " .. name)
            if key == "result_key" then assert.matches("^[%w_.]+$", text, name) end
          end
        end
      end
    end
    assert.is_true(rules > 3000)
  end)
end)
