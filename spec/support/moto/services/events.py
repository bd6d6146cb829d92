"""events: patterns over lists of objects, templates of several lines, topics as targets, dead letters.

A topic is published to only where its policy, and its key's, let this rule in: what AWS refuses goes to the
target's dead-letter queue, here too.
"""
import copy
import itertools
import json

from moto import backends
from moto.events.models import EventPattern, Rule
from moto.events.utils import EventTemplateParser

from call import Refusal, operation
import topics

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


def deliver(rule, target, event):
    transformer = target.get("InputTransformer", {})
    body = parse(transformer.get("InputTemplate"), transformer.get("InputPathsMap", {}), event)
    lines = body.split("\n") if isinstance(body, str) else [body]
    source = topics.Source("events.amazonaws.com", rule.arn, rule.account_id, rule.region_name)
    if not topics.publish(source, target["Arn"], "\n".join(json.dumps(line) for line in lines)):
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
