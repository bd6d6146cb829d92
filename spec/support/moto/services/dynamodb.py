"""dynamodb: right codes about time to live, its refusals, and tables that take time to make."""
import slow
from call import Passed, Refusal, operation


def right_code(call):
    """moto says ResourceNotFound where the service says ResourceNotFoundException."""
    try:
        return call.moto()
    except Passed as passed:
        if b"ResourceNotFound\"" in passed.answer[2]:
            name = call.params["TableName"]
            raise Refusal("ResourceNotFoundException",
                          f"Requested resource not found: Table: {name} not found") from None
        raise


@operation("dynamodb", "DescribeTimeToLive")
def describe_time_to_live(call):
    return right_code(call)


@operation("dynamodb", "UpdateTimeToLive")
def update_time_to_live(call):
    wanted = call.params["TimeToLiveSpecification"]
    table = call.backend().tables.get(call.params["TableName"])
    if table is not None:
        enabled = table.ttl["TimeToLiveStatus"] == "ENABLED"
        if enabled and wanted["Enabled"]:
            raise Refusal("ValidationException", "TimeToLive is already enabled")
        if not enabled and not wanted["Enabled"]:
            raise Refusal("ValidationException", "TimeToLive is already disabled")
    return right_code(call)


@operation("dynamodb", "CreateTable")
def create_table(call):
    answer = call.moto()
    slow.settle(call.state, call.params["TableName"])
    if slow.settling(call.state, call.params["TableName"]):
        answer["TableDescription"]["TableStatus"] = "CREATING"
    return answer


@operation("dynamodb", "DescribeTable")
def describe_table(call):
    answer = call.moto()
    if slow.settling(call.state, call.params["TableName"]):
        answer["Table"]["TableStatus"] = "CREATING"
    return answer


@operation("dynamodb", "UpdateTable")
def update_table(call):
    answer = call.moto()
    wanted = call.params.get("SSESpecification")
    table = call.backend().tables.get(call.params["TableName"])
    if wanted is not None and table is not None:      # moto leaves encryption as it was made
        table.sse_specification = dict(wanted) if wanted.get("Enabled") else {"Enabled": False}
        if wanted.get("Enabled"):
            key = wanted.get("KMSMasterKeyId") or table._get_default_encryption_key(call.account, call.region)
            table.sse_specification["KMSMasterKeyId"] = key
        answer["TableDescription"] = shapes_of(table)
    return answer


def shapes_of(table):
    """The table as DescribeTable shows it, but for what its own call adds."""
    return table.describe(base_key="TableDescription")["TableDescription"]
