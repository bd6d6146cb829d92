"""ecs: releases that come up or are rolled back, the settings of services that moto forgets, clusters, account defaults.

A release is over when a service is looked at: its tasks run at once (with --slow, after a while). A container cannot be
started whose entry point lies under /no/such, or whose secrets are not there or not the starting role's to read: then
each look is a task that failed, until the circuit breaker's threshold, where it is on, ends the release, and rolls it
back, where that is on too. Without it tries go on for ever.
"""
import copy
import datetime
import fnmatch
import json
import math
import random

from call import Refusal, operation
import scaling
import slow

DEFAULT = {"maximumPercent": 200, "minimumHealthyPercent": 100,
           "deploymentCircuitBreaker": {"enable": False, "rollback": False}}
KEPT = ("enableExecuteCommand", "enableECSManagedTags", "healthCheckGracePeriodSeconds", "propagateTags",
        "platformVersion", "networkConfiguration", "availabilityZoneRebalancing")
BROKEN = "/no/such"


def kept(call):
    return call.state.setdefault("deployment", {})


def now():
    return datetime.datetime.now(datetime.timezone.utc)


# Releases of a service, the newest first.
def releases(call, arn):
    return call.state.setdefault("releases", {}).setdefault(arn, [])


def begin(call, service, definition, reason=None):
    name = f"ecs-svc/{random.randrange(10 ** 18, 10 ** 19)}"
    for old in releases(call, service.arn):
        old["status"] = "ACTIVE"
    releases(call, service.arn).insert(0, {
        "id": name, "status": "PRIMARY", "taskDefinition": definition, "failedTasks": 0, "createdAt": now(),
        "updatedAt": now(), "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": reason or f"ECS deployment {name} in progress."})
    slow.settle(call.state, name)


def definition_of(call, arn):
    family, _, revision = arn.rpartition("/")[2].partition(":")
    known = call.backend().task_definitions.get(family, {})
    return known.get(int(revision) if revision else max(known, default=0))


# The value that a container's secret stands for: a secret of Secrets Manager, or one member of it.
def value_of(call, place):
    parts = place.split(":")
    arn, key = ":".join(parts[:7]), (parts + [""] * 8)[7]
    for one in call.backend("secretsmanager").secrets.values():
        if one.arn == arn and not one.is_deleted():
            text = one.versions[one.default_version_id].get("secret_string")
            return json.loads(text).get(key) if key and text else text
    return None


def listed(value):
    return value if isinstance(value, list) else [value]


# Whether a role's own policies let it do this; conditions and denials are not looked at.
def may(call, role_arn, action, resource):
    role = next((r for r in call.backend("iam").roles.values() if r.arn == role_arn), None)
    if role is None:
        return False
    managed = [next(v.document for v in p.versions if v.is_default) for p in role.managed_policies.values()]
    statements = [s for text in [*role.policies.values(), *managed] for s in listed(json.loads(text)["Statement"])]
    return any(s["Effect"] == "Allow" and any(fnmatch.fnmatchcase(action, a) for a in listed(s.get("Action", [])))
               and any(fnmatch.fnmatchcase(resource, r) for r in listed(s.get("Resource", []))) for s in statements)


def fault_of(call, definition, container):
    if (container.get("entryPoint") or [""])[0].startswith(BROKEN):
        return "CannotStartContainerError: no such file or directory"
    for secret in container.get("secrets") or []:
        place = secret["valueFrom"]
        if ":secretsmanager:" in place:
            role, arn = getattr(definition, "execution_role_arn", None), ":".join(place.split(":")[:7])
            if not may(call, role, "secretsmanager:GetSecretValue", arn):
                return "ResourceInitializationError: unable to pull secrets: AccessDeniedException"
            if value_of(call, place) is None:
                return "ResourceInitializationError: unable to pull secrets: ResourceNotFoundException"
    return None


def fault(call, arn):
    """Why the tasks of a definition cannot be started, or None."""
    definition = definition_of(call, arn)
    faults = [fault_of(call, definition, c) for c in definition.container_definitions] if definition else []
    return next((f for f in faults if f), None)


def threshold(breaker, desired):
    how = breaker.get("thresholdConfiguration") or {"type": "BOUNDED_PERCENT", "value": 50}
    if how["type"] == "COUNT":
        return how["value"]
    count = math.ceil(how["value"] * desired / 100)
    return min(200, max(3, count)) if how["type"] == "BOUNDED_PERCENT" else max(1, count)


def event(call, service, text):
    service.events.insert(0, {"id": f"{random.randrange(16 ** 8):08x}", "createdAt": now(),
                              "message": f"(service {service.name}) {text}"})


