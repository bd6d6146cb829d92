--- The daily look at the account: what is not as it should be, what that means, and what to do about it.
-- Exits 0 when all is well, 1 when something critical is not, 2 when something else is not. It never writes.
playbook {
  name = "runbooks/security",
  about = "Is the account as safe as it should be? Reads only; exits 0, 1 (critical) or 2 (warning)",
}

-- What the plan asks of the runbook, word by word; 8.1 and 8.2 are the inventory's.
include("runbooks/inventory")
check "8.3 ElastiCache: encrypted at rest and in transit" {controls = "elasticache-encryption-*"}
check "8.4 CloudTrail: a trail of all regions is active" {controls = {"cloudtrail-multi-region", "cloudtrail-logging"}}
check "8.5 RDS: connections without TLS are refused" {controls = "rds-force-ssl"}

-- Who watches, and what was seen.
check "GuardDuty is on, tells somebody, and has nothing open" {service = "guardduty"}
check "Security Hub is on, and has nothing open" {service = {"securityhub", "config"}}
check "Nothing is shared with strangers" {service = "accessanalyzer"}
check "Trails cannot be read or changed by others" {
  controls = {"cloudtrail-validation", "cloudtrail-encryption", "cloudtrail-bucket-private"}}

-- Who may come in.
check "Root, users and their keys" {service = "iam"}
check "S3: nothing is open, everything is encrypted" {service = "s3"}
check "Databases: closed, encrypted, backed up" {
  controls = {"rds-not-public", "rds-encrypted", "rds-snapshots-private", "rds-cluster-snapshots-private",
    "rds-deletion-protection", "rds-backups", "rds-minor-upgrades", "rds-performance-insights", "rds-monitoring",
    "rds-certificate", "rds-log-exports", "rds-iam-login"}}
check "Caches ask who is there, and survive a node" {
  controls = {"elasticache-auth", "elasticache-failover", "elasticache-backups"}}
check "No port of a database, cache or shell is open" {controls = "ec2-ports-closed"}
check "Keys and secrets are renewed" {service = {"kms", "secretsmanager"}}
check "Containers: own roles, no secrets in sight" {
  controls = {"ecs-task-roles", "ecs-no-literal-secrets"}}

-- Whether it goes on working.
check "Tables expire, are encrypted and recoverable" {
  controls = {"dynamodb-ttl", "dynamodb-ttl-items", "dynamodb-encryption", "dynamodb-point-in-time-recovery",
    "dynamodb-deletion-protection"}}
check "Queues keep what fails" {
  controls = {"sqs-dead-letters", "sqs-queue-settings", "sqs-encryption", "sqs-dead-letter-retention",
    "sqs-not-public", "sqs-tls-only"}}
check "Services grow, roll back and are watched" {
  controls = {"ecs-container-insights", "ecs-circuit-breaker", "ecs-scaling", "ecs-alarms", "ecs-no-xray-daemon"}}
check "Functions" {service = "lambda"}
check "Logs end; rules, alarms and pages are there and heard" {service = {"logs", "events", "cloudwatch"}}
check "Spend is told in time" {service = {"budgets", "ce", "support"}}
check "Topics are closed, and somebody listens" {
  controls = {"sns-subscribers", "sns-alert-subscribers", "sns-publisher-keys", "sns-not-public"}}
check "Traffic does not pay for the NAT gateway" {controls = "ec2-gateway-endpoints"}
