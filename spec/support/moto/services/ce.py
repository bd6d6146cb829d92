"""ce: anomaly monitors and subscriptions with the refusals of their API pages."""
import datetime
import uuid

from call import Refusal, operation
from moto import backends


def today():
    return datetime.date.today().isoformat()


def stamp():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(why):
    raise Refusal("ValidationException", why)


def arn(call, kind):
    return f"arn:aws:ce::{call.account}:{kind}/{uuid.uuid4()}"


def monitors(call):
    return call.state.setdefault("monitors", {})


def subscriptions(call):
    return call.state.setdefault("subscriptions", {})


def monitor(call, key):
    if key not in monitors(call):
        raise Refusal("UnknownMonitorException", f"Unknown monitor {key}")
    return monitors(call)[key]


def subscription(call, key):
    if key not in subscriptions(call):
        raise Refusal("UnknownSubscriptionException", f"Unknown subscription {key}")
    return subscriptions(call)[key]


@operation("ce", "CreateAnomalyMonitor")
def create_anomaly_monitor(call):
    new = dict(call.params["AnomalyMonitor"])
    if new["MonitorType"] == "DIMENSIONAL":
        if "MonitorDimension" not in new:
            refuse("MonitorDimension is required for a DIMENSIONAL monitor")
        if "MonitorSpecification" in new:
            refuse("MonitorSpecification does not go with a DIMENSIONAL monitor")
        if any(m["MonitorType"] == "DIMENSIONAL" and m["MonitorDimension"] == new["MonitorDimension"]
               for m in monitors(call).values()):
            raise Refusal("LimitExceededException", "Limit exceeded on dimensional spend monitor creation")
    elif "MonitorSpecification" not in new:
        refuse("MonitorSpecification is required for a CUSTOM monitor")
    key = arn(call, "anomalymonitor")
    new.update(MonitorArn=key, CreationDate=stamp(), LastUpdatedDate=stamp(),
               DimensionalValueCount=new.get("DimensionalValueCount", 0))
    monitors(call)[key] = new
    tags(call)[key] = list(call.params.get("ResourceTags", []))
    return {"MonitorArn": key}


def chosen(known, wanted, find):
    return [find(key) for key in wanted] if wanted else list(known.values())


@operation("ce", "GetAnomalyMonitors")
def get_anomaly_monitors(call):
    return {"AnomalyMonitors": chosen(monitors(call), call.params.get("MonitorArnList"),
                                      lambda key: monitor(call, key))}


@operation("ce", "UpdateAnomalyMonitor")
def update_anomaly_monitor(call):
    found = monitor(call, call.params["MonitorArn"])
    if "MonitorName" in call.params:
        found["MonitorName"] = call.params["MonitorName"]
    found["LastUpdatedDate"] = stamp()
    return {"MonitorArn": found["MonitorArn"]}


@operation("ce", "DeleteAnomalyMonitor")
def delete_anomaly_monitor(call):
    key = call.params["MonitorArn"]
    monitor(call, key)
    del monitors(call)[key]
    tags(call).pop(key, None)
    for other in subscriptions(call).values():
        other["MonitorArnList"] = [m for m in other["MonitorArnList"] if m != key]
    return {}


