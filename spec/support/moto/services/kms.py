"""kms: the rotation period that moto forgets."""
import datetime

from call import Refusal, operation

YEAR = 365


def periods(call):
    return call.state.setdefault("periods", {})


def key_of(call):
    return call.backend().get_key_id(call.params["KeyId"])


@operation("kms", "EnableKeyRotation")
def enable_key_rotation(call):
    days = call.params.get("RotationPeriodInDays", YEAR)
    if not 90 <= days <= 2560:
        raise Refusal("ValidationException", "RotationPeriodInDays must be from 90 to 2560")
    answer = call.moto()
    periods(call)[key_of(call)] = days
    return answer


@operation("kms", "GetKeyRotationStatus")
def get_key_rotation_status(call):
    answer = call.moto()
    answer["KeyId"] = key_of(call)
    if answer["KeyRotationEnabled"]:
        days = periods(call).get(key_of(call), YEAR)
        answer["RotationPeriodInDays"] = days
        midnight = datetime.datetime.now(datetime.timezone.utc).replace(
            hour=0, minute=0, second=0, microsecond=0)
        answer["NextRotationDate"] = midnight + datetime.timedelta(days=days)
    return answer


@operation("kms", "DescribeKey")
def describe_key(call):
    """The keys that moto makes for a service's own alias are AWS's, not the customer's."""
    answer = call.moto()
    meta = answer["KeyMetadata"]
    aliases = call.backend().keys[meta["KeyId"]].aliases
    if any(alias.startswith("alias/aws/") for alias in aliases):
        meta["KeyManager"] = "AWS"
    return answer
