--- Resource policies as controls ask about them: parsed, never searched as text.
local fits = require "glob".fits
local lists = require "lists"

local contains, listed = lists.contains, lists.listed
local policy = {listed = listed}

--- The statements of a policy document: a table, as IAM's come, or JSON text. Raises if it is neither: an
-- error of the control, in words.
function policy.statements(document)
  if document == nil or document == "" then return {} end
  if type(document) == "string" then
    local value, err = require "tidelock.json".decode(document)
    if type(value) ~= "table" then
      error({code = "Unknown", message = ("the policy is no JSON object (%s), so nobody can say what it allows"):format(
        err and err.message or "it is " .. type(value))}, 0)
    end
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

local function matches(pattern, text) return fits(pattern:lower(), text:lower()) end

--- Whether a statement is about the action.
local function acts(statement, action)
  for _, pattern in ipairs(listed(statement.Action)) do
    if matches(pattern, action) then return true end
  end
  return false
end

policy.acts = acts

--- The statements of a bucket's policy; without one there are none.
function policy.of_bucket(aws, bucket)
  local ok, got = pcall(function() return aws.s3:get_bucket_policy({Bucket = bucket}).Policy end)
  if ok then return policy.statements(got) end
  if type(got) == "table" and got.code == "NoSuchBucketPolicy" then return {} end
  error(got, 0)
end

-- "*" and {AWS = "*"} are the same to AWS: services too.
local function is_of_everybody(statement) return contains(principals(statement, "AWS"), "*") end

local function is_unconditional(statement)
  return next(type(statement.Condition) == "table" and statement.Condition or {}) == nil
end

--- Whether a statement allows the service ("budgets.amazonaws.com") the action, and none refuses it that, whatever it
-- asks. A condition on everybody may be one that no service meets: then it counts for neither.
function policy.allows_service(statements, service, action)
  local allowed = false
  for _, statement in ipairs(statements) do
    local named, free = contains(principals(statement, "Service"), service), is_unconditional(statement)
    if acts(statement, action) and (named or is_of_everybody(statement) and free) then
      if statement.Effect == "Deny" and free then return false end
      allowed = allowed or statement.Effect == "Allow"
    end
  end
  return allowed
end

-- Whether a condition asks for nothing but the owner of what sends: "aws:SourceOwner", "aws:SourceAccount".
local function asks_for_owner_alone(condition)
  for _, keys in pairs(type(condition) == "table" and condition or {}) do
    for key in pairs(keys) do
      local name = key:lower()
      if name ~= "aws:sourceowner" and name ~= "aws:sourceaccount" then return false end
    end
  end
  return true
end

--- Whether a statement allows the action to all that belongs to an account, as the policy of a new topic does.
function policy.allows_owner(statements, action)
  for _, statement in ipairs(statements) do
    if statement.Effect == "Allow" and is_of_everybody(statement) and acts(statement, action)
      and asks_for_owner_alone(statement.Condition) then
      return true
    end
  end
  return false
end

-- ## Conditions

-- What leaves the world out of a statement for everyone: who asks, on whose behalf, from where.
local NARROWS <const> = {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcearn", "aws:sourceaccount",
  "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid", "aws:principalorgpaths",
  "aws:principalaccount", "aws:principalarn", "aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
  "sns:endpoint"}

-- A value that leaves nobody out: "*", "arn:aws:s3:::*", a network wider than AWS lets pass for private.
local function is_wide(key, value)
  if key == "aws:sourceip" then
    local bits = tonumber(value:match "/(%d+)$")
    return bits ~= nil and bits < (value:find(":", 1, true) and 32 or 8)
  end
  return not value:gsub("^arn:[^:]*:[^:]*:", ""):find "%w"
end

local function all_narrow(key, values)
  for _, value in ipairs(listed(values)) do
    if is_wide(key, tostring(value)) then return false end
  end
  return true
end

-- What is true of requests that lack the key, or that have another value, leaves nobody out either.
local function is_strict(operator)
  operator = operator:lower()
  return not (operator:find "not" or operator:find "ifexists$" or operator:find "^forallvalues:" or operator == "null")
end

local function narrows(condition)
  for operator, keys in pairs(type(condition) == "table" and condition or {}) do
    for key, values in pairs(is_strict(operator) and keys or {}) do
      if contains(NARROWS, key:lower()) and all_narrow(key:lower(), values) then return true end
    end
  end
  return false
end

-- Whether a statement holds for all requests without TLS; those that AWS's own services make may be let off.
local function is_about_plaintext(condition)
  local wanted
  for operator, keys in pairs(type(condition) == "table" and condition or {}) do
    for key, values in pairs(keys) do
      local value = tostring(listed(values)[1])
      if not operator:lower():find "^bool" or value ~= "false" then return false end
      if key:lower() == "aws:securetransport" then wanted = true
      elseif key:lower() ~= "aws:principalisawsservice" then return false end
    end
  end
  return wanted == true
end

-- ## Questions

local function covers(statement, arn)
  for _, pattern in ipairs(listed(statement.Resource)) do
    if matches(pattern, arn) then return true end
  end
  return false
end

local function denies_plaintext(statement, service, arn)
  return statement.Effect == "Deny" and is_of_everybody(statement)
    and is_about_plaintext(statement.Condition) and acts(statement, service .. ":\1") and covers(statement, arn)
end

--- Whether requests without TLS are denied: to everyone, for all actions of the service ("s3", "sqs"), on each of the
-- ARNs, of which an object's may be made up.
function policy.denies_plaintext(statements, service, arns)
  for _, arn in ipairs(arns) do
    local denied = false
    for _, statement in ipairs(statements) do denied = denied or denies_plaintext(statement, service, arn) end
    if not denied then return false end
  end
  return true
end

--- Whether a statement allows anyone: everybody, or all but some, and no condition leaves the world out.
function policy.public(statements)
  for _, statement in ipairs(statements) do
    if statement.Effect == "Allow" and not narrows(statement.Condition)
      and (is_of_everybody(statement) or statement.NotPrincipal ~= nil) then
      return true
    end
  end
  return false
end

--- Whether a statement allows everything on everything.
function policy.allows_all(statements)
  for _, statement in ipairs(statements) do
    local actions = listed(statement.Action)
    if statement.Effect == "Allow" and (contains(actions, "*") or contains(actions, "*:*"))
      and contains(listed(statement.Resource), "*") then
      return true
    end
  end
  return false
end

return policy
