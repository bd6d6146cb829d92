-- embed.lua -- packs lib/ into one file: for each module its name and its precompiled chunk.
-- usage: tidelua host/embed.lua OUT FILE...

--- "lib/aws/init.lua" -> "aws"
local function modname(file)
  return (file:gsub("^lib/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local rows = {}
for i = 2, #arg do
  local chunk = assert(loadfile(arg[i]))
  rows[#rows + 1] = {name = modname(arg[i]), code = string.dump(chunk)}
end
table.sort(rows, function(a, b) return a.name < b.name end)

local out <close> = assert(io.open(arg[1], "wb"))
for _, row in ipairs(rows) do
  assert(out:write(string.pack("<s4s4", row.name, row.code)))
end
