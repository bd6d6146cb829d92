-- compare.lua -- two answers as values: what may differ between two accounts is named here, nothing else.
local compare = {}

-- Generated names, by form. Each is replaced by its own kind, so that its presence still counts.
local FORMS <const> = {
  {"%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", "<uuid>"},
  {"%f[%w]([a-z]+)%-%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%f[%X]", "<%1 id>"},
  {"%f[%w]([a-z]+)%-%x%x%x%x%x%x%x%x%f[%W]", "<%1 id>"},
  {"%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%.%d]*[Z+:%d]*", "<time>"},
  {"%f[%w]mrk%-%x+", "<mrk id>"},
  {"ecs%-svc/%d+", "<deployment id>"},
}

local HOUR <const>, YEAR <const> = 3600, 366 * 86400

-- A moment about the spec's run, in seconds or milliseconds, as whole hours from now; else nil.
local function moment(n, now)
  for _, unit in ipairs {1, 1000} do
    local away = n / unit - now
    if math.abs(away) < YEAR then return ("<now%+.0fh/%d>"):format(away / HOUR, unit) end
  end
end

local function text(s, context)
  s = s:gsub(context.account, "<account>")
  for _, form in ipairs(FORMS) do s = s:gsub(form[1], form[2]) end
  local n = tonumber(s)
  return n and #s >= 10 and moment(n, context.now) or s
end

local function key_of(value)
  if type(value) ~= "table" then return type(value) .. tostring(value) end
  local keys, out = {}, {}
  for k in pairs(value) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, k in ipairs(keys) do out[#out + 1] = tostring(k) .. "=" .. key_of(value[k]) end
  return "{" .. table.concat(out, ",") .. "}"
end

--- The value with everything that two equal accounts answer differently named by its kind.
-- @param context {account=, now=, set = {Member = true}, unsorted=}
function compare.normal(value, context)
  if type(value) == "string" then return text(value, context) end
  if type(value) == "number" then return moment(value, context.now) or value end
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do
    local key = type(k) == "string" and text(k, context) or k
    if context.set[k] and v ~= "" then out[key] = "<set>"
    else out[key] = compare.normal(v, context) end
  end
  if context.unsorted and #out > 1 then
    table.sort(out, function(a, b) return key_of(a) < key_of(b) end)
  end
  return out
end

--- The value at a path such as "Messages.1.ReceiptHandle".
function compare.at(value, path)
  for part in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = value[tonumber(part) or part]
  end
  return value
end

--- The input with "$name" replaced by what this side kept.
function compare.filled(value, kept)
  if type(value) == "string" then
    local whole = value:match "^%$([%w_]+)$"
    if whole then return kept[whole] == nil and value or kept[whole] end
    return (value:gsub("%$([%w_]+)", function(name) return kept[name] and tostring(kept[name]) end))
  end
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = compare.filled(v, kept) end
  return out
end

return compare
