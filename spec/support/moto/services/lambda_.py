"""lambda: what moto forgets of a function's settings, addresses and policies by alias, provisioned concurrency.

Functions are kept, not run: no queue's message is handed to one.
"""
import datetime
import json
import uuid

import slow
from call import Refusal, operation

# Settings that moto drops when a function is made or changed, with what AWS shows where none was given.
KEPT = {"DeadLetterConfig": None, "LoggingConfig": None, "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512}, "KMSKeyArn": None, "FileSystemConfigs": None, "SnapStart": None}


def kept(call):
    return call.state.setdefault("kept", {})


def bare(name):
    """A function's name out of a name, a partial or a whole ARN, with or without a qualifier."""
    return name.rpartition(":function:")[2].partition(":")[0] if ":function:" in name else name.partition(":")[0]


def qualifier_of(call):
    name = call.params["FunctionName"]
    inner = (name.rpartition(":function:")[2] if ":function:" in name else name).partition(":")[2]
    return call.params.get("Qualifier") or inner or None


def name_of(call):
    return bare(call.params["FunctionName"])


def function_of(call):
    """The function, or Lambda's refusal where there is none."""
    found = call.backend()._lambdas._functions.get(name_of(call))
    if not found:
        raise Refusal("ResourceNotFoundException", f"Function not found: {call.arn('function:' + name_of(call))}")
    return found["latest"]


def show(call, configuration):
    name = configuration["FunctionName"]
    own = kept(call).get(name, {}).get(configuration.get("Version"), kept(call).get(name, {}).get("$LATEST", {}))
    for setting, value in own.items():
        if value:
            configuration[setting] = value
    if slow.settling(call.state, name):
        new = name in call.state.get("new", ())
        configuration["State" if new else "LastUpdateStatus"] = "Pending" if new else "InProgress"
    configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}",
                                      **(own.get("LoggingConfig") or {})}
    return configuration


def keep(call):
    mine = kept(call).setdefault(name_of(call), {}).setdefault("$LATEST", dict(KEPT))
    for setting in KEPT:
        if setting in call.params:
            value = call.params[setting]
            if setting == "DeadLetterConfig" and not value.get("TargetArn"):
                value = None
            mine[setting] = value


def check(call):
    logging = call.params.get("LoggingConfig") or {}
    if logging.get("LogFormat") == "Text" and ("ApplicationLogLevel" in logging or "SystemLogLevel" in logging):
        raise Refusal("InvalidParameterValueException", "Log levels are not supported for the Text log format.")
    names = (call.params.get("Environment") or {}).get("Variables") or {}
    if sum(len(k) + len(v) for k, v in names.items()) > 4096:
        raise Refusal("InvalidParameterValueException", "Lambda was unable to configure your environment variables"
                      " because the environment variables you have provided exceeded the 4KB limit.")
    if any(k.startswith(("AWS_LAMBDA_", "_")) or k in ("AWS_REGION", "LAMBDA_TASK_ROOT") for k in names):
        raise Refusal("InvalidParameterValueException", "Lambda was unable to configure your environment variables"
                      " because the environment variables you have provided contains reserved keys that are currently"
                      " not supported for modification.")


def refuse_while_busy(call):
    if slow.settling(call.state, name_of(call)):
        raise Refusal("ResourceConflictException", "The operation cannot be performed at this time. An update is in"
                      f" progress for resource: {call.arn('function:' + name_of(call))}")


def begin(call, new=False):
    """A change takes its time; until then the next is refused."""
    slow.settle(call.state, name_of(call))
    names = call.state.setdefault("new", set())
    (names.add if new else names.discard)(name_of(call))


@operation("lambda", "CreateFunction")
def create_function(call):
    check(call)
    answer = call.moto()
    begin(call, new=True)
    kept(call).pop(name_of(call), None)
    keep(call)
    return show(call, answer)


@operation("lambda", "UpdateFunctionConfiguration")
def update_function_configuration(call):
    check(call)
    refuse_while_busy(call)
    answer = call.moto()
    begin(call)
    keep(call)
    return show(call, answer)


