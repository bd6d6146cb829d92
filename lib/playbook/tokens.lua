--- A text of Lua as tokens, with their lines: what playbook.lint reads.
local tokens = {}

local KEYWORDS <const> = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch "%a+" do
  KEYWORDS[word] = true
end

local SYMBOLS <const> = {"...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::"}

local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, stop = text:find("]" .. level .. "]", at, true)
  return stop or #text
end

local function quoted(text, at)
  local mark, i = text:sub(at, at), at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == mark then
      break
    end
    i = i + 1
  end
  return i
end

local function lines_in(text, from, to)
  local n = 0
  for _ in text:sub(from, to):gmatch "\n" do n = n + 1 end
  return n
end

local function symbol(text, at)
  for _, s in ipairs(SYMBOLS) do
    if text:sub(at, at + #s - 1) == s then return s end
  end
  return text:sub(at, at)
end

--- The tokens {kind=, text=, line=} of a text that compiles; kinds are "name", "keyword", "string", "number", "symbol",
-- and "end" for the last.
function tokens.of(text)
  local out, at, line = {}, 1, 1
  local function add(kind, stop)
    out[#out + 1] = {kind = kind, text = text:sub(at, stop), line = line}
    line = line + lines_in(text, at, stop)
    at = stop + 1
  end
  while at <= #text do
    local c = text:sub(at, at)
    if c:find "%s" then
      if c == "\n" then line = line + 1 end
      at = at + 1
    elseif text:sub(at, at + 1) == "--" then
      local stop = long_bracket(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1
      line = line + lines_in(text, at, stop)
      at = stop + 1
    elseif c:find "[%a_]" then
      local _, stop = text:find("^[%w_]+", at)
      add(KEYWORDS[text:sub(at, stop)] and "keyword" or "name", stop)
    elseif c:find "%d" or text:find("^%.%d", at) then
      local _, stop = text:find("^0[xX][%x.]*[pP][+-]?%d+", at)
      if not stop then _, stop = text:find("^0[xX][%x.]*", at) end
      if not stop then _, stop = text:find("^[%d.]+[eE][+-]?%d+", at) end
      if not stop then _, stop = text:find("^[%d.]+", at) end
      add("number", stop)
    elseif c == '"' or c == "'" then
      add("string", quoted(text, at))
    elseif text:find("^%[=*%[", at) then
      add("string", long_bracket(text, at))
    else
      add("symbol", at + #symbol(text, at) - 1)
    end
  end
  out[#out + 1] = {kind = "end", text = "", line = line}
  return out
end

return tokens
