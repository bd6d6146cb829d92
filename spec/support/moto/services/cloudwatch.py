"""cloudwatch: alarms begin without data, tell their topics, keep a history, and compose; dashboards are read closely."""
import datetime
import json
import re

from call import Refusal, operation
from moto import backends
import scaling
import topics


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def history(call):
    return call.state.setdefault("history", [])


def composites(call):
    return call.state.setdefault("composites", {})


def note(call, name, kind, summary, alarm_type="MetricAlarm"):
    history(call).append({"AlarmName": name, "AlarmType": alarm_type, "Timestamp": now(),
                          "HistoryItemType": kind, "HistorySummary": summary, "HistoryData": "{}"})


def warm_ups(call):
    return call.state.setdefault("warm_ups", {})


def warm_up(call, name):
    """A put replaces the whole alarm, and its warm-up with it; 1 to 2880 minutes, as the model has it."""
    wanted = call.params.get("WarmUpConfiguration")
    if wanted and not 1 <= int(wanted["WarmUpPeriodDurationInMinutes"]) <= 2880:
        raise Refusal("ValidationError", "WarmUpPeriodDurationInMinutes must be between 1 and 2880")
    if wanted:
        warm_ups(call)[name] = {"OnlyStartEvaluatingAfterWarmUpPeriodEnds": False, **wanted}
    else:
        warm_ups(call).pop(name, None)


@operation("cloudwatch", "PutMetricAlarm")
def put_metric_alarm(call):
    name = call.params["AlarmName"]
    warm_up(call, name)
    known = name in call.backend().alarms
    old = call.backend().alarms[name].state_value if known else "INSUFFICIENT_DATA"
    answer = call.moto()
    alarm = call.backend().alarms[name]
    alarm.update_state("Unchecked: Initial alarm creation" if not known else alarm.state_reason, "{}", old)
    if known:
        note(call, name, "ConfigurationUpdate", f'Alarm "{name}" updated')
    else:
        note(call, name, "ConfigurationUpdate", f'Alarm "{name}" created')
    return answer


