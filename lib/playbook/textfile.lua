--- A text that a person gives by its path: a file, and no more of it than people write.
local textfile = {}

--- Bytes that such a file may have.
textfile.LARGEST = 8 * 1024 * 1024

local MEGABYTE <const> = 1024 * 1024

-- Why what is there is no file to read, or nil. A pipe or a device would be waited for, or never end.
local function unfit(path, stat)
  if stat.type == "folder" then return ("%s is a folder"):format(path) end
  if stat.type ~= "file" then return ("%s is a pipe or a device; save what it gives in a file"):format(path) end
  if stat.size > textfile.LARGEST then
    return ("%s has %d MB, and %d are the most"):format(path, math.ceil(stat.size / MEGABYTE),
      textfile.LARGEST // MEGABYTE)
  end
end

--- Whether there is something at the path that could be read.
function textfile.is_there(path)
  local stat = require "tidelock.fs".stat(path)
  return stat ~= nil and stat.type == "file"
end

--- A path as people would write it: `playbooks/harden/../accounts/x.lua` is `playbooks/accounts/x.lua`. By its words
-- alone: where a folder is a link to elsewhere it can be another file.
function textfile.plain(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    local last = parts[#parts]
    if part == ".." and last and last ~= ".." and last ~= "." then
      table.remove(parts)
    elseif part ~= "." or #parts == 0 and path:sub(1, 1) ~= "/" then
      parts[#parts + 1] = part
    end
  end
  return (path:sub(1, 1) == "/" and "/" or "") .. table.concat(parts, "/"):gsub("^%./", "")
end

--- The plain path, where it is the same file.
function textfile.short(path)
  local short = textfile.plain(path)
  local fs = require "tidelock.fs"
  local here = fs.realpath(short)
  return here ~= nil and here == fs.realpath(path) and short or path
end

--- The names, sorted and without ".lua", of the Lua files in the folder of a path: what may have been meant where
-- there is none at that path.
function textfile.beside(path)
  local out = {}
  for _, name in ipairs(require "tidelock.fs".list(path:match "^(.*/)[^/]*$" or ".") or {}) do
    out[#out + 1] = name:match "^(.+)%.lua$"
  end
  table.sort(out)
  return out
end

--- The text of the file, without the mark of UTF-8 that some editors put first; or nil and why.
function textfile.read(path)
  local stat = require "tidelock.fs".stat(path)
  local why = stat and unfit(path, stat)
  if why then return nil, why end
  local file, err = io.open(path, "rb")
  if not file then return nil, err end
  local text
  text, err = file:read(textfile.LARGEST + 1)
  file:close()
  if not text and err then return nil, ("%s: %s"):format(path, err) end
  text = text or ""
  if #text > textfile.LARGEST then return nil, ("%s does not end"):format(path) end
  return (text:gsub("^\xEF\xBB\xBF", ""))
end

return textfile
