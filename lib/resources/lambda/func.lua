--- lambda.func: a function, what it runs and what it may use. (`function` is a word of Lua.)
local package = require "resources.lambda.package"
local resource = require "resources"
local settled = require "resources.lambda.settled"

-- What CreateFunction and UpdateFunctionConfiguration take under the same name.
local CONFIGURATION <const> = {"Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "VpcConfig",
  "DeadLetterConfig", "Environment", "KMSKeyArn", "TracingConfig", "Layers", "FileSystemConfigs", "EphemeralStorage",
  "SnapStart", "LoggingConfig"}

local function log_group(name) return {LogFormat = "Text", LogGroup = "/aws/lambda/" .. tostring(name)} end

-- ## What is live

local function live_of(config)
  local live = {name = config.FunctionName, arn = config.FunctionArn, Architectures = config.Architectures,
    CodeSha256 = config.CodeSha256}
  for _, name in ipairs(CONFIGURATION) do live[name] = config[name] end
  if config.Layers then
    live.Layers = {}
    for i, layer in ipairs(config.Layers) do live.Layers[i] = layer.Arn end
  end
  live.VpcConfig = config.VpcConfig and #(config.VpcConfig.SubnetIds or {}) > 0 and config.VpcConfig or nil
  live.Environment = config.Environment and {Variables = config.Environment.Variables or {}} or {Variables = {}}
  return live
end

-- The newest version, and whether it is what the function is now: a publish may have been lost after an update.
local function published(aws, live)
  local newest
  for one in aws.lambda:items("list_versions_by_function", {FunctionName = live.name}) do
    local n = math.tointeger(tonumber(one.Version))
    if n and n > (newest and newest.n or 0) then newest = {n = n, config = one} end
  end
  if not newest then return nil, false end
  local was = live_of(newest.config)
  for _, name in ipairs {"CodeSha256", table.unpack(CONFIGURATION)} do
    if name ~= "Description" and resource.encode {was[name]} ~= resource.encode {live[name]} then
      return tostring(newest.n), false
    end
  end
  return tostring(newest.n), true
end

local function read(aws, want)
  local got = aws.lambda:get_function {FunctionName = want.name}
  local live = live_of(got.Configuration)
  live.ReservedConcurrentExecutions = got.Concurrency and got.Concurrency.ReservedConcurrentExecutions
  live.Tags = got.Tags or {}
  if want.Publish then live.version, live.Publish = published(aws, live) end
  return live
end

-- ## What is wanted