def completed(call, service, release):
    release.update(rolloutState="COMPLETED", updatedAt=now(),
                   rolloutStateReason=f"ECS deployment {release['id']} completed.")
    del releases(call, service.arn)[1:]
    call.state.setdefault("steady", {})[service.arn] = release["taskDefinition"]


# One more task that could not be started.
def failed(call, service, release, breaker):
    release["failedTasks"] += 1
    if not breaker.get("enable") or release["failedTasks"] < threshold(breaker, service.desired_count):
        return
    release.update(rolloutState="FAILED", updatedAt=now(),
                   rolloutStateReason="ECS deployment circuit breaker: tasks failed to start.")
    event(call, service, f"(deployment {release['id']}) deployment failed: tasks failed to start.")
    before = call.state.get("steady", {}).get(service.arn)
    if breaker.get("rollback") and before and before != release["taskDefinition"]:
        service.task_definition = before
        begin(call, service, before, f"ECS deployment circuit breaker: rolling back to {before.rpartition('/')[2]}.")
        event(call, service, f"rolling back to {before.rpartition('/')[2]}.")


def advance(call, service):
    mine = releases(call, service.arn)
    if not mine or mine[0]["rolloutState"] != "IN_PROGRESS" or slow.settling(call.state, mine[0]["id"]):
        return
    why = fault(call, mine[0]["taskDefinition"])
    if why is None:
        completed(call, service, mine[0])
    else:
        event(call, service, f"was unable to place a task. Reason: {why}.")
        failed(call, service, mine[0], settings(call, service.arn)["deploymentCircuitBreaker"])


def settings(call, arn):
    return {**DEFAULT, **kept(call).get(arn, {}).get("deploymentConfiguration", {})}


def numbered(call, service, release):
    first = release is releases(call, service.arn)[0]
    up = release["rolloutState"] == "COMPLETED" or not first
    count = service.desired_count if first or up else 0
    running = service.desired_count if up else 0
    return {**release, "desiredCount": count, "runningCount": running, "pendingCount": count - running}


def show(call, answer):
    service = call.backend().services.get("{}:{}".format(*answer["serviceArn"].split("/")[-2:]))
    own = kept(call).get(answer["serviceArn"], {})
    answer.update({name: copy.deepcopy(own[name]) for name in KEPT if name in own})
    answer["deploymentConfiguration"] = settings(call, answer["serviceArn"])
    mine = service and releases(call, service.arn)
    if mine:
        answer["deployments"] = [numbered(call, service, r) for r in mine]
        # tasks of before run on until those of a release do
        up = any(r["rolloutState"] == "COMPLETED" for r in mine) or service.arn in call.state.get("steady", {})
        answer["desiredCount"] = service.desired_count
        answer["runningCount"] = service.desired_count if up else 0
        answer["pendingCount"] = service.desired_count - answer["runningCount"]
        answer["taskDefinition"] = service.task_definition
        answer["events"] = service.events
    return answer


def service_of(call, answer):
    return call.backend().services["{}:{}".format(*answer["serviceArn"].split("/")[-2:])]


# moto counts the tasks that it was told to run, and not those of services.
@operation("ecs", "DescribeClusters")
def describe_clusters(call):
    answer = call.moto()
    for one in answer.get("clusters", []):
        mine = [s for s in call.backend().services.values()
                if s.cluster_arn == one["clusterArn"] and s.status == "ACTIVE"]
        running = sum(s.desired_count for s in mine if s.arn in call.state.get("steady", {}))
        started = sum(t.last_status == "RUNNING" for t in call.backend().tasks.get(one["clusterName"], {}).values())
        one.update(activeServicesCount=len(mine), runningTasksCount=running + started,
                   pendingTasksCount=sum(s.desired_count for s in mine) - running)
    return answer


def by_ecs(service):
    return service.deployment_controller.get("type", "ECS") == "ECS"


def refuse_breaker(call, service):
    given = call.params.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker")
    if given and given.get("enable") and not by_ecs(service):
        raise Refusal("InvalidParameterException", "Deployment circuit breaker feature is only supported with ECS"
                      " deployment controller.")


def keep(call, arn):
    mine = kept(call).setdefault(arn, {})
    for name in KEPT + ("deploymentConfiguration",):
        if name in call.params:
            mine[name] = call.params[name]


@operation("ecs", "CreateService")
def create_service(call):
    answer = call.moto()
    service = service_of(call, answer["service"])
    keep(call, service.arn)
    if by_ecs(service):
        begin(call, service, service.task_definition)
    show(call, answer["service"])
    return answer


