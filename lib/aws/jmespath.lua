--- JMESPath: expressions compiled to closures. Null is nil inside, json.null where a list or a map must hold it.
local functions = require "aws.jmespath.functions"
local lexer = require "aws.jmespath.lexer"
local values = require "aws.jmespath.values"
local suggest = require "suggest"

local jmespath = {}

local null <const>, array = values.null, values.array
local is_array, is_object, is_true = values.is_array, values.is_object, values.is_true
local MAXDEPTH <const> = 200            -- of parentheses, brackets and arguments within one another
local KEPT <const> = 500                -- compiled expressions

-- How strongly a token binds to what stands left of it; what is not here ends an expression.
local BINDING <const> = {["|"] = 1, ["||"] = 2, ["&&"] = 3, ["=="] = 5, [">"] = 5, ["<"] = 5, [">="] = 5, ["<="] = 5,
  ["!="] = 5, ["[]"] = 9, ["*"] = 20, ["[?"] = 21, ["."] = 40, ["!"] = 45, ["["] = 55}
local PROJECTION_ENDS <const> = 10      -- what binds less applies to the projection as a whole

-- ## What expressions compile to: functions of the value

local function identity(v) return v end

local function field(name)
  return function(v)
    if type(v) ~= "table" then return nil end
    local x = v[name]
    if x == null then return nil end
    return x
  end
end

local function subexpression(left, right)
  return function(v) return right(left(v)) end
end

