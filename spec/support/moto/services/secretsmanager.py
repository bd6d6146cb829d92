"""secretsmanager: stages that move, in what GetSecretValue gives too."""
from call import operation


@operation("secretsmanager", "UpdateSecretVersionStage")
def update_secret_version_stage(call):
    answer = call.moto()
    if call.params["VersionStage"] == "AWSCURRENT" and "MoveToVersionId" in call.params:
        secret = call.backend().secrets[call.params["SecretId"]]
        secret.default_version_id = call.params["MoveToVersionId"]
    return answer
