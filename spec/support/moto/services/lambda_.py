"""lambda: the dead-letter target that moto forgets, provisioned concurrency, account settings."""
import datetime

from call import Refusal, operation


def targets(call):
    return call.state.setdefault("dead letters", {})


def name_of(call):
    return call.params["FunctionName"].rpartition(":function:")[2].partition(":")[0] \
        if ":" in call.params["FunctionName"] else call.params["FunctionName"]


def show(call, configuration):
    target = targets(call).get(configuration["FunctionName"])
    if target:
        configuration["DeadLetterConfig"] = target
    return configuration


def keep(call):
    if "DeadLetterConfig" in call.params:
        new = call.params["DeadLetterConfig"]
        if new.get("TargetArn"):
            targets(call)[name_of(call)] = new
        else:
            targets(call).pop(name_of(call), None)


@operation("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def put_function(call):
    answer = call.moto()
    keep(call)
    return show(call, answer)


@operation("lambda", "GetFunctionConfiguration")
def get_function_configuration(call):
    return show(call, call.moto())


@operation("lambda", "GetFunction")
def get_function(call):
    answer = call.moto()
    show(call, answer["Configuration"])
    return answer


@operation("lambda", "ListFunctions")
def list_functions(call):
    answer = call.moto()
    for configuration in answer.get("Functions", []):
        show(call, configuration)
    return answer


@operation("lambda", "DeleteFunction")
def delete_function(call):
    answer = call.moto()
    targets(call).pop(name_of(call), None)
    return answer


def key(call):
    return name_of(call), call.params["Qualifier"]


@operation("lambda", "PutProvisionedConcurrencyConfig")
def put_provisioned(call):
    count = call.params["ProvisionedConcurrentExecutions"]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")
    new = {"RequestedProvisionedConcurrentExecutions": count,
           "AvailableProvisionedConcurrentExecutions": count,
           "AllocatedProvisionedConcurrentExecutions": count, "Status": "READY", "LastModified": now}
    call.state.setdefault("provisioned", {})[key(call)] = new
    return new


@operation("lambda", "GetProvisionedConcurrencyConfig")
def get_provisioned(call):
    found = call.state.get("provisioned", {}).get(key(call))
    if found is None:
        raise Refusal("ProvisionedConcurrencyConfigNotFoundException",
                      "No Provisioned Concurrency Config found for this function")
    return found


@operation("lambda", "DeleteProvisionedConcurrencyConfig")
def delete_provisioned(call):
    call.state.get("provisioned", {}).pop(key(call), None)
    return {}


@operation("lambda", "GetAccountSettings")
def get_account_settings(call):
    count = len(list(call.backend().list_functions()))
    return {"AccountLimit": {"TotalCodeSize": 80530636800, "CodeSizeUnzipped": 262144000,
                             "CodeSizeZipped": 52428800, "ConcurrentExecutions": 1000,
                             "UnreservedConcurrentExecutions": 1000},
            "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": count}}
