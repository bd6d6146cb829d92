--- Puts the sender of the rate limiter back to an older version: the queue waits meanwhile, and nothing is lost. The
-- program of that version is still at Lambda, so nothing has to be built.
playbook {
  name = "runbooks/rate-limiter-rollback",
  about = "The sender, back to an older version: by default the one before that in use",
  vars = {
    version = {"string", default = "", about = "the version to go back to"},
    drain = {"seconds", default = 40, about = "how long a run that has begun may still take"},
  },
}

local name = account.prefix .. "-rate-limiter"

local function mapping()
  local queue = "arn:" .. account.partition .. ":sqs:" .. account.region .. ":" .. account.id .. ":" .. name .. "-queue"
  for one in aws.lambda:items("list_event_source_mappings", {EventSourceArn = queue}) do
    if one.FunctionArn:find(":function:" .. name .. ":live", 1, true) then return one end
  end
end

local function refuse(text, ...) error({exit = 1, message = text:format(...)}, 0) end

-- Versions as numbers, the newest first.
local function versions()
  local out = {}
  for one in aws.lambda:items("list_versions_by_function", {FunctionName = name}) do
    local n = math.tointeger(tonumber(one.Version))
    if n then out[#out + 1] = n end
  end
  table.sort(out, function(a, b) return a > b end)
  return out
end

local from_to = find "where it is, and where it can go" {run = function()
  local found, alias = pcall(aws.lambda.get_alias, aws.lambda, {FunctionName = name, Name = "live"})
  if not found and alias.code == "ResourceNotFoundException" then
    refuse("There is no function %s with an alias live here, so there is nothing to put back. It is made by"
      .. " playbooks/provision/rate-limiter.lua, where the account file's consumer is \"lambda\".", name)
  end
  if not found then error(alias, 0) end
  local in_use = alias.FunctionVersion
  local all, target = versions(), nil
  for _, n in ipairs(all) do
    if var.version == tostring(n) or var.version == "" and n < tonumber(in_use) then
      target = tostring(n)
      break
    end
  end
  if not target then
    refuse("The function %s is at version %s, and there is no %s. Its versions: %s.", name, in_use,
      var.version == "" and "older one" or "version " .. var.version, table.concat(all, ", "))
  end
  local one = mapping()
  return {from = in_use, to = target, mapping = one and one.UUID, enabled = one ~= nil and one.State == "Enabled"}
end}

if from_to then print(("%s goes from version %s back to %s"):format(name, from_to.from, from_to.to)) end

-- Disabling takes some seconds to reach all that poll; a run that has begun is let end.
local function settle(wanted)
  for _ = 1, 60 do
    if aws.lambda:get_event_source_mapping {UUID = from_to.mapping}.State == wanted then return end
    task.sleep(2)
  end
  refuse("The mapping %s is not %s after two minutes.", from_to.mapping, wanted)
end

local function enable(yes)
  if not from_to.enabled then return end
  aws.lambda:update_event_source_mapping {UUID = from_to.mapping, Enabled = yes}
  settle(yes and "Enabled" or "Disabled")
end

local function move(version)
  aws.lambda:update_alias {FunctionName = name, Name = "live", FunctionVersion = version}
end

step "stop taking messages" {
  run = function()
    enable(false)
    if from_to.enabled then task.sleep(var.drain) end
  end,
  undo = function() enable(true) end,
}
step "go back" {run = function() move(from_to.to) end, undo = function() move(from_to.from) end}
step "take messages again" {run = function() enable(true) end}

check "the older version is in use, and reads the queue" {test = function()
  local in_use = aws.lambda:get_alias {FunctionName = name, Name = "live"}.FunctionVersion
  if in_use ~= from_to.to then return false, "version " .. in_use .. " is in use" end
  local one = mapping()
  if from_to.enabled and (not one or one.State ~= "Enabled") then return false, "nothing reads the queue" end
  return true, ("version %s; to stay there: tidelock apply playbooks/provision/rate-limiter.lua --account %s"
    .. " --var version=%s"):format(in_use, account.file, in_use)
end}

output {from = from_to.from, to = from_to.to}
