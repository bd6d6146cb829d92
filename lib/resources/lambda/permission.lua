--- lambda.permission: a statement of a function's policy: who else may invoke it.
local resource = require "resources"

local TAKEN <const> = {"Action", "Principal", "SourceArn", "SourceAccount", "FunctionUrlAuthType", "PrincipalOrgID",
  "InvokedViaFunctionUrl"}

-- A statement says the same in IAM's words: conditions by operator and key.
local function condition(statement, key)
  for _, keys in pairs(statement.Condition or {}) do
    for name, value in pairs(keys) do
      if name:lower() == key:lower() then return type(value) == "table" and value[1] or value end
    end
  end
end

local function by_url(statement)
  local said = condition(statement, "lambda:InvokedViaFunctionUrl")
  if said ~= nil then return tostring(said) == "true" end
end

local function principal(given)
  if type(given) ~= "table" then return given end
  return given.Service or (given.AWS or ""):match "^arn:[^:]+:iam::(%d+):root$" or given.AWS
end

local function statement_of(policy, id)
  for _, one in ipairs(policy.Statement or {}) do
    if one.Sid == id then return one end
  end
end

return resource {
  type = "lambda.permission",
  about = "Who else may invoke a function",
  model = "add_permission", key = {"FunctionName", "StatementId"},
  found_by = {"Qualifier"},
  without = {"RevisionId", "EventSourceToken"},
  tags = false,
  replaces = TAKEN,
  absent = {"ResourceNotFoundException"},

  read = function(aws, want)
    local got = aws.lambda:get_policy {FunctionName = want.FunctionName, Qualifier = want.Qualifier}
    local one = statement_of(resource.document(got.Policy), want.StatementId)
    if not one then return nil end
    return {FunctionName = want.FunctionName, StatementId = want.StatementId, Qualifier = want.Qualifier,
      Action = one.Action, Principal = principal(one.Principal), SourceArn = condition(one, "AWS:SourceArn"),
      SourceAccount = condition(one, "AWS:SourceAccount"),
      InvokedViaFunctionUrl = by_url(one),
      FunctionUrlAuthType = condition(one, "lambda:FunctionUrlAuthType"),
      PrincipalOrgID = condition(one, "aws:PrincipalOrgID")}
  end,

  all = function(aws)
    local out = {}
    for func in aws.lambda:items("list_functions", {}) do
      local policy = resource.unless({"ResourceNotFoundException"}, function()
        return resource.document(aws.lambda:get_policy {FunctionName = func.FunctionName}.Policy)
      end, {})
      for _, one in ipairs(policy.Statement or {}) do
        out[#out + 1] = {FunctionName = func.FunctionName, StatementId = one.Sid}
      end
    end
    return out
  end,

  create = function(aws, want)
    local input = {FunctionName = want.FunctionName, StatementId = want.StatementId, Qualifier = want.Qualifier}
    for _, name in ipairs(TAKEN) do input[name] = want[name] end
    aws.lambda:add_permission(input)
    return {}
  end,

  delete = function(aws, live)
    aws.lambda:remove_permission {FunctionName = live.FunctionName, StatementId = live.StatementId,
      Qualifier = live.Qualifier}
  end,
}