def tell(call, row, old, new, reason):
    """The actions of the new state: topics take it only where their policies let CloudWatch in."""
    message = json.dumps({"AlarmName": row["name"], "AlarmArn": row["arn"], "AWSAccountId": call.account,
                          "NewStateValue": new, "OldStateValue": old, "NewStateReason": reason,
                          "StateChangeTime": now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")})
    source = topics.Source("cloudwatch.amazonaws.com", row["arn"], call.account, call.region, owner=True)
    for target in row[new] or []:
        if target.split(":")[2:3] == ["sns"]:
            took = topics.publish(source, target, message, f'{new}: "{row["name"]}"'[:100])
            note(call, row["name"], "Action", f"{'Successfully executed' if took else 'Failed to execute'} action"
                 f" {target}", row["type"])
        elif ":scalingPolicy:" in target and scaling.triggered(call, target):
            note(call, row["name"], "Action", f"Successfully executed action {target}", row["type"])


def told(call, row, enabled, old, new, reason):
    if old == new:
        return
    note(call, row["name"], "StateUpdate", f"Alarm updated from {old} to {new}", row["type"])
    if enabled:
        tell(call, row, old, new, reason)


def states(call):
    out = {name: alarm.state_value for name, alarm in call.backend().alarms.items()}
    out.update({name: c["StateValue"] for name, c in composites(call).items()})
    return out


def holds(call, rule):
    """A composite's rule over the states of its alarms."""
    known = states(call)

    def one(match):
        name = "".join(group or "" for group in match.groups()[1:]).rpartition(":alarm:")[2]
        return str(known.get(name) == match.group(1))
    text = NAMED.sub(one, rule)
    for word, python in (("AND", "and"), ("OR", "or"), ("NOT", "not"), ("TRUE", "True"), ("FALSE", "False")):
        text = re.sub(rf"\b{word}\b", python, text)
    if re.sub(r"True|False|and|or|not|[()\s]", "", text):
        raise Refusal("ValidationError", f"AlarmRule could not be read: {rule}")
    return eval(text, {"__builtins__": {}})   # nothing but booleans and their operators is left


def row_of(name, composite):
    return {"name": name, "arn": composite["AlarmArn"], "type": "CompositeAlarm", "OK": composite["OKActions"],
            "ALARM": composite["AlarmActions"], "INSUFFICIENT_DATA": composite["InsufficientDataActions"]}


def settle(call):
    """Composites follow their alarms, and each other."""
    for _ in range(len(composites(call)) + 1):
        moved = False
        for name, c in composites(call).items():
            old, new = c["StateValue"], "ALARM" if holds(call, c["AlarmRule"]) else "OK"
            if old != new:
                moved = True
                c.update(StateValue=new, StateUpdatedTimestamp=now(), StateReason=f"{c['AlarmRule']} is {new == 'ALARM'}")
                told(call, row_of(name, c), c["ActionsEnabled"], old, new, c["StateReason"])
        if not moved:
            return


@operation("cloudwatch", "SetAlarmState")
def set_alarm_state(call):
    name, new, reason = call.params["AlarmName"], call.params["StateValue"], call.params["StateReason"]
    if name in composites(call):
        c = composites(call)[name]
        old = c["StateValue"]
        c.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=now())
        told(call, row_of(name, c), c["ActionsEnabled"], old, new, reason)
        return {}
    alarm = call.backend().alarms.get(name)
    old = alarm.state_value if alarm else None
    answer = call.moto()
    if alarm:
        row = {"name": name, "arn": alarm.alarm_arn, "type": "MetricAlarm", "OK": alarm.ok_actions,
               "ALARM": alarm.alarm_actions, "INSUFFICIENT_DATA": alarm.insufficient_data_actions}
        told(call, row, alarm.actions_enabled, old, new, reason)
        settle(call)
    return answer


# --- What AWS measures by itself, each minute, for as long as a thing runs

STEADY = {"AWS/ECS": ("CPUUtilization", "MemoryUtilization"),
          "AWS/RDS": ("CPUUtilization", "DBLoad", "DatabaseConnections", "DiskQueueDepth", "FreeStorageSpace",
                      "FreeableMemory", "ReadIOPS", "ReadLatency", "WriteIOPS", "WriteLatency"),
          "AWS/ElastiCache": ("CPUUtilization", "DatabaseMemoryUsagePercentage", "EngineCPUUtilization",
                              "FreeableMemory")}


def running(call, namespace):
    """Dimensions of what runs."""
    def of(service):
        return backends.get_backend(service)[call.account][call.region]
    if namespace == "AWS/ECS":
        return [{"ClusterName": s.cluster_name, "ServiceName": s.name} for s in of("ecs").services.values()
                if s.desired_count > 0]
    if namespace == "AWS/RDS":
        return [{"DBInstanceIdentifier": name} for name, db in of("rds").databases.items() if db.status == "available"]
    return [{"CacheClusterId": name} for name in of("elasticache").cache_clusters]


@operation("cloudwatch", "ListMetrics")
def list_metrics(call):
    answer, asked = call.moto(), call.params
    if asked.get("Namespace") not in STEADY or asked.get("NextToken"):
        return answer
    wanted = {d["Name"]: d.get("Value") for d in asked.get("Dimensions", [])}
    for thing in running(call, asked["Namespace"]):
        if any(name not in thing or value not in (None, thing[name]) for name, value in wanted.items()):
            continue
        answer["Metrics"] += [{"Namespace": asked["Namespace"], "MetricName": name,
                               "Dimensions": [{"Name": n, "Value": v} for n, v in thing.items()]}
                              for name in STEADY[asked["Namespace"]] if asked.get("MetricName") in (None, name)]
    return answer


NAMED = re.compile(r"""(ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:"([^"]+)"|'([^']+)'|([^\s()"']+))\s*\)""")


def named(rule):
    """The alarms of a composite's rule, by name."""
    found = ["".join(groups[1:]) for groups in NAMED.findall(rule)]
    return [re.sub(r"^arn:[^:]+:cloudwatch:[^:]*:\d+:alarm:", "", name) for name in found]


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call):
    given = dict(call.params)
    name, rule = given["AlarmName"], given["AlarmRule"]
    if not any(word in rule for word in ("ALARM(", "OK(", "INSUFFICIENT_DATA(", "TRUE", "FALSE")):
        raise Refusal("ValidationError", "AlarmRule must hold an ALARM, OK or INSUFFICIENT_DATA function")
    lost = [n for n in named(rule) if n not in call.backend().alarms and n not in composites(call)]
    if lost:
        raise Refusal("ValidationError", f"Could not save the composite alarm as alarms [{', '.join(lost)}] in the"
                      " alarm rule do not exist")
    tags = given.pop("Tags", None)
    old = composites(call).get(name, {})
    given.update(AlarmArn=call.arn(f"alarm:{name}"), AlarmConfigurationUpdatedTimestamp=now(),
                 StateValue=old.get("StateValue", "INSUFFICIENT_DATA"), StateReason="", StateUpdatedTimestamp=now())
    given.setdefault("ActionsEnabled", True)
    for kind in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        given.setdefault(kind, [])
    composites(call)[name] = given
    holds(call, rule)                         # reads it, or refuses
    if not old:
        tag(call, given["AlarmArn"], tags)
    return {}


