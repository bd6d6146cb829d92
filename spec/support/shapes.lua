--- Values made up for a model's shapes: the least that is valid, or everything, by a seed.
local shapes = {}

local DEEP <const> = 6        -- where recursion is cut: optional members and items are left out below

--- A generator of numbers that is the same on every machine: next(n) is from 0 to n - 1.
function shapes.random(seed)
  return function(n)
    seed = seed * 6364136223846793005 + 1442695040888963407
    return (seed >> 33) % n
  end
end

local make

local function structure(g, shape, depth)
  local value, union = {}, shape.union and shape.members[1 + g.next(math.max(1, #shape.members))]
  for _, member in ipairs(shape.members) do
    local wanted = member.required or g.all and depth < DEEP and g.next(4) > 0
    if shape.union then wanted = member == union end
    if wanted and not g.skip(member) then value[member.name] = make(g, member.shape, depth + 1, member) end
  end
  return value
end

local function count(g, shape, depth)
  local least = math.max(shape.min or 0, 0)
  if not g.all or depth >= DEEP then return least end
  return math.max(least, g.next(3))
end

local kinds = {}

function kinds.list(g, shape, depth)
  local list = {}
  for i = 1, count(g, shape, depth) do list[i] = make(g, shape.member, depth + 1, shape.items[1]) end
  return list
end

function kinds.map(g, shape, depth)
  local map = {}
  for i = 1, count(g, shape, depth) do map["key" .. i] = make(g, shape.value, depth + 1, shape.items[2]) end
  return map
end

local LETTERS <const> = {"a", "Z", "0", "-", " x", "é", "&", "<", '"', "\\", "😀", "%", "+", "/", "="}

function kinds.string(g, shape, _, member)
  if shape.enum then return shape.enum[1 + g.next(#shape.enum)] end
  local length, parts = math.max(shape.min or 1, 1), {}
  if member and (member.location or member.hostlabel) then return ("v"):rep(length) end
  for i = 1, g.all and length + g.next(4) or length do parts[i] = g.all and LETTERS[1 + g.next(#LETTERS)] or "v" end
  return table.concat(parts)
end

function kinds.blob(g, shape)
  local parts = {}
  for i = 1, math.max(shape.min or 0, g.all and g.next(9) or 0) do parts[i] = string.char(g.next(256)) end
  return table.concat(parts)
end

function kinds.integer(g, shape)
  local value = g.all and g.next(2000001) - 1000000 or 0
  return math.max(value, shape.min or value)
end

function kinds.long(g, shape)
  local value = g.all and (g.next(1 << 30) << 31) - (1 << 60) or 0
  return math.max(value, shape.min or value)
end

function kinds.double(g) return g.all and (g.next(2000001) - 1000000) / 64 or 0.0 end
kinds.float = kinds.double
kinds.bigdecimal = kinds.double
function kinds.boolean(g) return g.next(2) == 1 end
function kinds.timestamp(g) return g.next(4000000000) end

function make(g, name, depth, member)
  local shape = g.service:shape(name)
  if shape.type == "structure" then
    if shape.document then return {any = {1, "x", true}} end
    if depth > 40 then error(name .. " has no end", 0) end
    return structure(g, shape, depth)
  end
  return kinds[shape.type](g, shape, depth, member)
end

--- A value for the shape `name` of a service. Options: `next` (see `random`), `all` (optional members too),
-- `skip(member)` (leave this member out).
function shapes.value(service, name, options)
  return make({service = service, next = options.next, all = options.all,
    skip = options.skip or function() return false end}, name, 1)
end

return shapes
