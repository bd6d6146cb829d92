-- Writes the seeds of a target: seeds.lua NAME FOLDER. They are made from the conformance vectors, never kept.
local name, folder = arg[1], arg[2]
local _, seeds = dofile("spec/fuzz/" .. name .. ".lua")
local list = seeds()
for i, bytes in ipairs(list) do
  local file <close> = assert(io.open(("%s/seed-%04d"):format(folder, i), "wb"))
  assert(file:write(bytes))
end
print(("%s: %d seeds"):format(name, #list))
