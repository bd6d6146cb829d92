--- CBOR read by other means than tidelock's own: an oracle for specs. Every item to a Lua value; whole or an error.
local null <const> = require "tidelock.json".null

local HALF <const> = 2.0 ^ -24

local function half(bits)
  local exponent, mantissa = bits >> 10 & 31, bits & 1023
  local n
  if exponent == 0 then n = mantissa * HALF
  elseif exponent == 31 then n = mantissa == 0 and math.huge or 0 / 0
  else n = (1024 + mantissa) * 2.0 ^ (exponent - 25) end
  return bits & 0x8000 ~= 0 and -n or n
end

local item

-- What the first byte says: major type, number (nil: indefinite), and where the rest begins.
local function head(s, at)
  local first = s:byte(at) or error "cut"
  local major, info = first >> 5, first & 31
  if info < 24 then return major, info, at + 1, info end
  if info == 31 then return major, nil, at + 1, info end
  assert(info < 28, "reserved")
  local n, next = (">I" .. (1 << info - 24)):unpack(s, at + 1)
  return major, n, next, info
end

local function many(s, at, count, each)
  while count ~= 0 do
    if not count and s:byte(at) == 0xff then return at + 1 end
    at = each(at)
    if count then count = count - 1 end
  end
  return at
end

local function text(s, at, n)
  if n then return s:sub(at, at + n - 1), at + n end
  local pieces = {}
  at = many(s, at, nil, function(from)
    local piece, next = item(s, from)
    pieces[#pieces + 1] = piece
    return next
  end)
  return table.concat(pieces), at
end

local function simple(s, at, n, info)
  if info == 25 then return half(n), at end
  if info == 26 then return (">f"):unpack(s, at - 4) end
  if info == 27 then return (">d"):unpack(s, at - 8) end
  assert(n < 32 and info < 24 or n > 31, "simple value")
  if n == 20 or n == 21 then return n == 21, at end
  return null, at                                -- and whatever else has no meaning here
end

function item(s, at)
  local major, n, next, info = head(s, at)
  if major == 0 then return n, next end
  if major == 1 then return -1 - n, next end
  if major == 2 or major == 3 then return text(s, next, n) end
  if major == 6 then return item(s, next) end
  if major == 7 then return simple(s, next, n, info) end
  local t = {}
  return t, many(s, next, n, function(from)
    local key = #t + 1
    if major == 5 then key, from = item(s, from) end
    if key ~= key then key = "NaN" end
    t[key], from = item(s, from)
    return from
  end)
end

return function(s)
  local value, at = item(s, 1)
  assert(at == #s + 1, "bytes after the end")
  return value
end
