--- A text of Lua as tokens, with their lines: what playbook.lint reads.
local tokens = {}

local byte <const>, find <const>, match <const>, sub <const> = string.byte, string.find, string.match, string.sub

local KEYWORDS <const> = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch "%a+" do
  KEYWORDS[word] = true
end

local PAIRS <const> = {}
for pair in (".. == ~= <= >= << >> // ::"):gmatch "%S+" do PAIRS[pair] = true end

-- By its first byte a token is a name, or a symbol that is never part of a longer one; what else there is needs a look.
local LETTERS <const>, ALONE <const> = {}, {}
for b = 0, 255 do LETTERS[b] = string.char(b):find "[%a_]" ~= nil end
for symbol in ("(){},;+*%^#&|]"):gmatch "." do ALONE[byte(symbol)] = symbol end

local function long_bracket(text, at)
  local level = match(text, "^%[(=*)%[", at)
  if not level then return nil end
  local _, stop = find(text, "]" .. level .. "]", at, true)
  return stop or #text
end

local ENDS <const> = {['"'] = '["\\]', ["'"] = "['\\]"}
local BACKSLASH <const> = byte "\\"

local function quoted(text, at)
  local ends = ENDS[sub(text, at, at)]
  local i = find(text, ends, at + 1)
  while i and byte(text, i) == BACKSLASH do i = find(text, ends, i + 2) end
  return i or #text
end

local function number(text, at)
  local _, stop = find(text, "^0[xX][%x.]*[pP][+-]?%d+", at)
  if not stop then _, stop = find(text, "^0[xX][%x.]*", at) end
  if not stop then _, stop = find(text, "^[%d.]+[eE][+-]?%d+", at) end
  if not stop then _, stop = find(text, "^[%d.]+", at) end
  return stop
end

local function symbol(text, at)
  if sub(text, at, at + 2) == "..." then return at + 2 end
  return PAIRS[sub(text, at, at + 1)] and at + 1 or at
end

local function comment(text, at)
  return long_bracket(text, at + 2) or (find(text, "\n", at, true) or #text + 1) - 1
end

-- What kind of token it is, and where that ends; of names and lone symbols, by far the most, `tokens.of` knows itself.
local function kind_of(text, at)
  local c = sub(text, at, at)
  if find(c, "%d") or c == "." and find(text, "^%.%d", at) then return "number", number(text, at) end
  if ENDS[c] then return "string", quoted(text, at) end
  if c == "[" and find(text, "^%[=*%[", at) then return "string", long_bracket(text, at) end
  if c == "-" and sub(text, at, at + 1) == "--" then return nil, comment(text, at) end
  return "symbol", symbol(text, at)
end

--- The tokens {kind=, text=, word=, line=} of a text that compiles; kinds are "name", "keyword", "string", "number",
-- "symbol", and "end" for the last, whose text is empty. A token's word is its text, but false in a string.
function tokens.of(text)
  local out, n, line = {}, 0, 1
  local newline, at = find(text, "\n", 1, true), find(text, "%S")
  while at do
    while newline and newline < at do
      line, newline = line + 1, find(text, "\n", newline + 1, true)
    end
    local first = byte(text, at)
    local kind, word, stop = "symbol", ALONE[first], at
    if LETTERS[first] then
      word = match(text, "^[%w_]+", at)
      kind, stop = KEYWORDS[word] and "keyword" or "name", at + #word - 1
    elseif not word then
      kind, stop = kind_of(text, at)
      word = kind and sub(text, at, stop)
    end
    if kind then
      n = n + 1
      out[n] = {kind = kind, text = word, word = kind ~= "string" and word, line = line}
    end
    at = find(text, "%S", stop + 1)
  end
  out[n + 1] = {kind = "end", text = "", word = "", line = line}
  return out
end

return tokens
