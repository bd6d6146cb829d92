--- What is there and what is missing: the tables, queues, topic and clusters that the account file implies.
playbook {
  name = "runbooks/inventory",
  about = "Expected tables, queues, topic and clusters: which are there, which are missing. Reads only",
}

check "8.1 tables" {controls = "dynamodb-tables-expected"}
check "8.2 queues" {controls = "sqs-queues-expected"}
check "4.5 topic" {controls = "sns-cost-publishers"}
check "2.4 clusters" {controls = "ecs-clusters-expected"}
