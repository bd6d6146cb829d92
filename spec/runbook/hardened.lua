-- hardened.lua -- the account of spec/support/account, provisioned and hardened by the playbooks; what a person does
-- beside: words of consent, clicks in mails, and, where asked for, the migrations that come later.
local account = require "support.account"
local elf = require "support.elf"
local hardening = require "support.hardening"
local json = require "tidelock.json"

local hardened = {}

-- Its account file; `more` is Lua text that goes into it.
local FILE <const> = [[
return {
  name = "example", prefix = "example", env = "production", region = "us-east-1", consumer = "lambda",
  emails = {ops = "ops@example.com", security = "security@example.com", costs = "costs@example.com"},
  budget = {limit = 500, currency = "USD", forecast_percent = 80, actual_percent = 100}, anomaly = {threshold = 100},
  clusters = {"ai-team", "example-cluster", "example-of-fargate", "example-spare"}, buckets = {BUCKETS},
  limiter = {url = "https://site.example.com/{userId}", site_secret = "example/site-token",
    redis = "rediss://redis.example.com:6379", redis_secret = "example/redis/auth-token",
    subnets = {SUBNETS}, security_groups = {GROUPS}},
  suppressions = {SUPPRESSIONS},
}
]]

local function quoted(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = ("%q"):format(item) end
  return table.concat(out, ", ")
end

--- Writes the account file, with these suppressions ({control =, subject =, reason =, owner =, expires =}).
function hardened.account_file(host, suppressions)
  local rows = {}
  for i, entry in ipairs(suppressions or {}) do
    local parts = {}
    for name, value in pairs(entry) do parts[#parts + 1] = ("%s = %q"):format(name, value) end
    rows[i] = "{" .. table.concat(parts, ", ") .. "}"
  end
  local names = host.names
  local words = {BUCKETS = quoted(names.tiering), SUBNETS = quoted(names.subnets.private),
    GROUPS = quoted {names.security_group}, SUPPRESSIONS = table.concat(rows, ",\n    ")}
  local file <close> = assert(io.open(host.file, "w"))
  file:write((FILE:gsub("%u%u%u%u%u+", words)))
end

--- An unhardened account, with its account file.
function hardened.start()
  local host = hardening.start()
  host.names = account.build(host)
  host.session.ecs:create_cluster {clusterName = "example-spare"}
  host.file, host.program = host.state .. "/account.lua", elf.write(host.state .. "/program")
  hardened.account_file(host)
  return host
end

-- ## What a person does

local CONSENT <const> = {"shorten log retention", "close open buckets", "let items expire",
  "close databases to the world", "ask for TLS in connection URLs", "reboot example-postgres-production",
  "change task definitions"}

--- Applies a playbook as a person does who says yes to all that it asks; more words may follow.
function hardened.apply(host, name, ...)
  local words = {"apply", "playbooks/" .. name .. ".lua", "--account", host.file, "--yes", "--quiet"}
  for _, word in ipairs(CONSENT) do words[#words + 1], words[#words + 2] = "--approve", word end
  table.move({...}, 1, select("#", ...), #words + 1, words)
  local code, said = host:run(table.unpack(words))
  assert(code == 0, ("%s ended with %d:\n%s"):format(name, code, said))
  return said
end

--- What harden/database cannot do, accepted until it is moved: else its check fails, as it must.
function hardened.accept_database(host)
  hardened.account_file(host, {{control = "rds-encrypted", subject = host.names.database, owner = "ops",
    reason = "restored with a key in the next maintenance window", expires = os.date("!%Y-%m-%d", os.time() + 86400)}})
end

--- All that the plan has of playbooks, in the order of the guide; and what people choose beside.
function hardened.harden(host)
  hardened.accept_database(host)
  hardened.apply(host, "provision/all")
  hardened.apply(host, "harden")
  hardened.apply(host, "provision/rate-limiter", "--var", "program=" .. host.program, "--var", "token=HOME")
  hardened.apply(host, "harden/queues")                  -- those that came after
  hardened.apply(host, "harden/storage", "--var", "versioned=*")
  hardened.apply(host, "harden/logs", "--var", "most=30")
  hardened.confirm_subscriptions(host)
end

--- Clicks on the links in all mails that ask for it.
function hardened.confirm_subscriptions(host)
  for topic in host.session.sns:items("list_topics", {}) do
    for one in host.session.sns:items("list_subscriptions_by_topic", {TopicArn = topic.TopicArn}) do
      if one.SubscriptionArn == "PendingConfirmation" then
        host.session.sns:confirm_subscription {TopicArn = topic.TopicArn, Token = one.Endpoint}
      end
    end
  end
end

--- What no API can do for the root of an account, and what only time brings (see spec/support/moto/services/iam.py).
function hardened.people(host, what)
  host.session.ssm:put_parameter {Name = "/sandbox/people", Type = "String", Overwrite = true,
    Value = json.encode(what)}
end

-- ## The migrations that come later

local function rotation(host)
  local arn = host.session["lambda"]:get_function {FunctionName = host.names.func}.Configuration.FunctionArn
  return {RotationLambdaARN = arn, RotationRules = {AutomaticallyAfterDays = 30}}
end

--- A secret that rotates.
function hardened.rotating_secret(host, name)
  local there = pcall(function() return host.session.secretsmanager:describe_secret {SecretId = name} end)
  if not there then
    host.session.secretsmanager:create_secret {Name = name, SecretString = "not-a-real-token-1"}
  end
  local input = rotation(host)
  input.SecretId = name
  host.session.secretsmanager:rotate_secret(input)
end

--- Every secret that does not rotate gets a schedule.
function hardened.rotate_all(host)
  for secret in host.session.secretsmanager:items("list_secrets", {}) do
    if not secret.RotationEnabled then hardened.rotating_secret(host, secret.Name) end
  end
end

--- The database restored with encrypted storage, and hardened again.
function hardened.encrypted_database(host)
  local rds, name = host.session.rds, host.names.database
  rds:modify_db_instance {DBInstanceIdentifier = name, DeletionProtection = false, ApplyImmediately = true}
  rds:delete_db_instance {DBInstanceIdentifier = name, SkipFinalSnapshot = true}
  rds:create_db_instance {DBInstanceIdentifier = name, Engine = "postgres", EngineVersion = "16.3",
    DBInstanceClass = "db.t3.micro", AllocatedStorage = 20, MasterUsername = "app", DBName = "app",
    MasterUserPassword = "Plain-Sight-7", StorageEncrypted = true}
  hardened.apply(host, "harden/database")
end

--- The cache as it should be, in the place of the one in plain text.
function hardened.encrypted_cache(host)
  host.session.elasticache:create_replication_group {ReplicationGroupId = "example-redis", Engine = "redis",
    ReplicationGroupDescription = "sessions", AtRestEncryptionEnabled = true, TransitEncryptionEnabled = true,
    NumCacheClusters = 2, AutomaticFailoverEnabled = true, MultiAZEnabled = true, AuthToken = "not-a-real-token-0",
    SnapshotRetentionLimit = 7, CacheNodeType = "cache.t3.micro"}
  host.session.elasticache:delete_cache_cluster {CacheClusterId = host.names.cache}
end

return hardened
