"""pi: a load without load; the shape of Performance Insights' answers."""
import datetime

from call import Refusal, operation


def aware(when):
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def check(call):
    start, end = aware(call.params["StartTime"]), aware(call.params["EndTime"])
    if start >= end:
        raise Refusal("InvalidArgumentException", "EndTime must be after StartTime")
    return start, end


@operation("pi", "GetResourceMetrics")
def get_resource_metrics(call):
    start, end = check(call)
    step = call.params.get("PeriodInSeconds", 60)
    if step not in (1, 60, 300, 3600, 86400):
        raise Refusal("InvalidArgumentException", f"{step} is no period")
    times = [start + datetime.timedelta(seconds=step * i)
             for i in range(min(int((end - start).total_seconds() // step), 100))]
    return {"Identifier": call.params["Identifier"], "AlignedStartTime": start, "AlignedEndTime": end,
            "MetricList": [{"Key": {"Metric": q["Metric"]},
                            "DataPoints": [{"Timestamp": t, "Value": 0.0} for t in times]}
                           for q in call.params["MetricQueries"]]}


@operation("pi", "DescribeDimensionKeys")
def describe_dimension_keys(call):
    start, end = check(call)
    return {"AlignedStartTime": start, "AlignedEndTime": end, "Keys": []}
