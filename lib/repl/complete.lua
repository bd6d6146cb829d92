--- What TAB offers: services, operations, members out of the models, names of the environment. Pure.
local complete = {}

local KEYWORDS <const> = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
  "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}
local COMMANDS <const> = {":help", ":quit"}
local BY_NAME <const> = {call = true, pages = true, items = true, presign = true, can = true, operation = true}
local METHODS <const> = {"call", "pages", "items", "wait", "presign", "can", "operation"}

-- ## Where the cursor is

-- The braces open at the end of `text`: {at =, from = where the current field began}, and the quote that is open.
local function braces(text)
  local open, i, quote, quote_at = {}, 1, nil, nil
  while i <= #text do
    local c = text:sub(i, i)
    if quote then
      if c == "\\" then i = i + 1 elseif c == quote then quote = nil end
    elseif c == '"' or c == "'" then
      quote, quote_at = c, i
    elseif c == "-" and text:sub(i, i + 1) == "--" then
      local line_end = text:find("\n", i, true)
      if not line_end then return open, nil, nil, true end
      i = line_end
    elseif c == "{" or c == "(" then
      open[#open + 1] = {at = i, from = i + 1, mark = c}
    elseif c == "}" or c == ")" then
      open[#open] = nil
    elseif (c == "," or c == ";") and #open > 0 then
      open[#open].from = i + 1
    end
    i = i + 1
  end
  return open, quote, quote_at
end

-- The operation whose input the brace at `at` begins, or nil.
local function operation_before(text, at, models)
  local before = text:sub(1, at - 1)
  local service, name = before:match "([%w_]+)%s*:%s*([%w_]+)%s*%(?%s*$"
  if not service then
    local method
    service, method, name = before:match "([%w_]+)%s*:%s*([%w_]+)%s*%(%s*[\"']([%w_%-]+)[\"']%s*,%s*$"
    if not BY_NAME[method or ""] then return nil end
    name = name:gsub("%-", "_")
  end
  local model = models.service((service:gsub("_", "-")))
  return model and model:operation(name), model
end

-- The shape inside the innermost brace: the operation's input, followed down through the fields.
local function shape_at(text, open, models)
  for first = 1, #open do
    local op, model = nil, nil
    if open[first].mark == "{" then op, model = operation_before(text, open[first].at, models) end
    local shape = op and op:input_shape()
    for i = first + 1, shape and #open or 0 do
      local key = text:sub(open[i - 1].from, open[i].at - 1):match "([%w_%-.]+)[\"']?%s*%]?%s*=%s*$"
      local inner
      if open[i].mark ~= "{" then return nil end
      if shape.type == "structure" then
        for _, member in ipairs(shape.members) do
          if member.name == key then inner = model:shape(member.shape) end
        end
      elseif shape.type == "list" then
        inner = model:shape(shape.member)
      elseif shape.type == "map" then
        inner = model:shape(shape.value)
      end
      shape = inner
      if not shape then return nil end
    end
    if shape then return shape, model end
  end
end

-- ## Candidates: rows {word, what comes after it}

local function begins(out, word, partial, after)
  if word:sub(1, #partial) == partial then out[#out + 1] = {word, after or ""} end
end

local function used_in(text, open)
  local used = {}
  for name in text:sub(open.at + 1):gmatch "([%a_][%w_]*)%s*=" do used[name] = true end
  return used
end

local function field_shape(model, shape, key)
  if shape.type == "list" then return model:shape(shape.member) end
  if shape.type == "map" then return model:shape(shape.value) end
  for _, member in ipairs(shape.members or {}) do
    if member.name == key then return model:shape(member.shape) end
  end
end

-- Inside the braces of an input: a member's name, or a value that the model enumerates.
local function in_input(text, open, quote, models)
  local shape, model = shape_at(text, open, models)
  if not shape then return nil end
  local top, out = open[#open], {}
  local field = text:sub(top.from)
  local key, partial = field:match "^%s*([%w_]+)%s*=%s*[\"']?([^\"'{}=]*)$"
  local value = key and field_shape(model, shape, key)
  if not key and shape.type == "list" then
    value, partial = model:shape(shape.member), field:match "^%s*[\"']?([^\"'{}=]*)$"
  end
  if value then
    for _, word in ipairs(value.enum or {}) do
      if quote then begins(out, word, partial, quote)
      elseif partial == "" then out[#out + 1] = {'"' .. word .. '"', ""} end
    end
    if value.type == "boolean" then begins(out, "true", partial) begins(out, "false", partial) end
    return #text - #partial, out
  end
  partial = field:match "^%s*([%a_]?[%w_]*)$"
  if not partial or quote then return nil end
  local used = used_in(text:sub(1, top.from - 1), top)
  if shape.type == "structure" then
    for _, member in ipairs(shape.members) do
      if not used[member.name] then begins(out, member.name, partial, " = ") end
    end
  elseif shape.type == "map" then
    for _, word in ipairs(model:shape(shape.key).enum or {}) do
      if not used[word] and word:find "^[%a_][%w_]*$" then begins(out, word, partial, " = ") end
    end
  end
  return #text - #partial, out
end

local function operations(out, model, partial, mark, after)
  for _, name in ipairs(model:operations()) do
    local snake = model:operation(name).snake
    begins(out, mark and snake:gsub("_", mark) or snake, partial, after and after(model:operation(name)) or "")
  end
end

local function opening(op)
  local shape = op:input_shape()
  return shape and #shape.members > 0 and "{" or "{}"
end

-- Inside quotes: an operation's or waiter's name after a method that takes one, words of help.
local function in_quotes(text, quote, quote_at, models)
  local before, partial, out = text:sub(1, quote_at - 1), text:sub(quote_at + 1), {}
  local service, method = before:match "([%w_]+)%s*:%s*([%w_]+)%s*%(%s*$"
  local model = service and models.service((service:gsub("_", "-")))
  if model and BY_NAME[method] then
    operations(out, model, partial, nil, function() return quote end)
    return #text - #partial, out
  end
  if model and method == "wait" then
    local ok, all = pcall(model.waiters, model)
    local snake = {}
    for name in pairs(ok and (all.waiters or all) or {}) do
      snake[#snake + 1] = name:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2"):lower()
    end
    table.sort(snake)
    for _, name in ipairs(snake) do begins(out, name, partial, quote) end
    return #text - #partial, out
  end
  if not before:find "%f[%w_]help%s*%(?%s*$" then return nil end
  local named, rest = partial:match "^(%S+)%s+(%S*)$"
  if named then
    model = models.service(named)
    if model then operations(out, model, rest, "-", function() return quote end) end
    return #text - #rest, out
  end
  for _, name in ipairs(models.services()) do begins(out, name, partial) end
  return #text - #partial, out
end

local function services(out, models, partial, after)
  for _, name in ipairs(models.services()) do begins(out, (name:gsub("%-", "_")), partial, after) end
end

-- The table at a path of plain names, without running anybody's code on the way.
local function table_at(env, path)
  local t = env
  for name in path:gmatch "[%w_]+" do
    local v = rawget(t, name)
    if v == nil and t == env then v = _G[name] end
    if type(v) ~= "table" then return nil end
    t = v
  end
  return t
end

local function keys(out, t, partial)
  local names = {}
  for key in next, t do
    if type(key) == "string" and key:find "^[%a_][%w_]*$" then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    begins(out, name, partial, type(rawget(t, name)) == "function" and "(" or "")
  end
end

local function names(text, env, models)
  local out = {}
  local path, mark, partial = text:match "([%a_][%w_.]*)([.:])([%a_]?[%w_]*)$"
  if path then
    local service = path:match "^aws%.([%w_]+)$"
    local model = service and models.service((service:gsub("_", "-")))
    if path == "aws" and mark == "." then
      services(out, models, partial, "")
    elseif model then
      if mark == ":" then
        for _, name in ipairs(METHODS) do begins(out, name, partial, '("') end
      end
      operations(out, model, partial, nil, mark == ":" and opening or nil)
    else
      local t = table_at(env, path)
      if t then keys(out, t, partial) end
    end
    return #text - #partial, out
  end
  partial = text:match "([%a_]?[%w_]*)$"
  if partial == "" then return nil end
  for _, word in ipairs(KEYWORDS) do begins(out, word, partial) end
  keys(out, env, partial)
  if env ~= _G then keys(out, _G, partial) end
  return #text - #partial, out
end

--- What can stand at the end of `text`. Returns where the word to replace begins (a count of bytes before it), and
-- rows {word, what comes after it}; or nil.
function complete.at(text, env, models)
  if text:find "^:%a*$" then
    local out = {}
    for _, word in ipairs(COMMANDS) do begins(out, word, text) end
    return 0, out
  end
  local open, quote, quote_at, comment = braces(text)
  if comment then return nil end
  if #open > 0 then
    local from, out = in_input(text, open, quote, models)
    if from and #out > 0 then return from, out end
  end
  if quote then return in_quotes(text, quote, quote_at, models) end
  return names(text, env, models)
end

--- The longest beginning that all the words share.
function complete.common(rows)
  local common = rows[1][1]
  for _, row in ipairs(rows) do
    while row[1]:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  return common
end

return complete
