--- sqs.queue_policy: statements in the policy of a queue that somebody else made; theirs stay beside them.
local merge = require "resources.merge"
local resource = require "resources"

local ABSENT <const> = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}

local function url_of(aws, name) return aws.sqs:get_queue_url {QueueName = name}.QueueUrl end

local function policy_of(aws, url)
  local attributes = aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"Policy"}}.Attributes or {}
  return attributes.Policy and attributes.Policy ~= "" and resource.document(attributes.Policy) or nil
end

-- Where none of them is in the policy, there is none.
local function live_at(aws, want, url)
  local seen = merge.statements_in(policy_of(aws, url), merge.as_policy(want.PolicyStatements))
  return #seen.Statement > 0 and {name = want.name, PolicyStatements = seen} or nil
end

-- An empty text takes the policy away: SQS has no other way.
local function put(aws, url, policy)
  aws.sqs:set_queue_attributes {QueueUrl = url,
    Attributes = {Policy = #policy.Statement > 0 and resource.encode(policy) or ""}}
end

local function write(aws, name, wanted)
  local url = url_of(aws, name)
  put(aws, url, merge.policy(policy_of(aws, url), merge.as_policy(wanted)))
end

return resource {
  type = "sqs.queue_policy", about = "Statements in the policy of a queue that is there already; others' stay",
  key = "QueueName", tags = false,
  properties = {PolicyStatements = {type = "document", required = true}},
  documents = {PolicyStatements = "policy"},
  absent = ABSENT,

  normal = function(want)
    want.PolicyStatements = merge.as_policy(want.PolicyStatements)
    return want
  end,
  check = function(want) return {merge.nameless(want.PolicyStatements, "PolicyStatements", "Sid", "a Sid")} end,

  read = function(aws, want) return live_at(aws, want, url_of(aws, want.name)) end,

  -- One list gives the URLs of all.
  read_many = function(aws, wants)
    local urls, out = {}, {}
    for url in aws.sqs:items("list_queues", {MaxResults = 1000}) do urls[url:match "[^/]*$"] = url end
    for i, want in ipairs(wants) do
      out[i] = function()
        return resource.unless(ABSENT, function()
          return live_at(aws, want, urls[want.name] or url_of(aws, want.name)) or false
        end, false)
      end
    end
    return resource.all(out)
  end,
  create = function(aws, want)
    write(aws, want.name, want.PolicyStatements)
    return {}
  end,
  update = function(aws, _, want) write(aws, want.name, want.PolicyStatements) end,
  delete = function(aws, live)
    local url = url_of(aws, live.name)
    local policy = policy_of(aws, url) or {}
    put(aws, url, {Version = policy.Version, Id = policy.Id,
      Statement = merge.without(merge.listed(policy.Statement), live.PolicyStatements.Statement, "Sid")})
  end,
}
