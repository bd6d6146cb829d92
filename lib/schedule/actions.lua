--- The IAM actions that a playbook's task needs: of its controls as they declare them, of its resource types by the
-- operations that their functions name, of its steps by the calls in its text.
local action_of = require "aws.action".of
local models = require "tidelock.models"

local actions = {}

-- What these hand a role on to: the caller must be let pass it.
local PASSES <const> = {["ecs:RegisterTaskDefinition"] = "ecs-tasks", ["ecs:RunTask"] = "ecs-tasks",
  ["lambda:CreateFunction"] = "lambda", ["lambda:UpdateFunctionConfiguration"] = "lambda",
  ["scheduler:CreateSchedule"] = "scheduler", ["scheduler:UpdateSchedule"] = "scheduler",
  ["events:PutTargets"] = "events", ["cloudtrail:CreateTrail"] = "cloudtrail",
  ["cloudtrail:UpdateTrail"] = "cloudtrail",
  ["config:PutConfigurationRecorder"] = "config", ["rds:ModifyDBInstance"] = "monitoring.rds",
  ["rds:CreateDBInstance"] = "monitoring.rds", ["chatbot:CreateSlackChannelConfiguration"] = "management.chatbot",
  ["chatbot:UpdateSlackChannelConfiguration"] = "management.chatbot"}
-- The first use of these makes the service's own role.
local LINKED <const> = {["guardduty:CreateDetector"] = true, ["securityhub:EnableSecurityHub"] = true,
  ["config:PutConfigurationRecorder"] = true, ["application-autoscaling:RegisterScalableTarget"] = true,
  ["access-analyzer:CreateAnalyzer"] = true, ["ecs:CreateCluster"] = true, ["ecs:CreateService"] = true}

-- ## The words of a type's functions: constants of their bytecode, and what they reach

local function is_module(value)
  for name, loaded in pairs(package.loaded) do
    if loaded == value then return name end
  end
end

-- A file beside the type's own is part of it; any other module is not.
local function foreign(value, service)
  local name = is_module(value)
  return name ~= nil and not name:find("^resources%." .. service .. "%.")
end

local gather

local function gather_function(fn, service, words, seen)
  if debug.getinfo(fn, "S").what == "C" then return end
  for word in string.dump(fn, true):gmatch "[%a][%w_]+" do words[word] = true end
  local i = 1
  while true do
    local name, value = debug.getupvalue(fn, i)
    if name == nil then return end
    gather(value, service, words, seen)
    i = i + 1
  end
end

function gather(value, service, words, seen)
  local kind = type(value)
  if kind == "string" then words[value] = true end
  if (kind ~= "function" and kind ~= "table") or seen[value] then return end
  seen[value] = true
  if kind == "function" then return gather_function(value, service, words, seen) end
  if foreign(value, service) then return end
  for key, item in next, value do
    gather(key, service, words, seen)
    gather(item, service, words, seen)
  end
end

local VERBS <const> = {"get_", "put_", "delete_"}        -- names that are put together: "get_" .. part

-- The operations of a service that are among the words.
local function operations(service, words, add)
  local model = models.service(service)
  for word in pairs(words) do
    local op = model:operation(word)
    if op then add(service, op.name) end
    for _, verb in ipairs(VERBS) do
      op = words[verb] and model:operation(verb .. word)
      if op then add(service, op.name) end
    end
  end
end

local function add_waiters(service, words, add)
  for name, waiter in pairs(models.service(service):waiters() or {}) do
    if words[name] or words[name:gsub("(%l)(%u)", "%1_%2"):lower()] then add(service, waiter.operation) end
  end
end

-- What a run may call: which there are of a type (`all`) only `tidelock adopt` asks.
local function add_type(t, add)
  local words, seen = {[t.service] = true}, {}
  for name, value in pairs(t.declaration) do
    if name ~= "all" then
      gather(name, t.service, words, seen)
      gather(value, t.service, words, seen)
    end
  end
  if words.retag then words.tag_resource, words.untag_resource = true, true end     -- resource.retag calls these
  for _, service in ipairs(models.services()) do
    if words[(service:gsub("-", "_"))] then
      operations(service, words, add)
      if words.wait then add_waiters(service, words, add) end
    end
  end
end

-- ## The calls in a playbook's text

local FORMS <const> = {'aws%.([%w_]+):([%w_]+)%s*([^\n]*)', 'aws:client%("([%w_-]+)"[^\n]-%):([%w_]+)%s*([^\n]*)'}