@operation("lambda", "UpdateFunctionCode")
def update_function_code(call):
    function = function_of(call)
    refuse_while_busy(call)
    architectures = call.params.get("Architectures")
    answer = call.moto()
    begin(call)
    if architectures:
        function.architectures = answer["Architectures"] = architectures
    return show(call, answer)


@operation("lambda", "PublishVersion")
def publish_version(call):
    function = function_of(call)
    refuse_while_busy(call)
    if call.params.get("CodeSha256", function.code_sha_256) != function.code_sha_256:
        raise Refusal("InvalidParameterValueException", f"CodeSHA256 ({call.params['CodeSha256']}) is different from"
                      f" current CodeSHA256 in $LATEST ({function.code_sha_256}). Please try again with the"
                      " CodeSHA256 in $LATEST.")
    answer = call.moto()
    mine = kept(call).setdefault(name_of(call), {})
    mine.setdefault(answer["Version"], dict(mine.get("$LATEST", KEPT)))
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


@operation("lambda", "ListVersionsByFunction")
def list_versions(call):
    function_of(call)
    answer = call.moto()
    for configuration in answer.get("Versions", []):
        show(call, configuration)
    return answer


@operation("lambda", "DeleteFunction")
def delete_function(call):
    answer = call.moto()
    if not qualifier_of(call):
        kept(call).pop(name_of(call), None)
        for memory in ("urls", "policies"):
            for held in [k for k in call.state.get(memory, {}) if k[0] == name_of(call)]:
                del call.state[memory][held]
    return answer


# --- event source mappings: kept, but no message is handed over

@operation("lambda", "CreateEventSourceMapping")
def create_mapping(call):
    wanted = call.params["FunctionName"], call.params.get("EventSourceArn")
    for mapping in call.backend()._event_source_mappings.values():
        if (bare(mapping.function_name), mapping.event_source_arn) == (bare(wanted[0]), wanted[1]):
            raise Refusal("ResourceConflictException", f"The event source arn (\" {wanted[1]} \") and function"
                          f" (\" {bare(wanted[0])} \") provided mapping already exists. Please update or delete the"
                          f" existing mapping with UUID {mapping.uuid}")
    queues = call.backend("sqs").queues
    queue = next((q for q in queues.values() if q.queue_arn == wanted[1]), None)
    timeout = function_of(call).timeout
    if queue and int(queue.visibility_timeout) < int(timeout):
        raise Refusal("InvalidParameterValueException", f"Queue visibility timeout: {queue.visibility_timeout} seconds"
                      f" is less than Function timeout: {timeout} seconds")
    answer = call.moto()
    if queue:
        queue.lambda_event_source_mappings.clear()
    if qualifier_of(call):
        mapping = call.backend()._event_source_mappings[answer["UUID"]]
        mapping.function_arn = answer["FunctionArn"] = call.arn(f"function:{name_of(call)}:{qualifier_of(call)}")
    return answer


@operation("lambda", "ListEventSourceMappings")
def list_mappings(call):
    answer, wanted = call.moto(), call.params.get("FunctionName")
    if wanted and ":function:" not in wanted:           # a name means the function itself, not one of its aliases
        backend = call.backend()
        answer["EventSourceMappings"] = [
            m.get_configuration() for m in backend._event_source_mappings.values()
            if m.function_arn == call.arn(f"function:{wanted}")
            and call.params.get("EventSourceArn") in (None, m.event_source_arn)]
    for mapping in answer["EventSourceMappings"]:       # ListTags tells them, this call does not
        mapping.pop("Tags", None)
    return answer


# --- addresses and policies, each for a function or one of its aliases

def of_alias(call):
    return name_of(call), qualifier_of(call)


