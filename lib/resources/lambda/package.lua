--- What a function runs as one zip: the program as bootstrap, and files beside it. The same files give the same bytes,
-- so that CodeSha256 tells whether anything changed.
local digest = require "tidelock.digest"
local fs = require "tidelock.fs"
local gzip = require "tidelock.gzip"

local package = {}

package.SELF = "self"                       -- the program that is running
package.MOST = 50 * 1024 * 1024             -- bytes that Lambda takes in one request
local DATE <const> = 33                     -- 1 January 1980, midnight, as zip writes it
local MACHINES <const> = {[62] = "x86_64", [183] = "arm64"}

-- ## What is put in

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local bytes = file:read "a"
  file:close()
  return bytes
end

local function interpreted(bytes)
  local at, size, n = string.unpack("<I8", bytes, 33), string.unpack("<I2I2", bytes, 55)
  for i = 0, n - 1 do
    local from = at + i * size + 1
    if from + 3 > #bytes then return false end
    if string.unpack("<I4", bytes, from) == 3 then return true end       -- PT_INTERP
  end
  return false
end

--- Why these bytes are no program that Lambda can start, and the architecture of those that are.
function package.program(bytes)
  if bytes:sub(1, 4) ~= "\127ELF" or #bytes < 64 then return "is no program" end
  if bytes:byte(5) ~= 2 then return "is a program for 32 bits" end
  local machine = MACHINES[string.unpack("<I2", bytes, 19)]
  if not machine then return "is a program for a machine that Lambda does not have" end
  if interpreted(bytes) then
    return "needs this system's libraries, which Lambda does not have; build one that needs none (make dist) and name"
      .. " it: build/dist/tidelock"
  end
  return nil, machine
end

local function source(given) return given == package.SELF and "/proc/self/exe" or given end

--- Sentences on what cannot be packed: `files` is {name in the package = path | {text = "..."} | "self"}.
function package.faults(files, architecture)
  local out = {}
  if type(files) ~= "table" or getmetatable(files) == "unknown" then return {"Package must be a table of files"} end
  for name, given in pairs(files) do
    local function add(text, ...) out[#out + 1] = ("Package: %s %s"):format(tostring(name), text:format(...)) end
    if type(name) ~= "string" or name == "" or name:find "^/" or name:find "%.%." or #name > 255 then
      add "is no name of a file in a package"
    elseif getmetatable(given) == "unknown" or type(given) == "table" and type(given.text) ~= "string" then
      add 'must be a path, "self", or {text = "..."} that is known before apply'
    elseif type(given) == "string" then
      local path = source(given)
      local stat = fs.stat(path)
      if not stat or stat.type == "folder" then add("cannot be read: there is no file %s", path) end
      if stat and name == "bootstrap" then
        local why, machine = package.program(read(path) or "")
        if why then add("(%s) %s", given, why) end
        if machine and architecture and machine ~= architecture then
          add("(%s) is a program for %s, and the function is for %s", given, machine, architecture)
        end
      end
    end
  end
  if not files.bootstrap then out[#out + 1] = "Package has no bootstrap: the program that Lambda starts" end
  table.sort(out)
  return out
end

-- ## The zip

local squeezed <const> = {}                 -- two functions may run one program: it is packed once

-- A gzip of one file holds what zip wants of it: its deflated bytes between ten bytes of head and eight of tail.
local function deflated(bytes)
  local key = digest.sha256(bytes)
  if not squeezed[key] then
    local whole = gzip.compress(bytes)
    squeezed[key] = {whole:sub(11, -9), (string.unpack("<I4", whole, -8))}
  end
  return squeezed[key][1], squeezed[key][2]
end

local function entry(name, bytes, mode, offset)
  local body, crc = deflated(bytes)
  local shared = string.pack("<I2I2I2I2I4I4I4I2I2", 0, 8, 0, DATE, crc, #body, #bytes, #name, 0)
  local head = "PK\3\4" .. string.pack("<I2", 20) .. shared .. name
  local row = "PK\1\2" .. string.pack("<I2I2", 3 << 8 | 20, 20) .. shared
    .. string.pack("<I2I2I2I4I4", 0, 0, 0, (32768 | mode) << 16, offset) .. name
  return head .. body, row
end

local function sorted(files)
  local names = {}
  for name in pairs(files) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The zip of {name = bytes}.
function package.zip(files)
  local parts, rows, at = {}, {}, 0
  for _, name in ipairs(sorted(files)) do
    local part, row = entry(name, files[name], name == "bootstrap" and 493 or 420, at)
    parts[#parts + 1], rows[#rows + 1] = part, row
    at = at + #part
  end
  local list = table.concat(rows)
  parts[#parts + 1] = list
  parts[#parts + 1] = "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #rows, #rows, #list, at, 0)
  return table.concat(parts)
end

local built <const> = {}                    -- a package is asked for several times in a run

local function fingerprint(files)
  local parts = {}
  for _, name in ipairs(sorted(files)) do
    local given = files[name]
    local stat = type(given) == "string" and fs.stat(source(given))
    parts[#parts + 1] = table.concat({name, type(given) == "table" and given.text or given,
      stat and stat.size or "", stat and stat.modified or ""}, "\0")
  end
  return digest.sha256(table.concat(parts, "\1"))
end

--- The package of `files` (see `faults`): its zip, and its hash as Lambda shows it.
function package.build(files)
  local key = fingerprint(files)
  if built[key] then return built[key].zip, built[key].sha256 end
  local contents = {}
  for name, given in pairs(files) do
    local bytes, why = type(given) == "table" and given.text, nil
    if not bytes then bytes, why = read(source(given)) end
    if not bytes then
      error({code = "Package", message = ("the function's package cannot be made: %s"):format(why)}, 0)
    end
    contents[name] = bytes
  end
  local zip = package.zip(contents)
  if #zip > package.MOST then
    error({code = "Package", message = ("the function's package has %d bytes; Lambda takes %d at most"):format(#zip,
      package.MOST)}, 0)
  end
  built[key] = {zip = zip, sha256 = digest.base64(digest.sha256(zip))}
  return zip, built[key].sha256
end

return package
