--- No policy refuses uploads that leave the encryption to the bucket: they would be encrypted as it says by default.
local control = require "checks"
local policy = require "checks.policy"

local KEY <const> = "s3:x-amz-server-side-encryption"

-- Whether a condition holds for a request without the header: what must differ from something differs from nothing.
local function holds_without_header(condition)
  local holds = false
  for operator, keys in pairs(type(condition) == "table" and condition or {}) do
    for key, values in pairs(keys) do
      local absent = tostring(policy.listed(values)[1]) == "true"
      if key:lower() == KEY and operator == "Null" then
        if not absent then return false end
        holds = true
      elseif key:lower() == KEY and operator:find "^StringNot" then
        holds = true
      end
    end
  end
  return holds
end

return control {
  id = "s3-bucket-uploads", title = "Uploads may leave the encryption to the bucket", severity = "medium",
  requirement = "1.3", subjects = "s3.bucket", needs = {"s3:GetBucketPolicy"},
  command = "tidelock call s3 get-bucket-policy --bucket {name}",
  means = "Programs that name no encryption are refused, though the bucket would encrypt what they bring.",
  todo = "Take the statement out: default encryption does what it is meant to. Or add to its condition that Null of "
    .. KEY .. " is false, so that only other encryptions are refused.",
  read = function(aws, subject) return policy.of_bucket(aws, subject.name) end,
  test = function(statements)
    for i, statement in ipairs(statements) do
      if statement.Effect == "Deny" and policy.acts(statement, "s3:PutObject")
        and holds_without_header(statement.Condition) then
        return control.fail("statement %s refuses uploads that name no encryption", statement.Sid or "number " .. i)
      end
    end
    return control.pass("none is refused for want of a header")
  end,
}
