--- What is there and what is missing: all tables and queues by name; of these, the topic and the clusters, those that
-- the account file implies.
playbook {
  name = "runbooks/inventory",
  about = "Expected tables, queues, topic and clusters: which are there, which are missing. Reads only",
}

-- What there is, by name: also what nobody expects.
local function names(items)
  local out = {}
  for item in items do out[#out + 1] = item:match "[^/]+$" end
  table.sort(out)
  return #out == 0 and "none" or ("%d: %s"):format(#out, table.concat(out, ", "))
end

check "Tables that are there (8.1)" {severity = "high", test = function()
  return true, names(aws.dynamodb:items("list_tables", {}))
end}
check "Queues that are there (8.2)" {severity = "high", test = function()
  return true, names(aws.sqs:items("list_queues", {}))
end}

-- What the account file implies.
check "8.1 DynamoDB: every expected table is there" {controls = "dynamodb-tables-expected"}
check "8.2 SQS: every expected queue is there" {controls = "sqs-queues-expected"}
check "4.5 SNS: the cost topic is there and lets them publish" {controls = "sns-cost-publishers"}
check "2.4 ECS: every expected cluster is there" {controls = "ecs-clusters-expected"}
