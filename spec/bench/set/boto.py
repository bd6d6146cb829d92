"""The set of spec/bench/set/tidelock.lua by hand: what boto3 needs for it; a second run writes nothing."""
import json

import boto3
from botocore.exceptions import ClientError

session = boto3.Session()
region = session.region_name
sqs, ddb, sns, budgets, cw, ct, s3, sts = (session.client(n) for n in (
    "sqs", "dynamodb", "sns", "budgets", "cloudwatch", "cloudtrail", "s3", "sts"))
account = sts.get_caller_identity()["Account"]


def absent(codes, fn, **kw):
    try:
        return fn(**kw)
    except ClientError as e:
        if e.response["Error"]["Code"] in codes:
            return None
        raise


def queue(name, attributes):
    found = absent(("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"), sqs.get_queue_url, QueueName=name)
    if not found:
        sqs.create_queue(QueueName=name, Attributes=attributes)
    else:
        live = sqs.get_queue_attributes(QueueUrl=found["QueueUrl"], AttributeNames=["All"])["Attributes"]
        new = {k: v for k, v in attributes.items()
               if (json.loads(live.get(k, "{}")) != json.loads(v) if k == "RedrivePolicy" else live.get(k) != v)}
        if new:
            sqs.set_queue_attributes(QueueUrl=found["QueueUrl"], Attributes=new)
    return f"arn:aws:sqs:{region}:{account}:{name}"


for name in ("orders", "mail"):
    dlq = queue(f"bench-{name}-dlq", {"MessageRetentionPeriod": str(14 * 86400)})
    queue(f"bench-{name}", {"VisibilityTimeout": "180", "ReceiveMessageWaitTimeSeconds": "20",
                            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dlq, "maxReceiveCount": 5})})

for name in ("bench-costs", "bench-alerts"):
    if not absent(("ResourceNotFoundException",), ddb.describe_table, TableName=name):
        ddb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                         AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                         KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
        ddb.get_waiter("table_exists").wait(TableName=name)
    ttl = ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] != "ENABLED":
        ddb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    backups = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        ddb.update_continuous_backups(TableName=name,
                                      PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})

topic = f"arn:aws:sns:{region}:{account}:bench-alerts"
policy = {"Version": "2012-10-17", "Statement": [
    {"Sid": "alarms", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"},
     "Action": "sns:Publish", "Resource": topic}]}
live = absent(("NotFound", "NotFoundException"), sns.get_topic_attributes, TopicArn=topic)
if not live:
    sns.create_topic(Name="bench-alerts")
if not live or json.loads(live["Attributes"]["Policy"]) != policy:
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))

if not absent(("NotFoundException",), budgets.describe_budget, AccountId=account, BudgetName="bench-monthly"):
    budgets.create_budget(
        AccountId=account,
        Budget={"BudgetName": "bench-monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "500", "Unit": "USD"}},
        NotificationsWithSubscribers=[
            {"Notification": {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": percent},
             "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "costs@example.com"}]}
            for kind, percent in (("FORECASTED", 80), ("ACTUAL", 100))])

alarms = {a["AlarmName"]: a for a in cw.describe_alarms(AlarmNamePrefix="bench-alarm-")["MetricAlarms"]}
for i in range(1, 13):
    want = {"AlarmName": f"bench-alarm-{i:02d}", "Namespace": "AWS/SQS", "Period": 300,
            "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum", "EvaluationPeriods": 2,
            "Threshold": 10.0 * i, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [topic],
            "Dimensions": [{"Name": "QueueName", "Value": ("bench-orders", "bench-mail")[i % 2]}]}
    live = alarms.get(want["AlarmName"])
    if not live or any(live.get(k) != v for k, v in want.items()):
        cw.put_metric_alarm(**want)

bucket = f"bench-trail-{account}"
if not absent(("404", "NoSuchBucket"), s3.head_bucket, Bucket=bucket):
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
block = {k: True for k in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")}
live = absent(("NoSuchPublicAccessBlockConfiguration",), s3.get_public_access_block, Bucket=bucket)
if not live or live["PublicAccessBlockConfiguration"] != block:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
may = [{"Sid": sid, "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": action,
        "Resource": resource} for sid, action, resource in (
    ("acl", "s3:GetBucketAcl", f"arn:aws:s3:::{bucket}"),
    ("write", "s3:PutObject", f"arn:aws:s3:::{bucket}/AWSLogs/{account}/*"))]
policy = {"Version": "2012-10-17", "Statement": may}
live = absent(("NoSuchBucketPolicy",), s3.get_bucket_policy, Bucket=bucket)
if not live or json.loads(live["Policy"]) != policy:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

if not absent(("TrailNotFoundException",), ct.get_trail, Name="bench-trail"):
    ct.create_trail(Name="bench-trail", S3BucketName=bucket, IsMultiRegionTrail=True)
if not ct.get_trail_status(Name="bench-trail")["IsLogging"]:
    ct.start_logging(Name="bench-trail")
