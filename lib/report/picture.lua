--- What a run did, as one picture: a box a resource, a hexagon a step, an arrow to what leans on it, in the colour of
-- how it came out. Left is what came first.
local picture = {}

local WIDE <const>, HIGH <const>, ACROSS <const>, DOWN <const> = 190, 34, 46, 12    -- a box, and the room between
local MOST <const> = 25                                                             -- letters that a box holds
local LINES <const> = 12                                  -- a step with more above it has one line from the last alone
local OPEN <const> = 60                                   -- boxes: more of them are folded, to be opened

-- ## Where each stands

local function entry(rows, by, name)
  if not by[name] then
    by[name] = {name = name, kind = "resource", result = "none", text = "as declared, not touched", after = {}}
    rows[#rows + 1] = by[name]
  end
  return by[name]
end

-- Rows with their levels. What something leans on and the run did not touch is added; a step follows all above it.
local function leveled(given)
  local rows, by, floor, top = {}, {}, 0, 0
  local above = {}                                        -- since the last step
  for _, row in ipairs(given) do
    if row.kind == "resource" then
      row.level = floor + 1
      for _, name in ipairs(row.after or {}) do
        local other = entry(rows, by, name)
        other.level = other.level or floor + 1
        row.level = math.max(row.level, other.level + 1)
      end
      above[#above + 1] = row
    else
      row.level, row.above = top + 1, above
      floor, above = row.level, {}
    end
    if not by[row.name] then rows[#rows + 1] = row end
    by[row.name] = by[row.name] or row
    top = math.max(top, row.level)
  end
  return rows, by
end

local function placed(rows)
  local column, high = {}, 0
  for _, row in ipairs(rows) do
    column[row.level] = (column[row.level] or 0) + 1
    row.x, row.y = (row.level - 1) * (WIDE + ACROSS) + 2, (column[row.level] - 1) * (HIGH + DOWN) + 2
    high = math.max(high, row.y + HIGH)
  end
  return #column * (WIDE + ACROSS) - ACROSS + 4, high + 2
end

-- ## How it is drawn

local function short(text)
  if utf8.len(text) and utf8.len(text) > MOST then
    return text:sub(1, utf8.offset(text, MOST) - 1) .. "…"
  end
  return #text > 4 * MOST and text:sub(1, MOST) .. "..." or text          -- no UTF-8
end

local function outline(row)
  if row.kind == "resource" then
    return ('<rect x="%d" y="%d" width="%d" height="%d" rx="5"/>'):format(row.x, row.y, WIDE, HIGH)
  end
  local left, right, top, middle, bottom = row.x, row.x + WIDE, row.y, row.y + HIGH // 2, row.y + HIGH
  return ('<polygon points="%d,%d %d,%d %d,%d %d,%d %d,%d %d,%d"/>'):format(left, middle, left + 10, top, right - 10,
    top, right, middle, right - 10, bottom, left + 10, bottom)
end

local function box(row, h)
  local kind, name = row.name:match "^([^/]+)/(.*)$"
  if row.kind ~= "resource" then kind, name = row.kind, row.name end
  return ('<g class="g-%s"><title>%s: %s</title>%s<text class="kind" x="%d" y="%d">%s</text><text x="%d" y="%d">%s'
    .. "</text></g>"):format(row.result, h(row.name), h(row.text or ""), outline(row), row.x + 12, row.y + 14,
    h(short(kind or "")), row.x + 12, row.y + 27, h(short(name or row.name)))
end

local function arrow(from, to, dashed)
  local x1, y1, x2, y2 = from.x + WIDE, from.y + HIGH // 2, to.x, to.y + HIGH // 2
  local bend = (x2 - x1) // 2
  return ('<path%s d="M%d %dC%d %d %d %d %d %d"/>'):format(dashed and ' class="then"' or "", x1, y1, x1 + bend, y1,
    x2 - bend, y2, x2, y2)
end

local function arrows(rows, by)
  local out, step = {}, nil
  for _, row in ipairs(rows) do
    for _, name in ipairs(row.after or {}) do out[#out + 1] = arrow(by[name], row) end
    if row.kind == "resource" then
      if step and #(row.after or {}) == 0 and row.result ~= "none" then out[#out + 1] = arrow(step, row, true) end
    else
      local above = row.above
      for i = #above > LINES and #above or 1, #above do out[#out + 1] = arrow(above[i], row, true) end
      if #above == 0 and step then out[#out + 1] = arrow(step, row, true) end
      step = row
    end
  end
  return table.concat(out)
end

--- CSS of the picture; the page has --card --ink --soft --line --pass --fail --error --skip.
picture.STYLE = [[
.graph{overflow-x:auto}.graph svg{display:block}.graph text{fill:var(--ink);font-size:12px}
.graph .kind{fill:var(--soft);font-size:10px}.graph rect,.graph polygon{fill:var(--card);stroke:var(--line);
stroke-width:1.5}.graph path{fill:none;stroke:var(--soft);stroke-width:1.2}.graph .then{stroke-dasharray:3 4;opacity:.6}
.g-pass>rect,.g-pass>polygon{stroke:var(--pass)}.g-fail>rect,.g-fail>polygon{stroke:var(--fail);stroke-width:3}
.g-error>rect,.g-error>polygon{stroke:var(--error);stroke-width:3}.g-skip>rect,.g-skip>polygon{stroke:var(--skip);
stroke-dasharray:5 3}]]

--- The picture as HTML text, or "" where there is nothing to draw. `given`: {name =, kind = "resource" (name is an
-- address), "step", "approve" ..., result = "pass" | "fail" | "error" | "skip", text =, after = {addresses}}, in the
-- order in which they came; `h` makes text safe for HTML.
function picture.html(given, h)
  if #given == 0 then return "" end
  local rows, by = leveled(given)
  local wide, high = placed(rows)
  local out = {}
  for i, row in ipairs(rows) do out[i] = box(row, h) end
  local svg = ('<div class="graph"><svg role="img" aria-label="What the run did, and what leans on what" width="%d" '
    .. 'height="%d" viewBox="0 0 %d %d">%s%s</svg></div>'):format(wide, high, wide, high, arrows(rows, by),
    table.concat(out))
  if #rows <= OPEN then return svg end
  return ("<details><summary>What leans on what, %d boxes</summary>%s</details>"):format(#rows, svg)
end

return picture
