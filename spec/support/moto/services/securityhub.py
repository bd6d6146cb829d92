"""securityhub: standards, the aggregator, findings that filters find, and updates of them."""
from call import STATE, Refusal, operation

NAMES = {"aws-foundational-security-best-practices/v/1.0.0": "AWS Foundational Security Best Practices v1.0.0",
         "cis-aws-foundations-benchmark/v/3.0.0": "CIS AWS Foundations Benchmark v3.0.0",
         "cis-aws-foundations-benchmark/v/1.4.0": "CIS AWS Foundations Benchmark v1.4.0",
         "nist-800-53/v/5.0.0": "NIST Special Publication 800-53 Revision 5",
         "pci-dss/v/4.0.1": "PCI DSS v4.0.1"}


def needs_hub(call):
    if not call.backend().enabled:
        raise Refusal("InvalidAccessException", f"Account {call.account} is not subscribed to AWS Security Hub")


def standard_arn(call, name):
    return f"arn:aws:securityhub:{call.region}::standards/{name}"


def subscriptions(call):
    return call.state.setdefault("standards", {})


@operation("securityhub", "DescribeStandards")
def describe_standards(call):
    return {"Standards": [{"StandardsArn": standard_arn(call, name), "Name": title, "EnabledByDefault": False,
                           "Description": title} for name, title in NAMES.items()]}


@operation("securityhub", "BatchEnableStandards")
def batch_enable_standards(call):
    needs_hub(call)
    out = []
    for request in call.params["StandardsSubscriptionRequests"]:
        arn = request["StandardsArn"]
        name = arn.rpartition("standards/")[2]
        if name not in NAMES:
            raise Refusal("InvalidInputException", f"Invalid parameters: {arn} is no standard")
        key = call.arn(f"subscription/{name}")
        subscriptions(call)[key] = {"StandardsSubscriptionArn": key, "StandardsArn": arn,
                                    "StandardsInput": request.get("StandardsInput", {}),
                                    "StandardsStatus": "READY"}
        out.append(subscriptions(call)[key])
    return {"StandardsSubscriptions": out}


@operation("securityhub", "BatchDisableStandards")
def batch_disable_standards(call):
    out = []
    for key in call.params["StandardsSubscriptionArns"]:
        if key not in subscriptions(call):
            raise Refusal("InvalidInputException", f"Invalid parameters: {key} is not enabled")
        out.append({**subscriptions(call).pop(key), "StandardsStatus": "DELETING"})
    return {"StandardsSubscriptions": out}


@operation("securityhub", "GetEnabledStandards")
def get_enabled_standards(call):
    needs_hub(call)
    wanted = call.params.get("StandardsSubscriptionArns")
    return {"StandardsSubscriptions": [s for key, s in subscriptions(call).items()
                                       if not wanted or key in wanted]}


# --- The aggregator: one an account, seen from every region, changed from its own alone.

WITH_REGIONS = ("SPECIFIED_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED")


def aggregator(call):
    """All regions of the account share it: kept beside the state of no region."""
    return STATE.setdefault((call.account, "all", "securityhub"), {})


def linked(call):
    mode, regions = call.params["RegionLinkingMode"], call.params.get("Regions", [])
    if (mode in WITH_REGIONS) != bool(regions) or mode not in (*WITH_REGIONS, "ALL_REGIONS", "NO_REGIONS"):
        raise Refusal("InvalidInputException", "Regions go with SPECIFIED_REGIONS and ALL_REGIONS_EXCEPT_SPECIFIED")
    return {"RegionLinkingMode": mode, "Regions": regions}


@operation("securityhub", "CreateFindingAggregator")
def create_finding_aggregator(call):
    needs_hub(call)
    if aggregator(call):
        raise Refusal("InvalidInputException", "A finding aggregator already exists for this account")
    aggregator(call).update({
        "FindingAggregatorArn": call.arn("finding-aggregator/00000000-0000-0000-0000-000000000001"),
        "FindingAggregationRegion": call.region, **linked(call)})
    return aggregator(call)


@operation("securityhub", "ListFindingAggregators")
def list_finding_aggregators(call):
    needs_hub(call)
    found = aggregator(call)
    return {"FindingAggregators": [{"FindingAggregatorArn": found["FindingAggregatorArn"]}] if found else []}


@operation("securityhub", "GetFindingAggregator")
def get_finding_aggregator(call):
    found = aggregator(call)
    if not found or found["FindingAggregatorArn"] != call.params["FindingAggregatorArn"]:
        raise Refusal("ResourceNotFoundException", "There is no such finding aggregator")
    return found


