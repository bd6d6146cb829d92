--- Where a call goes and how it is signed: the parameters of the service's rules, and what they give.
local error_of = require "aws.error"

local endpoint = {}

local KEPT <const> = 256                 -- targets remembered for one operation (S3 has one a bucket)

-- What the rules ask of the client as a whole, by the name the models give it.
local BUILTIN <const> = {
  ["AWS::Region"] = function(c) return c.region end,
  ["AWS::UseFIPS"] = function(c) return not c.url and c.settings:get "use_fips_endpoint" or false end,
  ["AWS::UseDualStack"] = function(c)
    return not c.url and c.settings:get "use_dualstack_endpoint" or false
  end,
  ["SDK::Endpoint"] = function(c) return c.url end,
  ["AWS::STS::UseGlobalEndpoint"] = function() return false end,
  ["AWS::S3::UseGlobalEndpoint"] = function() return false end,
  ["AWS::S3::Accelerate"] = function(c) return c.settings:s3 "use_accelerate_endpoint" or false end,
  ["AWS::S3::ForcePathStyle"] = function(c)
    local style = c.settings:s3 "addressing_style"
    if c.settings:s3 "use_accelerate_endpoint" then return false end
    if c.url then return style ~= "virtual" end
    return style == "path"
  end,
  ["AWS::S3::UseArnRegion"] = function(c) return c.settings:s3 "use_arn_region" ~= false end,
  ["AWS::S3Control::UseArnRegion"] = function(c) return c.settings:s3 "use_arn_region" == true end,
  ["AWS::S3::DisableMultiRegionAccessPoints"] = function(c)
    return c.settings:s3 "s3_disable_multiregion_access_points" == true
  end,
  ["AWS::Auth::AccountId"] = function(c)
    if c.url or c.settings:get "account_id_endpoint_mode" == "disabled" then return nil end
    return c:known_account()
  end,
  ["AWS::Auth::AccountIdEndpointMode"] = function(c)
    return c.settings:get "account_id_endpoint_mode" or "preferred"
  end,
}

-- Client settings that have no such name. Directory buckets are signed like all others: their own
-- sessions would save S3 time, and cost us a call.
local CONTEXT <const> = {DisableS3ExpressSessionAuth = true}

local function host_name(host) return host:match("^(%[.-%])") or host:match("^[^:]+") end

--- Whether names cannot be put before this host: an address, or this machine.
function endpoint.is_local(host)
  local name = host_name(host)
  return name:find("^%[") ~= nil or name:find("^%d+%.%d+%.%d+%.%d+$") ~= nil or name == "localhost"
end

--- Whether `host` is a name or an address that requests can go to, with a port or without; no user and password.
function endpoint.is_host(host)
  local port = host:match "^%[[%w:.%%]+%](.*)$" or host:match "^[%w%-._~]+(.*)$"
  if not port or port == "" then return port ~= nil end
  local n = tonumber(port:match "^:(%d+)$")
  return n ~= nil and n >= 1 and n <= 65535
end

--- Scheme, host (with port) and path (without a last slash) of a URL; nil where it is none.
function endpoint.split(url)
  local scheme, host, path = url:match("^(https?)://([^/?#]+)([^?#]*)$")
  if not scheme or not endpoint.is_host(host) or path:find "[^!-~]" then return nil end
  return scheme, host, (path:gsub("/+$", ""))
end

-- The endpoint the user gave, checked before anything is sent to it.
local function given(client)
  local url, where = client.settings:endpoint_url(client.model.metadata.serviceId or client.name)
  if url and not endpoint.split(url) then
    error_of.usage(("The endpoint %q (%s) is not a URL; write it as http://HOST:PORT or https://HOST.")
      :format(url:gsub("//[^/]*@", "//<secret>@"), where))
  end
  return url
end

-- What stands before the last two parts of a region's name. A short cut: of any other, aws.region asks AWS's list.
local USUAL <const> = {us = true, eu = true, ap = true, sa = true, ca = true, me = true, af = true, il = true,
  mx = true, cn = true, ["us-gov"] = true, ["us-iso"] = true, ["us-isob"] = true, ["us-isof"] = true,
  ["eu-isoe"] = true, ["eusc-de"] = true}

--- Whether a name is built as those of regions are, so that nothing need be read to know it.
function endpoint.is_usual(region) return USUAL[region:match "^(%l[%l%-]*)%-%w+%-%d+$"] == true end

