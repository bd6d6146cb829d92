--- What controls look at, and how to list it. A kind is listed once a run and region, however many controls use it.
-- list(aws, world) gives {name =, arn =, raw = what the API said}, or nil and why there is nothing to look at.
local subjects = {}

local function rows(iterator, name, arn)
  local out = {}
  for item in iterator do out[#out + 1] = {name = item[name], arn = arn and item[arn] or nil, raw = item} end
  return out
end

-- A kind whose list is one paginated call.
local function paged(title, service, operation, name, arn, action, more)
  local kind = more or {}
  kind.title, kind.needs = title, {action}
  kind.list = function(aws) return rows(aws[service]:items(operation, kind.input or {}), name, arn) end
  return kind
end

local function itself(title, name)
  return {title = title, needs = {}, list = function(_, world)
    return {{name = name or ("account %s"):format(world.id or "?"), raw = {}}}
  end}
end

local function chunks(list, size)
  local out = {}
  for i = 1, #list, size do out[#out + 1] = table.move(list, i, math.min(i + size - 1, #list), 1, {}) end
  return out
end

local function collect(iterator)
  local out = {}
  for item in iterator do out[#out + 1] = item end
  return out
end

-- ## The account

subjects.account = itself "the account"               -- once a region
subjects["account.global"] = itself "the account"     -- once a run
subjects["account.global"].global = true

-- ## What the account file says there should be

local NO_ACCOUNT <const> = "no account file was given (--account), so nothing is known to be expected"

local function expected(title, names, arn)
  return {title = title, needs = {}, names = names, list = function(_, world)
    if not world.account.prefix then return nil, NO_ACCOUNT end
    local out = {}
    for i, row in ipairs(names(world.account)) do
      out[i] = {name = row.name, raw = row, arn = arn and arn(world, row.name)}
    end
    return out
  end}
end

subjects["expected.queue"] = expected("expected queues", function(account)
  local work, limiter = account.prefix .. "-hybrid-workflows", account.prefix .. "-rate-limiter-queue"
  return {{name = work .. ".fifo", fifo = true}, {name = work .. "-dlq.fifo", fifo = true, dead = true},
    {name = limiter, limiter = true}, {name = limiter .. "-dlq", dead = true}}
end)

subjects["expected.table"] = expected("expected tables", function(account)
  local out = {{name = ("%s-ai-costs-%s"):format(account.prefix, account.env), keyed = true},
    {name = ("%s-cost-alerts-%s"):format(account.prefix, account.env), keyed = true}}
  for _, name in ipairs(account.tables or {}) do out[#out + 1] = {name = name} end
  return out
end)

subjects["expected.topic"] = expected("expected topics", function(account)
  return {{name = account.prefix .. "-cost-alerts"}}
end, function(world, name) return world.arn("sns", name) end)

subjects["expected.alert_topic"] = expected("expected topics of alerts", function(account)
  local out = {}
  for i, name in ipairs {"ops-alerts", "guardduty-findings", "securityhub-findings"} do
    out[i] = {name = account.prefix .. "-" .. name}
  end
  return out
end, function(world, name) return world.arn("sns", name) end)

subjects["expected.cluster"] = expected("expected clusters", function(account)
  local out = {}
  for i, name in ipairs(account.clusters or {}) do out[i] = {name = name} end
  return out
end)

subjects["expected.rule"] = expected("expected rules", function(account)
  return {{name = account.prefix .. "-guardduty-high-critical-findings"},
    {name = account.prefix .. "-securityhub-failed-findings"}}
end, function(world, name) return world.arn("events", "rule/" .. name) end)

local LIMITER <const> = "provision/rate-limiter"
local ITS_ALARMS <const> = {"stopped-by-the-site", "cannot-decide", "dead-letters-come", "fails", "old", "full",
  "dead-letters"}

-- Those of what the account file names: of services and functions, other controls ask.
subjects["expected.alarm"] = expected("expected alarms", function(account)
  local out = {}
  local function add(remedy, ...)
    out[#out + 1] = {name = table.concat({account.prefix, ...}, "-"), remedy = remedy}
  end
  for _, queue in ipairs(subjects["expected.queue"].names(account)) do
    for _, kind in ipairs(queue.dead and {"dead-letters"} or {"age-high", "depth-high"}) do
      add(nil, "sqs", queue.name, kind)
    end
  end
  for _, cluster in ipairs(account.clusters or {}) do
    add(nil, "ecs", cluster, "cpu-high")
    add(nil, "ecs", cluster, "memory-high")
  end
  if account.database then add(nil, "rds", account.database, "cpu-high") end
  for _, kind in ipairs(account.limiter and account.limiter.url and ITS_ALARMS or {}) do
    add(LIMITER, "rate-limiter", kind)
  end
  return out
end, function(world, name) return world.arn("cloudwatch", "alarm:" .. name) end)

subjects["expected.dashboard"] = expected("expected dashboards", function(account)
  local out = {}
  local function add(name, remedy) out[#out + 1] = {name = account.prefix .. "-" .. name, remedy = remedy} end
  for _, name in ipairs {"alarms-overview", "queues-and-functions", "rate-limiter", "s3-storage"} do add(name) end
  if #(account.clusters or {}) > 0 then add "ecs-container-insights" end
  if account.database then add "rds-performance" end
  if account.limiter and account.limiter.url then add("rate-limiter-messages", LIMITER) end
  return out
end)

-- ## Storage and data

subjects["s3.bucket"] = {title = "buckets", global = true, needs = {"s3:ListAllMyBuckets"}, list = function(aws, world)
  local out = {}
  for bucket in aws.s3:items("list_buckets", {}) do
    out[#out + 1] = {name = bucket.Name, arn = ("arn:%s:s3:::%s"):format(world.partition, bucket.Name), raw = bucket}
  end
  return out
end}

subjects["rds.db_instance"] = paged("databases", "rds", "describe_db_instances", "DBInstanceIdentifier",
  "DBInstanceArn", "rds:DescribeDBInstances")
subjects["rds.snapshot"] = paged("database snapshots", "rds", "describe_db_snapshots", "DBSnapshotIdentifier",
  "DBSnapshotArn", "rds:DescribeDBSnapshots", {input = {SnapshotType = "manual"}})

subjects["rds.cluster_snapshot"] = paged("snapshots of database clusters", "rds", "describe_db_cluster_snapshots",
  "DBClusterSnapshotIdentifier", "DBClusterSnapshotArn", "rds:DescribeDBClusterSnapshots",
  {input = {SnapshotType = "manual"}})

-- Groups and clusters that stand alone: the one to be replaced is a cluster without a group.
subjects["elasticache.cache"] = {title = "caches",
  needs = {"elasticache:DescribeReplicationGroups", "elasticache:DescribeCacheClusters"},
  list = function(aws)
    local out = rows(aws.elasticache:items("describe_replication_groups", {}), "ReplicationGroupId", "ARN")
    for cluster in aws.elasticache:items("describe_cache_clusters", {ShowCacheClustersNotInReplicationGroups = true}) do
      if not cluster.ReplicationGroupId then
        out[#out + 1] = {name = cluster.CacheClusterId, arn = cluster.ARN, raw = cluster}
        cluster.alone = true
      end
    end
    return out
  end}

-- Serverless ones too, for what is a question there as well: they cannot be without TLS, encryption or a second zone.
subjects["elasticache.any_cache"] = {title = "caches", needs = {"elasticache:DescribeReplicationGroups",
  "elasticache:DescribeCacheClusters", "elasticache:DescribeServerlessCaches"},
  list = function(aws, world)
    local out = subjects["elasticache.cache"].list(aws, world)
    for cache in aws.elasticache:items("describe_serverless_caches", {}) do
      out[#out + 1] = {name = cache.ServerlessCacheName, arn = cache.ARN, raw = {Engine = cache.Engine,
        SnapshotRetentionLimit = cache.SnapshotRetentionLimit,
        UserGroupIds = cache.UserGroupId and {cache.UserGroupId} or {}}}
    end
    return out
  end}

subjects["dynamodb.table"] = {title = "tables", needs = {"dynamodb:ListTables"}, list = function(aws, world)
  local out = {}
  for name in aws.dynamodb:items("list_tables", {}) do
    out[#out + 1] = {name = name, raw = {TableName = name},
      arn = world.arn("dynamodb", "table/" .. name)}
  end
  return out
end}

subjects["sqs.queue"] = {title = "queues", needs = {"sqs:ListQueues"}, list = function(aws)
  local out = {}
  for url in aws.sqs:items("list_queues", {MaxResults = 1000}) do      -- without it SQS stops after a thousand
    out[#out + 1] = {name = url:match "[^/]+$", raw = {QueueUrl = url}}
  end
  return out
end}

subjects["sns.topic"] = {title = "topics", needs = {"sns:ListTopics"}, list = function(aws)
  local out = {}
  for topic in aws.sns:items("list_topics", {}) do
    out[#out + 1] = {name = topic.TopicArn:match "[^:]+$", arn = topic.TopicArn, raw = topic}
  end
  return out
end}

-- ## Who watches

subjects["cloudtrail.trail"] = {title = "trails", needs = {"cloudtrail:DescribeTrails"}, list = function(aws)
  local out = {}
  for i, trail in ipairs(aws.cloudtrail:describe_trails({includeShadowTrails = false}).trailList or {}) do
    out[i] = {name = trail.Name, arn = trail.TrailARN, raw = trail}
  end
  return out
end}

subjects["guardduty.detector"] = {title = "detectors", needs = {"guardduty:ListDetectors"}, list = function(aws)
  local out = {}
  for id in aws.guardduty:items("list_detectors", {}) do out[#out + 1] = {name = id, raw = {DetectorId = id}} end
  return out
end}

subjects["logs.group"] = paged("log groups", "logs", "describe_log_groups", "logGroupName", "arn",
  "logs:DescribeLogGroups")

subjects["cloudwatch.alarm"] = {title = "alarms", needs = {"cloudwatch:DescribeAlarms"}, list = function(aws)
  local out, token = {}, nil
  repeat
    local got = aws.cloudwatch:describe_alarms {AlarmTypes = {"MetricAlarm", "CompositeAlarm"}, MaxRecords = 100,
      NextToken = token}
    for _, name in ipairs {"MetricAlarms", "CompositeAlarms"} do
      for _, alarm in ipairs(got[name] or {}) do
        out[#out + 1] = {name = alarm.AlarmName, arn = alarm.AlarmArn, raw = alarm}
      end
    end
    token = got.NextToken
  until not token
  return out
end}

-- ## Compute

subjects["ecs.cluster"] = {title = "clusters", needs = {"ecs:ListClusters", "ecs:DescribeClusters"},
  list = function(aws)
    local out = {}
    for _, some in ipairs(chunks(collect(aws.ecs:items("list_clusters", {})), 100)) do
      local got = aws.ecs:describe_clusters {clusters = some, include = {"SETTINGS"}}
      for _, cluster in ipairs(got.clusters or {}) do
        out[#out + 1] = {name = cluster.clusterName, arn = cluster.clusterArn, raw = cluster}
      end
    end
    return out
  end}

subjects["ecs.service"] = {title = "services", needs = {"ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices"},
  list = function(aws)
    local out = {}
    for _, cluster in ipairs(collect(aws.ecs:items("list_clusters", {}))) do
      for _, some in ipairs(chunks(collect(aws.ecs:items("list_services", {cluster = cluster})), 10)) do
        for _, service in ipairs(aws.ecs:describe_services({cluster = cluster, services = some}).services or {}) do
          local place = cluster:match "[^/]+$"
          service.cluster = place
          out[#out + 1] = {name = place .. "/" .. service.serviceName, arn = service.serviceArn, raw = service}
        end
      end
    end
    return out
  end}

-- The latest revision of each family, and those that services run.
subjects["ecs.task_definition"] = {title = "task definitions",
  needs = {"ecs:ListTaskDefinitionFamilies", "ecs:DescribeTaskDefinition", "ecs:ListClusters", "ecs:ListServices",
    "ecs:DescribeServices"},
  list = function(aws, world)
    local out, seen = {}, {}
    local function add(name)
      local live = aws.ecs:describe_task_definition({taskDefinition = name}).taskDefinition
      if seen[live.taskDefinitionArn] then return end
      seen[live.taskDefinitionArn] = true
      out[#out + 1] = {name = ("%s:%s"):format(live.family, live.revision), arn = live.taskDefinitionArn, raw = live}
    end
    for family in aws.ecs:items("list_task_definition_families", {status = "ACTIVE"}) do add(family) end
    for _, service in ipairs(subjects["ecs.service"].list(aws, world)) do add(service.raw.taskDefinition) end
    return out
  end}

subjects["lambda.function"] = paged("functions", "lambda", "list_functions", "FunctionName", "FunctionArn",
  "lambda:ListFunctions")

subjects["lambda.mapping"] = {title = "event source mappings", needs = {"lambda:ListEventSourceMappings"},
  list = function(aws)
    local out = {}
    for mapping in aws.lambda:items("list_event_source_mappings", {}) do
      out[#out + 1] = {name = ("%s of %s"):format((mapping.FunctionArn or "?"):match "[^:]+$",
        (mapping.EventSourceArn or "?"):match "[^:]+$"), raw = mapping}
    end
    return out
  end}

-- ## Identities, keys, secrets, network

subjects["iam.user"] = paged("users", "iam", "list_users", "UserName", "Arn", "iam:ListUsers", {global = true})
subjects["iam.policy"] = paged("policies in use", "iam", "list_policies", "PolicyName", "Arn", "iam:ListPolicies",
  {global = true, input = {Scope = "Local", OnlyAttached = true}})

-- Users, groups and roles with policies of their own: one call in a hundred of them tells all.
subjects["iam.identity"] = {title = "identities with policies of their own", global = true,
  needs = {"iam:GetAccountAuthorizationDetails"}, list = function(aws)
    local out, marker = {}, nil
    repeat
      local got = aws.iam:get_account_authorization_details {Filter = {"User", "Role", "Group"}, Marker = marker}
      for _, kind in ipairs {"User", "Role", "Group"} do
        for _, one in ipairs(got[kind .. "DetailList"] or {}) do
          local own = one[kind .. "PolicyList"] or {}
          if #own > 0 then
            out[#out + 1] = {name = ("%s %s"):format(kind:lower(), one[kind .. "Name"]), arn = one.Arn, raw = own}
          end
        end
      end
      marker = got.IsTruncated and got.Marker or nil
    until not marker
    return out
  end}

subjects["kms.key"] = {title = "customer keys", needs = {"kms:ListKeys", "kms:DescribeKey"}, list = function(aws)
  local out = {}
  for key in aws.kms:items("list_keys", {}) do
    local live = aws.kms:describe_key({KeyId = key.KeyId}).KeyMetadata
    if live.KeyManager == "CUSTOMER" then out[#out + 1] = {name = live.KeyId, arn = live.Arn, raw = live} end
  end
  return out
end}

subjects["secretsmanager.secret"] = paged("secrets", "secretsmanager", "list_secrets", "Name", "ARN",
  "secretsmanager:ListSecrets")
subjects["ec2.security_group"] = paged("security groups", "ec2", "describe_security_groups", "GroupId", nil,
  "ec2:DescribeSecurityGroups")
subjects["ec2.vpc"] = paged("VPCs", "ec2", "describe_vpcs", "VpcId", nil, "ec2:DescribeVpcs")

return subjects
