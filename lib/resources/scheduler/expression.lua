--- When a schedule of EventBridge Scheduler fires: its expression, what is wrong with it, how far apart its runs are.
local expression = {}

local UNIT <const> = {minute = 60, hour = 3600, day = 86400}
local DAY <const> = 86400
local YEARS <const> = 2            -- of calendar that is looked at for the longest gap

--- rate(...) of words for people: "1 day", "6 hours", "rate(5 minutes)"; nil and why not.
function expression.rate(text)
  local n, unit = tostring(text):gsub("^rate%((.*)%)$", "%1"):match "^%s*(%d+)%s*(%a+)%s*$"
  n = math.tointeger(tonumber(n))
  local one = unit and unit:gsub("s$", "")
  if not n or n < 1 or not UNIT[one] then
    return nil, ('a rate is such as "1 day", "6 hours" or "30 minutes", not "%s"'):format(text)
  end
  return ("rate(%d %s%s)"):format(n, one, n == 1 and "" or "s")
end

-- ## Cron: minute hour day-of-month month day-of-week year

local FIELDS <const> = {
  {name = "minutes", from = 0, to = 59}, {name = "hours", from = 0, to = 23},
  {name = "day of month", from = 1, to = 31},
  {name = "month", from = 1, to = 12, words = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
  {name = "day of week", from = 1, to = 7, words = "SUN MON TUE WED THU FRI SAT"},
  {name = "year", from = 1970, to = 2199},
}

local function number(field, text)
  local n, i = math.tointeger(tonumber(text)), field.from
  for word in (field.words or ""):gmatch "%a+" do
    if word == text:upper() then n = i end
    i = i + 1
  end
  if n and n >= field.from and n <= field.to then return n end
end

-- One of a field's alternatives, put into the set; nil and why not. `L`, `W` and `#` are legal, and not worked out.
local function put(field, part, set)
  local base, step = part:match "^(.-)/(%d+)$"
  base, step = base or part, math.tointeger(tonumber(step))
  local from, to = base:match "^([%w]+)%-([%w]+)$"
  if base == "*" or base == "?" then
    from, to = field.from, field.to
  elseif from then
    from, to = number(field, from), number(field, to)
  elseif field.name:find "^day" and base:find "^%w*[LW]$" or base:find "^%w+#[1-5]$" then
    set.vague = true
    return true
  else
    from = number(field, base)
    to = step and field.to or from
  end
  if not from or not to or from > to or step == 0 then return nil end
  for n = from, to, step or 1 do set[n] = true end
  return true
end

local function parse(text)
  local out, given = {}, {}
  for word in text:gmatch "%S+" do given[#given + 1] = word end
  if #given ~= #FIELDS then
    return nil, ("cron takes six fields (minutes hours day-of-month month day-of-week year), not %d"):format(#given)
  end
  for i, field in ipairs(FIELDS) do
    out[i] = {}
    for part in (given[i] .. ","):gmatch "(.-)," do
      if not put(field, part, out[i]) then
        return nil, ("cron: %q is no %s from %d to %d"):format(part, field.name, field.from, field.to)
      end
    end
  end
  if (given[3] == "?") == (given[5] == "?") then
    return nil, "cron: of day-of-month and day-of-week exactly one must be ?"
  end
  return out
end

--- cron(...) of the six fields, with or without the word; nil and why not.
function expression.cron(text)
  local inner = tostring(text):match "^%s*cron%((.*)%)%s*$" or tostring(text)
  local fields, why = parse(inner)
  if not fields then return nil, why end
  return ("cron(%s)"):format((inner:gsub("%s+", " "):match "^%s*(.-)%s*$"))
end

--- nil, or what AWS would refuse in an expression.
function expression.fault(text)
  local kind, inner = text:match "^(%a+)%((.*)%)$"
  if kind == "at" then
    if inner:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d$" then return nil end
    return ('at takes a time such as at(2026-01-31T09:00:00), not "%s"'):format(inner)
  elseif kind == "rate" then
    local right, why = expression.rate(inner)
    return why or right ~= text and ("%s must be written %s"):format(text, right) or nil
  elseif kind == "cron" then
    local _, why = parse(inner)
    return why
  end
  return ('"%s" is none of rate(1 day), cron(0 6 * * ? *) and at(2026-01-31T09:00:00)'):format(text)
end

-- ## How far apart

local function times_of_day(fields)
  local out = {}
  for hour = 0, 23 do
    for minute = 0, 59 do
      if fields[2][hour] and fields[1][minute] then out[#out + 1] = hour * 3600 + minute * 60 end
    end
  end
  return out
end

local function longest(fields)
  local times, gap, last = times_of_day(fields), 0, nil
  local start = os.time {year = 2028, month = 1, day = 1, hour = 12}
  for day = 0, 366 * YEARS do
    local at = os.date("!*t", start + day * DAY)
    if fields[4][at.month] and fields[3][at.day] and fields[5][at.wday] then
      for _, time in ipairs(times) do
        local now = day * DAY + time
        if last then gap = math.max(gap, now - last) end
        last = now
      end
    end
  end
  return gap > 0 and gap or nil
end

--- The longest time between two runs, in seconds; nil where there is no telling (once, or words such as L).
function expression.gap(text)
  local n, unit = text:match "^rate%((%d+) (%a-)s?%)$"
  if n then return math.tointeger(tonumber(n)) * UNIT[unit] end
  local fields = text:match "^cron%(.*%)$" and parse(text:match "^cron%((.*)%)$")
  if not fields or fields[3].vague or fields[5].vague then return nil end
  return longest(fields)
end

return expression