--- What is the same for all calls of a client: its region, the user's own endpoint, the rules.
-- Made at the first call, so that a client costs nothing before. `c` is the client's inner state.
function endpoint.open(c)
  c.url = given(c)
  c.region = c.settings:get "region"
  if c.region and not c.url and not endpoint.is_usual(c.region) then
    require "aws.region".check(c.region, c.settings:where "region")
  end
  c.program = c.api.load(c.model:endpoint())
  c.params = c.api.params(c.program)
  if not c.region then c.region = endpoint.global(c) end
  c.fixed = {}
  for name, param in pairs(c.params) do
    local from = BUILTIN[param.builtin]
    if from then c.fixed[name] = from(c) end
    if c.options[name] ~= nil then c.fixed[name] = c.options[name] end
    if c.fixed[name] == nil then c.fixed[name] = CONTEXT[name] end
  end
  c.targets = {}
end

-- Rules give a URL a signing region where the service is one for the whole partition.
local function signing_region(resolved)
  local schemes = resolved and resolved.properties and resolved.properties.authSchemes
  return schemes and schemes[1] and schemes[1].signingRegion
end

--- Without a region, services that have none (IAM, Route 53, S3's list of buckets) still answer.
function endpoint.global(c)
  local params = {}
  for name, param in pairs(c.params) do
    if param.builtin == "AWS::Region" then params[name] = "aws-global" end
  end
  if signing_region((c.api.resolve(c.program, params))) then return "aws-global" end
  return c.settings:region()             -- raises the sentence
end

-- Parameters that the rules of S3 declare and never read: they would only fill the memory of targets.
local UNREAD <const> = {Key = true, Prefix = true, CopySource = true}

-- What one operation adds: constants of its own, and members of its input. Read from the model once.
-- Paths into the input look for ARNs, whose account goes into a host name: not into the user's own.
local function plan_of(c, op)
  local plan = {static = {}, dynamic = {}, cache = {}, count = 0}
  for name, param in pairs(op.static_params or {}) do plan.static[name] = param.value end
  local function add(row)
    if not c.params[row.name] or UNREAD[row.name] or row.path and c.url then return end
    plan.dynamic[#plan.dynamic + 1] = row
  end
  for member, name in pairs(op.context_params or {}) do add {name = name, member = member} end
  for name, param in pairs(op.operation_params or {}) do add {name = name, path = param.path} end
  table.sort(plan.dynamic, function(a, b) return a.name < b.name end)
  c.targets[op.name] = plan
  return plan
end

local function value_of(row, input)
  if row.member then return input[row.member] end
  return require "aws.jmespath".search(row.path, input)
end

local function key_of(value)
  if type(value) == "table" then return table.concat(value, "\1") end
  return tostring(value)
end

-- A local endpoint cannot carry an account's id before its host; the id goes in a header.
local function without_account(params)
  params.AccountId, params.RequiresAccountId = nil, nil
end

local AUTH <const> = {["aws.auth#sigv4"] = "sigv4", ["aws.auth#sigv4a"] = "sigv4a",
  ["smithy.api#httpBearerAuth"] = "bearer", ["smithy.api#noAuth"] = "none",
  v4 = "sigv4", s3v4 = "sigv4", s3 = "sigv4", v4a = "sigv4a", bearer = "bearer", none = "none",
  ["v4-unsigned-body"] = "sigv4"}
local KNOWN <const> = {sigv4 = true, sigv4a = true, bearer = true, none = true}

-- The rules' first scheme that we can sign with, or nil where they say nothing.
local function scheme_of(c, resolved)
  local schemes = resolved.properties and resolved.properties.authSchemes
  if not schemes or #schemes == 0 then return nil end
  local names = {}
  for _, scheme in ipairs(schemes) do
    if KNOWN[scheme.name] then return scheme end
    names[#names + 1] = scheme.name
  end
  error_of.usage(("%s asks to be signed with %s, which tidelock cannot do."):format(c.name,
    table.concat(names, " or ")))
end

-- Bedrock's API keys come before a signature wherever one is set, as botocore has it; of other services none does.
local function has_token(c, auths)
  local metadata = c.model.metadata
  if (metadata.signingName or metadata.endpointPrefix) ~= "bedrock" then return false end
  for _, name in ipairs(auths) do
    if AUTH[name] == "bearer" then return c.settings:env "AWS_BEARER_TOKEN_BEDROCK" ~= nil end
  end
  return false
end

local function model_auth(c, op)
  if op.no_auth or c.anonymous or op.authtype == "none" then return "none" end
  local auths = op.auth or c.model.metadata.auth or {}
  if has_token(c, auths) then return "bearer" end
  if op.authtype then return AUTH[op.authtype] or "sigv4" end
  for _, name in ipairs(auths) do
    if AUTH[name] then return AUTH[name] end
  end
  return AUTH[c.model.metadata.signatureVersion] or "sigv4"
end

-- A user's own endpoint says nothing of signing: then the service's real endpoint in this region does.
local function hints(c, params)
  if not c.url then return {} end
  local public = {}
  for name, value in pairs(params) do public[name] = value end
  for name, param in pairs(c.params) do
    if param.builtin == "SDK::Endpoint" then public[name] = nil end
  end
  local resolved = c.api.resolve(c.program, public)
  local schemes = resolved and resolved.properties and resolved.properties.authSchemes
  return schemes and schemes[1] or {}
end

local S3 <const> = {s3 = true, ["s3-outposts"] = true, ["s3-object-lambda"] = true, s3express = true}

-- How to sign: scheme, name, region and sigv4's options.
local function signing(c, op, resolved, params)
  local scheme = scheme_of(c, resolved) or hints(c, params)
  local kind = model_auth(c, op)
  if kind ~= "none" and kind ~= "bearer" and scheme.name then kind = scheme.name end
  local name = scheme.signingName or c.model.metadata.signingName or c.model.metadata.endpointPrefix
  local set = scheme.signingRegionSet
  if kind == "sigv4a" and not set then
    set = {c.settings:get "sigv4a_signing_region_set" or c.region}
  end
  local region = scheme.signingRegion or params.Region or c.region
  if region == "aws-global" then region = "us-east-1" end
  if kind == "sigv4a" then region = table.concat(set, ",") end
  return {kind = kind, name = name, region = region,
    options = {service = name, region = region, region_set = kind == "sigv4a" and region or nil,
      double_encode = not S3[name] and not scheme.disableDoubleEncoding, normalize = not S3[name],
      content_sha = S3[name] or false, unsigned = op.unsigned_payload or false}}
end

-- A parameter that is missing or odd is a fault of the input first.
local function refused(c, op, input, message)
  local input_of = require "aws.input"
  local faults = input_of.faults(op, input)
  if #faults > 0 then input_of.refuse(c.name, op, input, faults[1]) end
  error(error_of.new {code = "Endpoint", service = c.name, operation = op.snake, region = c.region, exit = 64,
    message = "no endpoint: " .. tostring(message)}, 0)
end

local function resolve(c, op, input, params)
  local resolved, message = c.api.resolve(c.program, params)
  if not resolved then refused(c, op, input, message) end
  local scheme, host, path = endpoint.split(resolved.url)
  if not scheme then refused(c, op, input, ("the rules give %q, which is not a URL"):format(resolved.url)) end
  local headers = {}
  for name, values in pairs(resolved.headers or {}) do
    headers[name] = type(values) == "table" and values[1] or values
  end
  return {scheme = scheme, host = host, path = path, url = scheme .. "://" .. host, headers = headers,
    is_local = endpoint.is_local(host), custom = c.url ~= nil, auth = signing(c, op, resolved, params)}
end

--- The target of a call: {scheme, host, path, url, headers, auth}. `region` overrides the client's
-- (S3, after a redirect). Remembered by what the rules read.
function endpoint.of(c, op, input, region)
  if not c.targets then endpoint.open(c) end
  local plan = c.targets[op.name] or plan_of(c, op)
  local parts, values = {region or ""}, {}
  for i, row in ipairs(plan.dynamic) do
    local value = value_of(row, input)
    values[i] = value
    parts[i + 1] = value == nil and "\0" or key_of(value)
  end
  local key = #parts == 1 and parts[1] or table.concat(parts, "\2")
  local target = plan.cache[key]
  if target then return target end
  local params = {}
  for name, value in pairs(c.fixed) do params[name] = value end
  for name, value in pairs(plan.static) do params[name] = value end
  for i, row in ipairs(plan.dynamic) do
    if values[i] ~= nil then params[row.name] = values[i] end
  end
  if region then params.Region = region end
  if c.url and endpoint.is_local(select(2, endpoint.split(c.url))) then without_account(params) end
  target = resolve(c, op, input, params)
  if plan.count >= KEPT then plan.cache, plan.count = {}, 0 end
  plan.cache[key], plan.count = target, plan.count + 1
  return target
end

return endpoint
