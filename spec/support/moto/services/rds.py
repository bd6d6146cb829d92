"""rds: Performance Insights and enhanced monitoring, that moto forgets; states that take time; parameters of PostgreSQL
with their kinds, and groups that are in force only after a reboot."""
import slow
from call import Refusal, operation

KEPT = {"PubliclyAccessible": "PubliclyAccessible",
        "EnablePerformanceInsights": "PerformanceInsightsEnabled",
        "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
        "PerformanceInsightsKMSKeyId": "PerformanceInsightsKMSKeyId",
        "MonitoringInterval": "MonitoringInterval",
        "MonitoringRoleArn": "EnhancedMonitoringResourceArn"}
NOWHERE = "127.0.0.2"
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


def status_of(call, name):
    """Whether the parameter group of an instance is in force; one that was attached is applied first."""
    if f"group {name}" not in call.state:
        return "in-sync"
    return "applying" if slow.settling(call.state, name) else "pending-reboot"


def show(call, instance):
    name = instance["DBInstanceIdentifier"]
    waiting = status_of(call, name)
    if "Endpoint" in instance:                   # it listens nowhere, and nobody shall ask a name server for it
        instance["Endpoint"]["Address"] = NOWHERE
    for group in instance.get("DBParameterGroups", []):
        group["ParameterApplyStatus"] = waiting
    instance.update(kept(call, name))
    instance.setdefault("PerformanceInsightsEnabled", False)
    if instance.get("PubliclyAccessible") is None:     # in the default VPC, where no subnets were named
        instance["PubliclyAccessible"] = not instance.get("DBSubnetGroup")
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
    name, group = call.params["DBInstanceIdentifier"], call.params.get("DBParameterGroupName")
    known = call.backend().databases.get(name)
    before = known and known.db_parameter_groups()[0].name
    answer = call.moto()
    keep(call, name)
    if group and group.lower() != before:
        call.state[f"group {name}"] = "attached"
    begin(call, name, "modifying")
    show(call, answer["DBInstance"])
    return answer


@operation("rds", "RebootDBInstance")
def reboot_db_instance(call):
    answer = call.moto()
    call.state.pop(f"group {call.params['DBInstanceIdentifier']}", None)
    begin(call, call.params["DBInstanceIdentifier"], "rebooting")
    show(call, answer["DBInstance"])
    return answer


@operation("rds", "DescribeDBInstances")
def describe_db_instances(call):
    answer = call.moto()
    for instance in answer.get("DBInstances", []):
        show(call, instance)
    return answer


# --- parameters: name, value that the family has, static or dynamic, allowed values

PARAMETERS = (
    ("rds.force_ssl", None, "dynamic", "boolean", "0,1"),
    ("log_connections", "0", "dynamic", "boolean", "0,1"),
    ("log_disconnections", "0", "dynamic", "boolean", "0,1"),
    ("log_statement", "none", "dynamic", "string", "none,ddl,mod,all"),
    ("log_min_duration_statement", "-1", "dynamic", "integer", "-1-2147483647"),
    ("log_lock_waits", "0", "dynamic", "boolean", "0,1"),
    ("max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", "static", "integer", "6-8388607"),
    ("shared_buffers", "{DBInstanceClassMemory/32768}", "static", "integer", "16-1073741823"),
    ("shared_preload_libraries", "pg_stat_statements", "static", "list", None),
    ("track_activity_query_size", "4096", "static", "integer", "100-1048576"),
    ("work_mem", None, "dynamic", "integer", "64-2147483647"),
    ("ssl", "1", "dynamic", "boolean", "0,1"),
)


def family_default(family, name, value):
    """PostgreSQL 15 and later begin with TLS enforced."""
    if name == "rds.force_ssl":
        return "1" if int(family[len("postgres"):].split(".")[0]) >= 15 else "0"
    return value


def group(call):
    name = call.params["DBParameterGroupName"]
    for found in call.backend().db_parameter_groups.values():
        if found.name == name.lower():
            return found
    if name.startswith("default."):           # AWS's own, there from the first instance on
        call.backend().create_db_parameter_group({
            "db_parameter_group_name": name, "db_parameter_group_family": name[len("default."):],
            "description": f"Default parameter group for {name[len('default.'):]}"})
        return call.backend().db_parameter_groups[name]
    raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")


def parameters(found):
    if not (found.family or "").startswith("postgres"):
        return list(found.parameters.values())
    rows = []
    for name, value, kind, sort, allowed in PARAMETERS:
        given = found.parameters.get(name)
        value = given["ParameterValue"] if given else family_default(found.family, name, value)
        row = {"ParameterName": name, "ParameterValue": value, "ApplyType": kind, "DataType": sort,
               "AllowedValues": allowed, "IsModifiable": name != "ssl", "Source": "user" if given else "system",
               "ApplyMethod": given["ApplyMethod"] if given else "pending-reboot", "Description": name}
        rows.append({k: v for k, v in row.items() if v is not None})
    return rows


@operation("rds", "DescribeDBParameterGroups")
def describe_db_parameter_groups(call):
    if "DBParameterGroupName" in call.params:
        group(call)                           # refuses where there is none
    return call.moto()


@operation("rds", "DescribeDBParameters")
def describe_db_parameters(call):
    source = call.params.get("Source")
    return {"Parameters": [p for p in parameters(group(call)) if source in (None, p.get("Source"))]}


def check_parameter(known, row):
    name, value = row.get("ParameterName"), row.get("ParameterValue")
    if name not in known:
        raise Refusal("InvalidParameterValue", f"Could not find parameter with name: {name}")
    found = known[name]
    if not found["IsModifiable"]:
        raise Refusal("InvalidParameterValue", f"The parameter {name} cannot be modified.")
    if found["ApplyType"] == "static" and row.get("ApplyMethod") != "pending-reboot":
        raise Refusal("InvalidParameterCombination", "cannot use immediate apply method for static parameter")
    allowed = found.get("AllowedValues")
    if allowed and "," in allowed and value not in allowed.split(","):
        raise Refusal("InvalidParameterValue", f"Invalid parameter value: {value} for: {name} allowed values are:"
                      f" {allowed}")


@operation("rds", "ModifyDBParameterGroup")
def modify_db_parameter_group(call):
    found, rows = group(call), call.params["Parameters"]
    if found.name.startswith("default."):
        raise Refusal("InvalidDBParameterGroupState", f"Cannot modify a default parameter group: {found.name}")
    if len(rows) > 20:
        raise Refusal("InvalidParameterValue", "At most 20 parameters can be modified in a single request")
    if (found.family or "").startswith("postgres"):
        known = {p["ParameterName"]: p for p in parameters(found)}
        for row in rows:
            check_parameter(known, row)
    found.update_parameters(rows)
    if any(row.get("ApplyMethod") == "pending-reboot" for row in rows):
        for name, database in call.backend().databases.items():
            if found in database.db_parameter_groups():
                call.state[f"group {name}"] = "static"
    return {"DBParameterGroupName": found.name}


@operation("rds", "DeleteDBParameterGroup")
def delete_db_parameter_group(call):
    found = group(call)
    if any(found in d.db_parameter_groups() for d in call.backend().databases.values()):
        raise Refusal("InvalidDBParameterGroupState", "One or more database instances are still members of this"
                      f" parameter group {found.name}, so the group cannot be deleted")
    return call.moto()
