"""sqs: attributes that moto drops, moves out of a dead-letter queue, and refusals.

With --slow a deleted queue is listed for a while more, as the service does for up to a minute.
"""
import json
import time
import uuid

import slow
from call import Refusal, operation

KEPT = ("RedriveAllowPolicy", "DeduplicationScope")   # moto forgets these
SETTABLE = {
    "DelaySeconds": (0, 900), "MaximumMessageSize": (1024, 1048576),
    "MessageRetentionPeriod": (60, 1209600), "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43200), "KmsDataKeyReusePeriodSeconds": (60, 86400),
    "Policy": None, "RedrivePolicy": None, "RedriveAllowPolicy": None, "FifoQueue": None,
    "ContentBasedDeduplication": None, "KmsMasterKeyId": None, "SqsManagedSseEnabled": None,
    "DeduplicationScope": None, "FifoThroughputLimit": None,
}
CHOICES = {"DeduplicationScope": ("queue", "messageGroup"),
           "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
           "FifoQueue": ("true", "false"), "SqsManagedSseEnabled": ("true", "false"),
           "ContentBasedDeduplication": ("true", "false")}
FIFO_ONLY = ("DeduplicationScope", "FifoThroughputLimit", "ContentBasedDeduplication")


def refuse(name, value):
    raise Refusal("InvalidAttributeValue", f"Invalid value for the parameter {name}: {value}.")


def redrive_allow(text):
    try:
        policy = json.loads(text)
        permission = policy["redrivePermission"]
    except (ValueError, KeyError, TypeError):
        refuse("RedriveAllowPolicy", text)
    sources = policy.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue") or \
       (permission == "byQueue") != isinstance(sources, list) or len(sources or ()) > 10:
        refuse("RedriveAllowPolicy", text)


