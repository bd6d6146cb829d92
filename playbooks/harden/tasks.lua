--- What ECS services run: every task with a role that starts it and another for its program, and secrets in Secrets
-- Manager instead of in plain sight. What is found is told, by name and never by value. Changing it starts tasks anew,
-- so it is done only after somebody has said so: one service first, then the others, and all is put back where they do
-- not come up.
playbook {
  name = "harden/tasks",
  about = "ECS task definitions: two roles a task, secrets moved to Secrets Manager, after asking",
  vars = {
    roles = {"string", default = "ask", choices = {"ask", "leave"},
      about = "tasks without two roles of their own: given them when asked, or only shown"},
    secrets = {"string", default = "ask", choices = {"ask", "leave"},
      about = "secrets in task definitions: moved to Secrets Manager when asked, or only shown"},
    patience = {"seconds", default = 1200, about = "how long a service may take to start its tasks anew"},
    propagation = {"seconds", default = 5, about = "how old a new role must be before tasks start with it"},
    skip = {"list", default = {}, about = "services to leave alone: cluster/service"},
  },
}

-- ## What there is

local services = {}
for _, s in ipairs(include("harden/services", {whose = "tasks"}).services) do
  if s.uses then services[#services + 1] = s end                    -- else what it runs is decided for each task set
end

-- Variables that hold a secret, by container: their names. Their values go nowhere.
local function literals(containers)
  local out = {}
  for _, c in ipairs(containers) do
    local names = {}
    for _, e in ipairs(c.environment or {}) do
      if looks_secret(e.name or "", e.value or "") then names[#names + 1] = e.name end
    end
    table.sort(names)
    if #names > 0 then out[#out + 1] = {container = c.name, names = names} end
  end
  return out
end

-- An ARN of a secret without what is behind it (a key, a stage), any six letters at its end: so it is known beforehand.
local function secret_pattern(from)
  local arn = from:match "^arn:[^:]+:secretsmanager:[^:]*:%d+:secret:[^:]+"
  return arn and (arn:find "%-%w%w%w%w%w%w$" and arn:sub(1, -7) .. "??????" or arn .. "-??????")
end

-- What ECS must read to start these containers: secrets, parameters, files; and whether it makes their log groups.
local function needs(containers)
  local out = {secrets = {}, parameters = {}, files = {}}
  local function takes(from)
    table.insert(secret_pattern(from) and out.secrets or out.parameters, secret_pattern(from) or from)
  end
  for _, c in ipairs(containers) do
    local logs = c.logConfiguration or {}
    for _, s in ipairs(c.secrets or {}) do takes(s.valueFrom) end
    for _, s in ipairs(logs.secretOptions or {}) do takes(s.valueFrom) end
    for _, f in ipairs(c.environmentFiles or {}) do table.insert(out.files, f.value) end
    if c.repositoryCredentials then takes(c.repositoryCredentials.credentialsParameter) end
    out.groups = out.groups or (logs.options or {})["awslogs-create-group"] == "true"
  end
  return out
end

local function definition(arn)
  local d = aws.ecs:describe_task_definition {taskDefinition = arn}.taskDefinition
  local partition, place = d.taskDefinitionArn:match "^arn:([^:]+):ecs:([^:]+:%d+):"
  return {arn = d.taskDefinitionArn, family = d.family, task = d.taskRoleArn, execution = d.executionRoleArn,
    fargate = contains(d.requiresCompatibilities or d.compatibilities or {}, "FARGATE"), partition = partition,
    place = place, literals = literals(d.containerDefinitions or {}), needs = needs(d.containerDefinitions or {})}
end

-- What services run, and the families that no service runs: something else starts those.
local function definitions(list)
  local arns, seen, families = {}, {}, {}
  for _, s in ipairs(list) do
    if not seen[s.uses] then arns[#arns + 1], seen[s.uses] = s.uses, true end
    families[s.uses:match "/([^:]+)"] = true
  end
  for family in aws.ecs:items("list_task_definition_families", {status = "ACTIVE"}) do
    if not families[family] then arns[#arns + 1] = family end
  end
  return task.map(arns, definition, {concurrency = 8})
end

local found = find "what services run" {run = function() return {definitions = definitions(services)} end}

-- ## Names of the roles, one for each family: PREFIX-api-start starts tasks of PREFIX-api, PREFIX.api-start those of
-- api. A family has no dot in it, so no two get one name.

local SHARED = account.prefix .. "-ecs-start"            -- starts tasks that read nothing

local function name_of(family, what)
  local front = account.prefix .. "-"
  local ours = family:sub(1, #front) == front
  local name = ("%s%s-%s"):format(ours and "" or account.prefix .. ".", family, what)
  if name == SHARED then name = account.prefix .. "..ecs-start" end
  if #name <= 64 then return name end
  local sum = 0
  for i = 1, #name do sum = (sum * 31 + name:byte(i)) % 0x7fffffff end
  return ("%s-%08x-%s"):format(name:sub(1, 64 - #what - 10), sum, what)
end

local starting = {[SHARED] = true}                       -- all that are for starting tasks
for _, d in ipairs(found.definitions or {}) do starting[name_of(d.family, "start")] = true end

-- ## What is wrong with it

local function role_name(arn) return arn and arn:match "[^/]+$" end

-- A role that is only for starting tasks, and is their program's too.
local function starts_only(d) return d.task ~= nil and d.task == d.execution and starting[role_name(d.task)] end

-- Of the roles, or nil. On EC2 a task may do without.
local function wrong(d)
  if not d.fargate then return nil end
  if not d.execution then return d.task and "no role that starts it" or "no role at all" end
  if not d.task then return "no role of its own" end
  if d.task ~= d.execution then return nil end
  return "one role for both, " .. role_name(d.task) .. (starts_only(d) and ", which is only for starting tasks" or "")
end

local running, skipped = {}, {}                          -- by what is run: services that ECS releases; left alone
for _, s in ipairs(services) do
  if contains(var.skip, s.label) then
    skipped[s.uses] = true
  elseif s.controller == "ECS" then
    running[s.uses] = running[s.uses] or {}
    table.insert(running[s.uses], s)
  end
end

-- Why a task definition is left as it is, or nil.
local function stays(d)
  local list = running[d.arn]
  if not list then return "no service that ECS releases runs it; change it where it is started from" end
  for _, s in ipairs(list) do
    if s.busy then return s.label .. " is being released; run this again afterwards" end
  end
  if var.secrets == "leave" and (var.roles == "leave" or not d.wrong) then return "secrets=leave" end
  if var.roles == "leave" and #d.literals == 0 then return "roles=leave" end
end

local function tell(d)
  local who = {}
  for i, s in ipairs(running[d.arn] or {}) do who[i] = s.label end
  local label = d.arn:match "[^/]+$" .. (#who > 0 and " (" .. table.concat(who, ", ") .. ")" or "")
  if d.wrong then print(("%s: %s"):format(label, d.wrong)) end
  for _, one in ipairs(d.literals) do
    print(("%s: what looks like a secret stands in container %s: %s"):format(label, one.container,
      table.concat(one.names, ", ")))
  end
  if d.stays then
    print(("%s: left as it is: %s"):format(label, d.stays))
  elseif var.roles == "ask" and starts_only(d) then
    print(("%s: its program gets a role of its own, %s, which may do nothing: allow it there what it calls AWS for")
      :format(label, name_of(d.family, "task")))
  end
end

local changes = {}
for _, d in ipairs(found.definitions or {}) do
  d.wrong = wrong(d)
  if skipped[d.arn] and not running[d.arn] then
    d.stays = "skip"                                     -- and not a word of it
  elseif d.wrong or #d.literals > 0 then
    d.stays = stays(d)
    d.moves = not d.stays and var.secrets == "ask" and #d.literals > 0
    tell(d)
    if not d.stays then changes[#changes + 1] = d end
  end
end

-- ## The roles: the one that a task has had for both stays its program's, which keeps what it may do; a new one starts
-- it, and may only pull its image, log, and read what the task reads. Where it was one of those that start tasks, it
-- stays that, and the program gets another.

-- The secret that a container's literals move to.
local function secret_name(d, container) return ("%s/ecs/%s/%s"):format(account.prefix, d.family, container) end

-- Tasks that read nothing share a role that starts them; the others have one each, for theirs alone.
local function starter_of(d)
  local reads = #d.needs.secrets + #d.needs.parameters + #d.needs.files > 0 or d.needs.groups or d.moves
  return reads and name_of(d.family, "start") or SHARED
end

local function worker_of(d) return name_of(d.family, "task") end

local function arn(d, service, resource) return ("arn:%s:%s:%s:%s"):format(d.partition, service, d.place, resource) end

-- What the tasks read that a role starts: sets of ARNs.
local function gather(role, d)
  for _, name in ipairs(d.needs.secrets) do role.secrets[name] = true end
  for _, one in ipairs(d.moves and d.literals or {}) do
    role.secrets[arn(d, "secretsmanager", "secret:" .. secret_name(d, one.container) .. "-??????")] = true
  end
  for _, name in ipairs(d.needs.parameters) do
    local path = name:gsub("^/", "")
    role.parameters[name:find "^arn:" and name or arn(d, "ssm", "parameter/" .. path)] = true
  end
  for _, file in ipairs(d.needs.files) do
    role.files[file], role.buckets[file:match "^[^/]+"] = true, true
  end
  role.groups = role.groups or d.needs.groups
end

local starters, workers, order = {}, {}, {}              -- by name; names in turn

local function starts(d)
  local name = starter_of(d)
  if not starters[name] then
    starters[name], order[#order + 1] = {d = d, secrets = {}, parameters = {}, files = {}, buckets = {}}, name
  end
  gather(starters[name], d)
  return name
end

local function works(d)
  local name = worker_of(d)
  if not workers[name] then workers[name], order[#order + 1] = d, name end
  return name
end

-- Who has a role of ours from before keeps it declared, or --prune would take it away.
for _, d in ipairs(found.definitions or {}) do
  local asked = d.wrong and not d.stays and var.roles == "ask"
  if d.moves or asked and (not d.execution or d.execution == d.task) then d.starter = starts(d) end
  if asked and (not d.task or starts_only(d)) then d.worker = works(d) end
  if not d.starter and role_name(d.execution) == starter_of(d) then starts(d) end
  if not d.worker and role_name(d.task) == worker_of(d) then works(d) end
end

local function sorted(set)
  local out = {}
  for name in pairs(set) do out[#out + 1] = name end
  table.sort(out)
  return #out > 0 and out or nil
end

-- May read these; and open them where they lie under a key of the account. A ViaService ends in amazonaws.com in all
-- partitions: docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
local function reading(out, sid, action, names, context, service, d)
  if not names then return end
  table.insert(out, {Sid = sid, Effect = "Allow", Action = action, Resource = names})
  table.insert(out, {Sid = sid .. "Opened", Effect = "Allow", Action = "kms:Decrypt", Resource = arn(d, "kms", "key/*"),
    Condition = {StringEquals = {["kms:ViaService"] = service .. "." .. account.region .. ".amazonaws.com"},
      StringLike = {["kms:EncryptionContext:" .. context] = names}}})
end

local function statements(role)
  local out = {}
  reading(out, "Secrets", "secretsmanager:GetSecretValue", sorted(role.secrets), "SecretARN", "secretsmanager", role.d)
  reading(out, "Parameters", "ssm:GetParameters", sorted(role.parameters), "PARAMETER_ARN", "ssm", role.d)
  if sorted(role.files) then
    table.insert(out, {Sid = "Files", Effect = "Allow", Action = "s3:GetObject", Resource = sorted(role.files)})
    table.insert(out, {Sid = "Buckets", Effect = "Allow", Action = "s3:GetBucketLocation",
      Resource = sorted(role.buckets)})
  end
  if role.groups then
    table.insert(out, {Sid = "Groups", Effect = "Allow", Action = "logs:CreateLogGroup",
      Resource = arn(role.d, "logs", "log-group:*")})
  end
  return #out > 0 and {start = {Version = "2012-10-17", Statement = out}} or {}
end

local function for_tasks(d)
  return {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
    Principal = {Service = "ecs-tasks.amazonaws.com"},
    Condition = {StringEquals = {["aws:SourceAccount"] = d.place:match "%d+$"},
      ArnLike = {["aws:SourceArn"] = arn(d, "ecs", "*")}}}}}
end

local roles = {}
for _, name in ipairs(order) do
  local starter, d = starters[name], workers[name] or starters[name].d
  roles[name] = ensure.iam.role {
    name = name, AssumeRolePolicyDocument = for_tasks(d),
    Description = starter and "ECS starts tasks with it" or "What the program of " .. d.family .. " may do",
    ManagedPolicyArns = starter
      and {("arn:%s:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"):format(d.partition)} or nil,
    InlinePolicies = starter and statements(starter) or nil,
    ignore = not starter and {"InlinePolicies", "ManagedPolicyArns"} or nil,
    tags = {Purpose = starter and "starting ECS tasks" or "permissions of an ECS task"},
  }
end

-- ## New revisions, after asking

local MEMBERS = {"taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
  "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration",
  "inferenceAccelerators", "ephemeralStorage", "runtimePlatform", "enableFaultInjection"}
local MARK = "moved out of a task definition"

-- One that an earlier run has moved gets another version; one of somebody else's is not touched.
local function put_secret(name, values)
  local text = secret(json.encode(values))
  local ok, made = pcall(function()
    return aws.secretsmanager:create_secret {Name = name, Description = MARK, SecretString = text,
      Tags = {{Key = "Purpose", Value = MARK}}}
  end)
  if ok then return made.ARN end
  if type(made) ~= "table" or made.code ~= "ResourceExistsException" then error(made, 0) end
  local live = aws.secretsmanager:describe_secret {SecretId = name}
  if live.Description ~= MARK then
    error(("the secret %s is there already, and is somebody else's (its description is not %q): rename it, then run"
      .. " this again"):format(name, MARK), 0)
  end
  aws.secretsmanager:put_secret_value {SecretId = name, SecretString = text}
  return live.ARN
end

-- Takes these variables of a container out of its environment into a secret. Every value that stays travels as a secret
-- as well: nothing of an environment may be written down on the way.
local function move(d, container, names)
  local values, kept = {}, {}
  for _, e in ipairs(container.environment or {}) do
    if contains(names, e.name) then
      values[e.name] = e.value
    else
      kept[#kept + 1] = {name = e.name, value = secret(e.value or "")}
    end
  end
  container.environment = kept
  if next(values) == nil then return end
  local from = put_secret(secret_name(d, container.name), values)
  container.secrets = container.secrets or {}
  for _, name in ipairs(names) do
    table.insert(container.secrets, {name = name, valueFrom = ("%s:%s::"):format(from, name)})
  end
end

local function moving(d, container)
  for _, one in ipairs(d.moves and d.literals or {}) do
    if one.container == container.name then return one.names end
  end
  return {}
end

local function register(d)
  local live = aws.ecs:describe_task_definition {taskDefinition = d.arn, include = {"TAGS"}}
  local input = {family = d.family, tags = live.tags and #live.tags > 0 and live.tags or nil}
  for _, name in ipairs(MEMBERS) do input[name] = live.taskDefinition[name] end
  for _, container in ipairs(input.containerDefinitions) do move(d, container, moving(d, container)) end
  if d.starter then input.executionRoleArn = roles[d.starter].arn end
  if d.worker then input.taskRoleArn = roles[d.worker].arn end
  return aws.ecs:register_task_definition(input).taskDefinition.taskDefinitionArn
end

-- A moment passes until ECS may take on a role that has just been made; without it the first tasks would fail.
local function wait_for_roles()
  local youngest = 0
  for _, name in ipairs(order) do
    youngest = math.max(youngest, aws.iam:get_role {RoleName = name}.Role.CreateDate)
  end
  local rest = math.min(var.propagation, youngest + var.propagation - now())
  if rest > 0 then task.sleep(rest) end
end

local function look(row)
  local live = aws.ecs:describe_services {cluster = row.cluster, services = {row.name}}.services[1]
  for _, d in ipairs(live.deployments or {}) do
    if d.status == "PRIMARY" then return live, d end
  end
  return live, {}
end

local function fail(row, live, what)
  local event = live.events and live.events[1] and live.events[1].message or "ECS gives no reason"
  error(("%s %s: %s. Look: tidelock call ecs describe-services --cluster %s --services %s"):format(row.label, what,
    event, row.cluster, row.name), 0)
end

-- Until the tasks of the new revision run; an error where they do not come up.
local function steady(row)
  local waited, pause = 0, 0.1
  while true do
    local live, d = look(row)
    if live.taskDefinition ~= row.after or d.rolloutState == "FAILED" then
      fail(row, live, "did not come up with " .. row.after:match "[^/]+$")
    end
    if d.rolloutState ~= "IN_PROGRESS" then return end
    if waited >= var.patience then fail(row, live, ("is not up after %d s"):format(waited)) end
    task.sleep(pause)
    waited, pause = waited + pause, math.min(15, pause * 2)
  end
end

local function start(row)
  local live = look(row)
  if live.taskDefinition ~= row.before then fail(row, live, "was released by somebody meanwhile; run this again") end
  row.started = true
  aws.ecs:update_service {cluster = row.cluster, service = row.name, taskDefinition = row.after}
  steady(row)
end

local function put_back(rows)
  for _, row in ipairs(rows) do
    if row.started then
      aws.ecs:update_service {cluster = row.cluster, service = row.name, taskDefinition = row.before}
    end
  end
end

-- All of it, or as before. Who interrupts it decides himself, when he resumes.
local function change_all()
  local rows = {}
  local ok, why = pcall(function()
    for _, d in ipairs(changes) do
      local after = register(d)
      for _, s in ipairs(running[d.arn]) do
        rows[#rows + 1] = {cluster = s.cluster, name = s.name, label = s.label, before = s.uses, after = after}
      end
    end
    wait_for_roles()
    start(rows[1])
    task.map(table.move(rows, 2, #rows, 1, {}), start, {concurrency = 8})
  end)
  if not ok then
    if type(why) ~= "table" or why.code ~= "Interrupted" then put_back(rows) end
    error(why, 0)
  end
  return rows
end

if #changes > 0 then
  local n, apart, moved = 0, 0, 0
  for _, d in ipairs(changes) do
    n, moved = n + #running[d.arn], moved + (d.moves and 1 or 0)
    if d.wrong and (d.starter or d.worker) then apart = apart + 1 end
  end
  print(("to change: %d task definition(s), two roles for %d, secrets moved out of %d; %d service(s) start their tasks"
    .. " anew, one first, then the others"):format(#changes, apart, moved, n))
  local done = step "change task definitions" {confirm = "change", later = true, run = change_all, undo = put_back,
    probe = function() return false end}               -- again does no harm: secrets get a version, tasks a revision
  if known(done) and type(done) == "table" then
    print("change them where releases are made from as well, or the next release brings the old ones back; whoever"
      .. " makes it must be allowed to pass the new roles")
    if moved > 0 then
      print("what stood in a task definition was open to many: change those secrets, then deregister and delete the old"
        .. " revisions (tidelock call ecs deregister-task-definition, then delete-task-definitions)")
    end
  end
end

output {to_change = #changes}
