--- tidelock schedule list|run|pause|unpause|remove|logs: what is done with schedules that are there.
local fault = require "playbook.fault"
local lines = require "schedule.lines"
local options = require "cli.options"
local stack = require "cli.schedule.stack"

local others = {}

local function json(ctx, value) ctx:print(require "tidelock.json".encode(value, {indent = 2, sort = true})) end

local function one_name(args, verb)
  if #args ~= 1 then options.usage(("which schedule? tidelock schedule %s NAME"):format(verb)) end
  return args[1]
end

-- ## list

local function alarms(session, names)
  local wanted, out = {}, {}
  for i, name in ipairs(names) do wanted[i] = stack.alarm(name) end
  for from = 1, #wanted, 100 do
    local some = table.move(wanted, from, math.min(from + 99, #wanted), 1, {})
    for _, alarm in ipairs(session.cloudwatch:describe_alarms {AlarmNames = some}.MetricAlarms or {}) do
      out[alarm.AlarmName] = alarm.StateValue
    end
  end
  return out
end

local RUNS <const> = {OK = "runs", ALARM = "no run has ended in time", INSUFFICIENT_DATA = "no run yet"}

local function row_of(session, name, states)
  local live = session.scheduler:get_schedule {Name = name, GroupName = stack.GROUP}
  local state = states[stack.alarm(name)]
  return {name = name, state = live.State == "ENABLED" and "on" or "paused", expression = live.ScheduleExpression,
    timezone = live.ScheduleExpressionTimezone, runs = state and (RUNS[state] or state) or "no alarm",
    task = live.Target.EcsParameters and live.Target.EcsParameters.TaskDefinitionArn}
end

function others.list(args, ctx)
  if #args > 0 then options.usage "list takes no name; tidelock schedule logs NAME shows one's runs" end
  local session = stack.session(args)
  local names, rows = {}, {}
  for i, one in ipairs(stack.list(session)) do names[i] = one.Name end
  local states = alarms(session, names)
  for i, name in ipairs(names) do rows[i] = row_of(session, name, states) end
  if ctx:wants_json() then
    json(ctx, require "tidelock.json".array(rows))
  elseif #rows == 0 then
    ctx:print(('There are no schedules in %s. One is made by: tidelock schedule add PLAYBOOK --rate "1 day"'):format(
      session:region()))
  end
  for _, row in ipairs(ctx:wants_json() and {} or rows) do
    ctx:print(("%-32s %-7s %-28s %-14s %s"):format(row.name, row.state, row.expression, row.timezone, row.runs))
  end
  return 0
end

-- ## run

local function network_of(given)
  local one = given and given.awsvpcConfiguration        -- the same to ECS, with small letters
  return one and {awsvpcConfiguration = {subnets = one.Subnets, securityGroups = one.SecurityGroups,
    assignPublicIp = one.AssignPublicIp}}
end

-- The task as the schedule would start it.
local function request(live)
  local of = live.Target.EcsParameters
  return {cluster = live.Target.Arn, taskDefinition = of.TaskDefinitionArn, launchType = of.LaunchType,
    platformVersion = of.PlatformVersion, networkConfiguration = network_of(of.NetworkConfiguration), count = 1,
    propagateTags = of.PropagateTags, enableECSManagedTags = of.EnableECSManagedTags,
    startedBy = "tidelock schedule run"}
end

-- Approvals go in as words of its command.
local function with_approvals(session, input, approvals)
  if not approvals then return end
  local definition = session.ecs:describe_task_definition {taskDefinition = input.taskDefinition}.taskDefinition
  local container = definition.containerDefinitions[1]
  local command = table.move(container.command, 1, #container.command, 1, {})
  for _, name in ipairs(approvals) do
    command[#command + 1] = "--approve"
    command[#command + 1] = name
  end
  input.overrides = {containerOverrides = {{name = container.name, command = command}}}
end

local function ended(session, cluster, arn)
  session.ecs:wait("tasks_stopped", {cluster = cluster, tasks = {arn}}, {timeout = 86400})
  local task = session.ecs:describe_tasks {cluster = cluster, tasks = {arn}}.tasks[1]
  local container = (task.containers or {})[1] or {}
  return container.exitCode, task.stoppedReason
end

function others.run(args, ctx)
  local name = one_name(args, "run")
  local session = stack.session(args)
  local input = request(stack.live(session, name))
  with_approvals(session, input, args.approve)
  local out = session.ecs:run_task(input)
  local task = (out.tasks or {})[1]
  if not task then
    local why = (out.failures or {})[1] or {}
    fault.fail(69, "ECS did not start the task of %s: %s%s. Look at the cluster and the subnets; then run it again.",
      name, why.reason or "no reason given", why.detail and " (" .. why.detail .. ")" or "")
  end
  ctx:print(task.taskArn)
  if not args.wait then
    ctx:say("Started. Its log: tidelock schedule logs %s --follow", name)
    return 0
  end
  local code, why = ended(session, input.cluster, task.taskArn)
  if code == nil then
    fault.fail(69, "The task of %s ended without having run: %s.", name, why or "no reason given")
  end
  ctx:say("Ended with exit code %d. Its log: tidelock schedule logs %s", code, name)
  return code
end

-- ## pause, unpause: silence is no alarm while a schedule rests

local MEMBERS <const> = {"Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate",
  "EndDate", "Description", "KmsKeyArn", "Target", "FlexibleTimeWindow", "ActionAfterCompletion"}

local function set_state(session, live, state)
  local input = {State = state}
  for _, member in ipairs(MEMBERS) do input[member] = live[member] end
  session.scheduler:update_schedule(input)
end

-- Silence counts from here, by a datapoint as a run's end makes it: while it rested its alarm went off unheard, and one
-- that is off already would tell of no run that does not come.
local function begin_anew(session, name)
  local alarm = (session.cloudwatch:describe_alarms {AlarmNames = {stack.alarm(name)}}.MetricAlarms or {})[1]
  if not alarm then return end
  session.cloudwatch:put_metric_data {Namespace = alarm.Namespace,
    MetricData = {{MetricName = alarm.MetricName, Value = 1}}}
end

local function switch(verb, state, alarm_call, said)
  return function(args, ctx)
    local name = one_name(args, verb)
    local session = stack.session(args)
    local live = stack.live(session, name)
    local changed = live.State ~= state
    if changed and state == "ENABLED" then begin_anew(session, name) end      -- where that is refused, all stays
    if changed then set_state(session, live, state) end
    session.cloudwatch[alarm_call](session.cloudwatch, {AlarmNames = {stack.alarm(name)}})
    ctx:say(said[changed and 1 or 2], name, name)
    return 0
  end
end

others.pause = switch("pause", "DISABLED", "disable_alarm_actions",
  {"%s rests, and its silence alarm with it. Go on with: tidelock schedule unpause %s", "%s rests already."})
others.unpause = switch("unpause", "ENABLED", "enable_alarm_actions", {"%s runs again.", "%s was not paused."})

-- ## logs

local function since(args)
  local seconds, why = require "playbook.vars".seconds(args.since or "24h")
  if not seconds then options.usage("--since " .. why) end
  return (require "tidelock.loop".time() - seconds) * 1000 // 1 | 0
end

local function show(ctx, event, as_json)
  local text = event.message:gsub("\n$", "")
  ctx:print(as_json and text or lines.human(text))
end

-- Prints what came since `from` (milliseconds) and was not seen; returns from where to look next.
local function print_new(session, ctx, group, from, seen, as_json)
  local last = from
  for event in session.logs:items("filter_log_events", {logGroupName = group, startTime = from}) do
    if not seen[event.eventId] then
      seen[event.eventId] = true
      show(ctx, event, as_json)
    end
    last = math.max(last, event.timestamp)
  end
  return last
end

function others.logs(args, ctx)
  local name = one_name(args, "logs")
  local session, group, seen, from = stack.session(args), stack.log(name), {}, since(args)
  local ok, err = pcall(function() from = print_new(session, ctx, group, from, seen, ctx:wants_json()) end)
  if not ok then
    if type(err) == "table" and err.code == "ResourceNotFoundException" then stack.live(session, name) end
    error(err, 0)
  end
  if next(seen) == nil then ctx:say("Nothing was written since %s ago.", args.since or "24h") end
  while args.follow do
    ctx:flush()
    require "tidelock.loop".sleep(2)
    from = print_new(session, ctx, group, from, seen, ctx:wants_json())
  end
  return 0
end

return others