def at_home(call):
    found = get_finding_aggregator(call)
    if found["FindingAggregationRegion"] != call.region:
        raise Refusal("AccessDeniedException", "The aggregator is changed from its aggregation Region,"
                      f" {found['FindingAggregationRegion']}")
    return found


@operation("securityhub", "UpdateFindingAggregator")
def update_finding_aggregator(call):
    found = at_home(call)
    found.update(linked(call))
    return found


@operation("securityhub", "DeleteFindingAggregator")
def delete_finding_aggregator(call):
    at_home(call).clear()
    return {}


@operation("securityhub", "UpdateSecurityHubConfiguration")
def update_configuration(call):
    needs_hub(call)
    call.state.setdefault("configuration", {}).update(call.params)
    return {}


@operation("securityhub", "EnableSecurityHub")
def enable_security_hub(call):
    if call.backend().enabled:
        raise Refusal("ResourceConflictException", "Account is already subscribed to Security Hub")
    answer = call.moto()
    given = call.params.get("ControlFindingGenerator")
    call.state["configuration"] = {"ControlFindingGenerator": given} if given else {}
    return answer


@operation("securityhub", "DisableSecurityHub")
def disable_security_hub(call):
    answer = call.moto()
    call.state.clear()
    if aggregator(call).get("FindingAggregationRegion") == call.region:
        aggregator(call).clear()
    return answer


def tags(call):
    needs_hub(call)
    if call.params["ResourceArn"] != call.arn("hub/default"):
        raise Refusal("ResourceNotFoundException", f"There is no resource {call.params['ResourceArn']}")
    return call.backend().tags


@operation("securityhub", "TagResource")
def tag_resource(call):
    tags(call).update(call.params["Tags"])
    return {}


@operation("securityhub", "UntagResource")
def untag_resource(call):
    for key in call.params["TagKeys"]:
        tags(call).pop(key, None)
    return {}


@operation("securityhub", "ListTagsForResource")
def list_tags_for_resource(call):
    return {"Tags": tags(call)}


@operation("securityhub", "DescribeHub")
def describe_hub(call):
    answer = call.moto()
    changed = call.state.get("configuration", {})
    for name in ("AutoEnableControls", "ControlFindingGenerator"):
        if name in changed:
            answer[name] = changed[name]
    return answer


# Where a filter's value lies in a finding: the rest is its own name.
PATHS = {"SeverityLabel": "Severity.Label", "WorkflowStatus": "Workflow.Status",
         "ComplianceStatus": "Compliance.Status", "ResourceType": "Resources.Type", "ResourceId": "Resources.Id",
         "ComplianceSecurityControlId": "Compliance.SecurityControlId"}


def values(finding, path):
    here = [finding]
    for part in path.split("."):
        step = [h.get(part) for h in here if isinstance(h, dict)]
        here = [x for s in step for x in (s if isinstance(s, list) else [s])]
    return [str(h) for h in here if h is not None]


def fits(found, test):
    want, how = test.get("Value", ""), test.get("Comparison", "EQUALS")
    return {"EQUALS": any(v == want for v in found), "PREFIX": any(v.startswith(want) for v in found),
            "NOT_EQUALS": all(v != want for v in found), "CONTAINS": any(want in v for v in found),
            "PREFIX_NOT_EQUALS": all(not v.startswith(want) for v in found)}.get(how, True)


@operation("securityhub", "GetFindings")
def get_findings(call):
    needs_hub(call)
    answer = call.moto()
    for name, tests in (call.params.get("Filters") or {}).items():
        positive = [t for t in tests if isinstance(t, dict) and "NOT" not in t.get("Comparison", "")]
        negative = [t for t in tests if isinstance(t, dict) and "NOT" in t.get("Comparison", "")]
        path = PATHS.get(name, name)
        answer["Findings"] = [f for f in answer["Findings"] if all(fits(values(f, path), t) for t in negative)
                              and (not positive or any(fits(values(f, path), t) for t in positive))]
    return answer


@operation("securityhub", "BatchUpdateFindings")
def batch_update_findings(call):
    done, missed = [], []
    for wanted in call.params["FindingIdentifiers"]:
        found = [f for f in call.backend().findings if f.id == wanted["Id"]]
        for finding in found:
            if "Workflow" in call.params:
                finding.data["Workflow"] = call.params["Workflow"]
            if "Note" in call.params:
                finding.data["Note"] = {**call.params["Note"], "UpdatedAt": "2026-01-01T00:00:00Z"}
        if found:
            done.append(wanted)
        else:
            missed.append({"FindingIdentifier": wanted, "ErrorCode": "FindingNotFound",
                           "ErrorMessage": "Finding Not Found"})
    return {"ProcessedFindings": done, "UnprocessedFindings": missed}
