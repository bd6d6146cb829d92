--- All pages of a list operation as one output, as the aws CLI joins them; --max-items, --page-size, --starting-token.
local pages = {}

local function list_of(value)
  if value == nil then return {} end
  return type(value) == "table" and value or {value}
end

-- Whether pages are asked for by hand: with a token, or with the limit of a page.
local function by_hand(rule, input, args)
  for _, name in ipairs(list_of(rule.input_token)) do
    if input[name] ~= nil then return true end
  end
  return rule.limit_key ~= nil and input[rule.limit_key] ~= nil and not args.page_size
end

-- The members at the top of the joined output: first what is listed, then what all pages share.
local function order_of(rule)
  local order = {}
  for _, path in ipairs(list_of(rule.result_key)) do order[#order + 1] = path:match "^[^.%[]+" end
  for _, path in ipairs(list_of(rule.non_aggregate_keys)) do order[#order + 1] = path:match "^[^.%[]+" end
  order[#order + 1] = "NextToken"
  return order
end

-- What all pages share and this operation did not say is null, as the aws CLI prints it.
local function fill(rule, all)
  for _, path in ipairs(list_of(rule.non_aggregate_keys)) do
    if path:find "^[%w_]+$" and all[path] == nil then all[path] = require "tidelock.json".null end
  end
  return all
end

-- What a page gives to a text: the results, and of the first page what all pages share.
local function part_of(walk, page, first)
  local null, part = require "tidelock.json".null, {}
  for _, list in ipairs {walk.plan.results, first and walk.plan.fixed or {}} do
    for _, result in ipairs(list) do
      local value = result.get(page)
      if value == nil then value = null end
      require "aws.paginate".put(part, result.text, value)
    end
  end
  return part
end

--- Calls `show` with every page as it comes, as the aws CLI prints text. Returns the token to go on with, if any.
function pages.each(client, op, input, args, show)
  local rule = op.service:paginator(op.name)
  if not rule or by_hand(rule, input, args) then return show(client:call(op.name, input)) end
  local walk, first = require "aws.paginate".pages(client, op, input, {max_items = args.max_items,
    page_size = args.page_size, starting_token = args.starting_token}), true
  for page in walk do
    show(part_of(walk, page, first))
    first = false
  end
  return walk.token
end

--- Calls the operation until there is no further page (or --max-items is reached). Returns the joined output; of one
-- that was joined also the order of its members.
function pages.fetch(client, op, input, args)
  local rule = op.service:paginator(op.name)
  if not rule or by_hand(rule, input, args) then return client:call(op.name, input) end
  local all = require "aws.paginate".all(client, op, input, {max_items = args.max_items, page_size = args.page_size,
    starting_token = args.starting_token})
  return fill(rule, all), order_of(rule)
end

return pages
