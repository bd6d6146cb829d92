-- What IAM calls an operation, for roles that are made and for remedies that are told.
local action = require "aws.action"
local checks = require "checks"

describe("an action's name", function()
  it("is what IAM calls it", function()
    for _, row in ipairs {{"s3", "ListObjectsV2", "s3:ListBucket"}, {"s3", "HeadObject", "s3:GetObject"},
      {"s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"},
      {"s3control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"},
      {"s3", "DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
      {"cloudwatch", "PutMetricAlarm", "cloudwatch:PutMetricAlarm"}, {"sesv2", "SendEmail", "ses:SendEmail"},
      {"lambda", "Invoke", "lambda:InvokeFunction"}, {"budgets", "DescribeBudgets", "budgets:ViewBudget"},
      {"budgets", "CreateNotification", "budgets:ModifyBudget"}, {"ce", "GetAnomalies", "ce:GetAnomalies"},
      {"resourcegroupstaggingapi", "GetResources", "tag:GetResources"},
      {"elbv2", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"},
      {"application-autoscaling", "RegisterScalableTarget", "application-autoscaling:RegisterScalableTarget"},
      {"stepfunctions", "StartExecution", "states:StartExecution"}} do
      assert.equal(row[3], action.of(row[1], row[2]))
    end
  end)
  it("is the service's and operation's own where nobody knows the service, and takes names in snake case", function()
    assert.equal("moon:Land", action.of("moon", "Land"))
    assert.equal("application-autoscaling:RegisterScalableTarget",
      action.of("application_autoscaling", "RegisterScalableTarget"))
  end)
  it("is what an AccessDenied without one is answered with", function()
    local err = require "aws.error".new {code = "AccessDenied", message = "Access Denied", service = "s3",
      operation = "list_buckets", operation_name = "ListBuckets", status = 403}
    assert.matches("Allow s3:ListAllMyBuckets to these credentials", tostring(err))
  end)
  -- The controls were written down by hand: where an operation is called as they say, the two must agree on it.
  it("is the controls' own, for every service that they read", function()
    local spoken = {}
    for _, name in ipairs(checks.actions(checks.select {})) do spoken[name:match "^[^:]+"] = true end
    for _, service in ipairs {"s3", "dynamodb", "rds", "ecs", "kms", "guardduty", "securityhub", "logs", "budgets"} do
      assert.is_true(spoken[action.of(service, "ListX"):match "^[^:]+"], service)
    end
  end)
end)
