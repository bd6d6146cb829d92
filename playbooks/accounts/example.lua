--- An account file: names, thresholds and addresses of one AWS account. Copy it, name it after your account, and
-- give it with --account. What it may say is checked; what is your own goes under custom.
return {
  name = "example",
  prefix = "example",               -- every name begins with it
  env = "production",
  region = "us-east-1",
  -- id = "123456789012",           -- give it: tidelock then refuses the credentials of any other account
  domain = "example.com",
  tags = {Environment = "production"},
  emails = {ops = "ops@example.com", security = "security@example.com", costs = "costs@example.com"},
  budget = {limit = 500, currency = "USD", forecast_percent = 80, actual_percent = 100},
  anomaly = {threshold = 100},
  consumer = "lambda",              -- who sends what is on the limiter's queue: a "lambda" or a "worker", never both
  limiter = {
    url = "https://site.example.com/users/{userId}/messages",    -- where a message is sent
    verify = "https://site.example.com/messages/{messageId}",    -- where to ask whether it was: 200 yes, 404 no
    site_secret = "example/site-token",                          -- in Secrets Manager: the bearer token
    redis = "rediss://redis.example.com:6379", redis_secret = "example/redis/auth-token",
  },
}
