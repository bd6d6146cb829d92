--- The bytes of a pack: named blocks, each its own zstd frame or as it is, behind a sorted directory (modules/pack.h).
local zstd = require "tidelock.zstd"

local container = {}

local MAGIC <const>, VERSION <const> = 0x504c4454, 1
local HEADER <const> = "<" .. ("I4"):rep(10)
local ENTRY <const> = "<" .. ("I4"):rep(11)
local FACTS <const> = 6                     -- texts of an entry beside its name

-- Everything behind the header, growing; `add` and `text` return where bytes came to lie.
local function body(start)
  local self = {parts = {}, at = start, known = {}}
  function self.add(bytes)
    local at = self.at
    local padded = bytes .. ("\0"):rep(-#bytes & 7)
    self.parts[#self.parts + 1] = padded
    self.at = at + #padded
    return at
  end
  function self.text(text)
    self.known[text] = self.known[text] or self.add(string.pack("<s4x", text))
    return self.known[text]
  end
  return self
end

local function directory(out, entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    local facts = {}
    for f = 1, FACTS do facts[f] = out.text(entry.facts and entry.facts[f] or "") end
    rows[i] = string.pack(ENTRY, out.text(entry.name), entry.at, #entry.packed, #entry.bytes,
      entry.nops or 0, table.unpack(facts))
  end
  return out.add(table.concat(rows))
end

--- The pack as bytes. `services` and `files` are lists of {name, bytes [, nops, facts]} sorted by name.
-- Frames come first, so that the directory and its strings lie close together at the end. Entries longer
-- than `large` bytes stay as they are, to be read in place.
function container.assemble(version, services, files, dictionary, level, large)
  large = large or math.maxinteger
  local out = body(string.packsize(HEADER))
  for _, list in ipairs {services, files} do
    for _, entry in ipairs(list) do
      entry.packed = #entry.bytes <= large and zstd.compress(entry.bytes, level, dictionary) or entry.bytes
      if #entry.packed >= #entry.bytes then entry.packed = entry.bytes end
      entry.at = out.add(entry.packed)
    end
  end
  local dict = out.add(dictionary)
  local botocore = out.text(version)
  local first, second = directory(out, services), directory(out, files)
  local header = string.pack(HEADER, MAGIC, VERSION, out.at, botocore, #services, first, #files,
    second, dict, #dictionary)
  return header .. table.concat(out.parts)
end

return container
