--- The body of a dashboard: what CloudWatch takes for valid, and the one form that equal bodies share. Pure.
local suggest = require "suggest"

local widgets = {}

local WIDTH <const>, HEIGHT <const>, MOST <const>, METRICS <const> = 24, 1000, 500, 500

local VIEWS <const> = {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"}
local STATS <const> = {"Average", "Minimum", "Maximum", "Sum", "SampleCount", "IQM"}
local AXES <const> = {"left", "right"}

-- A value of the engine that is known only after apply: it stands for a text.
local function open(value) return getmetatable(value) == "unknown" end

local function is_text(value) return type(value) == "string" or open(value) end

local function is_table(value) return type(value) == "table" and not open(value) end

local function one_of(list, word)
  for _, known in ipairs(list) do
    if known == word then return true end
  end
  return false
end

-- ## What is wrong

local function note(faults, path, message, ...)
  faults[#faults + 1] = path .. " " .. (select("#", ...) > 0 and message:format(...) or message)
end

local function check_choice(faults, path, value, list)
  if value == nil or open(value) or one_of(list, value) then return end
  note(faults, path, "is %q, which CloudWatch does not know%s", tostring(value),
    suggest.phrase(tostring(value), list))
end

local function check_period(faults, path, period)
  if period == nil then return end
  if math.type(period) ~= "integer" or period < 1 then return note(faults, path, "must be a number of seconds") end
  if period % 60 ~= 0 and not one_of({1, 5, 10, 20, 30}, period) then
    note(faults, path, "is %d: it must be 1, 5, 10, 20, 30 or a multiple of 60", period)
  end
end

-- Statistics beside the named ones: p99, p99.9, tm90, tc, ts, wm, TM(10%:90%), PR(:300) and their like.
local function check_stat(faults, path, stat)
  if stat == nil or open(stat) or one_of(STATS, stat) then return end
  if type(stat) == "string" and (stat:find "^%l%l?%d+%.?%d*$" or stat:find "^%u%u%([%d.%%:]+%)$") then return end
  note(faults, path, "is %q, which is no statistic%s", tostring(stat), suggest.phrase(tostring(stat), STATS))
end

local function check_options(faults, path, options, plain)
  if #options > 0 then return note(faults, path, "must be a table of options, not a list") end
  check_stat(faults, path .. ".stat", options.stat)
  check_period(faults, path .. ".period", options.period)
  check_choice(faults, path .. ".yAxis", options.yAxis, AXES)
  if plain and options.expression ~= nil then
    note(faults, path, "has an expression beside a metric: an expression is an item of its own")
  end
  if not plain and not is_text(options.expression) then
    note(faults, path, "names no metric, and has no expression either")
  end
end

-- One item of `metrics`: namespace, name, then dimensions as pairs of text, options last; or options alone, which
-- then hold an expression. Dimensions in a table of their own are what CloudWatch refuses.
local function check_metric(faults, path, metric, first)
  if not is_table(metric) or #metric == 0 then
    return note(faults, path, "must be a list: namespace, name, dimensions, options")
  end
  local texts = #metric
  if is_table(metric[texts]) then
    check_options(faults, ("%s[%d]"):format(path, texts), metric[texts], texts > 1)
    texts = texts - 1
  end
  for i = 1, texts do
    if not is_text(metric[i]) then
      return note(faults, ("%s[%d]"):format(path, i), "must be text: options come once, and last")
    end
    if first and (metric[i] == "." or metric[i] == "...") then
      return note(faults, ("%s[%d]"):format(path, i), "repeats the item above, but it is the first")
    end
  end
  local short = metric[1] == "..." or metric[texts] == "..."
  for i = 1, texts do short = short or metric[i] == "..." end
  if texts == 1 and not short then note(faults, path, "has a namespace, and no metric name") end
  if texts > 2 and texts % 2 == 1 and not short then
    note(faults, path, "has a dimension without a value: after the name come pairs of name and value")
  end
end

local PROPERTIES <const> = {}

function PROPERTIES.metric(faults, path, p)
  local annotated = is_table(p.annotations) and is_table(p.annotations.alarms)
  if p.metrics == nil and not annotated then note(faults, path, "has neither metrics nor annotations.alarms") end
  if p.metrics ~= nil and not is_table(p.metrics) then return note(faults, path .. ".metrics", "must be a list") end
  for i, metric in ipairs(p.metrics or {}) do
    check_metric(faults, ("%s.metrics[%d]"):format(path, i), metric, i == 1)
  end
  if #(p.metrics or {}) > METRICS then note(faults, path .. ".metrics", "has more than %d items", METRICS) end
  if not is_text(p.region) then note(faults, path .. ".region", "is missing") end
  check_choice(faults, path .. ".view", p.view, VIEWS)
  check_stat(faults, path .. ".stat", p.stat)
  check_period(faults, path .. ".period", p.period)
  local left = is_table(p.yAxis) and p.yAxis.left
  if p.view == "gauge" and not (left and left.min and left.max) then
    note(faults, path .. ".yAxis.left", "must have min and max: a gauge has both ends")
  end
end

function PROPERTIES.text(faults, path, p)
  if not is_text(p.markdown) then note(faults, path .. ".markdown", "is missing") end
end

function PROPERTIES.log(faults, path, p)
  if not is_text(p.region) then note(faults, path .. ".region", "is missing") end
  if not is_text(p.query) then return note(faults, path .. ".query", "is missing") end
  if type(p.query) == "string" and not p.query:find "^%s*[Ss][Oo][Uu][Rr][Cc][Ee]%s" then
    note(faults, path .. ".query", "must begin with SOURCE 'LOG GROUP' |: it names no log group")
  end
end

function PROPERTIES.alarm(faults, path, p)
  if not is_table(p.alarms) or #p.alarms == 0 or #p.alarms > 100 then
    return note(faults, path .. ".alarms", "must list 1 to 100 ARNs of alarms")
  end
  for i, arn in ipairs(p.alarms) do
    if not open(arn) and not tostring(arn):find "^arn:[%w-]+:cloudwatch:[%w-]*:%d+:alarm:." then
      note(faults, ("%s.alarms[%d]"):format(path, i), "is %q, which is no ARN of an alarm", tostring(arn))
    end
  end
end

function PROPERTIES.explorer(faults, path, p)
  if not is_table(p.metrics) then note(faults, path .. ".metrics", "is missing") end
end

function PROPERTIES.custom(faults, path, p)
  if not is_text(p.endpoint) then note(faults, path .. ".endpoint", "is missing: the function that draws it") end
end

local function within(faults, path, value, least, most)
  if value == nil then return end
  if math.type(value) ~= "integer" or value < least or value > most then
    note(faults, path, "is %s: a whole number from %d to %d", tostring(value), least, most)
  end
end

local function check_place(faults, path, w)
  within(faults, path .. ".x", w.x, 0, WIDTH - 1)
  within(faults, path .. ".y", w.y, 0, math.maxinteger)
  within(faults, path .. ".width", w.width, 1, WIDTH)
  within(faults, path .. ".height", w.height, 1, HEIGHT)
  if (w.x == nil) ~= (w.y == nil) then note(faults, path, "has one of x and y: both or neither") end
  local right = (math.tointeger(w.x) or 0) + (math.tointeger(w.width) or 6)
  if right > WIDTH then note(faults, path, "reaches to column %d of %d", right, WIDTH) end
end

local KINDS <const> = {"alarm", "custom", "explorer", "log", "metric", "text"}

local function check_widget(faults, path, w)
  if not is_table(w) then return note(faults, path, "must be a table") end
  check_place(faults, path, w)
  local properties = PROPERTIES[w.type]
  if not properties then
    return note(faults, path .. ".type", "is %s, which is no kind of widget%s",
      w.type == nil and "missing" or ("%q"):format(tostring(w.type)), suggest.phrase(tostring(w.type), KINDS))
  end
  if not is_table(w.properties) then return note(faults, path .. ".properties", "is missing") end
  properties(faults, path .. ".properties", w.properties)
end

--- Sentences on what CloudWatch would refuse or draw empty; none where the body is fine.
function widgets.faults(body)
  local faults = {}
  if not is_table(body) then return {"DashboardBody must be a table with widgets"} end
  if not is_table(body.widgets) then return {"DashboardBody.widgets is missing; an empty list is fine"} end
  if #body.widgets > MOST then note(faults, "DashboardBody.widgets", "has more than %d items", MOST) end
  for i, w in ipairs(body.widgets) do
    check_widget(faults, ("DashboardBody.widgets[%d]"):format(i), w)
  end
  return faults
end

-- ## The one form

-- What a widget has where its body says nothing.
local DEFAULTS <const> = {
  widget = {width = 6, height = 6},
  metric = {view = "timeSeries", stacked = false, stat = "Average", period = 300, liveData = false},
  options = {visible = true, yAxis = "left"},
}

local function without(t, defaults)
  local out = {}
  for key, value in pairs(t) do
    if defaults[key] ~= value then out[key] = value end
  end
  return out
end

-- "..." stands for all texts of the item above that this one does not give itself: for those before the ones that
-- follow it. "." stands for the one in the same place.
local function long(metric, above)
  local texts, tail = {}, nil
  for _, item in ipairs(metric) do
    if is_table(item) then tail = without(item, DEFAULTS.options) else texts[#texts + 1] = item end
  end
  if texts[1] == "..." then
    local rest = #texts - 1
    local out = table.move(above, 1, math.max(0, #above - rest), 1, {})
    texts = table.move(texts, 2, #texts, #out + 1, out)
  end
  for i, item in ipairs(texts) do
    if item == "." and above[i] ~= nil then texts[i] = above[i] end
  end
  local out = table.move(texts, 1, #texts, 1, {})
  if tail and next(tail) ~= nil then out[#out + 1] = tail end
  return out, #texts > 0 and texts or above
end

local function long_metrics(list)
  local out, above = {}, {}
  for i, metric in ipairs(list) do
    if is_table(metric) then out[i], above = long(metric, above) else out[i] = metric end
  end
  return out
end

local function normal_widget(w)
  if not is_table(w) then return w end
  local out = without(w, DEFAULTS.widget)
  if w.type ~= "metric" or not is_table(w.properties) then return out end
  out.properties = without(w.properties, DEFAULTS.metric)
  if is_table(w.properties.metrics) then out.properties.metrics = long_metrics(w.properties.metrics) end
  return out
end

--- The body in the form that equal bodies share: shorthand written out, defaults left out.
function widgets.normal(body)
  if not is_table(body) or not is_table(body.widgets) then return body end
  local out = {}
  for key, value in pairs(body) do out[key] = value end
  out.widgets = {}
  for i, w in ipairs(body.widgets) do out.widgets[i] = normal_widget(w) end
  return out
end

return widgets
