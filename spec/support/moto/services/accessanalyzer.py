"""accessanalyzer: a service that moto has not; analyzers, and findings about public buckets and queues."""
import datetime
import json

from call import Refusal, operation
from moto import backends


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def analyzers(call):
    return call.state.setdefault("analyzers", {})


def analyzer(call, name):
    if name not in analyzers(call):
        raise Refusal("ResourceNotFoundException", f"Analyzer {name} not found", resourceId=name,
                      resourceType="Analyzer")
    return analyzers(call)[name]


@operation("accessanalyzer", "CreateAnalyzer")
def create_analyzer(call):
    name = call.params["analyzerName"]
    if name in analyzers(call):
        raise Refusal("ConflictException", f"Analyzer {name} already exists", resourceId=name,
                      resourceType="Analyzer")
    if any(a["type"] == call.params["type"] for a in analyzers(call).values()):
        raise Refusal("ServiceQuotaExceededException", f"one analyzer of type {call.params['type']} a region",
                      resourceId=name, resourceType="Analyzer")
    arn = call.arn(f"analyzer/{name}", "access-analyzer")
    analyzers(call)[name] = {"arn": arn, "name": name, "type": call.params["type"], "createdAt": now(),
                             "status": "ACTIVE", "tags": call.params.get("tags", {})}
    if "configuration" in call.params:
        analyzers(call)[name]["configuration"] = call.params["configuration"]
    return {"arn": arn}


@operation("accessanalyzer", "UpdateAnalyzer")
def update_analyzer(call):
    found = analyzer(call, call.params["analyzerName"])
    new = call.params.get("configuration") or {}
    old = found.get("configuration") or {}
    age = "unusedAccess", "unusedAccessAge"
    if age[0] in new and new[age[0]].get(age[1], None) not in (None, old.get(age[0], {}).get(age[1])):
        raise Refusal("ValidationException", "The unused access age of an analyzer cannot be changed",
                      reason="fieldValidationFailed")
    found["configuration"] = {**old, **new}
    return {"configuration": found["configuration"]}


def tags(call):
    for found in analyzers(call).values():
        if found["arn"] == call.params["resourceArn"]:
            return found["tags"]
    raise Refusal("ResourceNotFoundException", "Analyzer not found", resourceType="Analyzer",
                  resourceId=call.params["resourceArn"])


@operation("accessanalyzer", "TagResource")
def tag_resource(call):
    tags(call).update(call.params["tags"])
    return {}


@operation("accessanalyzer", "UntagResource")
def untag_resource(call):
    for key in call.params["tagKeys"]:
        tags(call).pop(key, None)
    return {}


@operation("accessanalyzer", "ListTagsForResource")
def list_tags_for_resource(call):
    return {"tags": tags(call)}


@operation("accessanalyzer", "GetAnalyzer")
def get_analyzer(call):
    return {"analyzer": analyzer(call, call.params["analyzerName"])}


@operation("accessanalyzer", "ListAnalyzers")
def list_analyzers(call):
    return {"analyzers": [a for a in analyzers(call).values()
                          if call.params.get("type") in (None, a["type"])]}


@operation("accessanalyzer", "DeleteAnalyzer")
def delete_analyzer(call):
    analyzer(call, call.params["analyzerName"])
    del analyzers(call)[call.params["analyzerName"]]
    return {}


def opens(policy):
    try:
        statements = json.loads(policy).get("Statement", [])
    except (ValueError, TypeError):
        return None
    for s in statements if isinstance(statements, list) else [statements]:
        principal = s.get("Principal")
        if s.get("Effect") == "Allow" and not s.get("Condition") and \
           (principal == "*" or (isinstance(principal, dict) and principal.get("AWS") == "*")):
            actions = s.get("Action", [])
            return actions if isinstance(actions, list) else [actions]
    return None


def exposed(call):
    for bucket in list(backends.get_backend("s3")[call.account]["aws"].buckets.values()):
        actions = opens(bucket.policy.decode() if bucket.policy else "")
        if actions:
            yield "AWS::S3::Bucket", f"arn:aws:s3:::{bucket.name}", actions
    for queue in list(backends.get_backend("sqs")[call.account][call.region].queues.values()):
        actions = opens(queue.policy if isinstance(queue.policy, str) else json.dumps(queue.policy or {}))
        if actions:
            yield "AWS::SQS::Queue", queue.queue_arn, actions


@operation("accessanalyzer", "ListFindings")
def list_findings(call):
    if not any(a["arn"] == call.params["analyzerArn"] for a in analyzers(call).values()):
        raise Refusal("ResourceNotFoundException", "Analyzer not found", resourceType="Analyzer",
                      resourceId=call.params["analyzerArn"])
    return {"findings": [{
        "id": f"finding-{i}", "principal": {"AWS": "*"}, "action": actions, "resource": arn, "isPublic": True,
        "resourceType": kind, "condition": {}, "createdAt": now(), "analyzedAt": now(), "updatedAt": now(),
        "status": "ACTIVE", "resourceOwnerAccount": call.account} for i, (kind, arn, actions) in enumerate(exposed(call))]}


@operation("accessanalyzer", "ListFindingsV2")
def list_findings_v2(call):
    """The same findings by the newer call, that has their type too."""
    kept = ("id", "resource", "resourceType", "createdAt", "analyzedAt", "updatedAt", "status", "resourceOwnerAccount")
    return {"findings": [{**{name: f[name] for name in kept}, "findingType": "ExternalAccess"}
                         for f in list_findings(call)["findings"]]}


@operation("accessanalyzer", "GetFinding")
def get_finding(call):
    for finding in list_findings(call)["findings"]:
        if finding["id"] == call.params["id"]:
            return {"finding": finding}
    raise Refusal("ResourceNotFoundException", "Finding not found", resourceType="Finding",
                  resourceId=call.params["id"])
