--- Patterns as people and policies write them: * for anything, ? for one letter, all else for itself.
local glob = {}

--- Whether the whole text is as the pattern says.
-- @tparam string pattern
-- @tparam string text
-- @treturn boolean
function glob.fits(pattern, text)
  local own = pattern:gsub("[^%w%*%?]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return text:find("^" .. own .. "$") ~= nil
end

return glob
