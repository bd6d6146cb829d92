"""config: recorders and channels as AWS checks them, conformance packs, and compliance of rules that have not run."""
import datetime
import hashlib
import json

import yaml
from moto import backends

from call import Refusal, operation
import topics

CONTINUOUS = {"recordingFrequency": "CONTINUOUS"}
SERVICE = "config.amazonaws.com"

def now():
    return datetime.datetime.now(datetime.timezone.utc)


# --- The recorder: its role must be one that the service may take on; it has an ARN, and tags given when it is made.

def trusted(call, arn):
    """Whether AWS Config may take on the role of this ARN."""
    for role in backends.get_backend("iam")[call.account]["aws"].roles.values():
        if role.arn == arn:
            trust = role.assume_role_policy_document
            trust = json.loads(trust) if isinstance(trust, str) else trust
            return any(SERVICE in topics.as_list((s.get("Principal") or {}).get("Service", []))
                       for s in topics.as_list(trust["Statement"]))
    return False


def tags_of(call):
    """The tags of recorders and packs, by ARN."""
    return call.state.setdefault("tags", {})


def recorder_arn(call, name):
    key = hashlib.sha1(f"{call.account}{call.region}{name}".encode()).hexdigest()[:16]
    return call.arn(f"configuration-recorder/{name}/{key}")


def told_tags(call):
    return {tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or []}


@operation("config", "PutConfigurationRecorder")
def put_configuration_recorder(call):
    given = call.params["ConfigurationRecorder"]
    if not trusted(call, given.get("roleARN")):
        raise Refusal("InvalidRoleException", f"The IAM role ARN '{given.get('roleARN')}' provided is not valid or"
                      " cannot be assumed by AWS Config.")
    known = given.get("name") in call.backend().recorders
    answer = call.moto()
    modes = call.state.setdefault("modes", {})
    modes[given["name"]] = given.get("recordingMode") or modes.get(given["name"], dict(CONTINUOUS))
    if not known:
        tags_of(call)[recorder_arn(call, given["name"])] = told_tags(call)
    return answer


@operation("config", "DescribeConfigurationRecorders")
def describe_configuration_recorders(call):
    answer = call.moto()
    for recorder in answer.get("ConfigurationRecorders", []):
        recorder["arn"] = recorder_arn(call, recorder["name"])
        recorder["recordingMode"] = call.state.get("modes", {}).get(recorder["name"], dict(CONTINUOUS))
        recorder["recordingScope"] = "PAID"
    return answer


@operation("config", "DeleteConfigurationRecorder")
def delete_configuration_recorder(call):
    answer = call.moto()
    tags_of(call).pop(recorder_arn(call, call.params["ConfigurationRecorderName"]), None)
    return answer


# --- The channel: AWS writes a trial object into the bucket before it takes it.

@operation("config", "PutDeliveryChannel")
def put_delivery_channel(call):
    given = call.params["DeliveryChannel"]
    name = given.get("s3BucketName")
    if name and call.backend().recorders:
        bucket = backends.get_backend("s3")[call.account]["aws"].buckets.get(name)
        if bucket is None:
            raise Refusal("NoSuchBucketException", "Cannot find a S3 bucket with an empty or invalid bucket name:"
                          f" {name}.")
        source = topics.Source(SERVICE, call.arn("*"), call.account, call.region)
        policy = bucket.policy.decode() if bucket.policy else "{}"
        source.known["s3:x-amz-acl"] = "bucket-owner-full-control"
        if not all(topics.lets_in(policy, action, source) for action in ("s3:GetBucketAcl", "s3:PutObject")):
            raise Refusal("InsufficientDeliveryPolicyException", "Insufficient delivery policy to s3 bucket:"
                          f" {name}, unable to write to bucket, provided s3 key prefix is"
                          f" '{given.get('s3KeyPrefix', 'null')}'.")
    return call.moto()


# --- Tags: moto knows those of rules and aggregators.

def tagged(call):
    arn = call.params["ResourceArn"]
    found = tags_of(call).get(arn)
    if found is None and (":configuration-recorder/" in arn or ":conformance-pack/" in arn):
        raise Refusal("ResourceNotFoundException", f"ResourceArn '{arn}' does not exist")
    return found


@operation("config", "TagResource")
def tag_resource(call):
    found = tagged(call)
    if found is None:
        return call.moto()
    found.update(told_tags(call))
    return {}


@operation("config", "UntagResource")
def untag_resource(call):
    found = tagged(call)
    if found is None:
        return call.moto()
    for key in call.params["TagKeys"]:
        found.pop(key, None)
    return {}


@operation("config", "ListTagsForResource")
def list_tags_for_resource(call):
    found = tagged(call)
    if found is None:
        return call.moto()
    return {"Tags": [{"Key": k, "Value": v} for k, v in found.items()]}


# --- Conformance packs

def packs(call):
    return call.state.setdefault("packs", {})


def pack(call):
    name = call.params["ConformancePackName"]
    if name not in packs(call):
        raise Refusal("NoSuchConformancePackException", f"The conformance pack {name} does not exist")
    return packs(call)[name]