@operation("lambda", "CreateFunctionUrlConfig")
def create_url(call):
    function_of(call)
    urls = call.state.setdefault("urls", {})
    if of_alias(call) in urls:
        raise Refusal("ResourceConflictException", "Failed to create function url config for [functionArn ="
                      f" {call.arn('function:' + name_of(call))}]. Error message: FunctionUrlConfig exists for this"
                      " Lambda function")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    made = {"FunctionUrl": f"https://{uuid.uuid4().hex}.lambda-url.{call.region}.on.aws/",
            "FunctionArn": call.arn("function:" + ":".join(filter(None, of_alias(call)))),
            "AuthType": call.params["AuthType"], "InvokeMode": call.params.get("InvokeMode", "BUFFERED"),
            "CreationTime": now, "LastModifiedTime": now}
    if call.params.get("Cors"):
        made["Cors"] = call.params["Cors"]
    urls[of_alias(call)] = made
    return {k: v for k, v in made.items() if k != "LastModifiedTime"}


def url_of(call):
    found = call.state.get("urls", {}).get(of_alias(call))
    if not found:
        raise Refusal("ResourceNotFoundException", "The resource you requested does not exist.")
    return found


@operation("lambda", "GetFunctionUrlConfig")
def get_url(call):
    return url_of(call)


@operation("lambda", "ListFunctionUrlConfigs")
def list_urls(call):
    function_of(call)
    name = name_of(call)
    return {"FunctionUrlConfigs": [one for of, one in call.state.get("urls", {}).items() if of[0] == name]}


@operation("lambda", "UpdateFunctionUrlConfig")
def update_url(call):
    found = url_of(call)
    for name in ("AuthType", "Cors", "InvokeMode"):
        if name in call.params:
            found[name] = call.params[name]
    return found


@operation("lambda", "DeleteFunctionUrlConfig")
def delete_url(call):
    url_of(call)
    del call.state["urls"][of_alias(call)]
    return {}


def principal_of(call):
    given = call.params["Principal"]
    if given == "*":
        return given
    if given.endswith(".amazonaws.com"):
        return {"Service": given}
    return {"AWS": f"arn:aws:iam::{given}:root" if given.isdigit() else given}


def condition_of(call):
    out = {}
    for member, operator, key in (
            ("SourceArn", "ArnLike", "AWS:SourceArn"), ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
            ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
            ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID")):
        if member in call.params:
            out.setdefault(operator, {})[key] = call.params[member]
    if "InvokedViaFunctionUrl" in call.params:
        out["Bool"] = {"lambda:InvokedViaFunctionUrl": str(call.params["InvokedViaFunctionUrl"]).lower()}
    return out


@operation("lambda", "AddPermission")
def add_permission(call):
    function_of(call)
    statements = call.state.setdefault("policies", {}).setdefault(of_alias(call), [])
    sid = call.params["StatementId"]
    if any(s["Sid"] == sid for s in statements):
        raise Refusal("ResourceConflictException", f"The statement id ({sid}) provided already exists. Please provide"
                      " a new statement id, or remove the existing statement.")
    made = {"Sid": sid, "Effect": "Allow", "Principal": principal_of(call), "Action": call.params["Action"],
            "Resource": call.arn("function:" + ":".join(filter(None, of_alias(call))))}
    if condition_of(call):
        made["Condition"] = condition_of(call)
    statements.append(made)
    return {"Statement": json.dumps(made)}


def policy_of(call):
    found = call.state.get("policies", {}).get(of_alias(call))
    if not found:
        raise Refusal("ResourceNotFoundException", "The resource you requested does not exist.")
    return found


@operation("lambda", "GetPolicy")
def get_policy(call):
    function_of(call)
    return {"Policy": json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": policy_of(call)}),
            "RevisionId": str(uuid.uuid4())}


@operation("lambda", "RemovePermission")
def remove_permission(call):
    statements, sid = policy_of(call), call.params["StatementId"]
    left = [s for s in statements if s["Sid"] != sid]
    if len(left) == len(statements):
        raise Refusal("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.")
    call.state["policies"][of_alias(call)] = left
    return {}


# --- provisioned concurrency, account settings

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
