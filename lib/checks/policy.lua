--- Resource policies as controls ask about them: parsed, never searched as text.
local lists = require "lists"

local contains, listed = lists.contains, lists.listed
local policy = {listed = listed}

--- The statements of a policy document: a table, as IAM's come, or JSON text. Raises if it is neither.
function policy.statements(document)
  if document == nil or document == "" then return {} end
  if type(document) == "string" then
    local value, err = require "tidelock.json".decode(document)
    if type(value) ~= "table" then error("a policy is no JSON: " .. tostring(err and err.message), 0) end
    document = value
  end
  return listed(document.Statement)
end

local function principals(statement, kind)
  local principal = statement.Principal
  if principal == "*" then return {"*"} end
  if type(principal) ~= "table" then return {} end
  return listed(principal[kind])
end

local function matches(pattern, action)
  return action:lower():find("^" .. pattern:lower():gsub("%p", "%%%0"):gsub("%%%*", ".*") .. "$") ~= nil
end

local function acts(statement, action)
  for _, pattern in ipairs(listed(statement.Action)) do
    if matches(pattern, action) then return true end
  end
  return false
end

--- Whether a statement allows the service ("budgets.amazonaws.com") the action.
function policy.allows_service(statements, service, action)
  for _, statement in ipairs(statements) do
    if statement.Effect == "Allow" and contains(principals(statement, "Service"), service)
      and acts(statement, action) then
      return true
    end
  end
  return false
end

--- Whether requests without TLS are denied: to everyone, for all actions of the service ("s3", "sqs").
function policy.denies_plaintext(statements, service)
  for _, statement in ipairs(statements) do
    local condition = type(statement.Condition) == "table" and statement.Condition or {}
    local bool = condition.Bool or condition.BoolIfExists or {}
    local wanted = bool["aws:SecureTransport"]
    if type(wanted) == "table" then wanted = wanted[1] end
    if statement.Effect == "Deny" and contains(principals(statement, "AWS"), "*") and tostring(wanted) == "false" then
      for _, action in ipairs(listed(statement.Action)) do
        if action == "*" or action:lower() == service .. ":*" then return true end
      end
    end
  end
  return false
end

--- Whether a statement allows anyone, without a condition.
function policy.public(statements)
  for _, statement in ipairs(statements) do
    if statement.Effect == "Allow" and contains(principals(statement, "AWS"), "*") and not statement.Condition then
      return true
    end
  end
  return false
end

--- Whether a statement allows everything on everything.
function policy.allows_all(statements)
  for _, statement in ipairs(statements) do
    if statement.Effect == "Allow" and contains(listed(statement.Action), "*")
      and contains(listed(statement.Resource), "*") then
      return true
    end
  end
  return false
end

return policy
