"""synthetics: canaries that run, each run passed."""
import datetime
import uuid

from call import Refusal, operation


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def canary(call):
    found = call.backend().canaries.get(call.params["Name"])
    if found is None:
        raise Refusal("ResourceNotFoundException", f"Canary {call.params['Name']} not found")
    return found


def states(call):
    return call.state.setdefault("states", {})


def runs(call, name):
    return call.state.setdefault(f"runs {name}", [])


def show(call, shown):
    name = shown["Name"]
    if name in states(call):
        shown.setdefault("Status", {})["State"] = states(call)[name]
    return shown


@operation("synthetics", "StartCanary")
def start_canary(call):
    name = canary(call).name
    states(call)[name] = "RUNNING"
    runs(call, name).insert(0, {"Id": str(uuid.uuid4()), "Name": name, "Status": {"State": "PASSED"},
                                "Timeline": {"Started": now(), "Completed": now()}})
    return {}


@operation("synthetics", "StopCanary")
def stop_canary(call):
    name = canary(call).name
    if states(call).get(name) != "RUNNING":
        raise Refusal("ConflictException", "The canary is not running")
    states(call)[name] = "STOPPED"
    return {}


@operation("synthetics", "GetCanary")
def get_canary(call):
    answer = call.moto()
    show(call, answer["Canary"])
    return answer


@operation("synthetics", "DescribeCanaries")
def describe_canaries(call):
    answer = call.moto()
    for one in answer.get("Canaries", []):
        show(call, one)
    return answer


@operation("synthetics", "DescribeCanariesLastRun")
def describe_canaries_last_run(call):
    wanted = call.params.get("Names")
    return {"CanariesLastRun": [{"CanaryName": name, "LastRun": runs(call, name)[0]}
                                for name in call.backend().canaries
                                if runs(call, name) and (not wanted or name in wanted)]}


@operation("synthetics", "GetCanaryRuns")
def get_canary_runs(call):
    return {"CanaryRuns": runs(call, canary(call).name)[:call.params.get("MaxResults", 100)]}


@operation("synthetics", "DeleteCanary")
def delete_canary(call):
    name = canary(call).name
    del call.backend().canaries[name]
    states(call).pop(name, None)
    runs(call, name).clear()
    return {}
