"""cloudtrail: LookupEvents over what this sandbox was asked to change; what trails write to their log groups; the
selector that every new trail has.

Of reads, those of rules are written down: a call that changes nothing, by which one sees that a trail is at work.
"""
import datetime
import json
import re
import time
import uuid
from urllib.parse import parse_qsl, unquote

from moto import backends

from call import Passed, Refusal, operation

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
              "readOnly": event.get("read", False), "eventType": "AwsApiCall", "managementEvent": True,
              "recipientAccountId": event["account"]}
    if event.get("error"):
        record["errorCode"] = event["error"]
    return {"EventId": event["id"], "EventName": event["name"], "ReadOnly": str(event.get("read", False)).lower(),
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


@operation("events", "DescribeRule")
def describe_rule(call):
    """A read that CloudTrail writes down as it does all others: here it is the only one."""
    key = re.search("Credential=([^/]+)/", call._environ.get("HTTP_AUTHORIZATION", ""))
    event = {"service": "events", "name": "DescribeRule", "time": time.time(), "account": call.account,
             "region": call.region, "access_key": key and key[1], "id": str(uuid.uuid4()), "path": "/", "read": True,
             "body": call._environ["tidelock.body"][:4096], "agent": call._environ.get("HTTP_USER_AGENT", "")}
    try:
        return call.moto()
    except Passed:
        event["error"] = "ResourceNotFoundException"
        raise
    finally:
        call.events.append(event)


# --- What a trail writes to its log group, each event once: looked for when somebody reads the group

def groups(call):
    """The log groups of this region that trails of it write to, as they are logging."""
    for trail in backends.get_backend("cloudtrail")[call.account][call.region].trails.values():
        roles = backends.get_backend("iam")[call.account]["aws"].roles.values()
        if trail.status.is_logging and trail.cw_log_group_arn and any(r.arn == trail.cw_role_arn for r in roles):
            name = trail.cw_log_group_arn.split(":log-group:")[1].removesuffix(":*")
            if name in call.backend("logs").groups:
                yield trail, name


def deliver(call):
    for trail, name in groups(call):
        done = call.other("cloudtrail").setdefault(("delivered", trail.arn), set())
        stream = f"{call.account}_CloudTrail_{call.region}"
        group = call.backend("logs").groups[name]
        new = [e for e in call.events if e["account"] == call.account and e["id"] not in done
               and (trail.is_multi_region or e["region"] == call.region)]
        if new and stream not in group.streams:
            call.backend("logs").create_log_stream(name, stream)
        for event in new:
            done.add(event["id"])
            call.backend("logs").put_log_events(name, stream, [
                {"timestamp": int(event["time"] * 1000), "message": shown(event)["CloudTrailEvent"]}])


@operation("logs", "FilterLogEvents")
def filter_log_events(call):
    deliver(call)
    return call.moto()


@operation("cloudtrail", "GetTrailStatus")
def get_trail_status(call):
    answer = call.moto()
    wanted = call.params["Name"]
    for trail, _ in groups(call):
        if wanted in (trail.trail_name, trail.arn) and answer.get("LatestDeliveryTime"):
            answer["LatestCloudWatchLogsDeliveryTime"] = answer["LatestDeliveryTime"]
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
