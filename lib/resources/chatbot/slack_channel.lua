--- chatbot.slack_channel: a Slack channel that hears what topics tell. The workspace is authorised once in the console.
local resource = require "resources"

local TAG <const> = {key = "TagKey", value = "TagValue"}      -- what a tag's members are called here

local MEMBERS <const> = {"SlackTeamId", "SlackChannelId", "SlackChannelName", "SnsTopicArns", "IamRoleArn",
  "LoggingLevel", "GuardrailPolicyArns", "UserAuthorizationRequired"}
local UPDATED <const> = {"SlackChannelName", "SnsTopicArns", "IamRoleArn", "LoggingLevel", "GuardrailPolicyArns",
  "UserAuthorizationRequired"}
-- The service is one for all regions, and answers in these.
local REGIONS <const> = {["us-east-2"] = true, ["us-west-2"] = true, ["eu-west-1"] = true, ["ap-southeast-1"] = true}

local function chatbot(aws)
  if REGIONS[aws.region] then return aws.chatbot end
  return aws:client("chatbot", {region = "us-east-2"})
end

local function tag_list(tags) return resource.tag_list(tags, TAG.key, TAG.value) end

local function pick(from, names, into)
  for _, name in ipairs(names) do into[name] = from[name] end
  return into
end

return resource {
  type = "chatbot.slack_channel",
  about = "A Slack channel that hears what topics tell (AWS Chatbot)",
  model = "create_slack_channel_configuration", key = "ConfigurationName",
  arns = "^arn:[^:]+:chatbot::%d+:chat%-configuration/slack%-channel/(.+)$",
  provides = {"arn"},
  replaces = {"SlackTeamId"},
  sets = {"SnsTopicArns", "GuardrailPolicyArns"},
  defaults = {LoggingLevel = "NONE", SnsTopicArns = {}, UserAuthorizationRequired = false},
  guards = {"LoggingLevel", "SnsTopicArns", "UserAuthorizationRequired"},
  absent = {"ResourceNotFoundException"},

  check = function(want)
    local out = {}
    if type(want.SlackTeamId) == "string" and not want.SlackTeamId:find "^T%w+$" then
      out[1] = ("SlackTeamId is %q; it is the workspace's id, such as T0123ABCD, not its name"):format(want.SlackTeamId)
    end
    if type(want.SlackChannelId) == "string" and not want.SlackChannelId:find "^[CGD]%w+$" then
      out[#out + 1] = ("SlackChannelId is %q; it is the channel's id, such as C0123ABCD (in Slack: copy link), not its"
        .. " name"):format(want.SlackChannelId)
    end
    return out
  end,

  read = function(aws, want)
    for c in chatbot(aws):items("describe_slack_channel_configurations", {}) do
      if c.ConfigurationName == want.name then
        return pick(c, MEMBERS, {name = want.name, arn = c.ChatConfigurationArn,
          Tags = resource.tag_map(c.Tags, "TagKey", "TagValue")})
      end
    end
  end,

  note = function(live) return live.State == "DISABLED" and "the configuration is disabled" end,

  all = function(aws)
    local out = {}
    for c in chatbot(aws):items("describe_slack_channel_configurations", {}) do
      out[#out + 1] = {name = c.ConfigurationName}
    end
    return out
  end,

  create = function(aws, want)
    local input = pick(want, MEMBERS, {ConfigurationName = want.name, Tags = tag_list(want.Tags)})
    local made = chatbot(aws):create_slack_channel_configuration(input).ChannelConfiguration
    return {arn = made.ChatConfigurationArn}
  end,

  update = function(aws, live, want, changed)
    local rest = false
    for name in pairs(changed) do rest = rest or name ~= "Tags" end
    if rest then
      local input = {ChatConfigurationArn = live.arn, SlackChannelId = want.SlackChannelId}
      for _, name in ipairs(UPDATED) do
        if changed[name] then input[name] = want[name] end
      end
      chatbot(aws):update_slack_channel_configuration(input)
    end
    if changed.Tags then resource.retag(chatbot(aws), {ResourceARN = live.arn}, live, want, TAG) end
  end,

  delete = function(aws, live) chatbot(aws):delete_slack_channel_configuration {ChatConfigurationArn = live.arn} end,
}