local function no_texts(variables, out)
  for name, value in pairs(variables) do
    if type(value) == "number" or type(value) == "boolean" then
      out[#out + 1] = ("Environment.Variables.%s must be text, not a %s"):format(tostring(name), type(value))
    end
  end
end

-- A literal secret in the environment is there for everybody who may look at the function.
local function environment_faults(want)
  local out = {}
  local given = type(want.Environment) == "table" and getmetatable(want.Environment) == nil and want.Environment or {}
  for name in pairs(given) do
    if name ~= "Variables" then out[1] = ("Environment.%s is not known here: it has Variables alone"):format(name) end
  end
  local variables = given.Variables
  if type(variables) ~= "table" or getmetatable(variables) ~= nil then return out end
  no_texts(variables, out)
  for name, value in pairs(variables) do
    local word = name:upper()
    local telling = word:find "PASSWORD" or word:find "TOKEN" or word:find "SECRET" or word:find "PRIVATE_?KEY"
      or word:find "API_?KEY"
    local reference = type(value) == "string" and value:find "^arn:[^:]+:s[es][cm]"
    if type(value) == "userdata" or telling and type(value) == "string" and not reference then
      out[#out + 1] = ("Environment.Variables.%s is a secret in plain sight: give its ARN in Secrets Manager, and let"
        .. " the function read it"):format(name)
    end
  end
  table.sort(out)
  return out
end

-- How to say that there shall be none any more.
local NONE <const> = {VpcConfig = {SubnetIds = {}, SecurityGroupIds = {}}, DeadLetterConfig = {TargetArn = ""}}

local function configuration(want, only)
  local out, any = {FunctionName = want.name}, false
  for _, name in ipairs(CONFIGURATION) do
    if want[name] ~= nil and (only == nil or only[name]) then out[name], any = want[name] or NONE[name], true end
  end
  return out, any
end

-- The zip is handed on as a secret is: it is in no journal and no log.
local function zip_of(want)
  local zip, sha256 = package.build(want.Package)
  return require "tidelock.secret".new(zip), sha256
end

local function reserve(aws, want)
  aws.lambda:put_function_concurrency {FunctionName = want.name,
    ReservedConcurrentExecutions = want.ReservedConcurrentExecutions}
end

local function publish(aws, want)
  local made = aws.lambda:publish_version {FunctionName = want.name, CodeSha256 = want.CodeSha256}
  return made.Version
end

local function renews_version(changed)
  for name in pairs(changed) do
    if name ~= "Tags" and name ~= "ReservedConcurrentExecutions" then return true end
  end
  return false
end

return resource {
  type = "lambda.func",
  about = "A Lambda function: a program and files of this machine, its settings, its versions",
  model = "create_function", key = "FunctionName",
  without = {"Code", "PackageType", "ImageConfig", "CodeSigningConfigArn", "CapacityProviderConfig", "DurableConfig",
    "PublishTo", "TenancyConfig", "RuntimeConfig", "AcceleratorConfig"},
  properties = {Package = {"map", "any"}, ReservedConcurrentExecutions = {type = "integer", min = 0}},
  required = {"Package", "Role", "Runtime", "Handler"},
  arns = "^arn:[^:]+:lambda:[^:]*:%d+:function:([^:]+)$",
  provides = {"arn", "version", "CodeSha256"}, renews = {"version", "CodeSha256"},
  secrets = {"Package"},                   -- what is compared is its hash
  sets = {"Layers", "Architectures"}, documents = {Environment = "json"},     -- a variable less is a difference
  defaults = {Description = "", Timeout = 3, MemorySize = 128, TracingConfig = {Mode = "PassThrough"},
    Architectures = {"x86_64"}, EphemeralStorage = {Size = 512}, Environment = {Variables = {}}, Layers = {},
    SnapStart = {ApplyOn = "None"}, VpcConfig = false, DeadLetterConfig = false,
    LoggingConfig = function(want) return log_group(want.name) end},
  guards = {"TracingConfig", "Layers", "VpcConfig", "DeadLetterConfig", "LoggingConfig"},
  absent = {"ResourceNotFoundException"},

  check = function(want)
    local out = environment_faults(want)
    local architecture = type(want.Architectures) == "table" and want.Architectures[1] or "x86_64"
    if want.Package then
      table.move(package.faults(want.Package, architecture), 1, 99, #out + 1, out)
    end
    if math.type(want.Timeout) == "integer" and want.Timeout > 900 then
      out[#out + 1] = "Timeout is more than 900 seconds, the most that Lambda gives"
    end
    return out
  end,
  normal = function(want)
    resource.none(want, {"VpcConfig", "DeadLetterConfig"})
    if want.Package then
      local _, sha256 = package.build(want.Package)
      want.CodeSha256 = sha256
    end
    return want
  end,

  read = read,

  all = {"list_functions", "FunctionName"},

  create = function(aws, want)
    if not want.Package then
      error({code = "NoPackage", message = ("there is no function %s any more, and what it runs is left to others"
        .. " (ignore): deploy it, or give its Package"):format(want.name)}, 0)
    end
    local input = configuration(want)
    for name in pairs(NONE) do input[name] = want[name] or nil end
    input.Architectures, input.Tags, input.PackageType = want.Architectures, want.Tags, "Zip"
    local zip, sha256 = zip_of(want)
    input.Code = {ZipFile = zip}
    local made = settled.with_role(function() return aws.lambda:create_function(input) end)
    settled.wait(aws, want.name)
    if want.ReservedConcurrentExecutions then reserve(aws, want) end
    return {arn = made.FunctionArn, CodeSha256 = sha256, version = want.Publish and publish(aws, want) or nil}
  end,

  update = function(aws, live, want, changed)
    if changed.Architectures and not want.Package then
      error({code = "NoPackage", message = "another architecture needs code for it, and what the function runs is left"
        .. " to others (ignore): deploy it there, or give its Package"}, 0)
    end
    if changed.CodeSha256 or changed.Architectures then
      aws.lambda:update_function_code {FunctionName = want.name, ZipFile = (zip_of(want)),
        Architectures = want.Architectures}
      settled.wait(aws, want.name)
    end
    local input, any = configuration(want, changed)
    if any then
      settled.with_role(function() aws.lambda:update_function_configuration(input) end)
      settled.wait(aws, want.name)
    end
    if changed.ReservedConcurrentExecutions then reserve(aws, want) end
    if changed.Tags then resource.retag(aws.lambda, {Resource = live.arn}, live, want, "map") end
    if want.Publish and renews_version(changed) then
      return {version = publish(aws, want), CodeSha256 = want.CodeSha256}
    end
  end,

  delete = function(aws, live) aws.lambda:delete_function {FunctionName = live.name} end,
}
