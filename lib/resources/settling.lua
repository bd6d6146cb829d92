--- What was made a moment ago is not known everywhere yet: a role, the policy of a bucket or a key. Services refuse
-- what leans on it until then, by the same codes by which they refuse what is wrong for good.
local resource = require "resources"

local settling = {}

local SECONDS <const>, PAUSE <const> = 30, 3

--- Calls `fn()`, again while it fails with one of `codes` (a set), for half a minute; then raises what it failed with.
function settling.patiently(codes, what, fn)
  for _ = 1, SECONDS // PAUSE do
    local result = table.pack(pcall(fn))
    if result[1] then return table.unpack(result, 2, result.n) end
    if not (type(result[2]) == "table" and codes[result[2].code]) then error(result[2], 0) end
    resource.nap(PAUSE, what)
  end
  return fn()
end

return settling
