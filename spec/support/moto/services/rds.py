"""rds: Performance Insights and enhanced monitoring, that moto forgets; states that take time."""
import slow
from call import Refusal, operation

KEPT = {"EnablePerformanceInsights": "PerformanceInsightsEnabled",
        "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
        "PerformanceInsightsKMSKeyId": "PerformanceInsightsKMSKeyId",
        "MonitoringInterval": "MonitoringInterval",
        "MonitoringRoleArn": "EnhancedMonitoringResourceArn"}
INTERVALS = (0, 1, 5, 10, 15, 30, 60)


def check(params):
    interval = params.get("MonitoringInterval", 0)
    if interval not in INTERVALS:
        raise Refusal("InvalidParameterValue", f"Invalid monitoring interval {interval}")
    if interval > 0 and not params.get("MonitoringRoleArn"):
        raise Refusal("InvalidParameterCombination",
                      "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.")
    days = params.get("PerformanceInsightsRetentionPeriod", 7)
    if days not in (7, 731) and not (days % 31 == 0 and 1 <= days // 31 <= 23):
        raise Refusal("InvalidParameterValue", f"Invalid Performance Insights retention period: {days}")


def kept(call, name):
    return call.state.setdefault(f"instance {name}", {})


def keep(call, name):
    found = kept(call, name)
    for given, stored in KEPT.items():
        if given in call.params:
            found[stored] = call.params[given]
    if call.params.get("EnablePerformanceInsights"):
        found.setdefault("PerformanceInsightsRetentionPeriod", 7)
    role = found.pop("EnhancedMonitoringResourceArn", None) if found.get("MonitoringInterval") == 0 \
        else call.params.get("MonitoringRoleArn")
    if role and found.get("MonitoringInterval", 0) > 0:
        found["MonitoringRoleArn"] = role
        found["EnhancedMonitoringResourceArn"] = call.arn(
            f"log-group:RDSOSMetrics:log-stream:db-{name.upper()}", "logs")
    elif found.get("MonitoringInterval") == 0:
        found.pop("MonitoringRoleArn", None)


def show(call, instance):
    name = instance["DBInstanceIdentifier"]
    instance.update(kept(call, name))
    instance.setdefault("PerformanceInsightsEnabled", False)
    if slow.settling(call.state, name):
        instance["DBInstanceStatus"] = call.state.get(f"doing {name}", "modifying")
    return instance


def begin(call, name, doing):
    call.state[f"doing {name}"] = doing
    slow.settle(call.state, name)


@operation("rds", "CreateDBInstance")
def create_db_instance(call):
    check(call.params)
    name = call.params["DBInstanceIdentifier"]
    answer = call.moto()
    call.state.pop(f"instance {name}", None)
    keep(call, name)
    begin(call, name, "creating")
    show(call, answer["DBInstance"])
    return answer


@operation("rds", "ModifyDBInstance")
def modify_db_instance(call):
    check(call.params)
    name = call.params["DBInstanceIdentifier"]
    answer = call.moto()
    keep(call, name)
    begin(call, name, "modifying")
    show(call, answer["DBInstance"])
    return answer


@operation("rds", "RebootDBInstance")
def reboot_db_instance(call):
    answer = call.moto()
    begin(call, call.params["DBInstanceIdentifier"], "rebooting")
    show(call, answer["DBInstance"])
    return answer


@operation("rds", "DescribeDBInstances")
def describe_db_instances(call):
    answer = call.moto()
    for instance in answer.get("DBInstances", []):
        show(call, instance)
    return answer
