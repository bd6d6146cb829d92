--- The documentation of services, from the pack that host/pack.lua writes beside the program.
-- The file is read a service at a time: its directory first, then one frame of it.
local json = require "tidelock.json"
local zstd = require "tidelock.zstd"

local docs = {}

local HEADER <const>, ENTRY <const> = "<" .. ("I4"):rep(10), "<" .. ("I4"):rep(11)
local MAGIC <const>, VERSION <const> = 0x504c4454, 1
local LIMIT <const> = 64 * 1024 * 1024      -- bytes of text that one service may take

local function damaged(path)
  return nil, {code = "damaged", message = ("the documentation in %s is damaged or of another version; "
    .. "install tidelock again, or build it with `make`"):format(path)}
end

-- `size` bytes of the file at `at`, or nil.
local function slice(file, at, size)
  if not file:seek("set", at) then return nil end
  local bytes = size == 0 and "" or file:read(size)
  return bytes and #bytes == size and bytes or nil
end

local function text(file, at)
  local size = slice(file, at, 4)
  return size and slice(file, at + 4, (string.unpack("<I4", size)))
end

-- The entries of the directory by service: where the frame lies, its size, the size of what it holds.
local function directory(file)
  local head = slice(file, 0, string.packsize(HEADER))
  if not head then return nil end
  local magic, version, size, _, count, at = string.unpack(HEADER, head)
  if magic ~= MAGIC or version ~= VERSION or size ~= file:seek "end" then return nil end
  local rows = slice(file, at, count * string.packsize(ENTRY))
  local entries, from = {}, 1
  for _ = 1, rows and count or 0 do
    local entry = table.pack(string.unpack(ENTRY, rows, from))
    local name = text(file, entry[1])
    if not name then return nil end
    entries[name] = {at = entry[2], packed = entry[3], size = entry[4]}
    from = from + string.packsize(ENTRY)
  end
  return rows and entries
end

local methods = {}
local meta = {__index = methods}

--- The documentation of a service: {about, operations = {Name = text}, shapes = {Name = text},
-- members = {Shape = {Name = text}}}; nil and an error where there is none or it cannot be read.
function methods:service(name)
  if self.read[name] then return self.read[name] end
  local entry = self.entries[name]
  if not entry then
    return nil, {code = "unknown_service", message = ("%s has no documentation of %s"):format(self.path, name)}
  end
  local file <close>, why = io.open(self.path, "rb")
  if not file then return nil, {code = "missing", message = "the documentation is gone: " .. why} end
  local frame = slice(file, entry.at, entry.packed)
  local plain = entry.packed == entry.size
  local bytes = frame and (plain and frame or entry.size <= LIMIT and zstd.decompress(frame, entry.size))
  local value = bytes and json.decode(bytes)
  if not value then return damaged(self.path) end
  self.read[name] = value
  return value
end

--- Opens the documentation at `path`. Returns nil and an error where there is none.
function docs.open(path)
  local file <close>, why = io.open(path, "rb")
  if not file then
    return nil, {code = "missing", message = ("there is no documentation to show (%s); build it with `make`")
      :format(why)}
  end
  local entries = directory(file)
  if not entries then return damaged(path) end
  return setmetatable({path = path, entries = entries, read = {}}, meta)
end

return docs
