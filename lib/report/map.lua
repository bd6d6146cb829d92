--- Everything that was looked at, as one picture: a row a service, a square a thing, in the colour of its worst result.
local map = {}

-- As wide as a phone: what is drawn wider is scaled down there until nobody can read it.
local SIDE <const>, STEP <const>, LABEL <const>, WIDE <const> = 11, 14, 130, 360
local RANK <const> = {fail = 4, error = 3, warn = 2, pass = 1}

local function key_of(result)
  return table.concat({result.account or "", result.region or "", result.subject.type or "", result.subject.name}, "|")
end

-- Services in the order they come, each with its things: {name =, things = {{name =, worst =, n =}, ...}}.
local function gathered(results)
  local out, by, things = {}, {}, {}
  for _, result in ipairs(results) do
    if RANK[result.result] then
      local service = by[result.service]
      if not service then
        service = {name = result.service, things = {}}
        by[result.service], out[#out + 1] = service, service
      end
      local key = result.service .. "|" .. key_of(result)
      local thing = things[key]
      if not thing then
        thing = {name = result.subject.name, worst = "pass", n = 0}
        things[key] = thing
        table.insert(service.things, thing)
      end
      if RANK[result.result] > RANK[thing.worst] then thing.worst = result.result end
      if result.result ~= "pass" then thing.n = thing.n + 1 end
    end
  end
  return out
end

local function sorted(things)
  table.sort(things, function(a, b)
    if RANK[a.worst] ~= RANK[b.worst] then return RANK[a.worst] > RANK[b.worst] end
    return a.name < b.name
  end)
  return things
end

local function row(out, service, y, h)
  local across = (WIDE - LABEL) // STEP
  out[#out + 1] = ('<text x="0" y="%d">%s</text>'):format(y + SIDE - 1, h(service.name))
  for i, thing in ipairs(sorted(service.things)) do
    out[#out + 1] = ('<rect class="f-%s" x="%d" y="%d" width="%d" height="%d" rx="2"><title>%s: %s</title></rect>')
      :format(thing.worst, LABEL + (i - 1) % across * STEP, y + (i - 1) // across * STEP, SIDE, SIDE, h(thing.name),
        thing.n > 0 and ("%d not so"):format(thing.n) or "as it should be")
  end
  return y + ((#service.things - 1) // across + 1) * STEP + 4
end

--- The picture as SVG text. `h` makes text safe for it.
function map.svg(results, h)
  local out, y = {}, 2
  for _, service in ipairs(gathered(results)) do y = row(out, service, y, h) end
  return ('<svg class="map" role="img" aria-label="All that was looked at" viewBox="0 0 %d %d">%s</svg>')
    :format(WIDE, y, table.concat(out))
end

return map
