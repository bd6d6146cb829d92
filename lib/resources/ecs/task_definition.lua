--- ecs.task_definition: what a task runs. A revision never changes: an update registers the next one, whole.
local resource = require "resources"

local INPUT <const> = {"taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
  "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration",
  "inferenceAccelerators", "ephemeralStorage", "runtimePlatform", "enableFaultInjection"}

-- What is known only after apply is left alone: it must not be walked.
local function plain(value)
  local meta = getmetatable(value)
  return type(value) == "table" and meta ~= "unknown" and meta ~= "handle"
end

-- ## Containers in the one form that equal ones share: AWS's defaults put in, lists without an order sorted

local LISTS <const> = {environment = "name", secrets = "name", mountPoints = "containerPath", ulimits = "name",
  portMappings = "containerPort", volumesFrom = "sourceContainer", environmentFiles = "value",
  dependsOn = "containerName"}
local DEFAULTS <const> = {essential = true, readonlyRootFilesystem = false, privileged = false}

local function sorted(list, by)
  if not plain(list) then return list end
  local out = table.move(list, 1, #list, 1, {})
  local function key(item) return plain(item) and (tonumber(item[by]) or tostring(item[by])) or "" end
  table.sort(out, function(a, b)
    local x, y = key(a), key(b)
    if type(x) == type(y) then return x < y end
    return type(x) == "number"
  end)
  return out
end

local function container(given)
  if not plain(given) then return given end
  local out = {}
  for name, value in pairs(DEFAULTS) do out[name] = value end
  for name, value in pairs(given) do out[name] = value end
  for name, by in pairs(LISTS) do out[name] = sorted(out[name] or {}, by) end
  return out
end

local function spelt(want)
  if not plain(want.containerDefinitions) then return want end
  local out = {}
  for i, one in ipairs(want.containerDefinitions) do out[i] = container(one) end
  want.containerDefinitions = out
  return want
end

-- ## What Fargate takes

-- Memory in MB for each CPU: the least, the most, the step.
local FARGATE <const> = {["256"] = {512, 2048, 512}, ["512"] = {1024, 4096, 1024}, ["1024"] = {2048, 8192, 1024},
  ["2048"] = {4096, 16384, 1024}, ["4096"] = {8192, 30720, 1024}, ["8192"] = {16384, 61440, 4096},
  ["16384"] = {32768, 122880, 8192}}

local function fits(cpu, memory)
  local range = FARGATE[cpu]
  if not range then return ("Fargate has no cpu = %q; it has 256, 512, 1024, 2048, 4096, 8192, 16384"):format(cpu) end
  local n = tonumber(memory)
  local odd = cpu == "256" and n == 1536                 -- the one gap: 512, 1024 and 2048
  if n and n >= range[1] and n <= range[2] and (n - range[1]) % range[3] == 0 and not odd then return nil end
  return ("Fargate has no memory = %q with cpu = %q; it has %d to %d in steps of %d"):format(memory, cpu, range[1],
    range[2], range[3])
end

local function check_fargate(want, add)
  for _, name in ipairs {"cpu", "memory"} do
    if want[name] == nil then add(name .. " is missing: a task on Fargate says what it takes") end
  end
  if type(want.cpu) == "string" and type(want.memory) == "string" then
    local why = fits(want.cpu, want.memory)
    if why then add(why) end
  end
  if want.networkMode ~= nil and want.networkMode ~= "awsvpc" then
    add(("networkMode is %q; tasks on Fargate have awsvpc"):format(tostring(want.networkMode)))
  end
end

-- A mount names a volume of the task; a misspelt one is refused only when the task is registered.
local function check_mounts(want, add)
  local known = {}
  for _, volume in ipairs(plain(want.volumes) and want.volumes or {}) do
    if plain(volume) and type(volume.name) == "string" then known[volume.name] = true end
  end
  for _, one in ipairs(want.containerDefinitions) do
    for _, mount in ipairs(plain(one) and plain(one.mountPoints) and one.mountPoints or {}) do
      if plain(mount) and type(mount.sourceVolume) == "string" and not known[mount.sourceVolume] then
        add(("container %s mounts the volume %q, which the task does not have"):format(tostring(one.name),
          mount.sourceVolume))
      end
    end
  end
end

local function check(want)
  local out, seen = {}, {}
  local function add(sentence) out[#out + 1] = sentence end
  for _, word in ipairs(plain(want.requiresCompatibilities) and want.requiresCompatibilities or {}) do
    if word == "FARGATE" then check_fargate(want, add) end
  end
  if not plain(want.containerDefinitions) then return out end
  if #want.containerDefinitions == 0 then add "it has no container" end
  for _, one in ipairs(want.containerDefinitions) do
    if plain(one) and type(one.name) == "string" then
      if seen[one.name] then add(("two containers are called %s"):format(one.name)) end
      seen[one.name] = true
    end
  end
  check_mounts(want, add)
  return out
end

-- ## The calls

-- ECS says ClientException of many things: this one is "there is none".
local function describe(aws, name)
  local ok, found = pcall(function()
    return aws.ecs:describe_task_definition {taskDefinition = name, include = {"TAGS"}}
  end)
  if ok then return found end
  if type(found) == "table" and found.code == "ClientException"
    and tostring(found.message):find "[Uu]nable to describe task definition" then
    return nil
  end
  error(found, 0)
end

local function register(aws, want, live)
  local input = {family = want.name, tags = resource.tag_list(want.Tags or live.Tags, "key", "value")}
  for _, name in ipairs(INPUT) do
    input[name] = want[name]
    if input[name] == nil then input[name] = live[name] end
  end
  if #input.tags == 0 then input.tags = nil end
  local made = aws.ecs:register_task_definition(input).taskDefinition
  return {arn = made.taskDefinitionArn, revision = made.revision}
end

return resource {
  type = "ecs.task_definition",
  about = "What an ECS task runs: containers, roles, CPU, memory; an update registers a new revision",
  model = "register_task_definition", key = "family",
  arns = "^arn:[^:]+:ecs:[^:]*:%d+:task%-definition/([^:]+):%d+$",
  provides = {"arn", "revision"}, renews = {"arn", "revision"},
  sets = {"requiresCompatibilities", volumes = "name", containerDefinitions = "name"},
  defaults = {volumes = {}},
  once = {"register_task_definition"},                   -- a second one would be one more revision
  check = check,
  normal = spelt,

  read = function(aws, want)
    local found = describe(aws, want.name)
    local d = found and found.taskDefinition
    if not d or d.status == "INACTIVE" then return nil end
    local live = {name = d.family, arn = d.taskDefinitionArn, revision = d.revision,
      Tags = resource.tag_map(found.tags, "key", "value")}
    for _, name in ipairs(INPUT) do live[name] = d[name] end
    return spelt(live)
  end,

  all = {"list_task_definition_families", input = {status = "ACTIVE"}},

  create = function(aws, want) return register(aws, want, {}) end,

  update = function(aws, live, want, changed)
    for name in pairs(changed) do
      if name ~= "Tags" then return register(aws, want, live) end
    end
    resource.retag(aws.ecs, {resourceArn = live.arn}, live, want, {key = "key", value = "value"})
  end,

  delete = function(aws, live)
    for arn in aws.ecs:items("list_task_definitions", {familyPrefix = live.name, status = "ACTIVE"}) do
      aws.ecs:deregister_task_definition {taskDefinition = arn}
    end
  end,
}
