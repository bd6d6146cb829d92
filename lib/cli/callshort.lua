--- Options of the aws CLI that are short for a part of a member, and what it makes of a whole input. Pure. Read by way
-- of callforms, where one of these operations is called.
local options = require "cli.options"

local short = {}

-- An option: {the shape, the member they go into, put(input, value), beside = whether both may be given}

local TEXT <const>, FLAG <const> = {type = "string"}, {type = "boolean"}
local WORDS <const> = {type = "list"}                       -- of texts, as they stand

local function bad(name, message, ...) options.usage(("--%s %s"):format(name, message:format(...))) end

-- The first of a list of structures, made where it is missing.
local function first(input, list, new)
  input[list] = input[list] or {new or {}}
  return input[list][1]
end

local function table_in(parent, name)
  parent[name] = parent[name] or {}
  return parent[name]
end

-- "a=1,b=2", in its order.
local function pairs_of(name, text)
  local out = {}
  for part in text:gmatch "[^,]+" do
    local key, value = part:match "^%s*([^=]+)=(.*)$"
    if not key then bad(name, "takes NAME=VALUE,NAME=VALUE, not %q", text) end
    out[#out + 1] = {key, value}
  end
  return out
end

-- A field of the structure that the member `into` is, with its shape; `more` is said along with it.
local function part(into, field, more)
  return {nil, into, function(input, value)
    local whole = table_in(input, into)
    whole[field] = value
    for name, v in pairs(more or {}) do whole[name] = v end
  end, field = field, beside = true}
end

local REVISION <const> = {["s3-location"] = part("revision", "s3Location", {revisionType = "S3"}),
  ["github-location"] = part("revision", "gitHubLocation", {revisionType = "GitHub"})}

local PROTOCOLS <const> = {tcp = "tcp", udp = "udp", icmp = "icmp", icmpv6 = "icmpv6", all = "-1"}

local function protocol(input, value)
  local n = math.tointeger(tonumber(value))
  if not PROTOCOLS[value] and not (n and n >= -1 and n <= 255) then
    bad("protocol", "takes tcp, udp, icmp, icmpv6, all or a number from -1 to 255, not %q", value)
  end
  first(input, "IpPermissions").IpProtocol = PROTOCOLS[value] or value
end

local function port(input, value)
  local from, to = value:match "^(%d+)%-(%-?%d+)$"
  if value == "all" then from, to = "-1", "-1" elseif not from then from, to = value, value end
  local rule = first(input, "IpPermissions")
  rule.FromPort, rule.ToPort = math.tointeger(tonumber(from)), math.tointeger(tonumber(to))
  if not (rule.FromPort and rule.ToPort) then bad("port", "takes FROM or FROM-TO (22, 22-25) or all, not %q", value) end
end

local function group(field)
  return function(input, value)
    local where = field or (value:find "^sg%-" and "GroupId" or "GroupName")
    first(first(input, "IpPermissions"), "UserIdGroupPairs")[where] = value
  end
end

local RULE <const> = {
  protocol = {TEXT, "IpPermissions", protocol}, port = {TEXT, "IpPermissions", port},
  cidr = {TEXT, "IpPermissions", function(input, value)
    first(first(input, "IpPermissions"), "IpRanges").CidrIp = value
  end},
  ["source-group"] = {TEXT, "IpPermissions", group()}, ["group-owner"] = {TEXT, "IpPermissions", group "UserId"},
}

local function count(input, value)
  local least, most = value:match "^(%d+):(%d+)$"
  input.MinCount, input.MaxCount = math.tointeger(tonumber(least or value)), math.tointeger(tonumber(most or value))
  if not (input.MinCount and input.MaxCount) then bad("count", "takes N or LEAST:MOST (1, 1:10), not %q", value) end
end

local function interface(field, make)
  return function(input, value)
    if make then value = make(value) end
    first(input, "NetworkInterfaces", {DeviceIndex = 0})[field] = value
  end
end

local function addresses(words)
  local out = {}
  for i, word in ipairs(words) do out[i] = {PrivateIpAddress = word, Primary = false} end
  return out
end

local function datum(shape, field, make)
  return {shape, "MetricData", function(input, value)
    if make then value = make(value) end
    first(input, "MetricData")[field] = value
  end}
end

local function dimensions(text)
  local out = {}
  for i, pair in ipairs(pairs_of("dimensions", text)) do out[i] = {Name = pair[1], Value = pair[2]} end
  return out
end

local function statistics(text)
  local out = {}
  for _, pair in ipairs(pairs_of("statistic-values", text)) do
    out[pair[1]] = tonumber(pair[2]) or bad("statistic-values", "takes numbers, not %q", pair[2])
  end
  return out
end

local function recipients(field)
  return {WORDS, "Destination", function(input, value) table_in(input, "Destination")[field] = value end}
end

local function body(field)
  return {TEXT, "Message", function(input, value)
    table_in(table_in(input, "Message"), "Body")[field] = {Data = value}
  end}
end

local function states(...)
  local list = {...}
  return {FLAG, "ClusterStates", function(input, yes) input.ClusterStates = yes and list or nil end}
end

local SHORT <const> = {
  ["cloudfront.create-invalidation"] = {paths = {WORDS, "InvalidationBatch", function(input, value)
    input.InvalidationBatch = {CallerReference = "cli-" .. require "tidelock.digest".uuid(),
      Paths = {Quantity = #value, Items = value}}
  end}},
  ["cloudwatch.put-metric-data"] = {["metric-name"] = datum(TEXT, "MetricName"),
    timestamp = datum({type = "timestamp"}, "Timestamp"), unit = datum(TEXT, "Unit"),
    value = datum({type = "double"}, "Value"), dimensions = datum(TEXT, "Dimensions", dimensions),
    ["statistic-values"] = datum(TEXT, "StatisticValues", statistics),
    ["storage-resolution"] = datum({type = "integer"}, "StorageResolution")},
  ["codedeploy.create-deployment"] = REVISION, ["codedeploy.get-application-revision"] = REVISION,
  ["codedeploy.register-application-revision"] = REVISION,
  ["config.put-configuration-recorder"] = {["recording-group"] = part("ConfigurationRecorder", "recordingGroup")},
  ["ec2.authorize-security-group-ingress"] = RULE, ["ec2.authorize-security-group-egress"] = RULE,
  ["ec2.revoke-security-group-ingress"] = RULE, ["ec2.revoke-security-group-egress"] = RULE,
  ["ec2.run-instances"] = {count = {TEXT, "MinCount", count},
    ["secondary-private-ip-addresses"] = {WORDS, "NetworkInterfaces", interface("PrivateIpAddresses", addresses)},
    ["secondary-private-ip-address-count"] = {{type = "integer"}, "NetworkInterfaces",
      interface "SecondaryPrivateIpAddressCount"},
    ["associate-public-ip-address"] = {FLAG, "NetworkInterfaces", interface "AssociatePublicIpAddress"}},
  ["emr.list-clusters"] = {active = states("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"),
    terminated = states "TERMINATED", failed = states "TERMINATED_WITH_ERRORS"},
  ["lambda.create-function"] = {["zip-file"] = part("Code", "ZipFile")},
  ["lambda.publish-layer-version"] = {["zip-file"] = part("Content", "ZipFile")},
  ["quicksight.start-asset-bundle-import-job"] = {
    ["asset-bundle-import-source-bytes"] = part("AssetBundleImportSource", "Body")},
  ["rekognition.compare-faces"] = {["source-image-bytes"] = part("SourceImage", "Bytes"),
    ["target-image-bytes"] = part("TargetImage", "Bytes")},
  ["ses.send-email"] = {to = recipients "ToAddresses", cc = recipients "CcAddresses", bcc = recipients "BccAddresses",
    text = body "Text", html = body "Html", subject = {TEXT, "Message", function(input, value)
      table_in(input, "Message").Subject = {Data = value}
      table_in(input.Message, "Body")
    end}},
  ["translate.import-terminology"] = {["data-file"] = part("TerminologyData", "File")},
  ["translate.translate-document"] = {["document-content"] = part("Document", "Content")},
}

local function member_of(shape, name)
  for _, member in ipairs(shape.members) do
    if member.name == name then return member end
  end
end

local function option_of(op, row)
  local member, shape = member_of(op:input_shape(), row[2]), row[1]
  if row.field then
    local whole = op.service:shape(member.shape)
    shape = op.service:shape(member_of(whole, row.field).shape)
  end
  return {shape = shape, member = {name = row[2]}, put = row[3], beside = row.beside}
end

--- Adds the short options of an operation to its own, as of callforms.
function short.add(op, operation, by)
  for name, row in pairs(SHORT[op.service.name .. "." .. operation] or {}) do
    by[name] = option_of(op, row)
    if row[1] == FLAG then
      by["no-" .. name] = option_of(op, row)
      by["no-" .. name].negative = true
    end
  end
  if op.service.name == "rekognition" and by.image then by["image-bytes"] = option_of(op, part("Image", "Bytes")) end
end

-- ## What the aws CLI makes of a whole input

local NUMBERS <const> = {tcp = "6", udp = "17", icmp = "1", all = "-1"}

local function entry(input) input.Protocol = NUMBERS[input.Protocol] or input.Protocol end

-- Beside a network interface EC2 takes what is said of the network only in it.
local MOVED <const> = {SubnetId = "SubnetId", SecurityGroupIds = "Groups", Ipv6AddressCount = "Ipv6AddressCount",
  Ipv6Addresses = "Ipv6Addresses", EnablePrimaryIpv6 = "PrimaryIpv6"}

local function instances(input)
  input.MinCount, input.MaxCount = input.MinCount or 1, input.MaxCount or input.MinCount or 1
  local card = type(input.NetworkInterfaces) == "table" and input.NetworkInterfaces[1]
  if type(card) ~= "table" or not (card.PrivateIpAddresses or card.SecondaryPrivateIpAddressCount
      or card.AssociatePublicIpAddress ~= nil) then return end
  for from, to in pairs(MOVED) do
    if input[from] ~= nil then card[to], input[from] = input[from], nil end
  end
  if input.PrivateIpAddress then
    card.PrivateIpAddresses = {{PrivateIpAddress = input.PrivateIpAddress, Primary = true}}
    input.PrivateIpAddress = nil
  end
end

local WHOLE <const> = {["ec2.create-network-acl-entry"] = entry, ["ec2.replace-network-acl-entry"] = entry,
  ["ec2.run-instances"] = instances}

--- Completes a whole input, as of callforms.
function short.complete(op, operation, input)
  local rule = WHOLE[op.service.name .. "." .. operation]
  if rule then rule(input) end
end

return short
