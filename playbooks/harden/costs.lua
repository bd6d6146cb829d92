--- What costs less without anybody missing it: a private way to S3 and DynamoDB, items that expire, and what AWS's own
-- advisers say. First the figures of today are kept, so that validate/costs can prove later what was saved.
playbook {
  name = "harden/costs",
  about = "Gateway endpoints, expiry of volatile tables, cost advice; with figures from before",
  vars = {
    policy = {"string", default = "account", choices = {"account", "open"},
      about = "endpoints let this account's own identities do anything, and everybody download; or all of it"},
    volatile = {"list", default = {"event", "session", "log", "lock", "state", "limit", "cache", "token", "alert",
      "ai-costs"}, about = "tables with one of these words in their name hold what only counts for a while"},
    keep = {"list", default = {}, about = "tables that are to keep all items, whatever their name"},
    attribute = {"string", default = "ttl", about = "the attribute of tables whose writers have not shown one yet"},
    sample = {"integer", default = 25, min = 1, max = 500, about = "items of a table that are looked at"},
    addresses = {"string", default = "wait", choices = {"wait", "ignore"}, about = "buckets that let in by the address"
      .. " of a NAT gateway would refuse what comes by an endpoint: make none until they are changed, or make it"},
    advice = {"boolean", default = true, about = "ask Trusted Advisor, or the advisers that need no support plan"},
    anew = {"boolean", default = false, about = "keep today's figures as those from before, instead of the old ones"},
  },
}

local began = now()

-- ## Figures from before: kept once, by the first run

local figures = include("runbooks/cost-figures").figures

step "keep the figures from before" {
  run = function() return not var.anew and recall "costs before" or keep("costs before", figures) end,
  probe = function() return false end,                                -- the same figures, once more
}

-- ## The way to S3 and DynamoDB: every route table that leads to a NAT gateway gets one that does not

local SERVICES = {"s3", "dynamodb"}

local function tag(list, key)
  for _, t in ipairs(list or {}) do
    if t.Key == key then return t.Value end
  end
end

-- VPC -> the route tables that send traffic to a NAT gateway, in order.
local function behind_nat()
  local out = {}
  for t in aws.ec2:items("describe_route_tables", {}) do
    for _, route in ipairs(t.Routes or {}) do
      if route.NatGatewayId and route.State ~= "blackhole" then
        out[t.VpcId] = out[t.VpcId] or {}
        table.insert(out[t.VpcId], t.RouteTableId)
        break
      end
    end
  end
  for _, list in pairs(out) do table.sort(list) end
  return out
end

-- ## An address as a number, and whether a bucket's policy speaks of it

local function number(ip)
  local a, b, c, d = ip:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return a and ((a * 256 + b) * 256 + c) * 256 + d
end

local function within(ip, range)
  local base, bits = range:match "^([%d.]+)/?(%d*)$"
  if not base or not number(base) then return false end
  local size = 2 ^ (32 - (tonumber(bits) or 32))
  return number(ip) // size == number(base) // size
end

