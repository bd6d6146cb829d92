-- Bodies of dashboards: what CloudWatch would refuse is told before it is sent, and equal bodies compare equal.
local compare = require "resources.compare"
local dashboard = require "resources.cloudwatch.dashboard"
local widgets = require "resources.cloudwatch.widgets"

local function metric(more)
  local p = {region = "eu-west-1", metrics = {{"AWS/SQS", "NumberOfMessagesSent", "QueueName", "q"}}}
  for name, value in pairs(more or {}) do p[name] = value end
  return {type = "metric", properties = p}
end

local function of(w) return {widgets = {w}} end

local function placed(more)
  local w = {type = "text", properties = {markdown = "x"}}
  for name, value in pairs(more) do w[name] = value end
  return of(w)
end

describe("a dashboard's body", function()
  for name, case in pairs {
    ["without widgets"] = {{}, "widgets is missing"},
    ["with a widget of no kind"] = {of {type = "metrics", properties = {}}, 'no kind of widget; did you mean "metric"'},
    ["with dimensions in a table of their own"] = {of(metric {metrics = {{"AWS/SQS", "NumberOfMessagesSent",
      {stat = "Sum"}, {QueueName = "q"}}}}), "metrics%[1%]%[3%] must be text: options come once, and last"},
    ["with dimensions as options"] = {of(metric {metrics = {{"AWS/SQS", "A", "QueueName"}}}), "without a value"},
    ["with a namespace alone"] = {of(metric {metrics = {{"AWS/SQS"}}}), "no metric name"},
    ["with a repetition that has nothing above"] = {of(metric {metrics = {{"...", "q"}}}), "it is the first"},
    ["with an expression that is none"] = {of(metric {metrics = {{{label = "x"}}}}), "no expression either"},
    ["without a region"] = {of {type = "metric", properties = {metrics = {}}}, "region is missing"},
    ["with a view that there is not"] = {of(metric {view = "timeserie"}), 'did you mean "timeSeries"'},
    ["with a statistic that there is not"] = {of(metric {stat = "Avg"}), "is no statistic"},
    ["with a period of 90"] = {of(metric {period = 90}), "multiple of 60"},
    ["with a gauge without ends"] = {of(metric {view = "gauge"}), "a gauge has both ends"},
    ["with a log widget that names no group"] = {of {type = "log", properties = {region = "r", query = "fields @x"}},
      "must begin with SOURCE"},
    ["with an alarm widget of names"] = {of {type = "alarm", properties = {alarms = {"cpu"}}}, "no ARN of an alarm"},
    ["with a text widget without text"] = {of {type = "text", properties = {}}, "markdown is missing"},
    ["that reaches too far right"] = {placed {x = 20, y = 0, width = 6}, "reaches to column 26 of 24"},
    ["with x and no y"] = {placed {x = 1}, "both or neither"},
    ["with a width of none"] = {placed {width = 0}, "a whole number from 1 to 24"},
  } do
    it(name .. " is refused", function()
      local faults = widgets.faults(case[1])
      assert.equal(1, #faults, table.concat(faults, "\n"))
      assert.matches(case[2], faults[1])
    end)
  end
  it("is told all its faults at once", function()
    assert.equal(3, #widgets.faults {widgets = {metric {period = 7, stat = "Avg"}, {type = "text", properties = {}}}})
  end)
  it("may have expressions, percentiles, shorthand and options", function()
    assert.same({}, widgets.faults {widgets = {metric {stat = "p99.9", period = 30, metrics = {
      {"AWS/SQS", "A", "QueueName", "q", {id = "a", stat = "Sum", visible = false}}, {".", "B", ".", "."},
      {"...", "r", {yAxis = "right"}}, {{expression = "a * 2", label = "twice"}}}}}})
  end)

  local function same(a, b)
    return compare.equal(widgets.normal(a), widgets.normal(b), "json")
  end
  it("is the same with its shorthand written out", function()
    assert.is_true(same(
      of(metric {metrics = {{"N", "A", "C", "c", "S", "s"}, {".", "B", ".", ".", ".", "t"}, {"...", "u"},
        {"...", "d", "S", "v", {stat = "Sum"}}}}),
      of(metric {metrics = {{"N", "A", "C", "c", "S", "s"}, {"N", "B", "C", "c", "S", "t"},
        {"N", "B", "C", "c", "S", "u"}, {"N", "B", "C", "d", "S", "v", {stat = "Sum"}}}})))
  end)
  it("is the same with AWS's defaults given or not", function()
    assert.is_true(same(of(metric()), {widgets = {{type = "metric", width = 6, height = 6, properties = {
      region = "eu-west-1", view = "timeSeries", stacked = false, period = 300, stat = "Average",
      metrics = {{"AWS/SQS", "NumberOfMessagesSent", "QueueName", "q", {yAxis = "left"}}}}}}}))
  end)
  it("is another with another dimension, order or place", function()
    assert.is_false(same(of(metric()), of(metric {metrics = {{"AWS/SQS", "NumberOfMessagesSent", "QueueName", "r"}}})))
    assert.is_false(same({widgets = {metric(), placed {}.widgets[1]}}, {widgets = {placed {}.widgets[1], metric()}}))
    assert.is_false(same(placed {x = 0, y = 0}, placed {x = 6, y = 0}))
  end)
  it("is told where CloudWatch stores it and finds fault with it all the same", function()
    local aws = {cloudwatch = {put_dashboard = function()
      return {DashboardValidationMessages = {{DataPath = "/widgets/0", Message = "no such metric"}}}
    end}}
    local ok, err = pcall(dashboard.create, aws, {name = "d", DashboardBody = placed {}})
    assert.is_false(ok)
    assert.matches("/widgets/0: no such metric", err.message)
  end)
end)
