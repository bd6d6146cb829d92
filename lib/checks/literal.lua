--- Whether a variable of an environment holds a secret in plain sight, by its name and its value.
local literal = {}

local WORDS <const> = {"SECRET", "PASSWORD", "PASSWD", "TOKEN", "API_?KEY", "PRIVATE_?KEY", "ACCESS_?KEY",
  "CREDENTIAL"}
local VALUES <const> = {"^AKIA%w%w%w%w%w%w%w%w%w%w%w%w", "^ASIA%w%w%w%w%w%w%w%w%w%w%w%w", "^%-%-%-%-%-BEGIN",
  "^sk%-%w", "://[^/:@%s]+:[^/@%s]+@"}

--- True where it looks like one. A name that says where a secret lies, and not what it is, is none.
function literal.secret(name, value)
  for _, pattern in ipairs(VALUES) do
    if value:find(pattern) then return true end
  end
  local upper = name:upper()
  if value == "" or value:find "^arn:" or upper:find "_ARN$" or upper:find "_NAME$" or upper:find "_ID$"
    or upper:find "^TOKENS_" or upper:find "MAX_TOKENS" then return false end
  for _, word in ipairs(WORDS) do
    if upper:find(word) then return true end
  end
  return false
end

return literal
