"""cloudtrail: LookupEvents over what this sandbox was asked to change; the selector that every new trail has."""
import datetime
import json
from urllib.parse import parse_qsl, unquote

from call import Refusal, operation

SOURCES = {"cloudwatch": "monitoring", "stepfunctions": "states"}


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value


def parameters(event):
    try:
        return json.loads(event["body"] or b"{}")
    except ValueError:
        form = dict(parse_qsl(event["body"].decode("utf-8", "replace")))
        return {k: v for k, v in form.items() if k not in ("Action", "Version")}


def resources(event):
    """Names that the request holds: whole values, and the last part of ARNs and URLs."""
    out = []
    for text in [*leaves(parameters(event)), *filter(None, map(unquote, event["path"].split("/")))]:
        for name in (text, text.rpartition("/")[2], text.rpartition(":")[2]):
            if 0 < len(name) <= 256 and name not in out and not name.startswith(("{", "[")):
                out.append(name)
    return out[:40]


def shown(event):
    source = SOURCES.get(event["service"], event["service"]) + ".amazonaws.com"
    when = datetime.datetime.fromtimestamp(int(event["time"]), datetime.timezone.utc)
    who = {"type": "IAMUser", "userName": "sandbox", "accountId": event["account"],
           "accessKeyId": event["access_key"],
           "arn": f"arn:aws:iam::{event['account']}:user/sandbox"}
    record = {"eventVersion": "1.11", "userIdentity": who, "eventTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
              "eventSource": source, "eventName": event["name"], "awsRegion": event["region"],
              "sourceIPAddress": "127.0.0.1", "userAgent": event["agent"],
              "requestParameters": parameters(event), "requestID": event["id"], "eventID": event["id"],
              "readOnly": False, "eventType": "AwsApiCall", "managementEvent": True,
              "recipientAccountId": event["account"]}
    return {"EventId": event["id"], "EventName": event["name"], "ReadOnly": "false",
            "AccessKeyId": event["access_key"] or "", "EventTime": when, "EventSource": source,
            "Username": "sandbox", "CloudTrailEvent": json.dumps(record),
            "Resources": [{"ResourceName": name} for name in resources(event)]}


MATCH = {
    "EventId": lambda e, v: e["EventId"] == v, "EventName": lambda e, v: e["EventName"] == v,
    "ReadOnly": lambda e, v: e["ReadOnly"] == v, "Username": lambda e, v: e["Username"] == v,
    "ResourceType": lambda e, v: False, "EventSource": lambda e, v: e["EventSource"] == v,
    "ResourceName": lambda e, v: any(r["ResourceName"] == v for r in e["Resources"]),
    "AccessKeyId": lambda e, v: e["AccessKeyId"] == v,
}


def within(event, params):
    start, end = params.get("StartTime"), params.get("EndTime")
    return (start is None or event["EventTime"] >= aware(start)) and \
        (end is None or event["EventTime"] <= aware(end))


def aware(when):
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


@operation("cloudtrail", "LookupEvents")
def lookup_events(call):
    params = call.params
    if "StartTime" in params and "EndTime" in params and aware(params["StartTime"]) > aware(params["EndTime"]):
        raise Refusal("InvalidTimeRangeException", "The start time is after the end time.")
    wanted = params.get("LookupAttributes", [])
    if len(wanted) > 1:
        raise Refusal("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    mine = [shown(e) for e in reversed(call.events)
            if e["account"] == call.account and e["region"] == call.region]
    found = [e for e in mine if within(e, params) and all(
        MATCH[a["AttributeKey"]](e, a["AttributeValue"]) for a in wanted)]
    try:
        begin = int(params.get("NextToken", 0))
    except ValueError:
        raise Refusal("InvalidNextTokenException", "Invalid token.") from None
    end = begin + params.get("MaxResults", 50)
    answer = {"Events": found[begin:end]}
    if end < len(found):
        answer["NextToken"] = str(end)
    return answer


@operation("cloudtrail", "GetEventSelectors")
def get_event_selectors(call):
    """API page: a trail for which none was put records all management events, and says so."""
    name = call.params["TrailName"]
    if not any(name in (t.trail_name, t.arn) for t in call.backend().describe_trails(include_shadow_trails=True)):
        raise Refusal("TrailNotFoundException", f"Unknown trail: {name} for the user: {call.account}")
    arn, basic, advanced = call.backend().get_event_selectors(trail_name=name)
    if not basic and not advanced:
        basic = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [],
                  "ExcludeManagementEventSources": []}]
    return {"TrailARN": arn, **({"AdvancedEventSelectors": advanced} if advanced else {"EventSelectors": basic})}
