--- Pages of list operations, by the rules of paginators-1.json. Calls through the client; knows no network.
local error_of = require "aws.error"
local json = require "tidelock.json"
local suggest = require "suggest"
local token_of = require "aws.paginate.token"
local values = require "aws.jmespath.values"

local paginate = {}

local OPTIONS <const> = {"max_items", "page_size", "starting_token"}
local TRUNCATED <const> = token_of.TRUNCATED

-- ## Paths: the rules' expressions, and where their values are put back

-- Nearly all are names with dots between, which need no JMESPath.
local function plain(text)
  local names = {}
  for name in text:gmatch "[^.]+" do names[#names + 1] = name end
  return function(value)
    for _, name in ipairs(names) do
      if type(value) ~= "table" then return nil end
      value = value[name]
    end
    if value == json.null then return nil end
    return value
  end
end

local function reader(text)
  if text:find "^[%a_][%w_.]*[%w_]$" and not text:find("..", 1, true) and not text:find "%.%d" then
    return {text = text, get = plain(text)}
  end
  local run, err = require "aws.jmespath".compile(text)
  if not run then error(err.message, 0) end   -- the model's own fault: no user can mend it
  return {text = text, get = run}
end

local function readers(list)
  local out = {}
  for i, text in ipairs(type(list) == "table" and list or {list}) do out[i] = reader(text) end
  return out
end

-- Result keys are plain names with dots between.
local function put(into, path, value)
  local last
  for name in path:gmatch "[^.]+" do
    if last then
      if type(into[last]) ~= "table" then into[last] = {} end
      into = into[last]
    end
    last = name
  end
  into[last] = value
end
paginate.put = put

-- ## Rules

local plans = setmetatable({}, {__mode = "k"})    -- by the rule's own table

local function rule_of(op) return op.service:paginators()[op.name] end

local function plan_of(op)
  local rule = rule_of(op)
  if not rule then
    error_of.usage(("%s has no pages: its answer comes whole. Call it by its name."):format(op.snake))
  end
  local plan = plans[rule]
  if not plan then
    plan = {inputs = type(rule.input_token) == "table" and rule.input_token or {rule.input_token},
      outputs = readers(rule.output_token), results = readers(rule.result_key),
      fixed = readers(rule.non_aggregate_keys), more = rule.more_results and reader(rule.more_results),
      limit = rule.limit_key}
    plans[rule] = plan
  end
  return plan
end

--- Whether the operation's answer comes in pages.
function paginate.can(op) return rule_of(op) ~= nil end

-- ## Options

local function whole(op, options, name)
  local value = options[name]
  if value == nil then return nil end
  local n = math.tointeger(value)
  if not n or n < 1 then
    error_of.usage(("%s of %s must be a whole number of 1 or more, not %s."):format(name, op.snake, tostring(value)))
  end
  return n
end

local function check_options(op, options)
  for name in pairs(options) do
    local known = false
    for _, each in ipairs(OPTIONS) do known = known or each == name end
    if not known then
      error_of.usage(("The pages of %s have no option %q%s"):format(op.snake, tostring(name),
        suggest.phrase(tostring(name), OPTIONS)))
    end
  end
  return whole(op, options, "max_items"), whole(op, options, "page_size")
end

-- Some services take the size of a page as text.
local function typed_limit(op, name, size)
  for _, member in ipairs((op:input_shape() or {}).members or {}) do
    if member.name == name and member.type == "string" then return tostring(size) end
  end
  return size
end

local function set_size(op, plan, input, size)
  if not size then return end
  if not plan.limit then error_of.usage(("%s does not let its page size be set."):format(op.snake)) end
  input[plan.limit] = typed_limit(op, plan.limit, size)
end

-- ## The walk

local walk = {}
walk.__index = walk

-- The tokens that this page names for the next, by input member; nil where it is the last.
local function next_tokens(plan, page)
  if plan.more and not values.is_true((plan.more.get(page))) then return nil end
  local tokens
  for i, output in ipairs(plan.outputs) do
    local value = output.get(page)
    if values.is_true(value) and value ~= 0 then
      tokens = tokens or {}
      tokens[plan.inputs[i]] = value
    end
  end
  return tokens
end

local function inject(self, tokens)
  for _, name in ipairs(self.plan.inputs) do self.input[name] = tokens[name] end
end

-- Elements `from` to `to` of a list, as a list of its own.
local function cut(list, from, to)
  return json.array(table.move(list, from, to, 1, {}))
end

-- The first page of a walk that goes on within a page: what was seen before is left out.
local function resume(self, page)
  local first = self.plan.results[1]
  local list = first.get(page)
  if type(list) == "table" then put(page, first.text, cut(list, self.skip + 1, #list)) end
  for i = 2, #self.plan.results do
    local other = self.plan.results[i]
    local value = other.get(page)
    if values.is_array(value) then put(page, other.text, json.array {})
    elseif type(value) == "number" then put(page, other.text, 0)
    elseif type(value) == "string" then put(page, other.text, "") end
  end
end

local function count(value)
  if type(value) == "string" then return #value end
  return type(value) == "table" and #value or 0
end

-- Cuts the page so that no more than `max` items have come; the token says how to go on within it.
local function truncate(self, page, list, over)
  local keep = #list - over
  put(page, self.plan.results[1].text, cut(list, 1, keep))
  self.done = true
  local tokens = {}
  for name, value in pairs(self.tokens or {}) do tokens[name] = value end
  tokens[TRUNCATED] = keep + self.skip
  self.token = token_of.encode(tokens, self.plan.inputs)
end

local function refuse_loop(self)
  error(error_of.new {code = "Pagination", service = self.name, operation = self.op.snake,
    message = "the service gave the same token for the next page twice, which would never end"}, 0)
end

-- What comes after `page`: sets the tokens of the next request, or ends the walk.
local function advance(self, page)
  local tokens = next_tokens(self.plan, page)
  if not tokens then self.done = true return end
  if self.max and self.seen >= self.max then
    self.done, self.token = true, token_of.encode(tokens, self.plan.inputs)
    return
  end
  if self.followed and values.equal(tokens, self.tokens) then refuse_loop(self) end
  inject(self, tokens)
  self.tokens, self.followed = tokens, true
end

--- The next page, or nil after the last. May yield; raises what the call raises.
function walk:next()
  if self.done then return nil end
  local page = self.client:call(self.op.name, self.input)
  if not self.first then
    self.first = page
    if self.skip > 0 then resume(self, page) end
  else
    self.skip = 0
  end
  local list = self.plan.results[1] and self.plan.results[1].get(page)
  local n = count(list)
  if self.max and self.seen + n > self.max then
    truncate(self, page, list, self.seen + n - self.max)
  else
    self.seen = self.seen + n
    advance(self, page)
  end
  return page
end

walk.__call = walk.next
walk.__name = "aws.pages"

--- Iterates over the pages of an operation: `for page in paginate.pages(client, op, input, options) do`.
-- Options: page_size (asked of the service), max_items (the last page is cut to it), starting_token (`token`
-- of an earlier walk, or the service's own). After a walk that max_items ended, `token` of the iterator says
-- where to go on.
-- @param client the service's client
-- @param op the operation's model, or its name
-- @param input the input of every call but for the tokens
-- @param options the options, or nil
-- @return an iterator; raises what a call raises, and what is wrong with the options
function paginate.pages(client, op, input, options)
  if type(op) == "string" then op = client:operation(op) end
  options = options or {}
  local plan = plan_of(op)
  local max, size = check_options(op, options)
  local self = setmetatable({client = client, op = op, plan = plan, input = {}, max = max, seen = 0, skip = 0,
    name = client:inner().name}, walk)
  for name, value in pairs(input or {}) do self.input[name] = value end
  set_size(op, plan, self.input, size)
  if options.starting_token then
    local tokens, why = token_of.decode(options.starting_token, plan.inputs)
    if not tokens then error_of.usage(("%s cannot start there: %s."):format(op.snake, why)) end
    self.skip, tokens[TRUNCATED] = tokens[TRUNCATED] or 0, nil
    if next(tokens) then
      inject(self, tokens)
      self.tokens = tokens
    end
  end
  return self
end

--- Iterates over the items of all pages: what stands first in the operation's answer. Of a map, values and keys.
function paginate.items(client, op, input, options)
  local pages = paginate.pages(client, op, input, options)
  local result = pages.plan.results[1]
  if not result then
    error_of.usage(("The rules do not say what the items of %s are. Iterate over its pages."):format(pages.op.snake))
  end
  local list, keys, at = {}, nil, 0
  return function()
    while at >= #(keys or list) do
      local page = pages:next()
      if not page then return nil end
      list, at = result.get(page) or {}, 0
      keys = values.is_object(list) and values.keys(list) or nil
    end
    at = at + 1
    if keys then return list[keys[at]], keys[at] end
    return list[at]
  end
end

-- Joins one result of a further page to what came before.
local function join(all, result, value)
  local before = result.get(all)
  if before == nil then
    put(all, result.text, values.is_array(value) and cut(value, 1, #value) or value)
  elseif type(before) == "table" and values.is_array(value) then
    table.move(value, 1, #value, #before + 1, before)
  elseif type(value) == "table" then
    for name, each in pairs(value) do before[name] = each end
  elseif type(value) == "number" then
    put(all, result.text, before + value)
  elseif type(value) == "string" then
    put(all, result.text, before .. value)
  end
end

--- All pages as one answer, as the aws CLI prints it; `NextToken` where max_items cut it short.
function paginate.all(client, op, input, options)
  local pages, all = paginate.pages(client, op, input, options), {}
  for page in pages do
    for _, result in ipairs(pages.plan.results) do
      local value = result.get(page)
      if value ~= nil then join(all, result, value) end
    end
  end
  for _, fixed in ipairs(pages.plan.fixed) do
    local value = fixed.get(pages.first)
    if value ~= nil and fixed.get(all) == nil then put(all, fixed.text, value) end
  end
  all.NextToken = pages.token
  return all
end

return paginate
