--- 10.4: the limiter's consumer may read the secrets it needs: the token of the site, the password of Redis.
local consumer = require "checks.consumer"
local control = require "checks"

local ACTION <const> = "secretsmanager:GetSecretValue"

-- ARNs of the secrets that the account file names. One that is not there yet gets an ARN as AWS would make it.
local function arns_of(aws, world)
  local limiter, out = world.account.limiter or {}, {}
  for _, key in ipairs {"site_secret", "redis_secret"} do
    local name = limiter[key]
    if name then out[name] = world.arn("secretsmanager", "secret:" .. name .. "-AbCdEf") end
  end
  for secret in aws.secretsmanager:items("list_secrets", {}) do
    if out[secret.Name] then out[secret.Name] = secret.ARN or out[secret.Name] end
  end
  return out
end

local function refused(aws, role, secrets)
  local out = {}
  for name, arn in pairs(secrets) do
    for result in aws.iam:items("simulate_principal_policy", {PolicySourceArn = role, ActionNames = {ACTION},
      ResourceArns = {arn}}) do
      if result.EvalDecision ~= "allowed" then out[#out + 1] = name end
    end
  end
  table.sort(out)
  return out
end

return control {
  id = "lambda-limiter-secret", title = "The limiter's consumer may read its secrets", severity = "high",
  requirement = "10.4", subjects = "account", needs = {"lambda:ListEventSourceMappings",
    "lambda:GetFunctionConfiguration", "secretsmanager:ListSecrets", "iam:SimulatePrincipalPolicy"},
  remedy = "provision/rate-limiter", command = "tidelock call lambda list-event-source-mappings --region {region}",
  means = "It reaches neither Redis nor the site: every message waits, then becomes a dead letter.",
  todo = "Name its secrets under limiter in the account file, and apply again; look for a Deny in its role.",
  read = function(aws, _, world)
    local mapping, why = consumer.mapping(aws, world)
    if not mapping then return {skip = why or "no function reads the limiter's queue"} end
    local secrets = arns_of(aws, world)
    if not next(secrets) then return {skip = "the account file names no secret under limiter"} end
    local role = aws.lambda:get_function_configuration({FunctionName = mapping.FunctionArn}).Role
    return {role = role, refused = refused(aws, role, secrets)}
  end,
  test = function(live)
    if live.skip then return control.skip(live.skip) end
    local role = live.role:match "[^/]+$"
    return control.judge(#live.refused == 0, ("role %s may"):format(role),
      ("role %s may not read %s"):format(role, table.concat(live.refused, ", ")))
  end,
}
