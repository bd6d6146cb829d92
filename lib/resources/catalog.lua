--- Which resource types there are: a word here is a file beside it, lib/resources/SERVICE/WORD.lua.
return {
  budgets = {"budget"},
  ce = {"anomaly_monitor", "anomaly_subscription"},
  cloudtrail = {"trail"},
  cloudwatch = {"alarm"},
  dynamodb = {"table"},
  iam = {"role"},
  kms = {"alias", "key"},
  logs = {"group"},
  s3 = {"bucket"},
  sns = {"subscription", "topic"},
  sqs = {"queue"},
}
