--- All pages of a list operation as one output, as the aws CLI joins them; --max-items, --page-size, --starting-token.
local pages = {}

local function list_of(value)
  if value == nil then return {} end
  return type(value) == "table" and value or {value}
end

local function search(expression, value)
  if expression:find "^[%a_][%w_]*$" then return value[expression] end
  return require "aws.jmespath".search(expression, value)
end

-- Sets the value at a dotted path of plain names.
local function put(t, path, value)
  local names = {}
  for name in path:gmatch "[^.]+" do names[#names + 1] = name end
  for i = 1, #names - 1 do
    t[names[i]] = t[names[i]] or {}
    t = t[names[i]]
  end
  t[names[#names]] = value
end

local function rule_of(op)
  local all = op.service:paginators()
  return (all.pagination or all)[op.name]
end

local function encode_token(value)
  return require "tidelock.digest".base64(require "tidelock.json".encode(value, {sort = true}))
end

local function decode_token(text)
  local digest, json = require "tidelock.digest", require "tidelock.json"
  local raw = digest.unbase64(text)
  local value = raw and json.decode(raw)
  if type(value) ~= "table" then
    require "cli.options".usage("--starting-token is not one that --max-items printed")
  end
  return value
end

local function next_tokens(rule, output)
  local names, expressions, out, any = list_of(rule.input_token), list_of(rule.output_token), {}, false
  if rule.more_results and not search(rule.more_results, output) then return nil end
  for i, name in ipairs(names) do
    local token = search(expressions[i], output)
    if token ~= nil and token ~= "" and token ~= require "tidelock.json".null then
      out[name] = token
      any = true
    end
  end
  return any and out or nil
end

local function join(rule, whole, output)
  for _, expression in ipairs(list_of(rule.result_key)) do
    local value, so_far = search(expression, output), search(expression, whole)
    if value ~= nil then
      if so_far == nil then
        put(whole, expression, value)
      elseif type(value) == "table" then
        table.move(value, 1, #value, #so_far + 1, so_far)
      elseif type(value) == "number" then
        put(whole, expression, so_far + value)
      end
    end
  end
end

local function first_page(rule, output)
  local whole = {}
  for _, expression in ipairs(list_of(rule.non_aggregate_keys)) do
    local value = search(expression, output)
    if value ~= nil then put(whole, expression, value) end
  end
  return whole
end

-- Cuts the primary list to `most` items; returns how many of this page's are shown, or nil if it was not cut.
local function cut(rule, whole, output, most)
  local key = list_of(rule.result_key)[1]
  local list = search(key, whole)
  if type(list) ~= "table" or #list <= most then return nil end
  local page = search(key, output)
  local shown = #page - (#list - most)
  for i = #list, most + 1, -1 do list[i] = nil end
  return shown
end

local function skip(rule, output, n)
  local key = list_of(rule.result_key)[1]
  local list = search(key, output)
  if type(list) == "table" and n > 0 then
    local left = table.move(list, n + 1, #list, 1, setmetatable({}, getmetatable(list)))
    put(output, key, left)
  end
end

--- Calls the operation until there is no further page (or --max-items is reached); the joined output.
function pages.fetch(client, op, input, args)
  local rule = rule_of(op)
  if not rule then return client:call(op.name, input) end
  for _, name in ipairs(list_of(rule.input_token)) do
    if input[name] ~= nil then return client:call(op.name, input) end     -- the user pages by hand
  end
  if rule.limit_key and input[rule.limit_key] ~= nil and not args.page_size then
    return client:call(op.name, input)
  end
  local request = {}
  for name, value in pairs(input) do request[name] = value end
  if args.page_size and rule.limit_key then request[rule.limit_key] = math.tointeger(args.page_size) end
  local drop, tokens = 0, nil
  if args.starting_token then
    local start = decode_token(args.starting_token)
    drop = start.boto_truncate_amount or 0
    start.boto_truncate_amount = nil
    for name, value in pairs(start) do
      if value == require "tidelock.json".null then start[name] = nil end
    end
    tokens = start
    for name, value in pairs(start) do request[name] = value end
  end
  local whole
  while true do
    local output = client:call(op.name, request)
    skip(rule, output, drop)
    local dropped = drop
    drop = 0
    whole = whole or first_page(rule, output)
    join(rule, whole, output)
    local following = next_tokens(rule, output)
    local shown = args.max_items and cut(rule, whole, output, args.max_items)
    local full = args.max_items and #(search(list_of(rule.result_key)[1], whole) or {}) >= args.max_items
    if shown or (full and following) then
      local token = {}
      local start = following
      if shown then start = tokens end          -- a page that was cut is asked for again
      for name, value in pairs(start or {}) do token[name] = value end
      if shown then token.boto_truncate_amount = shown + dropped end
      for _, name in ipairs(list_of(rule.input_token)) do
        if token[name] == nil then token[name] = require "tidelock.json".null end
      end
      whole.NextToken = encode_token(token)
      return whole
    end
    if not following then return whole end
    tokens = following
    for name, value in pairs(following) do request[name] = value end
  end
end

return pages
