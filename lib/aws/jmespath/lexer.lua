--- Cuts a JMESPath expression into tokens: {kind, value, text, position}.
local json = require "tidelock.json"

local lexer = {}

local SIGNS <const> = {"[?", "[]", "||", "&&", "==", "!=", "<=", ">=", ".", "*", "[", "]", "{", "}", "(", ")", ",", ":",
  "|", "&", "<", ">", "!", "@"}

-- By first byte, the longer ones first.
local BY_FIRST = {}
for _, sign in ipairs(SIGNS) do
  local first = sign:sub(1, 1)
  BY_FIRST[first] = BY_FIRST[first] or {}
  table.insert(BY_FIRST[first], sign)
end

local function sign_at(text, at)
  for _, sign in ipairs(BY_FIRST[text:sub(at, at)] or {}) do
    if text:sub(at, at + #sign - 1) == sign then return sign end
  end
end

-- Where the quote that opens at `at` closes; a backslash takes what follows it along.
local function closing(text, at, quote)
  local i = at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == quote then return i end
    i = i + (c == "\\" and 2 or 1)
  end
end

local function inside(text, at, quote, fail)
  local close = closing(text, at, quote)
  if not close then fail("syntax", at, "opens a quote that is not closed") end
  return text:sub(at + 1, close - 1), close + 1
end

local function quoted(text, at, fail)
  local inner, after = inside(text, at, '"', fail)
  local value = json.decode('"' .. inner .. '"')
  if type(value) ~= "string" then fail("syntax", at, "stands a quoted name that is no JSON string") end
  return "quoted", value, after
end

local function raw(text, at, fail)
  local inner, after = inside(text, at, "'", fail)
  return "literal", (inner:gsub("\\'", "'")), after
end

-- JSON between backticks. Text without its quotes is taken too, as the first implementations did.
local function literal(text, at, fail)
  local inner, after = inside(text, at, "`", fail)
  inner = inner:gsub("\\`", "`"):gsub("^%s+", "")
  local value = json.decode(inner)
  if value == nil then value = json.decode('"' .. inner .. '"') end
  if value == nil then fail("syntax", at, "stands a literal that is not JSON") end
  if value == json.null then value = nil end
  return "literal", value, after
end

local QUOTES <const> = {['"'] = quoted, ["'"] = raw, ["`"] = literal}

local function token_at(text, at, fail)
  local name = text:match("^[%a_][%w_]*", at)
  if name then return "name", name, at + #name end
  local number = text:match("^%-?%d+", at)
  if number then
    local value = math.tointeger(tonumber(number))
    if not value then fail("syntax", at, "stands a number that is too large for an index") end
    return "number", value, at + #number
  end
  local quote = QUOTES[text:sub(at, at)]
  if quote then return quote(text, at, fail) end
  local sign = sign_at(text, at)
  if sign then return sign, nil, at + #sign end
  fail("syntax", at, ("stands %q, which begins nothing"):format(text:match(utf8.charpattern, at) or text:sub(at, at)))
end

--- All tokens of `text`, the last one of kind "end". `fail(code, position, why)` raises.
function lexer.tokens(text, fail)
  local list, at = {}, text:match "^%s*()"
  while at <= #text do
    local kind, value, after = token_at(text, at, fail)
    list[#list + 1] = {kind = kind, value = value, position = at, text = text:sub(at, after - 1)}
    at = text:match("^%s*()", after)
  end
  list[#list + 1] = {kind = "end", position = #text + 1, text = ""}
  return list
end

return lexer