local function index(left, n)
  return function(v)
    local list = left(v)
    if not is_array(list) then return nil end
    local x = list[n < 0 and #list + n + 1 or n + 1]
    if x == null then return nil end
    return x
  end
end

local function bound(n, len, step)
  if n < 0 then return math.max(n + len, step < 0 and -1 or 0) end
  return math.min(n, step < 0 and len - 1 or len)
end

local function slice(left, start, stop, step)
  step = step or 1
  return function(v)
    local list = left(v)
    if not is_array(list) then return nil end
    local len, out = #list, {}
    local from = start and bound(start, len, step) or (step < 0 and len - 1 or 0)
    local to = stop and bound(stop, len, step) or (step < 0 and -1 or len)
    for i = from, to + (step < 0 and 1 or -1), step do out[#out + 1] = list[i + 1] end
    return array(out)
  end
end

local function flatten(left)
  return function(v)
    local list = left(v)
    if not is_array(list) then return nil end
    local out, n = {}, 0
    for _, x in ipairs(list) do
      if is_array(x) then
        table.move(x, 1, #x, n + 1, out)
        n = n + #x
      else
        n = n + 1
        out[n] = x
      end
    end
    return array(out)
  end
end

local function project(list, right)
  local out, n = {}, 0
  for _, x in ipairs(list) do
    if x == null then x = nil end
    local y = right(x)
    if y ~= nil then n = n + 1 out[n] = y end
  end
  return array(out)
end

local function projection(left, right)
  return function(v)
    local list = left(v)
    if not is_array(list) then return nil end
    return project(list, right)
  end
end

local function value_projection(left, right)
  return function(v)
    local map = left(v)
    if not is_object(map) then return nil end
    return project(values.items(map), right)
  end
end

local function filter(left, condition, right)
  return function(v)
    local list = left(v)
    if not is_array(list) then return nil end
    local out, n = {}, 0
    for _, x in ipairs(list) do
      if x == null then x = nil end
      if is_true(condition(x)) then
        local y = right(x)
        if y ~= nil then n = n + 1 out[n] = y end
      end
    end
    return array(out)
  end
end

local function select_list(items)
  return function(v)
    if v == nil then return nil end
    local out = {}
    for i, item in ipairs(items) do
      local x = item(v)
      if x == nil then x = null end
      out[i] = x
    end
    return array(out)
  end
end

local function select_map(names, items)
  return function(v)
    if v == nil then return nil end
    local out = {}
    for i, item in ipairs(items) do
      local x = item(v)
      if x == nil then x = null end
      out[names[i]] = x
    end
    values.orders[out] = names
    return out
  end
end

local function ordered(a, b)
  local kind = type(a)
  return kind == type(b) and (kind == "number" or kind == "string")
end

local COMPARE <const> = {
  ["=="] = function(a, b) return values.equal(a, b) end,
  ["!="] = function(a, b) return not values.equal(a, b) end,
  ["<"] = function(a, b) if ordered(a, b) then return a < b end end,
  ["<="] = function(a, b) if ordered(a, b) then return a <= b end end,
  [">"] = function(a, b) if ordered(a, b) then return a > b end end,
  [">="] = function(a, b) if ordered(a, b) then return a >= b end end,
}

-- ## The parser: `p` is {tokens, at, text}

local function sentence(p, code, position, why)
  error({code = code, position = position, expression = p.text,
    message = ("The JMESPath expression %q cannot be used: at position %d %s%s"):format(p.text, position, why,
      why:find "%?$" and "" or ".")}, 0)
end

local function describe(token)
  if token.kind == "end" then return "it ends" end
  return ("stands %q"):format(token.text)
end

local function unexpected(p, wanted)
  local token = p.tokens[p.at]
  sentence(p, "syntax", token.position, ("%s, where %s was expected"):format(describe(token), wanted))
end

local function peek(p, ahead) return p.tokens[p.at + (ahead or 0)].kind end

local function take(p)
  local token = p.tokens[p.at]
  p.at = p.at + 1
  return token
end

local function expect(p, kind, wanted)
  if peek(p) ~= kind then unexpected(p, wanted or ("%q"):format(kind)) end
  return take(p)
end

local expression

local function parse_list(p)
  local items = {}
  repeat
    items[#items + 1] = expression(p, 0)
    local more = peek(p) == ","
    if more then take(p) end
  until not more
  expect(p, "]", '"," or "]"')
  return select_list(items)
end

local function parse_map(p)
  local names, items = {}, {}
  repeat
    if peek(p) ~= "name" and peek(p) ~= "quoted" then unexpected(p, "the name of a member") end
    names[#names + 1] = take(p).value
    expect(p, ":")
    items[#items + 1] = expression(p, 0)
    local more = peek(p) == ","
    if more then take(p) end
  until not more
  expect(p, "}", '"," or "}"')
  return select_map(names, items)
end

local function parse_dot(p, binding)
  local kind = peek(p)
  if kind == "name" or kind == "quoted" or kind == "*" then return expression(p, binding) end
  if kind == "[" then take(p) return parse_list(p) end
  if kind == "{" then take(p) return parse_map(p) end
  unexpected(p, 'a name, "*", "[" or "{"')
end

-- What applies to each element of a projection.
local function parse_projected(p, binding)
  local kind = peek(p)
  if (BINDING[kind] or 0) < PROJECTION_ENDS then return identity end
  if kind == "[" or kind == "[?" then return expression(p, binding) end
  if kind == "." then take(p) return parse_dot(p, binding) end
  unexpected(p, '".", "[" or the end')
end

-- A number or a slice, behind its bracket.
local function parse_index(p, left)
  local first = p.tokens[p.at]
  local parts, colons = {}, 0
  while peek(p) ~= "]" do
    if peek(p) == ":" and colons < 2 then colons = colons + 1
    elseif peek(p) == "number" and parts[colons] == nil then parts[colons] = p.tokens[p.at].value
    else unexpected(p, colons == 0 and 'a number, ":" or "]"' or '"]"') end
    take(p)
  end
  take(p)
  if colons == 0 then return index(left, parts[0]) end
  if parts[2] == 0 then sentence(p, "invalid-value", first.position, "a slice has a step of 0") end
  return projection(slice(left, parts[0], parts[1], parts[2]), parse_projected(p, BINDING["*"]))
end

local function parse_bracket(p, left)
  if peek(p) == "number" or peek(p) == ":" then return parse_index(p, left) end
  if peek(p) == "*" and peek(p, 1) == "]" then
    p.at = p.at + 2
    return projection(left, parse_projected(p, BINDING["*"]))
  end
  return nil
end

local function parse_filter(p, left)
  local condition = expression(p, 0)
  expect(p, "]")
  local right = peek(p) == "[]" and identity or parse_projected(p, BINDING["[?"])
  return filter(left, condition, right)
end

local function check_arity(p, name, count, position)
  local fn = functions.of[name]
  if not fn then
    sentence(p, "unknown-function", position, ("stands the function %s, which does not exist%s"):format(name,
      suggest.phrase(name, functions.names)))
  end
  if count < #fn.types or (count > #fn.types and not fn.variadic) then
    sentence(p, "invalid-arity", position, ("%s is given %d argument%s, and takes %d%s"):format(name, count,
      count == 1 and "" or "s", #fn.types, fn.variadic and " or more" or ""))
  end
  return fn
end

local function parse_call(p, name)
  local args = {}
  take(p)
  while peek(p) ~= ")" do
    if #args > 0 then expect(p, ",", '"," or ")"') end
    if peek(p) == "&" then
      take(p)
      args[#args + 1] = {expression(p, 0)}
    else
      args[#args + 1] = expression(p, 0)
    end
  end
  take(p)
  return functions.call(check_arity(p, name.value, #args, name.position), args, p.text, name.position)
end

-- How an expression begins.
local BEGIN <const> = {
  literal = function(_, token) local x = token.value return function() return x end end,
  ["@"] = function() return identity end,
  name = function(p, token)
    if peek(p) == "(" then return parse_call(p, token) end
    return field(token.value)
  end,
  quoted = function(p, token)
    if peek(p) == "(" then unexpected(p, "an operator; the name of a function is not quoted") end
    return field(token.value)
  end,
  ["*"] = function(p) return value_projection(identity, parse_projected(p, BINDING["*"])) end,
  ["[?"] = function(p) return parse_filter(p, identity) end,
  ["{"] = function(p) return parse_map(p) end,
  ["("] = function(p)
    local inner = expression(p, 0)
    expect(p, ")")
    return inner
  end,
  ["[]"] = function(p) return projection(flatten(identity), parse_projected(p, BINDING["[]"])) end,
  ["!"] = function(p)
    local inner = expression(p, BINDING["!"])
    return function(v) return not is_true(inner(v)) end
  end,
  ["["] = function(p) return parse_bracket(p, identity) or parse_list(p) end,
}

-- How it goes on: what stands left, and the token.
local CONTINUE <const> = {
  ["."] = function(p, left)
    if peek(p) ~= "*" then return subexpression(left, parse_dot(p, BINDING["."])) end
    take(p)
    return value_projection(left, parse_projected(p, BINDING["."]))
  end,
  ["|"] = function(p, left) return subexpression(left, expression(p, BINDING["|"])) end,
  ["||"] = function(p, left)
    local right = expression(p, BINDING["||"])
    return function(v)
      local x = left(v)
      if is_true(x) then return x end
      return right(v)
    end
  end,
  ["&&"] = function(p, left)
    local right = expression(p, BINDING["&&"])
    return function(v)
      local x = left(v)
      if not is_true(x) then return x end
      return right(v)
    end
  end,
  ["[?"] = function(p, left) return parse_filter(p, left) end,
  ["[]"] = function(p, left) return projection(flatten(left), parse_projected(p, BINDING["[]"])) end,
  ["["] = function(p, left)
    return parse_bracket(p, left) or unexpected(p, 'a number, ":" or "*]"')
  end,
}

local function comparison(p, left, operator)
  local right = expression(p, BINDING[operator])
  local compare = COMPARE[operator]
  return function(v) return compare(left(v), right(v)) end
end

function expression(p, binding)
  p.depth = p.depth + 1
  local token = p.tokens[p.at]
  if p.depth > MAXDEPTH then sentence(p, "syntax", token.position, "it is nested too deep") end
  local begin = BEGIN[token.kind]
  if not begin then unexpected(p, "an expression") end
  p.at = p.at + 1
  local left = begin(p, token)
  while binding < (BINDING[peek(p)] or 0) do
    token = p.tokens[p.at]
    local continue = CONTINUE[token.kind]
    if not continue and not COMPARE[token.kind] then unexpected(p, "an operator or the end") end
    p.at = p.at + 1
    left = continue and continue(p, left) or comparison(p, left, token.kind)
  end
  p.depth = p.depth - 1
  return left
end

local function parse(text)
  local p = {text = text, at = 1, depth = 0}
  p.tokens = lexer.tokens(text, function(code, position, why) sentence(p, code, position, why) end)
  local run = expression(p, 0)
  if peek(p) ~= "end" then unexpected(p, "an operator or the end") end
  return run
end

-- ## For users

local cache, cached = {}, 0

-- Errors of ours come back as nil, err; anything else is a bug and goes on.
local function guarded(ok, result, ...)
  if ok then
    if result == null then return nil end
    return result, ...
  end
  if type(result) == "table" and result.code then return nil, result end
  error(result, 0)
end

--- Compiles an expression to a function of a value: it gives the result, nil for null, or nil and an
-- error {code=, message=, position=}, code being invalid-type or invalid-value.
-- @return the function; or nil and an error, code being syntax, unknown-function, invalid-arity, invalid-value
function jmespath.compile(text)
  local known = cache[text]
  if known then return known end
  local run, err = guarded(pcall(parse, text))
  if not run then return nil, err end
  known = function(value)
    if value == null then value = nil end
    return guarded(pcall(run, value))
  end
  if cached >= KEPT then cache, cached = {}, 0 end
  cache[text], cached = known, cached + 1
  return known
end

--- The value of an expression: the result, nil for null; nil and an error as of `compile` where it has none.
function jmespath.search(text, value)
  local run, err = jmespath.compile(text)
  if not run then return nil, err end
  return run(value)
end

return jmespath
