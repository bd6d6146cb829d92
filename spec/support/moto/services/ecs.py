"""ecs: the circuit breaker that moto forgets, cluster settings, account defaults."""
from call import Refusal, operation

DEFAULT = {"maximumPercent": 200, "minimumHealthyPercent": 100,
           "deploymentCircuitBreaker": {"enable": False, "rollback": False}}


def kept(call):
    return call.state.setdefault("deployment", {})


def show(call, service):
    service["deploymentConfiguration"] = {**DEFAULT, **kept(call).get(service["serviceArn"], {})}
    return service


@operation("ecs", "CreateService", "UpdateService")
def put_service(call):
    answer = call.moto()
    service = answer["service"]
    if "deploymentConfiguration" in call.params:
        kept(call)[service["serviceArn"]] = call.params["deploymentConfiguration"]
    show(call, service)
    return answer


@operation("ecs", "DescribeServices")
def describe_services(call):
    answer = call.moto()
    for service in answer.get("services", []):
        show(call, service)
    return answer


@operation("ecs", "DeleteService")
def delete_service(call):
    answer = call.moto()
    kept(call).pop(answer["service"]["serviceArn"], None)
    show(call, answer["service"])
    return answer


def cluster(call):
    name = call.params["cluster"].rpartition("/")[2]
    found = call.backend().clusters.get(name)
    if found is None:
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    return found


@operation("ecs", "UpdateClusterSettings")
def update_cluster_settings(call):
    found = cluster(call)
    new = {s["name"]: s["value"] for s in found.settings or []}
    new.update({s["name"]: s["value"] for s in call.params["settings"]})
    found.settings = [{"name": n, "value": v} for n, v in new.items()]
    return {"cluster": {"clusterArn": found.arn, "clusterName": found.name, "status": found.status,
                        "settings": found.settings}}


@operation("ecs", "PutAccountSettingDefault")
def put_account_setting_default(call):
    name, value = call.params["name"], call.params["value"]
    setting = {"name": name, "value": value, "principalArn": f"arn:aws:iam::{call.account}:root"}
    call.state.setdefault("settings", {})[name] = setting
    return {"setting": setting}


@operation("ecs", "ListAccountSettings")
def list_account_settings(call):
    mine = call.state.get("settings", {})
    if call.params.get("effectiveSettings"):
        defaults = {n: {"name": n, "value": "disabled", "principalArn": f"arn:aws:iam::{call.account}:root"}
                    for n in ("containerInsights",)}
        mine = {**defaults, **mine}
    only = call.params.get("name")
    return {"settings": [s for n, s in mine.items() if only in (None, n)]}


# On Fargate the task says what it takes, and a container need not; moto adds up the containers'.
@operation("ecs", "RunTask")
def run_task(call):
    family, _, revision = call.params["taskDefinition"].rpartition("/")[2].partition(":")
    known = call.backend().task_definitions.get(family, {})
    definition = known.get(int(revision) if revision else max(known, default=0))
    bare = [c for c in definition.container_definitions if not {"memory", "memoryReservation"} & set(c)] \
        if definition else []
    for container in bare:
        container["memory"] = 0
    try:
        return call.moto()
    finally:
        for container in bare:
            del container["memory"]
