local json = require "tidelock.json"
local trend = require "report.trend"

local function report(started, fail)
  return {started = started, exit = fail > 0 and 1 or 0, count = {pass = 5, fail = fail, warn = 0, error = 1, skip = 9}}
end

describe("report.trend", function()
  it("adds a run to what was kept, the oldest first", function()
    local rows, text = trend.add(nil, report(100.7, 2))
    assert.same({{time = 100, exit = 1, fail = 2, error = 1, warn = 0, pass = 5}}, rows)
    rows, text = trend.add(text, report(200, 0))
    assert.same({100, 200}, {rows[1].time, rows[2].time})
    assert.same(rows, trend.rows(text))
  end)

  it("keeps ninety runs", function()
    local rows, text
    for i = 1, 95 do rows, text = trend.add(text, report(i, 0)) end
    assert.equal(90, #rows)
    assert.equal(6, rows[1].time)
    assert.equal(90, #json.decode(text).runs)
  end)

  it("takes what is no history for none", function()
    for _, text in ipairs {"", "{", "[]", '{"format":"else"}', "3"} do assert.same({}, trend.rows(text)) end
  end)

  it("draws a bar a run, of the last thirty, each within the picture", function()
    local rows, text
    for i = 1, 40 do rows, text = trend.add(text, report(i, i % 4)) end
    local svg = trend.svg(rows)
    local _, bars = svg:gsub("<g>", "")
    assert.equal(30, bars)
    local wide, high = svg:match 'viewBox="0 0 (%d+) (%d+)"'
    for x, y, w, h in svg:gmatch 'x="([%d.]+)" y="([%d.]+)" width="([%d.]+)" height="([%d.]+)"' do
      assert.is_true(x + w <= tonumber(wide) and tonumber(y) >= 0 and y + h <= high + 0.2)
    end
    assert.is_truthy(svg:find("0 failed, 1 not checked", 1, true))
  end)
end)
