"""logs: the fixed list of retentions, keys of groups, their age, and metric filters that a put replaces."""
import json

from moto import backends

from call import Refusal, operation

DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
        3288, 3653)


@operation("logs", "PutRetentionPolicy")
def put_retention_policy(call):
    if call.params["retentionInDays"] not in DAYS:
        raise Refusal("InvalidParameterException", "1 validation error detected: Value"
                      f" '{call.params['retentionInDays']}' at 'retentionInDays' failed to satisfy"
                      f" constraint: Member must satisfy enum value set: {list(DAYS)}")
    return call.moto()


@operation("logs", "DescribeLogGroups")
def describe_log_groups(call):
    """Days and bytes that a group has had already: JSON {name: [days, bytes]} in the SSM parameter /sandbox/logs."""
    answer = call.moto()
    found = backends.get_backend("ssm")[call.account]["us-east-1"].get_parameter("/sandbox/logs")
    for one in answer.get("logGroups", []) if found else []:
        days, size = json.loads(found.value).get(one["logGroupName"], (0, 0))
        one["creationTime"] -= days * 86400000
        one["storedBytes"] += size
    return answer


def group(call):
    """The group of that name. The key may also be that of query results, which no group has."""
    if ("logGroupName" in call.params) == ("resourceIdentifier" in call.params):
        raise Refusal("InvalidParameterException",
                      "Exactly one of logGroupName and resourceIdentifier is required.")
    if call.params.get("logGroupName") not in call.backend().groups:
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
    return call.backend().groups[call.params["logGroupName"]]


@operation("logs", "AssociateKmsKey")
def associate_kms_key(call):
    group(call).kms_key_id = call.params["kmsKeyId"]
    return {}


@operation("logs", "DisassociateKmsKey")
def disassociate_kms_key(call):
    group(call).kms_key_id = None
    return {}


def filters(call):
    """The filters of the group that is named, which must be there; moto keeps those of all groups in one list."""
    name = call.params["logGroupName"]
    if name not in call.backend().groups:
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
    return [f for f in call.backend().filters.metric_filters
            if (f["logGroupName"], f["filterName"]) == (name, call.params["filterName"])]


# A put replaces the filter of that name.
@operation("logs", "PutMetricFilter")
def put_metric_filter(call):
    before = filters(call)
    answer = call.moto()
    for old in before:
        call.backend().filters.metric_filters.remove(old)
    return answer


@operation("logs", "DeleteMetricFilter")
def delete_metric_filter(call):
    if not filters(call):
        raise Refusal("ResourceNotFoundException", "The specified metric filter does not exist.")
    return call.moto()
