--- Runs controls: lists the subjects once, reads and judges them side by side, and says what came of each.
local loop = require "tidelock.loop"
local once = require "checks.once"
local subjects = require "checks.subjects"
local task = require "task"

local runner = {}

local RESULTS <const> = {pass = true, fail = true, warn = true, skip = true}

-- As pcall, but what stops a task goes on stopping it.
local function try(fn, ...)
  local result = table.pack(pcall(fn, ...))
  if not result[1] and result[2] == loop.CANCELLED then error(result[2], 0) end
  return table.unpack(result, 1, result.n)
end

local function sentence(err)
  if type(err) == "table" and not getmetatable(err) then return tostring(err.message or err.code or "?") end
  return (tostring(err):gsub("\nstack traceback:.*", ""))
end

-- What a result takes from its control is not copied: there may be tens of thousands of results.
local OF_CONTROL <const> = {}
for name in ("id title severity service fsbp hub cis requirement remedy vars means todo command needs"):gmatch "%a+" do
  OF_CONTROL[name] = true
end
local metas <const> = setmetatable({}, {__mode = "k"})

local function meta_of(control)
  metas[control] = metas[control] or {__index = function(_, name) return OF_CONTROL[name] and control[name] or nil end}
  return metas[control]
end

-- How a result names its subject: without what the API said of it.
local function label_of(kind, subject)
  subject.label = subject.label or {type = kind, name = subject.name, arn = subject.arn}
  return subject.label
end

local function result_of(control, world, subject, verdict)
  return setmetatable({result = verdict.result, evidence = verdict.evidence, control = control, account = world.id,
    region = world.region, subject = label_of(control.subjects, subject), remedy = verdict.remedy}, meta_of(control))
end

local function failed(text) return {result = "error", evidence = text} end

-- Reads and judges one subject. An API that refuses is an error, but for the codes that say "there is none".
local function judge(control, world, subject)
  local live = subject.raw
  if control.read then
    local ok, value = try(control.read, world.aws, subject, world)
    if not ok then
      local absent = type(value) == "table" and control.absent[value.code]
      if absent then return {result = "fail", evidence = absent.says or absent, remedy = absent.remedy} end
      return failed(sentence(value))
    end
    live = value
  end
  local ok, verdict = try(control.test, live, subject, world)
  if not ok and type(verdict) == "table" and verdict.code == "Unknown" then return failed(sentence(verdict)) end
  if not ok then return failed("the control itself failed, please report it: " .. sentence(verdict)) end
  if type(verdict) ~= "table" or not RESULTS[verdict.result] then
    return failed "the control came to no verdict, please report it"
  end
  return verdict
end

-- A list of subjects a region, or what to say instead of one.
local function list(kind, world)
  local ok, rows, why = try(subjects[kind].list, world.aws, world)
  if not ok then
    local code = type(rows) == "table" and rows.code
    local absent = subjects[kind].absent and subjects[kind].absent[code]
    if absent then return {none = {result = "skip", evidence = absent}} end
    return {none = failed("the subjects could not be listed. " .. sentence(rows))}
  end
  if not rows then return {none = {result = "skip", evidence = why}} end
  if #rows == 0 then return {none = {result = "skip", evidence = "there are none"}} end
  return {rows = rows}
end

local function partition_of(region) return require "tidelock.endpoint".partition(region or "").name end

local function world_of(region, options)
  local world = {aws = once.client(options.client(region)), region = region, partition = partition_of(region),
    id = options.account_id, account = options.account or {}, now = options.now or loop.time()}
  function world.arn(service, resource)
    return ("arn:%s:%s:%s:%s:%s"):format(world.partition, service, region, world.id, resource)
  end
  return world
end

--- What a run works in, a region each: the client with its memory, the account. For runs that share one.
function runner.worlds(options)
  local out = {}
  for i, region in ipairs(options.regions or {options.region}) do
    out[i] = world_of(region, options)
    out[i].first = i == 1
  end
  return out
end

local function lists_of(controls, worlds)
  local wanted, seen = {}, {}
  for _, control in ipairs(controls) do
    local kind = control.subjects
    if not subjects[kind] then error(("%s: there are no subjects called %s"):format(control.id, kind), 0) end
    for i, world in ipairs(worlds) do
      if not seen[kind .. i] and (world.first or not subjects[kind].global) then
        wanted[#wanted + 1] = {kind = kind, world = world, key = kind .. i}
        seen[kind .. i] = true
      end
    end
  end
  return wanted
end

local function jobs_of(controls, wanted)
  local jobs = {}
  for _, control in ipairs(controls) do
    for _, one in ipairs(wanted) do
      if one.kind == control.subjects then
        if one.found.none then
          jobs[#jobs + 1] = {control = control, world = one.world, verdict = one.found.none,
            subject = {name = subjects[one.kind].title}}
        end
        for _, subject in ipairs(one.found.rows or {}) do
          jobs[#jobs + 1] = {control = control, world = one.world, subject = subject}
        end
      end
    end
  end
  return jobs
end

--- Runs controls. options: client(region) -> aws, region or regions (list), account (data of the account file),
-- account_id, worlds (of runner.worlds), concurrency (default 32), now, progress(done, total).
-- @return the results, in the order of the controls: {id, title, severity, service, result = "pass" | "fail" | "warn" |
-- "skip" | "error", evidence, subject = {type, name, arn}, region, ...}
function runner.run(controls, options)
  local how = {concurrency = options.concurrency or 32}
  local worlds = options.worlds or runner.worlds(options)
  local wanted = lists_of(controls, worlds)
  task.map(wanted, function(one) one.found = list(one.kind, one.world) end, how)
  local jobs, done = jobs_of(controls, wanted), 0
  local results = task.map(jobs, function(job)
    local verdict = job.verdict or judge(job.control, job.world, job.subject)
    done = done + 1
    if options.progress then options.progress(done, #jobs) end
    return result_of(job.control, job.world, job.subject, verdict)
  end, how)
  return require "checks.suppress".apply((options.account or {}).suppressions, results, worlds[1].now)
end

--- Counts by result, and by severity of what failed: {pass=, fail=, warn=, skip=, error=, by = {critical=, ...}}.
function runner.count(results)
  local n = {pass = 0, fail = 0, warn = 0, skip = 0, error = 0, by = {critical = 0, high = 0, medium = 0, low = 0}}
  for _, result in ipairs(results) do
    if not result.known then
      n[result.result] = n[result.result] + 1
      if result.result == "fail" or result.result == "error" then
        n.by[result.severity] = n.by[result.severity] + 1
      end
    end
  end
  return n
end

--- The exit code: 1 where something as severe as `fail_on` (default critical) failed or could not be checked, 2 where
-- anything else did, 0 where all passed. What the baseline knows does not count.
function runner.exit(results, fail_on)
  local rank, exit = require "checks".rank, 0
  local limit = rank(fail_on or "critical")
  for _, result in ipairs(results) do
    if not result.known then
      if result.result == "fail" or result.result == "error" then
        if rank(result.severity) >= limit then return 1 end
        exit = 2
      elseif result.result == "warn" then
        exit = 2
      end
    end
  end
  return exit
end

return runner