local function add_calls(text, add)
  text = text:gsub("%-%-[^\n]*", "")
  for _, form in ipairs(FORMS) do
    for service, method, rest in text:gmatch(form) do
      service = service:gsub("_", "-")
      local model = models.service(service)
      local named = rest:match '^%(?%s*"([%w_]+)"'         -- aws.s3:items("list_objects_v2", ...)
      for _, word in ipairs {method, named} do
        local op = model and model:operation(word)
        if op then add(service, op.name) end
      end
    end
  end
end

-- ## Whom the account file's notify tells

local function arn_of(place, service, name)
  if name:find "^arn:" then return name end
  return ("arn:%s:%s:%s:%s:%s"):format(place.partition, service, place.region, place.account, name)
end

-- Secrets Manager puts six characters of its own behind a name.
local function secret_of(place, name)
  return name:find "^arn:" and name or arn_of(place, "secretsmanager", "secret:" .. name .. "-??????")
end

local function table_of(place, name)
  return name:find "^arn:" and name or arn_of(place, "dynamodb", "table/" .. name)
end

local function secrets_of(account, place)
  local out = {}
  for _, name in ipairs(account.notify.webhooks or {}) do out[#out + 1] = secret_of(place, name) end
  if account.notify.slack and account.slack then out[#out + 1] = secret_of(place, account.slack.webhook_secret) end
  return out
end

--- Statements for those whom the account file's notify names and nothing beside: its topic, its secrets, its table.
-- A key that one of them is encrypted with is used through that service alone.
-- @param place partition, region, account
function actions.of_notify(account, place)
  local wanted, out = account.notify, {}
  local function allow(sid, action, resource, condition)
    out[#out + 1] = {Sid = sid, Effect = "Allow", Action = action, Resource = resource, Condition = condition}
  end
  if not wanted then return out end
  local secrets = secrets_of(account, place)
  if wanted.topic then allow("TellTopic", "sns:Publish", arn_of(place, "sns", wanted.topic)) end
  if #secrets > 0 then allow("TellWeb", "secretsmanager:GetSecretValue", secrets) end
  if wanted.security_hub then allow("TellHub", "securityhub:BatchImportFindings", "*") end
  if wanted.table then allow("KeepUntold", "dynamodb:PutItem", table_of(place, wanted.table)) end
  if #out > 0 then
    allow("TellKeys", {"kms:Decrypt", "kms:GenerateDataKey*"}, "*",
      {StringLike = {["kms:ViaService"] = {"dynamodb.*", "secretsmanager.*", "sns.*"}}})
  end
  return out
end

-- ## All of it

--- Sorted IAM actions of: types (a list of type names), controls (their own list of actions), texts (of playbooks).
function actions.needed(types, controls, texts)
  local out, seen = {}, {}
  local function put(action)
    if not seen[action] then out[#out + 1] = action end
    seen[action] = true
  end
  local function add(service, operation) put(action_of(service, operation)) end
  local resources = require "resources"
  for _, name in ipairs(types) do add_type(resources.find(name), add) end
  if #types > 0 then put "tag:GetResources" end
  for _, action in ipairs(controls) do put(action) end
  for _, text in ipairs(texts) do add_calls(text, add) end
  for i = 1, #out do
    if LINKED[out[i]] then put "iam:CreateServiceLinkedRole" end
  end
  table.sort(out)
  return out
end

-- A role's inline policies hold 10,240 characters: beyond a share of it reads are given by their verbs.
local ROOM <const> = 7000

local function shortened(list)
  if #table.concat(list, '","') <= ROOM then return list end
  local out, seen = {}, {}
  for _, action in ipairs(list) do
    local service, verb = action:match "^([%w-]+):(%u%l+)"
    if verb == "Describe" or verb == "List" or verb == "Get" then action = ("%s:%s*"):format(service, verb) end
    if not seen[action] then out[#out + 1] = action end
    seen[action] = true
  end
  return out
end

--- Statements of a policy that allows these actions, with iam:PassRole to those services alone that get a role.
function actions.statements(list)
  local out, passed, seen, plain = {}, {}, {}, {}
  for _, action in ipairs(list) do
    local service = PASSES[action]
    if service and not seen[service] then
      seen[service] = true
      passed[#passed + 1] = service .. ".amazonaws.com"
    end
    if action ~= "iam:PassRole" then plain[#plain + 1] = action end
  end
  if #plain > 0 then
    out[1] = {Sid = "Playbook", Effect = "Allow", Action = shortened(plain), Resource = "*"}
  end
  table.sort(passed)
  if #passed > 0 then
    out[#out + 1] = {Sid = "PassRole", Effect = "Allow", Action = "iam:PassRole", Resource = "*",
      Condition = {StringEquals = {["iam:PassedToService"] = passed}}}
  end
  return out
end

return actions
