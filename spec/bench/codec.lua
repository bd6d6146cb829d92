-- codec.lua -- what encoding and decoding cost, beside botocore's parsers on the same bytes.
-- usage: tidelua spec/bench/codec.lua; fails where a figure is below the one to reach.
local codec = require "tidelock.codec"
local json = require "tidelock.json"
local models = require "tidelock.models"

local RATIO <const>, CALL <const> = 15, 5         -- times faster than botocore; microseconds of a small call
local SIZE <const> = 1000000

local INSTANCE <const> = [[
<item><reservationId>r-%017x</reservationId><ownerId>123456789012</ownerId><groupSet/>
<instancesSet><item><instanceId>i-%017x</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState>
<code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/>
<reason/><keyName>main</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>m5.large</instanceType>
<launchTime>2026-03-01T12:34:56.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone><groupName/>
<tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring><subnetId>subnet-1</subnetId>
<vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet>
<item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet><architecture>x86_64</architecture>
<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item>
<deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId><status>attached</status>
<attachTime>2026-03-01T12:34:57.000Z</attachTime><deleteOnTermination>true</deleteOnTermination></ebs></item>
</blockDeviceMapping><virtualizationType>hvm</virtualizationType><tagSet><item><key>Name</key><value>web-%d</value>
</item><item><key>env</key><value>prod</value></item></tagSet><hypervisor>xen</hypervisor></item></instancesSet>
</item>]]

local function describe_instances()
  local parts, size = {'<?xml version="1.0" encoding="UTF-8"?>\n<DescribeInstancesResponse xmlns='
    .. '"http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><reservationSet>'}, 0
  while size < SIZE do
    local n = #parts
    parts[n + 1] = INSTANCE:format(n * 7919, n * 104729, n):gsub("\n", "")
    size = size + #parts[n + 1]
  end
  return table.concat(parts) .. "</reservationSet></DescribeInstancesResponse>"
end

local function query()
  local items, size = {}, 0
  while size < SIZE do
    local n = #items + 1
    items[n] = json.encode({pk = {S = ("user#%012x"):format(n * 7919)}, sk = {S = "2026-01-01T00:00:00Z"},
      n = {N = tostring(n * 31)}, ok = {BOOL = true}, tags = {SS = {"one", "two", "three"}},
      doc = {M = {a = {S = ("a"):rep(20)}, b = {N = "1.5"}, c = {L = {{S = "x"}, {N = "7"}}}}},
      text = {S = ("t"):rep(60)}}, {sort = true})
    size = size + #items[n]
  end
  return ('{"Count":%d,"Items":[%s]}'):format(#items, table.concat(items, ","))
end

-- Seconds of CPU that one run of `fn` takes: the best of several.
local function cost(rounds, count, fn)
  local best = math.huge
  for _ = 1, rounds do
    collectgarbage()
    local began = os.clock()
    for _ = 1, count do fn() end
    best = math.min(best, (os.clock() - began) / count)
  end
  return best
end

local function from_botocore(service, operation, protocol, body)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(body)
  file:close()
  local pipe = assert(io.popen(([[build/venv/bin/python - 2>/dev/null <<'E'
import time, botocore.session, botocore.parsers
shape = botocore.session.get_session().get_service_model("%s").operation_model("%s").output_shape
body, best = open("%s", "rb").read(), 9
for _ in range(5):
    parser = botocore.parsers.create_parser("%s")
    began = time.process_time()
    parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)
    best = min(best, time.process_time() - began)
print(best)
E]]):format(service, operation, path, protocol)))
  local seconds = tonumber(pipe:read "l")
  pipe:close()
  os.remove(path)
  return assert(seconds, "botocore did not answer: make setup installs it")
end

local failed = false
local function report(line, good)
  print("codec: " .. line .. (good and "" or "  BELOW WHAT IS TO BE REACHED"))
  failed = failed or not good
end

local function big(service, operation, protocol, body, count)
  local op = models.service(service):operation(operation)
  local answer = {status = 200, headers = {}, body = body}
  assert(count(assert(codec.decode(op, answer))) > 100)
  local ours = cost(9, 3, function() return codec.decode(op, answer) end)
  local theirs = from_botocore(service, operation, protocol, body)
  report(("%s.%s, %d bytes: %.2f ms; botocore %.1f ms, %.1f times as long"):format(service, operation, #body,
    ours * 1e3, theirs * 1e3, theirs / ours), theirs / ours >= RATIO)
end

big("ec2", "DescribeInstances", "ec2", describe_instances(), function(o) return #o.Reservations end)
big("dynamodb", "Query", "json", query(), function(o) return #o.Items end)

local op = models.service "sqs":operation "ListQueues"
local answer = {status = 200, headers = {["x-amzn-requestid"] = "r"},
  body = '{"QueueUrls":["http://localhost/123456789012/a","http://localhost/123456789012/b"]}'}
local input = {MaxResults = 5, QueueNamePrefix = "abc"}
local encode = cost(5, 100000, function() return codec.encode(op, input) end) * 1e6
local decode = cost(5, 100000, function() return codec.decode(op, answer) end) * 1e6
report(("sqs.ListQueues: encode %.2f us, decode %.2f us"):format(encode, decode), encode + decode < CALL)
return failed and 1 or 0
