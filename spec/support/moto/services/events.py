"""events: patterns over lists of objects, templates of several lines, topics as targets, dead letters.

A topic is published to only where its policy, and its key's, let this rule in: what AWS refuses goes to the
target's dead-letter queue, here too.
"""
import copy
import fnmatch
import itertools
import json

from moto import backends
from moto.events.models import EventPattern, Rule
from moto.events.utils import EventTemplateParser

from call import Refusal, operation

matches_plain, parse_line, send_plain = EventPattern.matches_event, EventTemplateParser.parse, Rule.send_to_targets


def variants(node):
    """The node with each list of objects as one of them: a pattern must hold within one object."""
    if isinstance(node, list) and node and all(isinstance(item, dict) for item in node):
        for item in node:
            yield from variants(item)
    elif isinstance(node, dict):
        names = list(node)
        for values in itertools.product(*(list(variants(node[name])) for name in names)):
            yield dict(zip(names, values))
    else:
        yield node


def matches(self, event):
    return any(matches_plain(self, one) for one in variants(json.loads(json.dumps(event))))


def parse(input_template, input_paths_map, event):
    """A template is one JSON document, or lines that are quoted texts."""
    lines = (input_template or "").splitlines()
    if len(lines) < 2 or not all(line.startswith('"') for line in lines):
        return parse_line(input_template, input_paths_map, event)
    return "\n".join(parse_line(line, input_paths_map, event) for line in lines)


def as_list(value):
    return value if isinstance(value, list) else [value]


def fits(condition, rule):
    """Whether the conditions on who the source is hold; others are not known here, and refuse."""
    known = {"aws:sourcearn": rule.arn, "aws:sourceaccount": rule.account_id}
    for operator, tests in (condition or {}).items():
        for key, wanted in tests.items():
            value = known.get(key.lower())
            if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike") or value is None:
                return False
            if not any(fnmatch.fnmatchcase(value, one) for one in as_list(wanted)):
                return False
    return True


def lets_in(policy, action, rule):
    for statement in json.loads(policy).get("Statement", []):
        principal = statement.get("Principal")
        services = as_list(principal.get("Service", [])) if isinstance(principal, dict) else []
        actions = [one.lower() for one in as_list(statement.get("Action", []))]
        if statement.get("Effect") == "Allow" and "events.amazonaws.com" in services and fits(
                statement.get("Condition"), rule) and any(fnmatch.fnmatchcase(action.lower(), a) for a in actions):
            return True
    return False


def publish(rule, topic_arn, text):
    """True where the topic took it."""
    topic = backends.get_backend("sns")[rule.account_id][rule.region_name].topics.get(topic_arn)
    if topic is None or not lets_in(topic.policy, "sns:Publish", rule):
        return False
    key_id = topic.kms_master_key_id
    if key_id and "alias/aws/" in key_id:
        return False                          # the managed key's policy can't be changed: no service gets in
    if key_id:
        keys = backends.get_backend("kms")[rule.account_id][rule.region_name]
        key = keys.keys.get(keys.any_id_to_key_id(key_id))
        if key is None or not all(lets_in(key.policy, a, rule) for a in ("kms:Decrypt", "kms:GenerateDataKey")):
            return False
    topic.publish(text)
    return True


def deliver(rule, target, event):
    transformer = target.get("InputTransformer", {})
    body = parse(transformer.get("InputTemplate"), transformer.get("InputPathsMap", {}), event)
    lines = body.split("\n") if isinstance(body, str) else [body]
    if not publish(rule, target["Arn"], "\n".join(json.dumps(line) for line in lines)):
        dead = target.get("DeadLetterConfig", {}).get("Arn")
        if dead:
            queues = backends.get_backend("sqs")[rule.account_id][rule.region_name]
            queues.send_message(dead.rpartition(":")[2], json.dumps(event, default=str))


def send(self, original_event, transform_input=True):
    if not self.event_pattern.matches_event(original_event):
        return
    for target in self.targets:
        if target["Arn"].split(":")[2] == "sns":
            deliver(self, target, original_event)
    others = copy.copy(self)
    others.targets = [t for t in self.targets if t["Arn"].split(":")[2] != "sns"]
    send_plain(others, original_event, transform_input)


EventPattern.matches_event = matches
EventTemplateParser.parse = staticmethod(parse)
Rule.send_to_targets = send


@operation("events", "PutTargets")
def put_targets(call):
    for target in call.params["Targets"]:
        shapes = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
        if len(shapes) > 1:
            raise Refusal("ValidationException", f"Only one of {', '.join(shapes)} must be provided for target"
                          f" {target['Id']}.")
    return call.moto()


NEEDED = ("id", "account", "source", "time", "region", "resources", "detail-type")


@operation("events", "TestEventPattern")
def test_event_pattern(call):
    """Answered by the matcher that rules use; moto itself answers nothing."""
    try:
        event, pattern = json.loads(call.params["Event"]), json.loads(call.params["EventPattern"])
    except ValueError:
        raise Refusal("InvalidEventPatternException", "Event pattern is not valid. Reason: it is no JSON") from None
    missing = [name for name in NEEDED if name not in event]
    if missing:
        raise Refusal("ValidationException", f"Parameter(s) {', '.join(missing)} of the event must be specified")
    return {"Result": EventPattern(call.params["EventPattern"], pattern).matches_event(event)}
