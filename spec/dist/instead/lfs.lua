--- What busted asks LuaFileSystem for, on tidelock.fs: the static interpreter can load no library of C.
local fs = require "tidelock.fs"

local lfs = {}

local MODE <const> = {folder = "directory", file = "file", link = "link"}

--- All of a path's attributes that busted reads, or the one named.
function lfs.attributes(path, name)
  local stat, err = fs.stat(path)
  if not stat then return nil, err.message end
  local out = {mode = MODE[stat.type] or "other", size = stat.size, modification = stat.mtime}
  if name then return out[name] end
  return out
end

lfs.symlinkattributes = lfs.attributes

function lfs.currentdir() return fs.realpath "." end

--- The names in a folder, one after the other.
function lfs.dir(path)
  local names, i = assert(fs.list(path)), 0
  return function()
    i = i + 1
    return names[i]
  end
end

--- busted goes to the folder that it is in; elsewhere nobody goes.
function lfs.chdir(path)
  assert(fs.realpath(path) == fs.realpath ".", "spec/dist/instead: no spec changes the folder")
  return true
end

local function not_here(name) return function() error("spec/dist/instead: no spec needs lfs." .. name, 2) end end

lfs.mkdir, lfs.rmdir = not_here "mkdir", not_here "rmdir"

return lfs
