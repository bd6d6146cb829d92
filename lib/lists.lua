--- What is asked of lists all day, of policy documents above all.
local lists = {}

--- Whether a list holds a value; no list holds none.
-- @tparam[opt] table list
-- @param value what is looked for, compared by ==
-- @treturn boolean
function lists.contains(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then return true end
  end
  return false
end

--- A list of what a policy document may give as one value or as many: "s3:*", {"s3:*"}, one statement, nothing.
-- @param value nil, a value, a table with names, or a list
-- @treturn table a list
-- @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
function lists.listed(value)
  if value == nil then return {} end
  if type(value) ~= "table" then return {value} end
  if #value == 0 and next(value) ~= nil then return {value} end
  return value
end

return lists