def older(call, alarms):
    """Days that an alarm has been in its state already: JSON {name: days} in the SSM parameter /sandbox/alarms."""
    found = backends.get_backend("ssm")[call.account]["us-east-1"].get_parameter("/sandbox/alarms")
    for alarm in alarms if found else []:
        days = json.loads(found.value).get(alarm["AlarmName"], 0)
        alarm["StateUpdatedTimestamp"] -= datetime.timedelta(days=days)


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(call):
    """Composite alarms come only when AlarmTypes asks for them."""
    answer = call.moto()
    older(call, answer.get("MetricAlarms", []))
    for alarm in answer.get("MetricAlarms", []):
        if alarm["AlarmName"] in warm_ups(call):
            alarm["WarmUpConfiguration"] = warm_ups(call)[alarm["AlarmName"]]
    kinds = call.params.get("AlarmTypes") or ["MetricAlarm"]
    names, prefix = call.params.get("AlarmNames"), call.params.get("AlarmNamePrefix", "")
    if "MetricAlarm" not in kinds:
        answer["MetricAlarms"] = []
    answer["CompositeAlarms"] = [c for n, c in composites(call).items() if "CompositeAlarm" in kinds
                                 and (not names or n in names) and n.startswith(prefix)]
    return answer


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(call):
    going = call.params["AlarmNames"]
    mine = [n for n in going if n in composites(call)]
    if len(mine) > 1:
        raise Refusal("ValidationError", "Only one composite alarm can be deleted at a time")
    used = [n for n in going for c in composites(call) if c not in mine
            and n in named(composites(call)[c]["AlarmRule"])]
    if used:
        raise Refusal("ValidationError", f"Cannot delete {','.join(used)} as there are composite alarm(s)"
                      f" depending on {'it' if len(used) == 1 else 'them'}.")
    for name in mine:
        tags(call).pop(composites(call).pop(name)["AlarmArn"], None)
    if mine and len(mine) == len(going):
        return {}
    return call.moto()


