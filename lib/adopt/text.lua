--- Values as a person writes them in Lua: on one line where it fits, else a line each. Pure.
local vars = require "playbook.vars"

local text = {}

local WIDTH <const> = 108
local KEYWORDS <const> = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch "%a+" do
  KEYWORDS[word] = true
end

--- Whether it can stand as a name.
function text.is_name(word) return word:find "^[%a_][%w_]*$" ~= nil and not KEYWORDS[word] end

--- Text in quotes.
function text.quoted(value)
  if value:find('"', 1, true) and not value:find "['\\%c]" then return "'" .. value .. "'" end
  return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("\0", "\\0"))
end

local function number(value)
  if math.type(value) == "integer" then return tostring(value) end
  if value == math.floor(value) and math.abs(value) < 1e15 then return ("%.1f"):format(value) end
  return ("%.17g"):format(value)
end

local function key_text(key)
  if type(key) == "string" then return text.is_name(key) and key .. " = " or "[" .. text.quoted(key) .. "] = " end
  return "[" .. tostring(key) .. "] = "
end

-- Names in the order in which people look for them: what it is called, the rest, whose it is.
local RANK <const> = {name = 1, Name = 2, Id = 2, ID = 2, Sid = 2, Version = 2, Effect = 3, tags = 8, ignore = 9}

local function ordered(value, first)
  local rank, names = {}, vars.names(value)
  for i, name in ipairs(first or {}) do rank[name] = i - 100 end
  local function of(name) return rank[name] or RANK[name] or 5 end
  table.sort(names, function(a, b)
    if of(a) ~= of(b) then return of(a) < of(b) end
    return tostring(a) < tostring(b)
  end)
  return names
end

-- The members as texts, each with its name where it has one.
local function members(value, expression, indent, first)
  local out, n = {}, #value
  for i = 1, n do out[i] = text.value(value[i], expression, indent) end
  for _, key in ipairs(ordered(value, first)) do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then
      local name = key_text(key)
      out[#out + 1] = name .. text.value(value[key], expression, indent, #name, nil, key)
    end
  end
  return out
end

local function fits(line, indent, lead) return #line + indent + (lead or 0) <= WIDTH and not line:find "\n" end

local SPANS <const> = {{"days", 86400}, {"hours", 3600}, {"minutes", 60}}
local IN_SECONDS <const> = {VisibilityTimeout = true, MessageRetentionPeriod = true, DelaySeconds = true,
  MaxSessionDuration = true, Period = true}

local function span(value)
  for _, row in ipairs(SPANS) do
    if value >= row[2] and value % row[2] == 0 then return ("%s(%d)"):format(row[1], value // row[2]) end
  end
end

--- A value as Lua. `expression(text)` gives what stands for a text, or nil; `indent` is where its line begins, `lead`
-- how much stands before it there; `first` the names that come first; `key` what it is called, if anything.
function text.value(value, expression, indent, lead, first, key)
  if type(value) == "string" then return expression and expression(value) or text.quoted(value) end
  if IN_SECONDS[key] and math.type(value) == "integer" then return span(value) or tostring(value) end
  if type(value) == "number" then return number(value) end
  if type(value) ~= "table" then return tostring(value) end
  local flat = "{" .. table.concat(members(value, expression, 0, first), ", ") .. "}"
  if fits(flat, indent, lead) then return flat end
  local pad = (" "):rep(indent + 2)
  local lines = members(value, expression, indent + 2, first)
  return "{\n" .. pad .. table.concat(lines, ",\n" .. pad) .. ",\n" .. (" "):rep(indent) .. "}"
end

--- What can stand in a line of a comment, whatever somebody called the thing: no line ends in it.
function text.line(value) return (tostring(value):gsub("%c+", " ")) end

--- Words joined by commas, in lines of comments.
function text.comment(lead, words)
  local out, line = {}, text.line(lead)
  for i, word in ipairs(words) do
    word = text.line(word) .. (i < #words and "," or "")
    if #line + #word + 1 > WIDTH then
      out[#out + 1] = line
      line = "--    "
    end
    line = line .. " " .. word
  end
  out[#out + 1] = line
  return out
end

return text