@operation("ecs", "UpdateService")
def update_service(call):
    cluster = call.params.get("cluster", "default").rpartition("/")[2]
    service = call.backend().services.get(f"{cluster}:{call.params['service'].rpartition('/')[2]}")
    if service is not None and service.status == "ACTIVE":
        refuse_breaker(call, service)
        if "taskDefinition" in call.params and not by_ecs(service):
            raise Refusal("InvalidParameterException", "Unable to update task definition on services with a"
                          f" {service.deployment_controller['type']} deployment controller.")
        if by_ecs(service) and fault(call, service.task_definition) is None:
            advance(call, service)
    before = service and service.task_definition
    answer = call.moto()
    keep(call, service.arn)
    if "taskDefinition" in call.params:          # moto keeps what was given, a family or an ARN
        service.task_definition = definition_of(call, call.params["taskDefinition"]).arn
    if by_ecs(service) and (service.task_definition != before or call.params.get("forceNewDeployment")):
        begin(call, service, service.task_definition)
    show(call, answer["service"])
    return answer


@operation("ecs", "DescribeServices")
def describe_services(call):
    scaling.look(call)
    answer = call.moto()
    for one in answer.get("services", []):
        service = service_of(call, one)
        if by_ecs(service) and service.status == "ACTIVE":
            advance(call, service)
        show(call, one)
    return answer


@operation("ecs", "DeleteService")
def delete_service(call):
    answer = call.moto()
    arn = answer["service"]["serviceArn"]
    kept(call).pop(arn, None)
    call.state.get("releases", {}).pop(arn, None)
    show(call, answer["service"])
    return answer


def cluster_of(call):
    name = call.params["cluster"].rpartition("/")[2]
    found = call.backend().clusters.get(name)
    if found is None:
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    return found


@operation("ecs", "UpdateClusterSettings")
def update_cluster_settings(call):
    found = cluster_of(call)
    for setting in call.params["settings"]:
        if setting.get("name") == "containerInsights" and setting.get("value") not in INSIGHTS:
            raise Refusal("InvalidParameterException", f"Invalid value for containerInsights: {setting.get('value')}")
    new = {s["name"]: s["value"] for s in found.settings or []}
    new.update({s["name"]: s["value"] for s in call.params["settings"]})
    found.settings = [{"name": n, "value": v} for n, v in new.items()]
    return {"cluster": {"clusterArn": found.arn, "clusterName": found.name, "status": found.status,
                        "settings": found.settings}}


INSIGHTS = ("disabled", "enabled", "enhanced")


# Settings of the account by name; those that one principal has of its own by name and principal.
def account_settings(call):
    return call.state.setdefault("settings", {})


def root(call):
    return f"arn:aws:iam::{call.account}:root"


@operation("ecs", "PutAccountSettingDefault")
def put_account_setting_default(call):
    name, value = call.params["name"], call.params["value"]
    if name == "containerInsights" and value not in INSIGHTS:
        raise Refusal("InvalidParameterException", f"Invalid setting value {value}")
    setting = {"name": name, "value": value, "principalArn": root(call), "type": "user"}
    account_settings(call)[name] = setting
    return {"setting": setting}


@operation("ecs", "PutAccountSetting")
def put_account_setting(call):
    name, value = call.params["name"], call.params["value"]
    setting = {"name": name, "value": value, "type": "user",
               "principalArn": call.params.get("principalArn", f"arn:aws:iam::{call.account}:user/moto")}
    account_settings(call)[name, "own"] = setting
    return {"setting": setting}


@operation("ecs", "DeleteAccountSetting")
def delete_account_setting(call):
    name, whose = call.params["name"], call.params.get("principalArn")
    gone = account_settings(call).pop(name if whose == root(call) else (name, "own"), None)
    return {"setting": gone or {"name": name, "value": "disabled", "principalArn": whose or root(call)}}


@operation("ecs", "ListAccountSettings")
def list_account_settings(call):
    known, only = account_settings(call), call.params.get("name")
    own = {name[0]: s for name, s in known.items() if isinstance(name, tuple)}
    if call.params.get("effectiveSettings"):
        defaults = {n: {"name": n, "value": "disabled", "principalArn": root(call), "type": "user"}
                    for n in ("containerInsights",)}
        own = {**defaults, **{n: s for n, s in known.items() if isinstance(n, str)}, **own}
    return {"settings": [s for n, s in own.items() if only in (None, n)]}


# On Fargate the task says what it takes, and a container need not; moto adds up the containers'.
@operation("ecs", "RunTask")
def run_task(call):
    definition = definition_of(call, call.params["taskDefinition"])
    bare = [c for c in definition.container_definitions if not {"memory", "memoryReservation"} & set(c)] \
        if definition else []
    for container in bare:
        container["memory"] = 0
    try:
        return call.moto()
    finally:
        for container in bare:
            del container["memory"]
