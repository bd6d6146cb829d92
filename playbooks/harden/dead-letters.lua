--- Which queues hold dead letters: those that another queue names as its own, and those that are called so.
playbook {
  name = "harden/dead-letters",
  about = "Which queues there are to work off, and which hold dead letters; changes nothing",
  vars = {whose = {"string", default = "anybody", about = "who asks: what was found is kept by this name"}},
}

local GONE = {QueueDoesNotExist = true, ["AWS.SimpleQueueService.NonExistentQueue"] = true}

-- A deleted queue is listed for up to a minute more, and is none any more.
local function look(url)
  local ok, got = pcall(function()
    return aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes or {}
  end)
  if not ok and not (type(got) == "table" and GONE[got.code]) then error(got, 0) end
  local policy = ok and got.RedrivePolicy
  return {name = ok and url:match "[^/]+$" or nil,
    hands_to = policy and tostring(json.decode(policy).deadLetterTargetArn):match "[^:]+$"}
end

local found = find("queues, for " .. var.whose) {run = function()
  local urls, dead, out = {}, {}, {queues = {}, dead = {}}
  for url in aws.sqs:items("list_queues", {MaxResults = 1000}) do urls[#urls + 1] = url end
  local seen = task.map(urls, look, {concurrency = 16})
  for _, one in ipairs(seen) do dead[one.hands_to or ""] = true end
  for _, one in ipairs(seen) do
    local name = one.name
    if name then
      local called_so = name:find "%-dlq$" or name:find "%-dlq%.fifo$"
      table.insert((dead[name] or called_so) and out.dead or out.queues, name)
    end
  end
  table.sort(out.queues)
  table.sort(out.dead)
  return out
end}

output {queues = found.queues or {}, dead = found.dead or {}}
