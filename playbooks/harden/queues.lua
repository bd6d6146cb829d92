--- Every queue there is refuses requests without TLS. The queues stay their makers': one statement is put beside
-- theirs, nothing is tagged, and nothing of it is taken back.
playbook {
  name = "harden/queues",
  about = "All queues: requests without TLS are refused",
  vars = {
    skip = {"list", default = {}, about = "queues to leave alone"},
  },
}

-- ## What there is

local function look(url)
  local a = aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes
  local policy = (a.Policy or "") ~= "" and json.decode(a.Policy) or {}
  return {name = url:match "[^/]+$", arn = a.QueueArn,
    closed = policies.denies_plaintext(policy.Statement, "sqs", a.QueueArn)}
end

local found = find "queues" {run = function()
  local urls = {}
  for url in aws.sqs:items("list_queues", {MaxResults = 1000}) do
    if not contains(var.skip, url:match "[^/]+$") then urls[#urls + 1] = url end
  end
  table.sort(urls)
  return task.map(urls, function(url)
    local ok, seen = pcall(look, url)
    if ok then return seen end
    if type(seen) ~= "table" or seen.status == nil then error(seen, 0) end
    if seen.code == "QueueDoesNotExist" or seen.code == "AWS.SimpleQueueService.NonExistentQueue" then return {} end
    return {name = url:match "[^/]+$", refused = seen.message or seen.code}
  end, {concurrency = 8})
end}

-- ## What those get that do not refuse it yet; the others are not even read again

local refused = {}
for _, queue in ipairs(found) do
  if queue.refused then
    refused[#refused + 1] = queue.name .. ": " .. queue.refused
  elseif queue.name and not queue.closed then
    ensure.sqs.queue_policy {
      name = queue.name,
      PolicyStatements = {{Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = queue.arn,
        Condition = {Bool = {["aws:SecureTransport"] = "false"}}}},
    }
  end
end

if #refused > 0 then
  check "every queue could be looked at" {test = function()
    return false, ("%d of %d could not, and are as they were: %s"):format(#refused, #found, table.concat(refused, "; "))
  end}
end

output {queues = #found, refused = #refused}
