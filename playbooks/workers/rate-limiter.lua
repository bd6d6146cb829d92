--- The sender behind the limiter's queue: at most ten messages in any minute for each account, three at once.
-- Run it as `tidelock worker playbooks/workers/rate-limiter.lua --account example`, or as a Lambda function's handler.
playbook {
  name = "workers/rate-limiter",
  about = "Sends what is on the limiter's queue, never faster than each account may",
  vars = {
    url = {"string", about = "where a message is sent; {userId}, {recipientId} and {messageId} are filled in"},
    verify = {"string", default = "", about = "where to ask whether {messageId} was sent: 200 yes, 404 no"},
    secret = {"string", default = "", about = "the secret in Secrets Manager whose text is the bearer token"},
    redis = {"string", about = "address of the Redis: rediss://host:6379"},
    redis_secret = {"string", default = "", about = "the secret in Secrets Manager whose text is the Redis password"},
    redis_ca = {"string", default = "", about = "a file of certificates to trust for the Redis"},
    limit = {"integer", default = 10, min = 1, about = "messages of an account in any window"},
    window = {"number", default = 60, min = 1, about = "seconds of the window"},
    burst = {"integer", default = 3, min = 1, about = "messages at once, from rest"},
    timeout = {"number", default = 30, min = 1, about = "seconds that a send may take"},
    lag = {"number", default = 10, min = 0, about = "min-replicas-max-lag of the Redis, seconds"},
    tries = {"integer", default = 5, min = 1, about = "sends after which a message is a dead letter"},
    backoff = {"number", default = 5, min = 0.1, about = "seconds to the second send of a message; doubled each time"},
    visibility = {"integer", default = 60, min = 3, about = "seconds between a worker's death and another try"},
  },
}

worker {
  queue = account.prefix .. "-rate-limiter-queue",
  redis = {url = var.redis, secret = var.redis_secret, ca = var.redis_ca},
  limit = {
    name = "onlyfans",
    windows = {{limit = var.limit, seconds = var.window}},
    burst = {size = var.burst, seconds = var.window / var.limit},
    timeout = var.timeout, lease = 2 * var.timeout, lag = var.lag,
  },
  send = {url = var.url, verify = var.verify, auth = var.secret ~= "" and {secret = var.secret} or nil},
  tries = var.tries, backoff = var.backoff,
  visibility = var.visibility,
  metrics = {namespace = "Tidelock/RateLimiter", environment = account.env},
}
