"""config: conformance packs, and compliance of rules that have not run."""
import datetime
import hashlib

from call import Refusal, operation


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def packs(call):
    return call.state.setdefault("packs", {})


def pack(call):
    name = call.params["ConformancePackName"]
    if name not in packs(call):
        raise Refusal("NoSuchConformancePackException", f"The conformance pack {name} does not exist")
    return packs(call)[name]


@operation("config", "PutConformancePack")
def put_conformance_pack(call):
    params = call.params
    name = params["ConformancePackName"]
    sources = [s for s in ("TemplateS3Uri", "TemplateBody", "TemplateSSMDocumentDetails") if s in params]
    if len(sources) != 1:
        raise Refusal("InvalidParameterValueException", "give one template, by URI, body or SSM document")
    key = "conformance-pack-" + hashlib.sha1(name.encode()).hexdigest()[:9]
    packs(call)[name] = {
        "ConformancePackName": name, "ConformancePackId": key,
        "ConformancePackArn": call.arn(f"conformance-pack/{name}/{key}"),
        "ConformancePackInputParameters": params.get("ConformancePackInputParameters", []),
        "LastUpdateRequestedTime": now()}
    for extra in ("DeliveryS3Bucket", "DeliveryS3KeyPrefix", "TemplateSSMDocumentDetails"):
        if extra in params:
            packs(call)[name][extra] = params[extra]
    return {"ConformancePackArn": packs(call)[name]["ConformancePackArn"]}


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
    return {"ConformancePackStatusDetails": [{
        "ConformancePackName": p["ConformancePackName"], "ConformancePackId": p["ConformancePackId"],
        "ConformancePackArn": p["ConformancePackArn"], "ConformancePackState": "CREATE_COMPLETE",
        "StackArn": f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{p['ConformancePackId']}/1",
        "LastUpdateRequestedTime": p["LastUpdateRequestedTime"],
        "LastUpdateCompletedTime": p["LastUpdateRequestedTime"]} for p in chosen(call)]}


@operation("config", "DeleteConformancePack")
def delete_conformance_pack(call):
    del packs(call)[pack(call)["ConformancePackName"]]
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
