"""logs: the fixed list of retentions."""
from call import Refusal, operation

DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
        3288, 3653)


@operation("logs", "PutRetentionPolicy")
def put_retention_policy(call):
    if call.params["retentionInDays"] not in DAYS:
        raise Refusal("InvalidParameterException", "1 validation error detected: Value"
                      f" '{call.params['retentionInDays']}' at 'retentionInDays' failed to satisfy"
                      f" constraint: Member must satisfy enum value set: {list(DAYS)}")
    return call.moto()
