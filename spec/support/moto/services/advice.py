"""support, trustedadvisor, compute-optimizer, cost-optimization-hub: advisers that say what a spec gives them.

Nothing by default. What there is to say is the JSON in the SSM parameter /sandbox/advice of the account (us-east-1):
  {"plan": "basic"}                                  no support plan: Trusted Advisor refuses
  {"trusted_advisor": {CHECK: [{"metadata": [...], "region":, "resourceId":}]}}   what a check has flagged
  {"hub": [RECOMMENDATION]}                          Cost Optimization Hub; null: the account is not enrolled
  {"ecs": [...], "rds": [...]}                       Compute Optimizer's, once the account has opted in
"""
import datetime
import json

from moto.support.models import ADVISOR_CHECKS

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


def result(check):
    return {"checkId": check, "status": "ok", "timestamp": today(), "resourcesSummary": {
        "resourcesProcessed": 1, "resourcesFlagged": 0, "resourcesIgnored": 0, "resourcesSuppressed": 0},
        "categorySpecificSummary": {"costOptimizing": {"estimatedMonthlySavings": 0.0,
                                                       "estimatedPercentMonthlySavings": 0.0}}}


@operation("support", "DescribeTrustedAdvisorCheckResult")
def check_result(call):
    planned(call)
    check = call.params["checkId"]
    flagged = [{"status": "warning", "region": "us-east-1", "isSuppressed": False, "resourceId": f"{check}-{n}", **one}
               for n, one in enumerate(said(call).get("trusted_advisor", {}).get(check, []))]
    answer = result(check)
    answer["resourcesSummary"]["resourcesFlagged"] = len(flagged)
    if flagged:
        answer["status"] = "warning"
    return {"result": {**answer, "flaggedResources": flagged}}


@operation("support", "DescribeTrustedAdvisorCheckSummaries")
def check_summaries(call):
    return {"summaries": [{**result(check), "hasFlaggedResources": False} for check in call.params["checkIds"]]}


@operation("support", "DescribeTrustedAdvisorCheckRefreshStatuses")
def refresh_statuses(call):
    return {"statuses": [{"checkId": check, "status": "none", "millisUntilNextRefreshable": 0}
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
