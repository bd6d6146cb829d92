--- The text of ~/.aws/config and ~/.aws/credentials, as the aws CLI reads it. Pure.
local ini = {}

local function trim(s) return (s:match("^%s*(.-)%s*$")) end

local function indent_of(line) return #line:match("^%s*") end

local function fault(name, line, message)
  return nil, ("%s, line %d: %s"):format(name, line, message)
end

-- [profile "a b"] -> "profile", "a b". Quotes as a shell has them, no escapes.
local function heading(text)
  local kind, rest = text:match("^(%S+)%s+(.+)$")
  if not kind then return trim(text), nil end
  return kind, rest:match('^"(.*)"$') or rest:match("^'(.*)'$") or trim(rest)
end

local function open_section(state, line, number)
  local text = line:match("^%[([^%]]*)%]")
  if not text or trim(text) == "" then
    return fault(state.name, number, 'this heading has no name or no "]"; write [default] or [profile NAME].')
  end
  local kind, name = heading(trim(text))
  local key = name and kind .. " " .. name or kind
  if state.sections[key] then
    return fault(state.name, number, ("[%s] stands here a second time; join the two sections."):format(key))
  end
  state.section = {kind = kind, name = name, values = {}, line = number}
  state.sections[key] = state.section
  state.list[#state.list + 1] = state.section
  state.key = nil
  return true
end

-- A line further in than the key above it continues that: `s3 =` opens a table of its own, text a longer text.
local function continue(state, line, number)
  local values, key = state.section.values, state.key
  local value = values[key]
  if value == "" then
    value = {}
    values[key] = value
  end
  if type(value) == "string" then
    values[key] = value .. "\n" .. trim(line)
    return true
  end
  local name, inner = line:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
  if not name or name == "" then
    return fault(state.name, number, ('this indented line belongs to "%s" above and is not key = value.')
      :format(key))
  end
  value[name] = inner
  return true
end

local function assign(state, line, number)
  local key, value = line:match("^%s*([^=:]-)%s*[=:]%s*(.-)%s*$")
  if not key or key == "" then
    -- The line itself is not shown: in a credentials file it may be a secret.
    return fault(state.name, number, "this is neither a [heading] nor key = value.")
  end
  key = key:lower()
  if state.section.values[key] ~= nil then
    return fault(state.name, number, ('"%s" is set twice in this section; keep one of them.'):format(key))
  end
  state.section.values[key] = value
  state.key, state.indent = key, indent_of(line)
  return true
end

local function take(state, line, number)
  if line:find("^%s*[#;]") or not line:find("%S") then return true end
  if state.key and indent_of(line) > state.indent then return continue(state, line, number) end
  if line:find("^%s*%[") then return open_section(state, trim(line), number) end
  if not state.section then
    return fault(state.name, number, "this stands before the first [heading]; put [default] above it.")
  end
  return assign(state, line, number)
end

--- The sections of `text`, in order: {kind = "profile", name = "x" or nil, values = {}, line = n};
--- or nil and a sentence with `name` and the line. A value is text, or a table where it is indented.
function ini.parse(text, name)
  local state = {name = name or "the file", sections = {}, list = {}}
  local number = 0
  text = text:gsub("^\xEF\xBB\xBF", "")
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if line:find("\0", 1, true) then
      return fault(state.name, number, "a NUL byte; this is not a text file.")
    end
    local ok, message = take(state, line, number)
    if not ok then return nil, message end
  end
  return state.list
end

return ini
