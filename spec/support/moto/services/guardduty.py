"""guardduty: one detector a region, features merged by name, tags, and sample findings, which EventBridge is told of."""
import datetime
import hashlib
import json

from moto import backends

import call as calls

from call import Passed, Refusal, operation

TYPES = ("Recon:EC2/PortProbeUnprotectedPort", "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
         "CryptoCurrency:EC2/BitcoinTool.B!DNS", "Policy:S3/BucketBlockPublicAccessDisabled")
SEVERITY = dict(zip(TYPES, (2.0, 5.0, 8.0, 2.0)))


def findings(call):
    detector = call.params["DetectorId"]
    if detector not in call.backend().detectors:
        raise Refusal("BadRequestException", "The request is rejected because the input detectorId is not"
                      " owned by the current account.")
    return call.state.setdefault(detector, {})


# What every detector has on, and what is shown as off until somebody turns it on.
FOUNDATION = ("CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS")
OPTIONAL = ("S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS",
            "EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING")
AGENTS = {"RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"),
          "EKS_RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT",)}


def merge(call, known, given):
    """Into the features as they are kept, those of a request; the others stay."""
    if call.params.get("DataSources") and given:
        raise Refusal("BadRequestException", "The request is rejected because both data sources and features were"
                      " provided. You can provide only one.")
    if {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"} <= {f["Name"] for f in given}:
        raise Refusal("BadRequestException", "The request is rejected because EKS_RUNTIME_MONITORING and"
                      " RUNTIME_MONITORING cannot both be given.")
    for feature in given:
        kept = known.setdefault(feature["Name"], {"status": "DISABLED", "agents": {}})
        kept["status"] = feature.get("Status", kept["status"])
        for more in feature.get("AdditionalConfiguration") or []:
            if more["Name"] not in AGENTS.get(feature["Name"], ()):
                raise Refusal("BadRequestException", f"The request is rejected because {more['Name']} is no"
                              f" additional configuration of {feature['Name']}.")
            kept["agents"][more["Name"]] = more.get("Status", "DISABLED")


def shown(known):
    out = [{"Name": name, "Status": "ENABLED"} for name in FOUNDATION]
    for name in OPTIONAL:
        kept = known.get(name, {"status": "DISABLED", "agents": {}})
        feature = {"Name": name, "Status": kept["status"]}
        if name in AGENTS:
            feature["AdditionalConfiguration"] = [{"Name": a, "Status": kept["agents"].get(a, "DISABLED")}
                                                  for a in AGENTS[name]]
        out.append(feature)
    return out


def features(call, detector):
    return call.state.setdefault("features", {}).setdefault(detector, {})


@operation("guardduty", "CreateDetector")
def create_detector(call):
    if call.backend().detectors:
        raise Refusal("BadRequestException", "The request is rejected because a detector already exists"
                      " for the current account.")
    known = {}
    merge(call, known, call.params.get("Features") or [])
    answer = call.moto()
    call.state.setdefault("features", {})[answer["DetectorId"]] = known
    return answer


@operation("guardduty", "UpdateDetector")
def update_detector(call):
    detector = call.params["DetectorId"]
    findings(call)                            # refuses a detector that is not there
    merge(call, features(call, detector), call.params.get("Features") or [])
    return call.moto()


@operation("guardduty", "GetDetector")
def get_detector(call):
    findings(call)
    answer = call.moto()
    answer["Features"] = shown(features(call, call.params["DetectorId"]))
    return answer


@operation("guardduty", "GetAdministratorAccount")
def get_administrator_account(call):
    """moto misspells the member. Without an administrator AWS answers 200 and nothing."""
    findings(call)
    known = call.backend().admin_account_ids
    if not known or known[0] == call.account:
        raise Passed(*call.raw())
    return {"Administrator": {"AccountId": known[0], "RelationshipStatus": "Enabled"}}


@operation("guardduty", "DeleteDetector")
def delete_detector(call):
    findings(call)
    call.state.pop(call.params["DetectorId"])
    call.state.get("features", {}).pop(call.params["DetectorId"], None)
    return call.moto()


def tags(call):
    detector = call.params["ResourceArn"].rpartition("/")[2]
    if detector not in call.backend().detectors:
        raise Refusal("BadRequestException", "The request is rejected because the resource ARN is not valid.")
    return call.backend().detectors[detector].tags


@operation("guardduty", "TagResource")
def tag_resource(call):
    tags(call).update(call.params["Tags"])
    return {}


@operation("guardduty", "UntagResource")
def untag_resource(call):
    for key in call.params["TagKeys"]:
        tags(call).pop(key, None)
    return {}


@operation("guardduty", "ListTagsForResource")
def list_tags_for_resource(call):
    return {"Tags": tags(call)}


@operation("guardduty", "CreateSampleFindings")
def create_sample_findings(call):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    detector = call.params["DetectorId"]
    for kind in call.params.get("FindingTypes") or TYPES:
        key = hashlib.md5(f"{detector}{kind}".encode()).hexdigest()
        findings(call)[key] = {
            "Id": key, "AccountId": call.account, "Region": call.region, "SchemaVersion": "2.0",
            "Arn": call.arn(f"detector/{detector}/finding/{key}"), "Partition": "aws", "Type": kind,
            "Severity": SEVERITY.get(kind, 5.0), "CreatedAt": now, "UpdatedAt": now,
            "Title": f"[SAMPLE] {kind}", "Description": "A sample finding.",
            "Resource": {"ResourceType": "AccessKey" if "IAM" in kind else "Instance"},
            "Service": {"Archived": False, "Count": 1, "DetectorId": detector, "ServiceName": "guardduty",
                        "EventFirstSeen": now, "EventLastSeen": now}}
        tell(call, findings(call)[key])
    return {}


def as_event(value):
    """As EventBridge gets it: the names of members begin small."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: as_event(item) for key, item in value.items()}
    return [as_event(item) for item in value] if isinstance(value, list) else value


def tell(call, finding):
    """Each new finding is an event; AWS sends it within five minutes."""
    calls.load("events")
    backends.get_backend("events")[call.account][call.region].put_events([{
        "Source": "aws.guardduty", "DetailType": "GuardDuty Finding", "Detail": json.dumps(as_event(finding))}])


def matches(finding, name, test):
    value = finding
    for part in name.split("."):
        value = value.get(part[0].upper() + part[1:]) if isinstance(value, dict) else None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    checks = []
    for one in ("Equals", "Eq"):
        if one in test:
            checks.append(text in test[one])
    for one in ("NotEquals", "Neq"):
        if one in test:
            checks.append(text not in test[one])
    for one, compare in (("GreaterThanOrEqual", lambda a, b: a >= b), ("Gte", lambda a, b: a >= b),
                         ("GreaterThan", lambda a, b: a > b), ("LessThan", lambda a, b: a < b),
                         ("LessThanOrEqual", lambda a, b: a <= b)):
        if one in test and isinstance(value, (int, float)):
            checks.append(compare(value, test[one]))
    return all(checks)


@operation("guardduty", "ListFindings")
def list_findings(call):
    criteria = (call.params.get("FindingCriteria") or {}).get("Criterion", {})
    return {"FindingIds": [key for key, f in findings(call).items()
                           if all(matches(f, name, test) for name, test in criteria.items())]}


@operation("guardduty", "GetFindings")
def get_findings(call):
    known = findings(call)
    return {"Findings": [known[key] for key in call.params["FindingIds"] if key in known]}


def archive(call, archived):
    known = findings(call)
    for key in call.params["FindingIds"]:
        if key in known:
            known[key]["Service"]["Archived"] = archived
    return {}


@operation("guardduty", "ArchiveFindings")
def archive_findings(call):
    return archive(call, True)


@operation("guardduty", "UnarchiveFindings")
def unarchive_findings(call):
    return archive(call, False)


@operation("guardduty", "GetFindingsStatistics")
def get_findings_statistics(call):
    count = {}
    for finding in findings(call).values():
        if not finding["Service"]["Archived"]:
            key = f"{finding['Severity']:g}"
            count[key] = count.get(key, 0) + 1
    return {"FindingStatistics": {"CountBySeverity": count}}


@operation("guardduty", "ListFilters")
def list_filters(call):
    findings(call)
    detector = call.backend().detectors[call.params["DetectorId"]]
    return {"FilterNames": list(getattr(detector, "filters", {}))}