def check_expression(node, depth=0):
    """ThresholdExpression: impact dimensions with GREATER_THAN_OR_EQUAL, joined once."""
    joined = [k for k in ("And", "Or") if k in node]
    if joined and depth == 0 and len(node) == 1:
        if len(node[joined[0]]) != 2:
            refuse("ThresholdExpression joins exactly two expressions")
        for part in node[joined[0]]:
            check_expression(part, 1)
        return
    leaf = node.get("Dimensions")
    if len(node) != 1 or leaf is None or leaf.get("Key") not in (
            "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "ANOMALY_TOTAL_IMPACT_PERCENTAGE"):
        refuse("ThresholdExpression takes ANOMALY_TOTAL_IMPACT_ABSOLUTE and"
               " ANOMALY_TOTAL_IMPACT_PERCENTAGE only")
    if leaf.get("MatchOptions") != ["GREATER_THAN_OR_EQUAL"] or len(leaf.get("Values", [])) != 1:
        refuse("ThresholdExpression takes MatchOptions GREATER_THAN_OR_EQUAL and one value")
    try:
        if float(leaf["Values"][0]) < 0:
            raise ValueError
    except ValueError:
        refuse(f"{leaf['Values'][0]} is no threshold")


def check_subscription(call, new):
    kinds = {s["Type"] for s in new["Subscribers"]}
    if new["Frequency"] == "IMMEDIATE" and kinds - {"SNS"}:
        refuse("IMMEDIATE frequency supports only SNS subscribers")
    if new["Frequency"] != "IMMEDIATE" and "SNS" in kinds:
        refuse(f"{new['Frequency']} frequency supports only EMAIL subscribers")
    if "SNS" in kinds and len(new["Subscribers"]) > 1:
        refuse("one SNS topic a subscription")
    if "Threshold" in new and "ThresholdExpression" in new:
        refuse("give Threshold or ThresholdExpression, not both: Threshold is deprecated")
    if "Threshold" not in new and "ThresholdExpression" not in new:
        refuse("ThresholdExpression is missing")
    if "ThresholdExpression" in new:
        check_expression(new["ThresholdExpression"])
    for key in new["MonitorArnList"]:
        monitor(call, key)


def complete(call, new):
    """Threshold alone is turned into the expression that means it, as the service does."""
    new["AccountId"] = call.account
    if "ThresholdExpression" not in new:
        new["ThresholdExpression"] = {"Dimensions": {
            "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
            "Values": [f"{new['Threshold']:g}"]}}
    for s in new["Subscribers"]:
        s.setdefault("Status", "CONFIRMED")
    return new


@operation("ce", "CreateAnomalySubscription")
def create_anomaly_subscription(call):
    new = dict(call.params["AnomalySubscription"])
    check_subscription(call, new)
    new["SubscriptionArn"] = arn(call, "anomalysubscription")
    subscriptions(call)[new["SubscriptionArn"]] = complete(call, new)
    tags(call)[new["SubscriptionArn"]] = list(call.params.get("ResourceTags", []))
    return {"SubscriptionArn": new["SubscriptionArn"]}


@operation("ce", "GetAnomalySubscriptions")
def get_anomaly_subscriptions(call):
    found = chosen(subscriptions(call), call.params.get("SubscriptionArnList"),
                   lambda key: subscription(call, key))
    only = call.params.get("MonitorArn")
    return {"AnomalySubscriptions": [s for s in found if not only or only in s["MonitorArnList"]]}


@operation("ce", "UpdateAnomalySubscription")
def update_anomaly_subscription(call):
    found = subscription(call, call.params["SubscriptionArn"])
    new = dict(found)
    change = {k: v for k, v in call.params.items() if k != "SubscriptionArn"}
    if "Threshold" in change or "ThresholdExpression" in change:
        new.pop("Threshold", None)
        new.pop("ThresholdExpression", None)
    new.update(change)
    check_subscription(call, new)
    subscriptions(call)[new["SubscriptionArn"]] = complete(call, new)
    return {"SubscriptionArn": new["SubscriptionArn"]}


@operation("ce", "DeleteAnomalySubscription")
def delete_anomaly_subscription(call):
    subscription(call, call.params["SubscriptionArn"])
    del subscriptions(call)[call.params["SubscriptionArn"]]
    tags(call).pop(call.params["SubscriptionArn"], None)
    return {}


@operation("ce", "GetAnomalies")
def get_anomalies(call):
    """None: an account that spends nothing has none."""
    if call.params["DateInterval"]["StartDate"] > call.params["DateInterval"].get("EndDate", today()):
        refuse("StartDate is after EndDate")
    if "MonitorArn" in call.params:
        monitor(call, call.params["MonitorArn"])
    return {"Anomalies": []}


def tags(call):
    return call.state.setdefault("tags", {})


def tagged(call):
    key = call.params["ResourceArn"]
    if key not in tags(call):
        raise Refusal("ResourceNotFoundException", f"there is no resource {key}", ResourceName=key)
    return key


@operation("ce", "ListTagsForResource")
def list_tags(call):
    return {"ResourceTags": tags(call)[tagged(call)]}


@operation("ce", "TagResource")
def tag_resource(call):
    key, new = tagged(call), call.params["ResourceTags"]
    names = {t["Key"] for t in new}
    tags(call)[key] = [t for t in tags(call)[key] if t["Key"] not in names] + new
    return {}


@operation("ce", "UntagResource")
def untag_resource(call):
    key = tagged(call)
    tags(call)[key] = [t for t in tags(call)[key] if t["Key"] not in call.params["ResourceTagKeys"]]
    return {}


def days(period):
    try:
        start, end = (datetime.date.fromisoformat(period[k]) for k in ("Start", "End"))
    except ValueError:
        refuse("Start and End are dates: YYYY-MM-DD")
    if start >= end:
        refuse("Start date (and hour) should be before end date (and hour)")
    return start, end


@operation("ce", "GetCostForecast")
def get_cost_forecast(call):
    """A new account has no history to forecast from, as the service says; /sandbox/forecast of SSM is one."""
    start, _ = days(call.params["TimePeriod"])
    if start < datetime.date.today():
        refuse("Start date can't be in the past")
    known = backends.get_backend("ssm")[call.account]["us-east-1"].get_parameter("/sandbox/forecast")
    if known:
        return {"Total": {"Amount": known.value, "Unit": "USD"}, "ForecastResultsByTime": []}
    raise Refusal("DataUnavailableException", "Insufficient amount of historical data to generate forecast.")


@operation("ce", "GetDimensionValues")
def get_dimension_values(call):
    days(call.params["TimePeriod"])
    return {"DimensionValues": [], "ReturnSize": 0, "TotalSize": 0}
