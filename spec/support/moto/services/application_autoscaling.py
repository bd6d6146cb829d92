"""application-autoscaling: tags of targets, one policy a metric, alarms at the policy's own target, and what it does."""
from call import Refusal, operation
import scaling


def tags(call):
    arn = call.params["ResourceARN"]
    targets = [t for dimension in call.backend().targets.values() for t in dimension.values()]
    if not any(t.arn == arn for t in targets):
        raise Refusal("ResourceNotFoundException", f"No scalable target found with the ARN {arn}")
    return call.state.setdefault("tags", {}).setdefault(arn, {})


def target_of(call):
    return call.backend().targets.get(call.params["ScalableDimension"], {}).get(call.params["ResourceId"])


@operation("application-autoscaling", "RegisterScalableTarget")
def register_scalable_target(call):
    known = target_of(call)
    least = call.params.get("MinCapacity", known.min_capacity if known else 0)
    most = call.params.get("MaxCapacity", known.max_capacity if known else 0)
    if least is not None and most is not None and least > most:
        raise Refusal("ValidationException", "Maximum capacity cannot be less than minimum capacity")
    answer = call.moto()
    found = target_of(call)
    call.state.setdefault("tags", {}).setdefault(found.arn, {}).update(call.params.get("Tags") or {})
    return {**answer, "ScalableTargetARN": found.arn}


@operation("application-autoscaling", "DeregisterScalableTarget")
def deregister_scalable_target(call):
    found = target_of(call)
    answer = call.moto()
    call.state.get("tags", {}).pop(found.arn, None)
    mine = call.params["ResourceId"], call.params["ScalableDimension"]
    for key, policy in list(call.backend().policies.items()):         # its policies go with it, and their alarms
        if (policy.resource_id, policy.scalable_dimension) == mine:
            policy.delete_alarms(call.account, call.region)
            del call.backend().policies[key]
    return answer


@operation("application-autoscaling", "TagResource")
def tag_resource(call):
    tags(call).update(call.params["Tags"])
    return {}


@operation("application-autoscaling", "UntagResource")
def untag_resource(call):
    for key in call.params["TagKeys"]:
        tags(call).pop(key, None)
    return {}


@operation("application-autoscaling", "ListTagsForResource")
def list_tags_for_resource(call):
    return {"Tags": tags(call)}


def metric_of(config):
    config = config or {}
    return config.get("PredefinedMetricSpecification") or config.get("CustomizedMetricSpecification")


def refuse_second(call, mine):
    """Two policies of one target on the same metric would pull at it both."""
    metric = metric_of(call.params.get("TargetTrackingScalingPolicyConfiguration"))
    for policy in call.backend().policies.values():
        if metric and (policy.resource_id, policy.scalable_dimension) == mine[:2] and policy.policy_name != mine[2] \
                and metric_of(policy.target_tracking_scaling_policy_configuration) == metric:
            raise Refusal("ValidationException", "Only one TargetTrackingScaling policy for a given metric specification"
                          " is allowed.")


# moto makes a new policy at each put, with alarms at a threshold of its own, and leaves the old alarms.
@operation("application-autoscaling", "PutScalingPolicy")
def put_scaling_policy(call):
    mine = call.params["ResourceId"], call.params["ScalableDimension"], call.params["PolicyName"]
    if target_of(call) is None:
        raise Refusal("ObjectNotFoundException", "No scalable target registered for service namespace:"
                      f" {call.params['ServiceNamespace']}, resource ID: {mine[0]}, scalable dimension: {mine[1]}")
    refuse_second(call, mine)

    def found():
        return next((p for p in call.backend().policies.values()
                     if (p.resource_id, p.scalable_dimension, p.policy_name) == mine), None)
    old = found()
    call.moto()
    new = found()
    if old is not None:
        old.delete_alarms(call.account, call.region)
        for alarm in new.alarms:
            alarm.alarm_actions = [a.replace(new.policy_arn, old.policy_arn) for a in alarm.alarm_actions]
        new.policy_arn = old.policy_arn
    value = (new.target_tracking_scaling_policy_configuration or {}).get("TargetValue")
    for alarm in new.alarms if value is not None and new.service_namespace == "ecs" else []:
        alarm.threshold = value if "-AlarmHigh-" in alarm.name else value * 0.9
    return {"PolicyARN": new.policy_arn,
            "Alarms": [{"AlarmName": a.name, "AlarmARN": a.alarm_arn} for a in new.alarms]}


# moto does not know PolicyNames.
@operation("application-autoscaling", "DescribeScalingPolicies")
def describe_scaling_policies(call):
    answer = call.moto()
    names = call.params.get("PolicyNames")
    if names:
        answer["ScalingPolicies"] = [p for p in answer["ScalingPolicies"] if p["PolicyName"] in names]
    return answer


@operation("application-autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call):
    scaling.look(call)
    resource = call.params.get("ResourceId")
    return {"ScalingActivities": [a for a in scaling.activities(call) if resource in (None, a["ResourceId"])
                                  and a["ServiceNamespace"] == call.params["ServiceNamespace"]]}