@operation("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(call):
    name, kind = call.params.get("AlarmName"), call.params.get("HistoryItemType")
    found = [h for h in reversed(history(call)) if name in (None, h["AlarmName"])
             and kind in (None, h["HistoryItemType"])]
    return {"AlarmHistoryItems": found[:call.params.get("MaxRecords", 100)]}


# --- tags of what moto does not tag: composite alarms and dashboards

def tags(call):
    return call.state.setdefault("tags", {})


def tag(call, arn, given):
    tags(call)[arn] = {t["Key"]: t["Value"] for t in given or []}


@operation("cloudwatch", "ListTagsForResource")
def list_tags_for_resource(call):
    mine = tags(call).get(call.params["ResourceARN"])
    if mine is None:
        return call.moto()
    return {"Tags": [{"Key": k, "Value": v} for k, v in mine.items()]}


@operation("cloudwatch", "TagResource")
def tag_resource(call):
    mine = tags(call).get(call.params["ResourceARN"])
    if mine is None:
        return call.moto()
    mine.update({t["Key"]: t["Value"] for t in call.params["Tags"]})
    return {}


@operation("cloudwatch", "UntagResource")
def untag_resource(call):
    mine = tags(call).get(call.params["ResourceARN"])
    if mine is None:
        return call.moto()
    for key in call.params["TagKeys"]:
        mine.pop(key, None)
    return {}


# --- dashboards

def metric_fault(metric, first):
    if not isinstance(metric, list) or not metric:
        return "Should be a non-empty array"
    texts = metric[:-1] if isinstance(metric[-1], dict) else metric
    if not all(isinstance(item, str) for item in texts):
        return "Should match exactly one schema in oneOf: only the last item may be an object"
    if not texts:
        return None if "expression" in metric[-1] else "Should have an expression"
    if first and any(item in (".", "...") for item in texts):
        return "The first metric has none before it to repeat"
    if "..." not in texts and (len(texts) < 2 or len(texts) % 2):
        return "Invalid metric field type, only namespace, name and pairs of dimensions are allowed"
    return None


def widget_faults(path, widget):
    kind, properties = widget.get("type"), widget.get("properties")
    needed = {"metric": ["region"], "text": ["markdown"], "log": ["query", "region"], "alarm": ["alarms"],
              "explorer": ["metrics"], "custom": ["endpoint"]}
    if kind not in needed:
        return [(f"{path}/type", "Should be equal to one of the allowed values")]
    if not isinstance(properties, dict):
        return [(path, "Should have required property 'properties'")]
    path += "/properties"
    faults = [(path, f"Should have required property '{n}'") for n in needed[kind] if n not in properties]
    if kind != "metric":
        return faults
    if "metrics" not in properties and "annotations" not in properties:
        faults.append((path, "Should have required property 'metrics'"))
    for i, metric in enumerate(properties.get("metrics", [])):
        fault = metric_fault(metric, i == 0)
        if fault:
            faults.append((f"{path}/metrics/{i}", fault))
    return faults


def body_faults(text):
    try:
        body = json.loads(text)
    except ValueError:
        return [("", "The field DashboardBody must be a valid JSON object")]
    if not isinstance(body, dict) or not isinstance(body.get("widgets"), list):
        return [("", "Should have required property 'widgets'")]
    return [fault for i, w in enumerate(body["widgets"]) for fault in widget_faults(f"/widgets/{i}", w)]


@operation("cloudwatch", "PutDashboard")
def put_dashboard(call):
    """Tags are of a dashboard that is made; one that exists keeps its own."""
    faults = body_faults(call.params["DashboardBody"])
    if faults:
        told = [{"DataPath": path, "Message": message} for path, message in faults]
        raise Refusal("DashboardInvalidInputError", "The dashboard body is invalid, there are"
                      f" {len(faults)} validation errors: {json.dumps(told)}", dashboardValidationMessages=told)
    known = call.params["DashboardName"] in call.backend().dashboards
    answer = call.moto()
    if not known:
        tag(call, dashboard_arn(call, call.params["DashboardName"]), call.params.get("Tags"))
    return answer


def dashboard_arn(call, name):
    return f"arn:aws:cloudwatch::{call.account}:dashboard/{name}"


@operation("cloudwatch", "DeleteDashboards")
def delete_dashboards(call):
    answer = call.moto()
    for name in call.params["DashboardNames"]:
        tags(call).pop(dashboard_arn(call, name), None)
    return answer
