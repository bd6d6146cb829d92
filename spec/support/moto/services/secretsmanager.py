"""secretsmanager: stages that move, in what GetSecretValue gives too; rotation that is set, not run."""
import time

from call import Refusal, operation


def secret_of(call):
    """The secret, or the refusal that there is none, or that it is being deleted."""
    wanted = call.params["SecretId"]
    if wanted not in call.backend().secrets:
        raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    secret = call.backend().secrets[wanted]
    if secret.is_deleted():
        raise Refusal("InvalidRequestException", "You can't perform this operation on the secret because it was marked"
                      " for deletion.")
    return secret


@operation("secretsmanager", "UpdateSecretVersionStage")
def update_secret_version_stage(call):
    answer = call.moto()
    if call.params["VersionStage"] == "AWSCURRENT" and "MoveToVersionId" in call.params:
        secret = call.backend().secrets[call.params["SecretId"]]
        secret.default_version_id = call.params["MoveToVersionId"]
    return answer


@operation("secretsmanager", "CreateSecret")
def create_secret(call):
    held = call.backend().secrets.get(call.params["Name"])
    if held is not None and held.is_deleted():
        raise Refusal("InvalidRequestException", "You can't create this secret because a secret with this name is"
                      " already scheduled for deletion.")
    return call.moto()


@operation("secretsmanager", "UpdateSecret")
def update_secret(call):
    """A new value makes a version; moto wants one even where only the description changes."""
    secret = secret_of(call)
    if "SecretString" in call.params or "SecretBinary" in call.params:
        return call.moto()
    if "Description" in call.params:
        secret.description = call.params["Description"]
    if "KmsKeyId" in call.params:
        secret.kms_key_id = call.params["KmsKeyId"]
    return {"ARN": secret.arn, "Name": secret.name}


def rotation(call):
    return call.state.setdefault("rotation", {})


@operation("secretsmanager", "RotateSecret")
def rotate_secret(call):
    """What is set is kept; the function that rotates is not run."""
    secret, given = secret_of(call), call.params
    held = rotation(call).get(secret.arn, {})
    function = given.get("RotationLambdaARN") or held.get("RotationLambdaARN")
    if not function:
        raise Refusal("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
    rules = given.get("RotationRules") or held.get("RotationRules") or {}
    if ("AutomaticallyAfterDays" in rules) == ("ScheduleExpression" in rules):
        raise Refusal("InvalidParameterException", "Specify either AutomaticallyAfterDays or ScheduleExpression.")
    days = rules.get("AutomaticallyAfterDays", 1)
    rotation(call)[secret.arn] = {"RotationEnabled": True, "RotationLambdaARN": function, "RotationRules": rules,
                                  "NextRotationDate": int(time.time()) + days * 86400}
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": secret.default_version_id}


@operation("secretsmanager", "CancelRotateSecret")
def cancel_rotate_secret(call):
    secret = secret_of(call)
    if secret.arn in rotation(call):
        rotation(call)[secret.arn]["RotationEnabled"] = False
    return {"ARN": secret.arn, "Name": secret.name}


@operation("secretsmanager", "DescribeSecret")
def describe_secret(call):
    answer = call.moto()
    answer.update(rotation(call).get(answer["ARN"], {}))
    return answer


@operation("secretsmanager", "ListSecrets")
def list_secrets(call):
    answer = call.moto()
    for secret in answer.get("SecretList", []):
        secret.update(rotation(call).get(secret["ARN"], {}))
    return answer
