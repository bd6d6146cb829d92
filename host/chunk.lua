--- Precompiled chunks of Lua 5.4 without the names of local variables and upvalues: a third of what loading one
-- costs, and only the message of an internal error ever shows them. Lines and the file's name stay.
local chunk = {}

local HEADER <const> = 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1     -- up to the number of upvalues, and it
local NONE <const> = "\x80"                             -- the count 0
local CONSTANTS <const> = {[0x00] = 0, [0x01] = 0, [0x11] = 0, [0x03] = 8, [0x13] = 8}   -- bytes, by type tag
local SHORT <const>, LONG <const> = 0x04, 0x14

-- A count or a length: seven bits a byte, the highest first, the last one marked.
local function count(code, at)
  local n = 0
  while true do
    local byte = code:byte(at)
    at = at + 1
    n = n << 7 | byte & 0x7f
    if byte & 0x80 ~= 0 then return n, at end
  end
end

local function skip_string(code, at)
  local n, from = count(code, at)
  return n == 0 and from or from + n - 1
end

local function skip_constants(code, at)
  local n
  n, at = count(code, at)
  for _ = 1, n do
    local tag = code:byte(at)
    if tag == SHORT or tag == LONG then at = skip_string(code, at + 1)
    else at = at + 1 + assert(CONSTANTS[tag], "an unknown constant in a chunk: is this Lua 5.4?") end
  end
  return at
end

local function skip_lines(code, at)
  local n
  n, at = count(code, at)
  at = at + n
  n, at = count(code, at)
  for _ = 1, 2 * n do at = select(2, count(code, at)) end
  return at
end

local function skip_names(code, at)
  local n
  n, at = count(code, at)
  for _ = 1, n do
    at = skip_string(code, at)
    for _ = 1, 2 do at = select(2, count(code, at)) end
  end
  n, at = count(code, at)
  for _ = 1, n do at = skip_string(code, at) end
  return at
end

-- Copies the function at `at` to `out` without the names; returns where it ends.
local function copy(code, at, out)
  local from = at
  local n
  at = skip_string(code, at)                                  -- the source
  for _ = 1, 2 do at = select(2, count(code, at)) end         -- lines of its definition
  n, at = count(code, at + 3)                                 -- parameters, varargs, stack; then the code
  at = skip_constants(code, at + 4 * n)
  n, at = count(code, at)
  n, at = count(code, at + 3 * n)                             -- upvalues; then the functions in it
  out[#out + 1] = code:sub(from, at - 1)
  for _ = 1, n do at = copy(code, at, out) end
  from, at = at, skip_lines(code, at)
  out[#out + 1] = code:sub(from, at - 1) .. NONE .. NONE
  return skip_names(code, at)
end

--- The chunk without the names.
function chunk.slim(code)
  assert(code:sub(1, 5) == "\27Lua\x54", "this is no chunk of Lua 5.4")
  local out = {code:sub(1, HEADER)}
  assert(copy(code, HEADER + 1, out) == #code + 1, "the chunk ends elsewhere than it should: is this Lua 5.4?")
  return table.concat(out)
end

return chunk
