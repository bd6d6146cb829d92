"""What application autoscaling does by itself: target tracking of ECS services, by the figures that CloudWatch has.

AWS's rule as it documents it: a policy's alarm wants three minutes in a row above the target; the new capacity is the
present one times figure over target, rounded up, within the target's limits; after that nothing is added until the
cooldown of scaling out is over. Scaling in, which takes fifteen quiet minutes, is not played here.
"""
import datetime
import math
import time
import uuid

METRICS = {"ECSServiceAverageCPUUtilization": "CPUUtilization",
           "ECSServiceAverageMemoryUtilization": "MemoryUtilization"}
MINUTES, FRESH = 3, 300


def activities(call):
    return call.other("application-autoscaling").setdefault("activities", [])


def minutes_of(call, policy, metric):
    """Averages by minute of the service's metric."""
    _, cluster, service = policy.resource_id.split("/")
    wanted = {("ClusterName", cluster), ("ServiceName", service)}
    rows = {}
    for datum in call.backend("cloudwatch").metric_data:
        if datum.namespace == "AWS/ECS" and datum.name == metric and hasattr(datum, "value") \
                and {(d.name, d.value) for d in datum.dimensions} == wanted:
            rows.setdefault(int(datum.timestamp.timestamp()) // 60, []).append(float(datum.value))
    return {minute: sum(values) / len(values) for minute, values in rows.items()}


def above(call, policy):
    """The newest figure where it was above the target for so many minutes in a row, else None."""
    config = policy.target_tracking_scaling_policy_configuration or {}
    metric = METRICS.get(config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType"))
    rows = minutes_of(call, policy, metric) if metric else {}
    if not rows or time.time() - 60 * max(rows) > FRESH:
        return None
    last = [rows.get(max(rows) - n) for n in range(MINUTES)]
    return last[0] if all(v is not None and v > config["TargetValue"] for v in last) else None


def cooling(call, policy):
    """Has this service been scaled out by now less than a cooldown ago?"""
    wait = policy.target_tracking_scaling_policy_configuration.get("ScaleOutCooldown", 300)
    mine = [a["StartTime"].timestamp() for a in activities(call) if a["ResourceId"] == policy.resource_id]
    return bool(mine) and time.time() - max(mine) < wait


def capacity(target, service, figure, policy):
    value = policy.target_tracking_scaling_policy_configuration["TargetValue"]
    wanted = math.ceil(service.desired_count * figure / value)
    return max(target.min_capacity, min(target.max_capacity, wanted))


def set_capacity(call, policy, service, count, alarm):
    now = datetime.datetime.now(datetime.timezone.utc)
    service.desired_count = count
    activities(call).insert(0, {
        "ActivityId": str(uuid.uuid4()), "ServiceNamespace": "ecs", "ResourceId": policy.resource_id,
        "ScalableDimension": policy.scalable_dimension, "Description": f"Setting desired count to {count}.",
        "Cause": f"monitor alarm {alarm} in state ALARM triggered policy {policy.policy_name}", "StartTime": now,
        "EndTime": now, "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."})


def run(call, policy):
    """One policy that its alarm has triggered."""
    target = call.backend("application-autoscaling").targets.get(policy.scalable_dimension, {}) \
        .get(policy.resource_id)
    _, cluster, name = policy.resource_id.split("/")
    service = call.backend("ecs").services.get(f"{cluster}:{name}")
    figure = above(call, policy)
    suspended = (target.suspended_state or {}) if target else {}
    if figure is None or service is None or target is None or suspended.get("DynamicScalingOutSuspended"):
        return
    high = next((a for a in policy.alarms if "-AlarmHigh-" in a.name), None)
    if high is None:
        return
    high.update_state(f"{figure} is above the target", "{}", "ALARM")
    count = capacity(target, service, figure, policy)
    if count > service.desired_count and not cooling(call, policy):
        set_capacity(call, policy, service, count, high.name)


def tracking(call):
    return [p for p in call.backend("application-autoscaling").policies.values()
            if p.service_namespace == "ecs" and p.policy_type == "TargetTrackingScaling"]


def look(call):
    """Time passes: every policy looks at its figures."""
    for policy in tracking(call):
        run(call, policy)


def triggered(call, action):
    """An alarm's action that is a scaling policy."""
    for policy in tracking(call):
        if action.startswith(policy.policy_arn):
            run(call, policy)
            return True
    return False