def check(attributes, fifo):
    for name, value in attributes.items():
        if name not in SETTABLE:
            raise Refusal("InvalidAttributeName", f"Unknown Attribute {name}.")
        bounds = SETTABLE[name]
        if value == "":
            continue                          # an empty value takes the attribute away
        if bounds and not (value.lstrip("-").isdigit() and bounds[0] <= int(value) <= bounds[1]):
            refuse(name, value)
        if name in CHOICES and value not in CHOICES[name]:
            refuse(name, value)
        if name in FIFO_ONLY and not fifo:
            raise Refusal("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name == "RedriveAllowPolicy":
            redrive_allow(value)
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and \
       attributes.get("DeduplicationScope", "messageGroup") != "messageGroup":
        refuse("FifoThroughputLimit", "perMessageGroupId")


def keep(call, queue, attributes):
    kept = call.state.setdefault(queue, {})
    for name in KEPT:
        if attributes.get(name) == "":
            kept.pop(name, None)
        elif name in attributes:
            kept[name] = attributes[name]


def queue_of(call):
    return call.params["QueueUrl"].rstrip("/").rpartition("/")[2]


@operation("sqs", "CreateQueue")
def create_queue(call):
    name, attributes = call.params["QueueName"], call.params.get("Attributes") or {}
    fifo = attributes.get("FifoQueue") == "true"
    check(attributes, fifo)
    if "FifoQueue" in attributes and not fifo:
        raise Refusal("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    if name in call.backend().queues:
        kept = call.state.get(name, {})
        for key in KEPT:
            if key in attributes and attributes[key] != kept.get(key):
                raise Refusal("QueueNameExists", "A queue already exists with the same name and a"
                              f" different value for attribute {key}")
        return call.moto()
    answer = call.moto()
    call.state.pop(name, None)
    keep(call, name, attributes)
    if fifo and attributes.get("FifoThroughputLimit") == "perMessageGroupId":
        call.state[name].setdefault("DeduplicationScope", "messageGroup")
    return answer


@operation("sqs", "SetQueueAttributes")
def set_queue_attributes(call):
    name, attributes = queue_of(call), call.params["Attributes"]
    check(attributes, name.endswith(".fifo"))
    queue = call.backend().queues.get(name)
    policy = queue.policy if queue else None
    answer = call.moto()
    if queue and "Policy" not in attributes:
        queue.policy = policy                 # moto drops it with every other attribute
    keep(call, name, attributes)
    return answer


@operation("sqs", "GetQueueAttributes")
def get_queue_attributes(call):
    answer = call.moto()
    wanted = call.params.get("AttributeNames") or []
    found = answer.setdefault("Attributes", {})
    kept = dict(call.state.get(queue_of(call), {}))
    if queue_of(call).endswith(".fifo"):
        kept.setdefault("DeduplicationScope", "queue")
    for name, value in kept.items():
        if "All" in wanted or name in wanted:
            found[name] = value
    for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
        if name in found:
            found[name] = found[name].partition(".")[0]   # whole seconds, as the service says
    return answer if found else {}


@operation("sqs", "DeleteQueue")
def delete_queue(call):
    answer = call.moto()
    slow.settle(call.state.setdefault("deleted", {}), call.params["QueueUrl"])
    return answer


@operation("sqs", "ListQueues")
def list_queues(call):
    answer = call.moto()
    deleted = call.state.get("deleted", {})
    prefix = call.params.get("QueueNamePrefix", "")
    late = [url for url in deleted.get("settling", {}) if slow.settling(deleted, url)
            and url.rpartition("/")[2].startswith(prefix)]
    if late and not answer.get("NextToken"):
        answer["QueueUrls"] = answer.get("QueueUrls", []) + [u for u in late if u not in answer.get("QueueUrls", [])]
    return answer


def queue_by_arn(call, arn):
    for queue in call.backend().queues.values():
        if queue.queue_arn == arn:
            return queue
    raise Refusal("ResourceNotFoundException",
                  "The resource that you specified for the SourceArn parameter doesn't exist.")


def sources_of(call, dlq):
    return [q for q in call.backend().queues.values() if q.dead_letter_queue is dlq]


def tasks(call):
    return call.state.setdefault("tasks by handle", {})


@operation("sqs", "StartMessageMoveTask")
def start_message_move_task(call):
    source = queue_by_arn(call, call.params["SourceArn"])
    to = call.params.get("DestinationArn")
    sources = sources_of(call, source)
    if not sources:
        raise Refusal("UnsupportedOperation", "Source queue must be configured as a Dead Letter Queue.")
    if any(t["Status"] == "RUNNING" and t["SourceArn"] == source.queue_arn
           for t in tasks(call).values()):
        raise Refusal("UnsupportedOperation",
                      "There is already a task running. Only one active task is allowed for a source"
                      " queue arn at a given time.")
    destination = queue_by_arn(call, to) if to else None
    held = list(source._messages)
    for message in held:
        source._messages.remove(message)
        message.approximate_receive_count = 0
        (destination or sources[0])._messages.append(message)
    handle = str(uuid.uuid4())
    task = {"TaskHandle": handle, "Status": "COMPLETED", "SourceArn": source.queue_arn,
            "ApproximateNumberOfMessagesMoved": len(held),
            "ApproximateNumberOfMessagesToMove": len(held),
            "StartedTimestamp": int(time.time() * 1000)}
    if to:
        task["DestinationArn"] = to
    if "MaxNumberOfMessagesPerSecond" in call.params:
        task["MaxNumberOfMessagesPerSecond"] = call.params["MaxNumberOfMessagesPerSecond"]
    tasks(call)[handle] = task
    return {"TaskHandle": handle}


@operation("sqs", "ListMessageMoveTasks")
def list_message_move_tasks(call):
    source = queue_by_arn(call, call.params["SourceArn"])
    found = [dict(t) for t in reversed(tasks(call).values()) if t["SourceArn"] == source.queue_arn]
    for task in found:
        if task["Status"] != "RUNNING":
            del task["TaskHandle"]            # as the service: only a running task has one
    return {"Results": found[:call.params.get("MaxResults", 1)]}


@operation("sqs", "CancelMessageMoveTask")
def cancel_message_move_task(call):
    task = tasks(call).get(call.params["TaskHandle"])
    if task is None:
        raise Refusal("ResourceNotFoundException", "Task does not exist.")
    raise Refusal("UnsupportedOperation", "Only active tasks can be cancelled.")
