--- secretsmanager.secret: a secret, and where its value comes from. The value is written once and never read back: not
-- into a plan, not into a journal. Who wants another one rotates it, or puts it there.
local resource = require "resources"

local LETTERS <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local SOURCES <const> = {"random", "env", "file"}

-- ## The value

-- Each letter as likely as the next: bytes past the last whole round of letters are thrown away.
local function random_text(length)
  local digest, out = require "tidelock.digest", {}
  local most = 256 // #LETTERS * #LETTERS
  while #out < length do
    for byte in digest.random(64):gmatch "." do
      local n = byte:byte()
      if n < most and #out < length then out[#out + 1] = LETTERS:sub(n % #LETTERS + 1, n % #LETTERS + 1) end
    end
  end
  return table.concat(out)
end

local function of_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read "a"
  file:close()
  return (text:gsub("\r?\n$", ""))
end

local function made(want)
  local from = want.Value
  if from.random then return random_text(from.random) end
  local text, why
  if from.env then
    text, why = os.getenv(from.env), ("the environment has no %s"):format(from.env)
  else
    text, why = of_file(from.file)
  end
  if text == nil or text == "" then
    error({code = "NoValue", message = ("The secret %s has no value yet, and none could be had: %s. Set it and apply"
      .. " again."):format(want.name, text == "" and "it is empty" or why)}, 0)
  end
  return text
end

local function put(aws, id, want)
  aws.secretsmanager:put_secret_value {SecretId = id, SecretString = require "tidelock.secret".new(made(want))}
end

local function check_value(value, add)
  local n = 0
  for name in pairs(value) do
    n = n + 1
    if name ~= "random" and name ~= "env" and name ~= "file" then
      add(("Value has no %s%s"):format(tostring(name), require "suggest".phrase(tostring(name), SOURCES)))
    end
  end
  if n ~= 1 then add 'Value is one of {random = 32}, {env = "NAME"} and {file = "PATH"}: never the secret itself' end
  if value.random ~= nil and not (math.type(value.random) == "integer" and value.random >= 16 and value.random <= 4096)
  then
    add "Value.random is a number of letters from 16 to 4096"
  end
end

-- ## Rotation

local function rotate(aws, id, want)
  local rotation = want.Rotation
  if not rotation then
    aws.secretsmanager:cancel_rotate_secret {SecretId = id}
    return
  end
  aws.secretsmanager:rotate_secret {SecretId = id, RotationLambdaARN = rotation.RotationLambdaARN,
    RotationRules = rotation.RotationRules, RotateImmediately = false}
end

local function rotation_of(live)
  if not live.RotationEnabled then return nil end
  return {RotationLambdaARN = live.RotationLambdaARN, RotationRules = live.RotationRules}
end

local function has_value(live)
  for _, stages in pairs(live.VersionIdsToStages or {}) do
    for _, stage in ipairs(stages) do
      if stage == "AWSCURRENT" then return true end
    end
  end
  return false
end

-- Deleted with days left to change one's mind: the name is taken until then, so it is taken up again.
local function create(aws, want)
  local ok, result = pcall(function()
    return aws.secretsmanager:create_secret {Name = want.name, Description = want.Description ~= "" and want.Description
      or nil, KmsKeyId = want.KmsKeyId, Tags = resource.tag_list(want.Tags)}.ARN
  end)
  if ok then return result end
  local text = type(result) == "table" and tostring(result.message) or ""
  if type(result) ~= "table" or result.code ~= "InvalidRequestException" or not text:find "deletion" then
    error(result, 0)
  end
  local arn = aws.secretsmanager:restore_secret {SecretId = want.name}.ARN
  aws.secretsmanager:update_secret {SecretId = arn, Description = want.Description, KmsKeyId = want.KmsKeyId}
  aws.secretsmanager:tag_resource {SecretId = arn, Tags = resource.tag_list(want.Tags)}
  return arn
end

return resource {
  type = "secretsmanager.secret",
  about = "A secret whose value is made here or comes from outside, and is never read back",
  model = "create_secret", key = "Name",
  without = {"SecretString", "SecretBinary", "ClientRequestToken", "AddReplicaRegions", "ForceOverwriteReplicaSecret",
    "Type"},
  properties = {Value = {"map", "any"}, Policy = "document", Rotation = {"map", "any"}},
  arns = "^arn:[^:]+:secretsmanager:[^:]*:%d+:secret:(.+)%-%w%w%w%w%w%w$",
  provides = {"arn"},
  documents = {Policy = "policy"},
  secrets = {"Value"},
  defaults = {Description = "", Rotation = false, Policy = {}},
  guards = {"Rotation", "Policy"},
  absent = {"ResourceNotFoundException"},

  check = function(want)
    local out = {}
    local function add(text) out[#out + 1] = text end
    if type(want.Value) == "table" then check_value(want.Value, add) end
    local rotation = want.Rotation
    if type(rotation) == "table" and next(rotation) and (not rotation.RotationLambdaARN or not rotation.RotationRules)
    then
      add "Rotation needs RotationLambdaARN (the function that rotates) and RotationRules (when)"
    end
    return out
  end,
  normal = function(want)
    resource.none(want, {"Rotation"})
    if want.Value then want.HasValue = true end
    return want
  end,

  read = function(aws, want)
    local live = aws.secretsmanager:describe_secret {SecretId = want.name}
    if live.DeletedDate then return nil end
    local policy = aws.secretsmanager:get_resource_policy {SecretId = live.ARN}.ResourcePolicy
    return {name = live.Name, arn = live.ARN, Description = live.Description or "", KmsKeyId = live.KmsKeyId,
      Policy = resource.document(policy), Rotation = rotation_of(live), HasValue = has_value(live) or nil,
      Tags = resource.tag_map(live.Tags)}
  end,

  all = function(aws)
    local out = {}
    for one in aws.secretsmanager:items("list_secrets", {}) do
      out[#out + 1] = {name = one.Name, leave = one.OwningService and "the service " .. one.OwningService
        .. " made it and looks after it" or nil}
    end
    return out
  end,

  create = function(aws, want)
    local arn = create(aws, want)
    if want.Value then put(aws, arn, want) end
    if want.Policy and next(want.Policy) then
      aws.secretsmanager:put_resource_policy {SecretId = arn, ResourcePolicy = resource.encode(want.Policy),
        BlockPublicPolicy = true}
    end
    if want.Rotation and next(want.Rotation) then rotate(aws, arn, want) end
    return {arn = arn}
  end,

  update = function(aws, live, want, changed)
    if changed.Description or changed.KmsKeyId then
      aws.secretsmanager:update_secret {SecretId = live.arn, Description = want.Description, KmsKeyId = want.KmsKeyId}
    end
    if changed.HasValue then put(aws, live.arn, want) end
    if changed.Rotation then rotate(aws, live.arn, want) end
    if changed.Policy then
      if next(want.Policy) then
        aws.secretsmanager:put_resource_policy {SecretId = live.arn, ResourcePolicy = resource.encode(want.Policy),
          BlockPublicPolicy = true}
      else
        aws.secretsmanager:delete_resource_policy {SecretId = live.arn}
      end
    end
    if changed.Tags then resource.retag(aws.secretsmanager, {SecretId = live.arn}, live, want) end
  end,

  delete = function(aws, live) aws.secretsmanager:delete_secret {SecretId = live.arn, RecoveryWindowInDays = 30} end,
}