-- The ranges of all conditions on the caller's address.
local function ranges_of(policy)
  local out = {}
  for _, s in ipairs(listed(policy.Statement)) do
    for _, keys in pairs(s.Condition or {}) do
      for key, values in pairs(keys) do
        values = key:lower() == "aws:sourceip" and listed(values) or {}
        table.move(values, 1, #values, #out + 1, out)
      end
    end
  end
  return out
end

local function speaks_of(policy, addresses)
  for _, range in ipairs(ranges_of(policy)) do
    for _, ip in ipairs(addresses) do
      if within(ip, range) then return true end
    end
  end
  return false
end

-- Buckets that know who is there by the public address of a NAT gateway: by an endpoint one comes from a private one.
-- One whose policy may not be read may be such a bucket.
local function by_address()
  local addresses, names = {}, {}
  for gateway in aws.ec2:items("describe_nat_gateways", {}) do
    for _, a in ipairs(gateway.State == "available" and gateway.NatGatewayAddresses or {}) do
      addresses[#addresses + 1] = a.PublicIp
    end
  end
  for bucket in aws.s3:items("list_buckets", {}) do names[#names + 1] = bucket.Name end
  local out = {}
  for _, row in ipairs(task.map(names, function(name)
    local ok, answer = pcall(function() return aws.s3:get_bucket_policy {Bucket = name} end)
    if ok then return {name = speaks_of(json.decode(answer.Policy), addresses) and name} end
    if type(answer) ~= "table" or answer.status == nil then error(answer, 0) end
    local none = answer.code == "NoSuchBucketPolicy" or answer.code == "NoSuchBucket"
    return {name = not none and ("%s (its policy could not be read: %s)"):format(name, answer.code)}
  end, {concurrency = 8})) do
    if row.name then out[#out + 1] = row.name end
  end
  return out
end

local network = find "route tables behind NAT gateways" {run = function()
  local out, there = {}, {}
  for endpoint in aws.ec2:items("describe_vpc_endpoints", {}) do
    if endpoint.VpcEndpointType == "Gateway" and not endpoint.State:lower():find "^delet" then
      there[#there + 1] = {id = endpoint.VpcEndpointId, vpc = endpoint.VpcId, tables = endpoint.RouteTableIds or {},
        service = endpoint.ServiceName:match "[^.]+$", ours = tag(endpoint.Tags, "tidelock:playbook") == "harden/costs"}
    end
  end
  for vpc, tables in pairs(behind_nat()) do
    for _, service in ipairs(SERVICES) do
      local row = {vpc = vpc, service = service, tables = {}}
      for _, endpoint in ipairs(there) do
        if endpoint.vpc == vpc and endpoint.service == service and endpoint.ours then
          row.ours = true
        elseif endpoint.vpc == vpc and endpoint.service == service then
          row.theirs = row.theirs or endpoint.id
          row.reached = table.move(endpoint.tables, 1, #endpoint.tables, #(row.reached or {}) + 1, row.reached or {})
        end
      end
      for _, id in ipairs(tables) do
        if not contains(row.reached, id) then row.tables[#row.tables + 1] = id end
      end
      row.new = not row.ours and #row.tables > 0
      out[#out + 1] = row
    end
  end
  local waiting
  for _, row in ipairs(out) do
    if row.new and row.service == "s3" then
      waiting = waiting or by_address()
      row.refusing = waiting
    end
  end
  return out
end}

-- Own identities may do anything, in other accounts' buckets too. Everybody may download: ECR's layers, Amazon Linux'
-- packages and the like come from AWS's buckets, by requests that are signed by AWS or by nobody.
local function own(action)
  return {Sid = "OwnIdentities", Effect = "Allow", Principal = "*", Action = action, Resource = "*",
    Condition = {StringEquals = {["aws:PrincipalAccount"] = account.id}}}
end

local POLICIES = {
  s3 = {Version = "2012-10-17", Statement = {own "s3:*", {Sid = "Downloads", Effect = "Allow", Principal = "*",
    Action = {"s3:GetObject", "s3:GetObjectVersion"}, Resource = "*"}}},
  dynamodb = {Version = "2012-10-17", Statement = {own "dynamodb:*"}},
}
local OPEN = {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = "*", Action = "*", Resource = "*"}}}

local endpoints = {}
for _, row in ipairs(network) do
  local refusing = row.refusing and table.concat(row.refusing, ", ") or ""
  if refusing ~= "" then
    print(("%s: these buckets let in by the address of a NAT gateway, and by an endpoint nobody comes from there: %s."
      .. " Let their policies know the VPC by aws:SourceVpc too; then run this again."):format(row.vpc, refusing))
  elseif row.new then
    print(("%s: connections to %s that are open when its routes change are cut, and must be made anew"):format(row.vpc,
      row.service))
  end
  if refusing ~= "" and var.addresses == "wait" then
    endpoints[row.vpc .. " " .. row.service] = "waits for " .. refusing
  elseif row.theirs then
    for _, id in ipairs(row.tables) do
      ensure.ec2.vpc_endpoint_route {VpcEndpointId = row.theirs, RouteTableId = id}
    end
  else
    local made = ensure.ec2.vpc_endpoint {
      VpcId = row.vpc, VpcEndpointType = "Gateway", RouteTableIds = row.tables,
      ServiceName = "com.amazonaws." .. account.region .. "." .. row.service,
      PolicyDocument = var.policy == "open" and OPEN or POLICIES[row.service],
      tags = {Name = account.prefix .. "-" .. row.service, Purpose = "traffic that need not pay for NAT"},
    }
    endpoints[row.vpc .. " " .. row.service] = made.VpcEndpointId
  end
end

-- ## Tables whose items are to expire

-- What writers call it. Only these attributes are read: what else an item holds is nobody's business here.
local NAMES = {"ttl", "TTL", "expires", "expiresAt", "expires_at", "expireAt", "expire_at", "expiry", "expiration",
  "expirationTime", "ExpirationTime", "timeToLive"}
local SECONDS = {from = 1000000000, to = 10000000000}      -- 2001 to 2286: what is more is milliseconds

local function worded(name)
  for _, word in ipairs(var.volatile) do
    if name:find(word, 1, true) then return not contains(var.keep, name) end
  end
  return false
end

-- How many items there are, who sets what, how many would go at once, and how many never would.
local function sampled(name)
  local aliases, projection = {}, {}
  for i, attribute in ipairs(NAMES) do
    aliases["#a" .. i], projection[i] = attribute, "#a" .. i
  end
  local answer = aws.dynamodb:scan {TableName = name, Limit = var.sample, ExpressionAttributeNames = aliases,
    ProjectionExpression = table.concat(projection, ", ")}
  local seen, best = {}, nil
  for _, item in ipairs(answer.Items or {}) do
    for attribute, value in pairs(item) do
      local s = seen[attribute] or {items = 0, past = 0, useless = 0}
      local time = tonumber(value.N)
      s.items = s.items + 1
      if not time or time < SECONDS.from or time > SECONDS.to then
        s.useless = s.useless + 1
      elseif time < began then
        s.past = s.past + 1
      end
      seen[attribute] = s
    end
  end
  for attribute, s in pairs(seen) do
    if not best or s.items > seen[best].items then best = attribute end
  end
  return answer.Count or 0, best, best and seen[best] or {items = 0, past = 0, useless = 0}
end

local function looked_at(name)
  local live = aws.dynamodb:describe_time_to_live {TableName = name}.TimeToLiveDescription or {}
  local items, writers, counts = sampled(name)
  local row = {name = name, items = items, writers = writers, past = counts.past, useless = counts.useless,
    status = live.TimeToLiveStatus or "DISABLED", live = live.AttributeName}
  row.on = row.status == "ENABLED" or row.status == "ENABLING"
  row.attribute = writers or row.on and row.live or var.attribute
  return row
end

local volatile = find "volatile tables" {run = function()
  local names = {}
  for name in aws.dynamodb:items("list_tables", {}) do
    if worded(name) then names[#names + 1] = name end
  end
  table.sort(names)
  return task.map(names, looked_at, {concurrency = 8})
end}

local asked = {}
for _, t in ipairs(volatile) do
  local wrong = t.on and t.live ~= t.attribute
  if t.status == "DISABLING" then
    print(t.name .. ": its time to live is being switched off, which takes AWS up to an hour; run this again then")
  elseif wrong or not t.on and t.past > 0 then
    asked[#asked + 1] = t
    print(wrong and ("%s expires by %s, but its writers set %s"):format(t.name, t.live, t.attribute)
      or ("%s: %d of %d items looked at are past their time, and would be deleted"):format(t.name, t.past, t.items))
  else
    ensure.dynamodb.time_to_live {TableName = t.name, Enabled = true, AttributeName = t.attribute}
  end
  if t.useless > 0 then
    print(("%s: %d of %d items have a %s that is no time in seconds: they never expire. Its writers must set seconds"
      .. " since 1970."):format(t.name, t.useless, t.items, t.attribute))
  elseif t.items > 0 and not t.writers then
    print(("%s: none of %d items looked at says when it ends; its writers must set %s"):format(t.name, t.items,
      t.attribute))
  end
end

-- ## Advice: by saving, with the best five as changes to make

local advice = var.advice and include("harden/advice").advice or nil

-- ## What deletes items, or changes what does: after asking

local function status_of(name)
  local live = aws.dynamodb:describe_time_to_live {TableName = name}.TimeToLiveDescription or {}
  return live.TimeToLiveStatus, live.AttributeName
end

local function set(name, enabled, attribute)
  aws.dynamodb:update_time_to_live {TableName = name,
    TimeToLiveSpecification = {Enabled = enabled, AttributeName = attribute}}
end

-- True when it is on for the right attribute; false where AWS still has to switch the other off.
local function let_expire(t)
  if t.on then
    set(t.name, false, t.live)
    if status_of(t.name) ~= "DISABLED" then
      print(t.name .. ": the old attribute is being switched off, which takes AWS up to an hour; run this again then")
      return false
    end
  end
  set(t.name, true, t.attribute)
  return true
end

if #asked > 0 then
  step "let items expire" {
    confirm = "expire", later = true,
    run = function()
      local out = {}
      for _, t in ipairs(asked) do out[#out + 1] = {name = t.name, attribute = t.attribute, done = let_expire(t)} end
      return out
    end,
    undo = function(rows)
      for _, row in ipairs(rows) do
        if row.done then set(row.name, false, row.attribute) end
      end
    end,
  }
end

output {endpoints = endpoints, volatile = #volatile, advice = advice}
