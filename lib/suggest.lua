--- Did-you-mean, for every room: the nearest of some names to one that is not among them.
local suggest = {}

-- What people mix up without noticing costs nothing: case, and - _ . or a blank between words.
local function plain(word)
  return (word:lower():gsub("[%-_%. ]", ""))
end

--- Damerau-Levenshtein distance (a swap of neighbours is one edit), or nil once it is over `limit`.
function suggest.distance(a, b, limit)
  limit = limit or math.huge
  if math.abs(#a - #b) > limit then return nil end
  local before, last, row = {}, {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    row[0] = i
    local best = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local d = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      row[j] = d
      if d < best then best = d end
    end
    if best > limit then return nil end
    before, last, row = last, row, before
  end
  if last[#b] > limit then return nil end
  return last[#b]
end

--- The name in `names` (a list) nearest to `word`, or nil if none is near enough to be meant.
function suggest.nearest(word, names)
  local wanted = plain(tostring(word))
  local limit = math.min(4, math.max(1, #wanted // 3))
  local best, distance
  for _, name in ipairs(names) do
    local d = suggest.distance(wanted, plain(name), limit)
    if d and (not distance or d < distance) then best, distance, limit = name, d, d end
    if d == 0 then return name end
  end
  return best
end

-- A name that the word begins or is part of: "queue" for "queue_url". Only if nothing is near.
local function related(word, names)
  local wanted, best = plain(tostring(word)), nil
  if #wanted < 3 then return nil end
  for _, name in ipairs(names) do
    local p = plain(name)
    local at = #p >= 2 and wanted:find(p, 1, true)
    if p:find(wanted, 1, true) or at == 1 or at and #p >= 3 then
      if not best or math.abs(#p - #wanted) < math.abs(#plain(best) - #wanted) then best = name end
    end
  end
  return best
end

--- `; did you mean "x"?`, or "" where no name is like it. For the end of a sentence.
function suggest.phrase(word, names)
  local name = suggest.nearest(word, names) or related(word, names)
  if not name then return "" end
  return ('; did you mean "%s"?'):format(name)
end

return suggest
