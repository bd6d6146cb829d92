"""support, trustedadvisor, compute-optimizer, cost-optimization-hub: advisers that say what a spec gives them.

Nothing by default. What there is to say is the JSON in the SSM parameter /sandbox/advice of the account (us-east-1):
  {"plan": "basic"}                                  no support plan: Trusted Advisor refuses
  {"trusted_advisor": {CHECK: [{"metadata": [...], "region":, "resourceId":}]}}   what a check has flagged
  {"old": {CHECK: "2026-01-01T00:00:00Z"}}           its figures are of then, until it is refreshed
  {"automatic": [CHECK]}                             refreshed by AWS alone
  {"hub": [RECOMMENDATION]}                          Cost Optimization Hub; null: the account is not enrolled
  {"ecs": [...], "rds": [...]}                       Compute Optimizer's, once the account has opted in
"""
import datetime
import json

from moto.support.models import ADVISOR_CHECKS

import slow
from call import Passed, Refusal, operation
from moto import backends


def said(call):
    found = backends.get_backend("ssm")[call.account]["us-east-1"].get_parameter("/sandbox/advice")
    return json.loads(found.value) if found else {}


def planned(call):
    """A code that the service answers though its model has none of that name."""
    if said(call).get("plan") == "basic":
        body = {"__type": "SubscriptionRequiredException",
                "message": "Amazon Web Services Premium Support Subscription is required to use this service."}
        raise Passed(400, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(body).encode())


@operation("support", "DescribeTrustedAdvisorChecks")
def checks(call):
    planned(call)
    return {"checks": ADVISOR_CHECKS["checks"]}


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(call, check):
    """When a check was refreshed: just now, or as the parameter says until it is refreshed."""
    return call.state.get("refreshed", {}).get(check) or said(call).get("old", {}).get(check) or today()


@operation("support", "RefreshTrustedAdvisorCheck")
def refresh(call):
    planned(call)
    check = call.params["checkId"]
    if check in said(call).get("automatic", []):
        raise Passed(400, [("Content-Type", "application/x-amz-json-1.1")], json.dumps({
            "__type": "InvalidParameterValueException",
            "message": f"Check {check} is not refreshable: it is refreshed automatically"}).encode())
    call.state.setdefault("refreshed", {})[check] = today()
    slow.settle(call.state, check)
    return {"status": {"checkId": check, "status": "enqueued", "millisUntilNextRefreshable": 3599999}}


def result(check, at=None):
    return {"checkId": check, "status": "ok", "timestamp": at or today(), "resourcesSummary": {
        "resourcesProcessed": 1, "resourcesFlagged": 0, "resourcesIgnored": 0, "resourcesSuppressed": 0},
        "categorySpecificSummary": {"costOptimizing": {"estimatedMonthlySavings": 0.0,
                                                       "estimatedPercentMonthlySavings": 0.0}}}


@operation("support", "DescribeTrustedAdvisorCheckResult")
def check_result(call):
    planned(call)
    check = call.params["checkId"]
    flagged = [{"status": "warning", "region": "us-east-1", "isSuppressed": False, "resourceId": f"{check}-{n}", **one}
               for n, one in enumerate(said(call).get("trusted_advisor", {}).get(check, []))]
    answer = result(check, age(call, check))
    answer["resourcesSummary"]["resourcesFlagged"] = len(flagged)
    if flagged:
        answer["status"] = "warning"
    return {"result": {**answer, "flaggedResources": flagged}}


@operation("support", "DescribeTrustedAdvisorCheckSummaries")
def check_summaries(call):
    return {"summaries": [{**result(check), "hasFlaggedResources": False} for check in call.params["checkIds"]]}


@operation("support", "DescribeTrustedAdvisorCheckRefreshStatuses")
def refresh_statuses(call):
    def status(check):
        if check not in call.state.get("refreshed", {}):
            return "none"
        return "processing" if slow.settling(call.state, check) else "success"
    return {"statuses": [{"checkId": check, "status": status(check), "millisUntilNextRefreshable": 0}
                         for check in call.params["checkIds"]]}


@operation("trustedadvisor", "ListChecks")
def list_checks(call):
    return {"checkSummaries": []}


@operation("trustedadvisor", "ListRecommendations")
def list_recommendations(call):
    return {"recommendationSummaries": []}


@operation("trustedadvisor", "ListRecommendationResources")
def list_recommendation_resources(call):
    raise Refusal("ResourceNotFoundException", "There is no such recommendation")


@operation("trustedadvisor", "GetRecommendation")
def get_recommendation(call):
    raise Refusal("ResourceNotFoundException", "There is no such recommendation")


@operation("compute-optimizer", "GetEnrollmentStatus")
def get_enrollment_status(call):
    return {"status": call.state.get("status", "Inactive"), "memberAccountsEnrolled": False,
            "statusReason": ""}


@operation("compute-optimizer", "UpdateEnrollmentStatus")
def update_enrollment_status(call):
    call.state["status"] = call.params["status"]
    return {"status": call.params["status"]}


@operation("compute-optimizer", "GetECSServiceRecommendations")
def ecs_recommendations(call):
    return enrolled(call) or {"ecsServiceRecommendations": said(call).get("ecs", []), "errors": []}


@operation("compute-optimizer", "GetRDSDatabaseRecommendations")
def rds_recommendations(call):
    return enrolled(call) or {"rdsDBRecommendations": said(call).get("rds", []), "errors": []}


def enrolled(call):
    if call.state.get("status") != "Active":
        raise Refusal("OptInRequiredException", "The account is not opted in to AWS Compute Optimizer.")


@operation("cost-optimization-hub", "ListRecommendations")
def hub_recommendations(call):
    items = said(call).get("hub", [])
    if items is None:
        raise Refusal("AccessDeniedException", "The account is not enrolled in Cost Optimization Hub.")
    return {"items": sorted(items, key=lambda one: -one.get("estimatedMonthlySavings", 0))}


@operation("cost-optimization-hub", "GetRecommendation")
def hub_recommendation(call):
    raise Refusal("ResourceNotFoundException", "There is no such recommendation",
                  resourceId=call.params["recommendationId"])


@operation("health", "DescribeEvents")
def health_events(call):
    return {"events": []}
