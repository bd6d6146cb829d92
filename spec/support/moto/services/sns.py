"""sns: subscriptions that a person has to confirm stay pending, and get nothing until then."""
from call import Passed, Refusal, operation

BY_A_PERSON = ("email", "email-json", "http", "https")


def pending(call):
    return call.state.setdefault("pending", {})


def refuse_what_waits(call, arn):
    if arn in ("PendingConfirmation", "pending confirmation"):
        raise Refusal("InvalidParameter", "Invalid parameter: SubscriptionArn Reason: An ARN must have"
                      " at least 6 elements, not 1")


@operation("sns", "Subscribe")
def subscribe(call):
    protocol, endpoint = call.params["Protocol"], call.params.get("Endpoint", "")
    if protocol in ("email", "email-json") and "@" not in endpoint:
        raise Refusal("InvalidParameter", "Invalid parameter: Email address")
    if protocol in ("http", "https") and not endpoint.startswith(protocol + "://"):
        raise Refusal("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol")
    answer = call.moto()
    arn = answer["SubscriptionArn"]
    if protocol not in BY_A_PERSON:
        return answer
    if arn not in call.state.setdefault("seen", {}):
        call.state["seen"][arn] = True
        pending(call)[arn] = protocol
        mute(call, arn, True)
    if arn in pending(call) and not call.params.get("ReturnSubscriptionArn"):
        return {"SubscriptionArn": "pending confirmation"}
    return answer


def mute(call, arn, on):
    """moto posts at once: a pending subscription has no way out until it is confirmed."""
    subscription = call.backend().subscriptions.get(arn)
    if subscription is not None and subscription.protocol in ("http", "https", "held:http", "held:https"):
        plain = subscription.protocol.removeprefix("held:")
        subscription.protocol = "held:" + plain if on else plain


def shown(call, answer):
    for entry in answer.get("Subscriptions", []):
        entry["Protocol"] = entry["Protocol"].removeprefix("held:")
        if entry["SubscriptionArn"] in pending(call):
            entry["SubscriptionArn"] = "PendingConfirmation"
    return answer


@operation("sns", "ListSubscriptions", "ListSubscriptionsByTopic")
def list_subscriptions(call):
    return shown(call, call.moto())


@operation("sns", "GetSubscriptionAttributes")
def get_subscription_attributes(call):
    refuse_what_waits(call, call.params["SubscriptionArn"])
    answer = call.moto()
    found = answer["Attributes"]
    waits = call.params["SubscriptionArn"] in pending(call)
    found["PendingConfirmation"] = "true" if waits else "false"
    if "Protocol" in found:
        found["Protocol"] = found["Protocol"].removeprefix("held:")
    return answer


@operation("sns", "Unsubscribe")
def unsubscribe(call):
    arn = call.params["SubscriptionArn"]
    refuse_what_waits(call, arn)
    answer = call.moto()
    pending(call).pop(arn, None)
    call.state.get("seen", {}).pop(arn, None)
    return answer


@operation("sns", "ConfirmSubscription")
def confirm_subscription(call):
    """The token of the sandbox is the endpoint itself: the e-mail address, or the URL."""
    for arn, subscription in call.backend().subscriptions.items():
        if arn in pending(call) and subscription.topic.arn == call.params["TopicArn"] \
           and subscription.endpoint == call.params["Token"]:
            del pending(call)[arn]
            mute(call, arn, False)
            return {"SubscriptionArn": arn}
    raise Refusal("InvalidParameter", "Invalid parameter: Token")


@operation("sns", "GetTopicAttributes")
def get_topic_attributes(call):
    try:
        answer = call.moto()
    except Passed as passed:
        if passed.answer[0] == 404:
            raise Refusal("NotFound", "Topic does not exist") from None
        raise
    topic = call.params["TopicArn"]
    mine = [s for s in call.backend().subscriptions.values() if s.topic.arn == topic]
    waiting = sum(s.arn in pending(call) for s in mine)
    answer["Attributes"]["SubscriptionsPending"] = str(waiting)
    answer["Attributes"]["SubscriptionsConfirmed"] = str(len(mine) - waiting)
    return answer
