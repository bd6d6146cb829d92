"""Whether a service gets into a topic: its policy, and its key's, must let it in, as on AWS."""
import fnmatch
import json

from moto import backends

OPERATORS = ("StringEquals", "StringLike", "ArnEquals", "ArnLike")


class Source:
    """Who publishes: a service on behalf of one of an account's own resources."""

    def __init__(self, service, arn, account, region, owner=False):
        self.service, self.account, self.region = service, account, region
        self.known = {"aws:sourcearn": arn, "aws:sourceaccount": account}
        self.to_key = dict(self.known)
        if service == "events.amazonaws.com":   # the SNS guide: source keys are not supported for encrypted topics
            self.to_key = {}
        if owner:                             # alarms come as the owner's own: a topic's default policy lets them in
            self.known["aws:sourceowner"] = account


def as_list(value):
    return value if isinstance(value, list) else [value]


def fits(condition, known):
    """Whether the conditions on what is known hold; others are not known here, and refuse."""
    for operator, tests in (condition or {}).items():
        for key, wanted in tests.items():
            value = known.get(key.lower())
            if operator not in OPERATORS or value is None:
                return False
            if not any(fnmatch.fnmatchcase(value, one) for one in as_list(wanted)):
                return False
    return True


def named(principal, source):
    if principal == "*":
        return "aws:sourceowner" in source.known
    if not isinstance(principal, dict):
        return False
    if source.service in as_list(principal.get("Service", [])):
        return True
    return principal.get("AWS") == "*" and "aws:sourceowner" in source.known


def lets_in(policy, action, source, known=None):
    policy = json.loads(policy) if isinstance(policy, str) else policy
    for statement in policy.get("Statement", []):
        actions = [one.lower() for one in as_list(statement.get("Action", []))]
        if statement.get("Effect") == "Allow" and named(statement.get("Principal"), source) and fits(
                statement.get("Condition"), source.known if known is None else known) and any(fnmatch.fnmatchcase(action.lower(), a) for a in actions):
            return True
    return False


def publish(source, topic_arn, text, subject=None):
    """True where the topic took it."""
    topic = backends.get_backend("sns")[source.account][source.region].topics.get(topic_arn)
    if topic is None or not lets_in(topic.policy, "sns:Publish", source):
        return False
    key_id = topic.kms_master_key_id
    if key_id and "alias/aws/" in key_id:
        return False                          # the managed key's policy can't be changed: no service gets in
    if key_id:
        keys = backends.get_backend("kms")[source.account][source.region]
        key = keys.keys.get(keys.any_id_to_key_id(key_id))
        known = {**source.to_key, "kms:encryptioncontext:aws:sns:topicarn": topic_arn}
        if key is None or not all(lets_in(key.policy, a, source, known) for a in ("kms:Decrypt", "kms:GenerateDataKey")):
            return False
    topic.publish(text, subject=subject)
    return True
