-- embed.lua -- packs lib/ into one file: for each module its name and where its precompiled chunk lies, then the
-- chunks, so that finding one reads only the names.
-- usage: tidelua host/embed.lua OUT FILE...
local chunk = require "chunk"

--- "lib/aws/init.lua" -> "aws"
local function modname(file)
  return (file:gsub("^lib/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local rows = {}
for i = 2, #arg do
  local loaded = assert(loadfile(arg[i]))
  rows[#rows + 1] = {name = modname(arg[i]), code = chunk.slim(string.dump(loaded))}
end
table.sort(rows, function(a, b) return a.name < b.name end)

local names, chunks, at = {}, {}, 0
for i, row in ipairs(rows) do
  names[i] = string.pack("<s4I4I4", row.name, at, #row.code)
  chunks[i] = row.code
  at = at + #row.code
end
names = table.concat(names)

local out <close> = assert(io.open(arg[1], "wb"))
assert(out:write(string.pack("<s4", names), table.concat(chunks)))
