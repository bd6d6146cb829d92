--- How checks have come out from run to run: a short history, kept as JSON text, and its picture.
local trend = {}

local KEPT <const>, SHOWN <const> = 90, 30           -- runs
local BAR <const>, GAP <const>, HEIGHT <const> = 14, 4, 90

local KINDS <const> = {"fail", "error", "warn", "pass"}

--- The rows of a history's text, the oldest first: {time =, fail =, error =, warn =, pass =, exit =}. What is no
-- history counts as none.
function trend.rows(text)
  local data = text and require "tidelock.json".decode(text)
  if type(data) ~= "table" or data.format ~= "tidelock.history/1" then return {} end
  return data.runs
end

--- The rows with a report's own at their end, and the text to keep of them.
function trend.add(text, report)
  local rows = trend.rows(text)
  local row = {time = (report.started or 0) // 1 | 0, exit = report.exit}
  for _, kind in ipairs(KINDS) do row[kind] = report.count[kind] end
  rows[#rows + 1] = row
  while #rows > KEPT do table.remove(rows, 1) end
  return rows, require "tidelock.json".encode({format = "tidelock.history/1", runs = rows}, {sort = true})
end

local function total(row)
  local sum = 0
  for _, kind in ipairs(KINDS) do sum = sum + row[kind] end
  return sum
end

local function bar(out, row, x, scale)
  local y = HEIGHT
  out[#out + 1] = ("<g><title>%s: %d failed, %d not checked, %d to look at, %d passed</title>"):format(
    os.date("!%Y-%m-%d %H:%M UTC", row.time), row.fail, row.error, row.warn, row.pass)
  for _, kind in ipairs(KINDS) do
    local height = row[kind] * scale
    if height > 0 then
      y = y - height
      out[#out + 1] = ('<rect class="f-%s" x="%d" y="%.1f" width="%d" height="%.1f"/>'):format(kind, x, y, BAR, height)
    end
  end
  out[#out + 1] = "</g>"
end

--- A picture of the last runs as SVG text: a bar each, what failed at the foot; the colours are
-- the page's (f-fail and so on).
function trend.svg(rows)
  local first, most = math.max(1, #rows - SHOWN + 1), 1
  for i = first, #rows do most = math.max(most, total(rows[i])) end
  local out = {('<svg class="trend" role="img" aria-label="The last %d runs" viewBox="0 0 %d %d">'):format(
    #rows - first + 1, SHOWN * (BAR + GAP), HEIGHT)}
  for i = first, #rows do bar(out, rows[i], (i - first) * (BAR + GAP), HEIGHT / most) end
  out[#out + 1] = "</svg>"
  return table.concat(out)
end

return trend