KINDS = ("AWS::Config::ConfigRule", "AWS::Config::RemediationConfiguration")


def refuse_bad_template(params):
    """API page: a template in YAML (of which JSON is a part) with rules and remediations alone, up to 51,200 bytes."""
    body = params.get("TemplateBody")
    if body is None:
        return
    try:
        resources = yaml.safe_load(body)["Resources"]
        kinds = [one["Type"] for one in resources.values()]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        kinds = []
    if not kinds or any(kind not in KINDS for kind in kinds) or len(body) > 51200:
        raise Refusal("ConformancePackTemplateValidationException", "The template is invalid: it must have Resources,"
                      " of the types " + " and ".join(KINDS))


@operation("config", "PutConformancePack")
def put_conformance_pack(call):
    params = call.params
    name = params["ConformancePackName"]
    sources = [s for s in ("TemplateS3Uri", "TemplateBody", "TemplateSSMDocumentDetails", "Source") if s in params]
    if len(sources) != 1:
        raise Refusal("InvalidParameterValueException", "give one template, by URI, body or SSM document, or a source")
    refuse_bad_template(params)
    key = "conformance-pack-" + hashlib.sha1(name.encode()).hexdigest()[:9]
    packs(call)[name] = {
        "ConformancePackName": name, "ConformancePackId": key,
        "ConformancePackArn": call.arn(f"conformance-pack/{name}/{key}"),
        "ConformancePackInputParameters": params.get("ConformancePackInputParameters", []),
        "LastUpdateRequestedTime": now(), "Type": "MANAGED" if "Source" in params else "CUSTOM"}
    for extra in ("DeliveryS3Bucket", "DeliveryS3KeyPrefix", "TemplateSSMDocumentDetails", "Source", "Scope"):
        if extra in params:
            packs(call)[name][extra] = params[extra]
    arn = packs(call)[name]["ConformancePackArn"]
    tags_of(call).setdefault(arn, told_tags(call))
    return {"ConformancePackArn": arn}


def chosen(call):
    wanted = call.params.get("ConformancePackNames")
    for name in wanted or []:
        if name not in packs(call):
            raise Refusal("NoSuchConformancePackException", f"The conformance pack {name} does not exist")
    return [p for n, p in packs(call).items() if not wanted or n in wanted]


@operation("config", "DescribeConformancePacks")
def describe_conformance_packs(call):
    return {"ConformancePackDetails": chosen(call)}


@operation("config", "DescribeConformancePackStatus")
def describe_conformance_pack_status(call):
    """Of those that there are: the model knows no refusal for a name that is unknown."""
    wanted = call.params.get("ConformancePackNames")
    found = [p for name, p in packs(call).items() if not wanted or name in wanted]
    return {"ConformancePackStatusDetails": [{
        "ConformancePackName": p["ConformancePackName"], "ConformancePackId": p["ConformancePackId"],
        "ConformancePackArn": p["ConformancePackArn"], "ConformancePackState": "CREATE_COMPLETE",
        "StackArn": f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{p['ConformancePackId']}/1",
        "LastUpdateRequestedTime": p["LastUpdateRequestedTime"],
        "LastUpdateCompletedTime": p["LastUpdateRequestedTime"]} for p in found]}


@operation("config", "DeleteConformancePack")
def delete_conformance_pack(call):
    gone = packs(call).pop(pack(call)["ConformancePackName"])
    tags_of(call).pop(gone["ConformancePackArn"], None)
    return {}


@operation("config", "DescribeConformancePackCompliance")
def describe_conformance_pack_compliance(call):
    return {"ConformancePackName": pack(call)["ConformancePackName"], "ConformancePackRuleComplianceList": []}


@operation("config", "GetConformancePackComplianceSummary")
def conformance_pack_summary(call):
    return {"ConformancePackComplianceSummaryList": [
        {"ConformancePackName": p["ConformancePackName"], "ConformancePackComplianceStatus": "INSUFFICIENT_DATA"}
        for p in chosen(call)]}


def rules(call):
    wanted = call.params.get("ConfigRuleNames")
    known = call.backend().config_rules
    for name in wanted or []:
        if name not in known:
            raise Refusal("NoSuchConfigRuleException", f"The ConfigRule '{name}' provided in the request is"
                          " invalid. Please check the configRule name.")
    return [name for name in known if not wanted or name in wanted]


@operation("config", "DescribeComplianceByConfigRule")
def compliance_by_rule(call):
    return {"ComplianceByConfigRules": [{"ConfigRuleName": name,
                                         "Compliance": {"ComplianceType": "INSUFFICIENT_DATA"}}
                                        for name in rules(call)]}


@operation("config", "GetComplianceDetailsByConfigRule")
def compliance_details(call):
    if call.params["ConfigRuleName"] not in call.backend().config_rules:
        raise Refusal("NoSuchConfigRuleException", "The ConfigRule provided in the request is invalid.")
    return {"EvaluationResults": []}


@operation("config", "GetComplianceSummaryByResourceType")
def compliance_summary(call):
    return {"ComplianceSummariesByResourceType": []}
