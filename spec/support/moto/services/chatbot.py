"""chatbot: Slack channel configurations, one for all regions, with the service's refusals."""
from call import STATE, Refusal, operation


def kept(call):
    return STATE.setdefault((call.account, "global", "chatbot"), {})


def found(call, arn):
    if arn not in kept(call):
        raise Refusal("ResourceNotFoundException", f"No configuration with the ARN {arn}.")
    return kept(call)[arn]


def shown(row):
    return {name: value for name, value in row.items() if value is not None}


@operation("chatbot", "CreateSlackChannelConfiguration")
def create(call):
    given = call.params
    arn = f"arn:aws:chatbot::{call.account}:chat-configuration/slack-channel/{given['ConfigurationName']}"
    if arn in kept(call):
        raise Refusal("ConflictException", "A configuration of this name exists.")
    if any(row["SlackChannelId"] == given["SlackChannelId"] and row["SlackTeamId"] == given["SlackTeamId"]
           for row in kept(call).values()):
        raise Refusal("ConflictException", "This channel has a configuration already.")
    kept(call)[arn] = {"LoggingLevel": "NONE", "UserAuthorizationRequired": False, "SnsTopicArns": [],
                       "SlackTeamName": "sandbox", "SlackChannelName": "sandbox", "State": "ENABLED",
                       "GuardrailPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
                       **given, "ChatConfigurationArn": arn}
    return {"ChannelConfiguration": shown(kept(call)[arn])}


@operation("chatbot", "UpdateSlackChannelConfiguration")
def update(call):
    row = found(call, call.params["ChatConfigurationArn"])
    row.update(call.params)
    return {"ChannelConfiguration": shown(row)}


@operation("chatbot", "DescribeSlackChannelConfigurations")
def describe(call):
    wanted = call.params.get("ChatConfigurationArn")
    return {"SlackChannelConfigurations": [shown(row) for arn, row in kept(call).items() if wanted in (None, arn)]}


@operation("chatbot", "DeleteSlackChannelConfiguration")
def delete(call):
    found(call, call.params["ChatConfigurationArn"])
    del kept(call)[call.params["ChatConfigurationArn"]]
    return {}


@operation("chatbot", "TagResource")
def tag(call):
    row = found(call, call.params["ResourceARN"])
    tags = {t["TagKey"]: t for t in row.get("Tags", [])} | {t["TagKey"]: t for t in call.params["Tags"]}
    row["Tags"] = list(tags.values())
    return {}


@operation("chatbot", "UntagResource")
def untag(call):
    row = found(call, call.params["ResourceARN"])
    row["Tags"] = [t for t in row.get("Tags", []) if t["TagKey"] not in call.params["TagKeys"]]
    return {}


@operation("chatbot", "ListTagsForResource")
def list_tags(call):
    return {"Tags": found(call, call.params["ResourceARN"]).get("Tags", [])}
