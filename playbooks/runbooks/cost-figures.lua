--- What the account pays for by the byte and the hour: NAT gateways, storage, tables, logs, the month's bill. It
-- changes nothing; harden/costs keeps the first figures it takes, and validate/costs compares with them.
playbook {
  name = "runbooks/cost-figures",
  about = "Bytes through NAT gateways, bytes stored by class, tables, logs, and what the month has cost",
  vars = {window = {"integer", default = 7, min = 1, max = 90, about = "full days over which traffic is averaged"}},
}

local DAY, GB = 86400, 1e9
local began = now()
local today = began // DAY * DAY

local function day(time) return os.date("!%Y-%m-%d", time) end

-- One value a query: the sum over the window, or the last that there is.
local function values_of(queries, from)
  local out = {}
  for at = 1, #queries, 500 do
    local batch = table.move(queries, at, math.min(at + 499, #queries), 1, {})
    for result in aws.cloudwatch:items("get_metric_data", {MetricDataQueries = batch, StartTime = from,
      EndTime = today, ScanBy = "TimestampDescending"}) do
      out[result.Id] = result.Values or {}
    end
  end
  return out
end

local function query(id, namespace, metric, stat, dimensions)
  return {Id = id, ReturnData = true, MetricStat = {Stat = stat, Period = DAY,
    Metric = {Namespace = namespace, MetricName = metric, Dimensions = dimensions}}}
end

-- What a NAT gateway is paid for: bytes that came in from either side.
local function nat_bytes()
  local queries, gateways = {}, {}
  for gateway in aws.ec2:items("describe_nat_gateways", {}) do
    if gateway.State == "available" then
      gateways[#gateways + 1] = gateway.NatGatewayId
      local where = {{Name = "NatGatewayId", Value = gateway.NatGatewayId}}
      queries[#queries + 1] = query("s" .. #gateways, "AWS/NATGateway", "BytesInFromSource", "Sum", where)
      queries[#queries + 1] = query("d" .. #gateways, "AWS/NATGateway", "BytesInFromDestination", "Sum", where)
    end
  end
  local bytes, days = 0, 0
  for _, values in pairs(#queries > 0 and values_of(queries, today - var.window * DAY) or {}) do
    for _, value in ipairs(values) do bytes = bytes + value end
    days = math.max(days, #values)
  end
  return {gateways = #gateways, days = days, bytes_a_day = days > 0 and bytes / days or nil}
end

-- Bytes stored by class, over all buckets; S3 writes these figures once a day.
local function stored()
  local queries, class, seen = {}, {}, {}
  for metric in aws.cloudwatch:items("list_metrics", {Namespace = "AWS/S3", MetricName = "BucketSizeBytes"}) do
    local id, of = "b" .. #queries + 1, {}
    for _, d in ipairs(metric.Dimensions) do of[d.Name] = d.Value end
    local key = ("%s/%s"):format(of.BucketName, of.StorageType)
    if not seen[key] then
      seen[key], class[id] = true, of.StorageType
      queries[#queries + 1] = query(id, "AWS/S3", "BucketSizeBytes", "Average", metric.Dimensions)
    end
  end
  local out = {}
  for id, values in pairs(#queries > 0 and values_of(queries, today - 3 * DAY) or {}) do
    local name = class[id] or "unknown"
    if values[1] then out[name] = (out[name] or 0) + values[1] end
  end
  return out
end

local function tables()
  local names, out = {}, {tables = 0, bytes = 0, items = 0}
  for name in aws.dynamodb:items("list_tables", {}) do names[#names + 1] = name end
  for _, t in ipairs(task.map(names, function(name) return aws.dynamodb:describe_table {TableName = name}.Table end,
    {concurrency = 8})) do
    out.tables, out.bytes, out.items = out.tables + 1, out.bytes + (t.TableSizeBytes or 0), out.items
      + (t.ItemCount or 0)
  end
  return out
end

local function logs()
  local out = {groups = 0, bytes = 0}
  for group in aws.logs:items("describe_log_groups", {}) do
    out.groups, out.bytes = out.groups + 1, out.bytes + (group.storedBytes or 0)
  end
  return out
end

local function amount(total) return tonumber(((total or {}).UnblendedCost or {}).Amount) or 0 end

local function month()
  local sum, first = 0, os.date("!%Y-%m-01", began)
  for _, part in ipairs(aws.ce:get_cost_and_usage {Granularity = "MONTHLY", Metrics = {"UnblendedCost"},
    TimePeriod = {Start = first, End = day(today + DAY)}}.ResultsByTime or {}) do sum = sum + amount(part.Total) end
  return sum
end

-- USD a day for NAT gateways, by the kinds of use that have it in their name, whatever the region's prefix.
local function nat_cost()
  local sum, days = 0, 0
  for _, part in ipairs(aws.ce:get_cost_and_usage {Granularity = "DAILY", Metrics = {"UnblendedCost"},
    TimePeriod = {Start = day(today - var.window * DAY), End = day(today)},
    Filter = {Dimensions = {Key = "SERVICE", Values = {"EC2 - Other"}}},
    GroupBy = {{Type = "DIMENSION", Key = "USAGE_TYPE"}}}.ResultsByTime or {}) do
    days = days + 1
    for _, group in ipairs(part.Groups or {}) do
      if group.Keys[1]:find "NatGateway" then sum = sum + amount(group.Metrics) end
    end
  end
  return days > 0 and sum / days or nil
end

-- Each figure alone: where one cannot be had, the others still can, and it says why.
local PARTS = {nat = nat_bytes, nat_usd_a_day = nat_cost, s3 = stored, dynamodb = tables, logs = logs,
  month_usd = month}

local function measure()
  local out = {at = began, window = var.window, refused = {}}
  for name, part in pairs(PARTS) do
    local ok, value = pcall(part)
    if ok then
      out[name] = value
    else
      out.refused[name] = type(value) == "table" and (value.message or value.code) or tostring(value)
      print(("  %s could not be measured: %s"):format(name, out.refused[name]))
    end
  end
  return out
end

local function gb(bytes) return ("%.2f GB"):format((bytes or 0) / GB) end

local function tell(f)
  if f.nat and f.nat.bytes_a_day then
    print(("  NAT: %s a day through %d gateway(s), %.2f USD a day"):format(gb(f.nat.bytes_a_day), f.nat.gateways,
      f.nat_usd_a_day or 0))
  elseif f.nat then
    print(("  NAT: %d gateway(s), no traffic counted yet"):format(f.nat.gateways))
  end
  for class, bytes in pairs(f.s3 or {}) do print(("  S3 %s: %s"):format(class, gb(bytes))) end
  if f.dynamodb then print(("  DynamoDB: %s in %d tables"):format(gb(f.dynamodb.bytes), f.dynamodb.tables)) end
  if f.logs then print(("  logs: %s in %d groups"):format(gb(f.logs.bytes), f.logs.groups)) end
  if f.month_usd then print(("  this month so far: %.2f USD"):format(f.month_usd)) end
end

local figures = step "measure costs" {
  run = function()
    local measured = measure()
    tell(measured)
    return measured
  end,
  probe = function() return false end,                                -- killed on the way: it only looks
}

output {figures = figures}
