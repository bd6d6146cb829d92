"""pi: Performance Insights of databases that have it on; the shape of its answers, and loads that a spec lays down.

A spec lays down a load as CloudWatch metric data of the namespace Sandbox/PI, its name the metric (db.load.avg, or an
additional one), its dimensions Identifier (the DbiResourceId), Group and Key (the statement, the wait event's type).
"""
import datetime

from call import Refusal, operation

GROUPS = {"db": "name", "db.application": "name", "db.host": "name", "db.session_type": "name", "db.sql": "statement",
          "db.sql_tokenized": "statement", "db.user": "name", "db.wait_event": "name", "db.wait_event_type": "name"}
PERIODS = (1, 60, 300, 3600, 86400)


def aware(when):
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def check(call):
    start, end = aware(call.params["StartTime"]), aware(call.params["EndTime"])
    if start >= end:
        raise Refusal("InvalidArgumentException", "EndTime must be after StartTime")
    if call.params.get("PeriodInSeconds", 60) not in PERIODS:
        raise Refusal("InvalidArgumentException", f"{call.params['PeriodInSeconds']} is no period")
    known = call.backend("rds").databases.values()
    name = next((d.db_instance_identifier for d in known if d.dbi_resource_id == call.params["Identifier"]), None)
    if name is None or not call.other("rds").get(f"instance {name}", {}).get("PerformanceInsightsEnabled"):
        raise Refusal("InvalidArgumentException",
                      f"Performance Insights is not enabled for the resource {call.params['Identifier']}")
    return start, end


def check_group(group):
    if group not in GROUPS:
        raise Refusal("InvalidArgumentException", f"{group} is no dimension group")


def laid_down(call, metric, group):
    """The values of a metric by key."""
    wanted = {"Identifier": call.params["Identifier"], "Group": group}
    out = {}
    for datum in call.backend("cloudwatch").metric_data:
        dimensions = {d.name: d.value for d in datum.dimensions}
        if datum.namespace == "Sandbox/PI" and datum.name == metric and wanted.items() <= dimensions.items():
            out[dimensions["Key"]] = float(datum.value)
    return out


def points(call, start, end, value):
    step = call.params.get("PeriodInSeconds", 60)
    count = min(int((end - start).total_seconds() // step), 100)
    return [{"Timestamp": start + datetime.timedelta(seconds=step * i), "Value": value} for i in range(count)]


@operation("pi", "GetResourceMetrics")
def get_resource_metrics(call):
    start, end = check(call)
    rows = []
    for query in call.params["MetricQueries"]:
        group = query.get("GroupBy", {}).get("Group", "db.wait_event_type")
        check_group(group)
        values = laid_down(call, query["Metric"], group)
        rows.append({"Key": {"Metric": query["Metric"]}, "DataPoints": points(call, start, end, sum(values.values()))})
        if "GroupBy" in query:
            rows += [{"Key": {"Metric": query["Metric"], "Dimensions": {f"{group}.{GROUPS[group]}": key}},
                      "DataPoints": points(call, start, end, value)} for key, value in values.items()]
    return {"Identifier": call.params["Identifier"], "AlignedStartTime": start, "AlignedEndTime": end,
            "MetricList": rows}


@operation("pi", "DescribeDimensionKeys")
def describe_dimension_keys(call):
    start, end = check(call)
    group, more = call.params["GroupBy"]["Group"], call.params.get("AdditionalMetrics", [])
    check_group(group)
    if more and group != "db.sql_tokenized":
        raise Refusal("InvalidArgumentException", "AdditionalMetrics are of the group db.sql_tokenized alone")
    if any(not name.endswith(".avg") for name in more):
        raise Refusal("InvalidArgumentException", "The only supported statistic of additional metrics is .avg")
    extra = {name: laid_down(call, name, group) for name in more}
    loads = sorted(laid_down(call, call.params["Metric"], group).items(), key=lambda row: -row[1])
    keys = [{"Dimensions": {f"{group}.{GROUPS[group]}": key}, "Total": total,
             "AdditionalMetrics": {n: values[key] for n, values in extra.items() if key in values}}
            for key, total in loads[:call.params["GroupBy"].get("Limit", 10)]]
    return {"AlignedStartTime": start, "AlignedEndTime": end, "Keys": keys}
