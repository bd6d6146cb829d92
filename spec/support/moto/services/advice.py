"""support, trustedadvisor, compute-optimizer, cost-optimization-hub: advisers with nothing to say yet."""
import datetime

from call import Refusal, operation


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def result(check):
    return {"checkId": check, "status": "ok", "timestamp": today(), "resourcesSummary": {
        "resourcesProcessed": 1, "resourcesFlagged": 0, "resourcesIgnored": 0, "resourcesSuppressed": 0},
        "categorySpecificSummary": {"costOptimizing": {"estimatedMonthlySavings": 0.0,
                                                       "estimatedPercentMonthlySavings": 0.0}}}


@operation("support", "DescribeTrustedAdvisorCheckResult")
def check_result(call):
    return {"result": {**result(call.params["checkId"]), "flaggedResources": []}}


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
    return enrolled(call) or {"ecsServiceRecommendations": [], "errors": []}


@operation("compute-optimizer", "GetRDSDatabaseRecommendations")
def rds_recommendations(call):
    return enrolled(call) or {"rdsDBRecommendations": [], "errors": []}


def enrolled(call):
    if call.state.get("status") != "Active":
        raise Refusal("OptInRequiredException", "The account is not opted in to AWS Compute Optimizer.")


@operation("cost-optimization-hub", "ListRecommendations")
def hub_recommendations(call):
    return {"items": []}


@operation("cost-optimization-hub", "GetRecommendation")
def hub_recommendation(call):
    raise Refusal("ResourceNotFoundException", "There is no such recommendation",
                  resourceId=call.params["recommendationId"])


def scaling_tags(call):
    arn = call.params["ResourceARN"]
    targets = [t for dimension in call.backend().targets.values() for t in dimension.values()]
    if not any(t.arn == arn for t in targets):
        raise Refusal("ResourceNotFoundException", f"No scalable target found with the ARN {arn}")
    return call.state.setdefault("tags", {}).setdefault(arn, {})


@operation("application-autoscaling", "RegisterScalableTarget")
def register_scalable_target(call):
    answer = call.moto()
    found = call.backend().targets[call.params["ScalableDimension"]][call.params["ResourceId"]]
    call.state.setdefault("tags", {}).setdefault(found.arn, {}).update(call.params.get("Tags") or {})
    return {**answer, "ScalableTargetARN": found.arn}


@operation("application-autoscaling", "DeregisterScalableTarget")
def deregister_scalable_target(call):
    found = call.backend().targets.get(call.params["ScalableDimension"], {}).get(call.params["ResourceId"])
    answer = call.moto()
    call.state.get("tags", {}).pop(found.arn, None)
    return answer


@operation("application-autoscaling", "TagResource")
def tag_scalable_target(call):
    scaling_tags(call).update(call.params["Tags"])
    return {}


@operation("application-autoscaling", "UntagResource")
def untag_scalable_target(call):
    for key in call.params["TagKeys"]:
        scaling_tags(call).pop(key, None)
    return {}


@operation("application-autoscaling", "ListTagsForResource")
def tags_of_scalable_target(call):
    return {"Tags": scaling_tags(call)}


@operation("application-autoscaling", "DescribeScalingActivities")
def scaling_activities(call):
    return {"ScalingActivities": []}


@operation("health", "DescribeEvents")
def health_events(call):
    return {"events": []}
