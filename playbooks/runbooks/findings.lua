--- What GuardDuty and Security Hub have found and nobody has dealt with yet, as a plan: the worst first, what it is on,
-- and what to do. It only reads.
playbook {
  name = "runbooks/findings",
  about = "Open findings of GuardDuty and Security Hub as a plan of what to do, the worst first",
  vars = {
    least = {"string", default = "LOW", choices = {"LOW", "MEDIUM", "HIGH", "CRITICAL"},
      about = "from which severity on"},
    worst = {"integer", default = 5, min = 1, max = 100, about = "how many are named; the output holds all"},
  },
}

local RANK = {CRITICAL = 4, HIGH = 3, MEDIUM = 2, LOW = 1}

-- ## What to do: a playbook where one repairs it, else what AWS says

local REPAIRS = {
  ["harden/storage"] = "S3.1 S3.2 S3.3 S3.5 S3.8 S3.12",
  ["harden/database"] = "RDS.6 RDS.8 RDS.9 RDS.11 RDS.13",
  ["harden/containers"] = "ECS.12",
  ["harden/alarms"] = "CloudWatch.15 CloudWatch.17",
  ["harden/security-services"] = "CloudTrail.1 CloudTrail.2 CloudTrail.4 CloudTrail.6 Config.1 GuardDuty.1 GuardDuty.5"
    .. " GuardDuty.6 GuardDuty.8 GuardDuty.9 GuardDuty.10 IAM.28",
}

local function playbook_of(control)
  for name, ids in pairs(REPAIRS) do
    for id in ids:gmatch "%S+" do
      if id == control then return "tidelock apply playbooks/" .. name .. ".lua" end
    end
  end
end

local ON_ATTACK = {
  AccessKey = "make the key inactive, look what it did (tidelock call cloudtrail lookup-events), give out a new one",
  Instance = "cut the machine off by a security group without rules, keep its disks, find how it was entered",
  S3Bucket = "look who read or changed it, and close it: tidelock apply playbooks/harden/storage.lua",
  Container = "stop the task, look at its image and its role, and find how it was entered",
  ECSCluster = "stop the task, look at its image and its role, and find how it was entered",
  EKSCluster = "look who used the cluster and by which role, and take the access away",
  RDSDBInstance = "change the user's password, look who is connected, and close the port",
  Lambda = "look what the function's code and role are, and take the role away",
}

-- ## What GuardDuty saw

local function label(severity)
  return severity >= 9 and "CRITICAL" or severity >= 7 and "HIGH" or severity >= 4 and "MEDIUM" or "LOW"
end

local function victim(r)
  local bucket = (r.S3BucketDetails or {})[1]
  return (r.AccessKeyDetails or {}).UserName or (r.InstanceDetails or {}).InstanceId or bucket and bucket.Name
    or (r.EksClusterDetails or {}).Name or (r.EcsClusterDetails or {}).Name
    or (r.RdsDbInstanceDetails or {}).DbInstanceIdentifier or (r.LambdaDetails or {}).FunctionName
    or r.ResourceType or "?"
end

local function attacks(add)
  local on = false
  for id in aws.guardduty:items("list_detectors", {}) do
    local page = {}
    on = true
    local function flush()
      if #page == 0 then return end
      for _, f in ipairs(aws.guardduty:get_findings {DetectorId = id, FindingIds = page}.Findings) do
        local r = f.Resource or {}
        add {severity = label(f.Severity), title = f.Title or f.Type, resource = victim(r), from = "GuardDuty",
          remedy = (ON_ATTACK[r.ResourceType] or "look at it: it looks like an attack") .. "; then archive it"}
      end
      page = {}
    end
    for finding in aws.guardduty:items("list_findings", {DetectorId = id, FindingCriteria = {Criterion = {
      ["service.archived"] = {Equals = {"false"}}}}}) do
      page[#page + 1] = finding
      if #page == 50 then flush() end
    end
    flush()
  end
  if not on then error({code = "InvalidAccessException"}, 0) end
end

-- ## What Security Hub found not to be as it should

local function is(value) return {Value = value, Comparison = "EQUALS"} end

local OPEN = {ComplianceStatus = {is "FAILED"}, RecordState = {is "ACTIVE"},
  WorkflowStatus = {is "NEW", is "NOTIFIED"}, GeneratorId = {{Value = "tidelock/", Comparison = "PREFIX_NOT_EQUALS"}}}

local function advice(f)
  local said = (f.Remediation or {}).Recommendation or {}
  local text = said.Url or said.Text or "see the control in Security Hub"
  local own = playbook_of((f.Compliance or {}).SecurityControlId)
  return own or text
end

local function deviations(add)
  for f in aws.securityhub:items("get_findings", {Filters = OPEN, MaxResults = 100}) do
    add {severity = (f.Severity or {}).Label or "LOW", title = f.Title, from = "Security Hub", remedy = advice(f),
      control = (f.Compliance or {}).SecurityControlId, resource = ((f.Resources or {})[1] or {}).Id or "?"}
  end
end

-- ## The plan: the same finding on many resources is one thing to do

-- A service that is not on has nothing to say, which is said.
local OFF = {InvalidAccessException = true, ResourceNotFoundException = true, dns = true}

local function asked(silent, name, fn)
  local ok, why = pcall(fn)
  if ok then return end
  if not (type(why) == "table" and OFF[why.code]) then error(why, 0) end
  silent[#silent + 1] = name
end

local function before(a, b)
  if RANK[a.severity] ~= RANK[b.severity] then return RANK[a.severity] > RANK[b.severity] end
  if #a.resources ~= #b.resources then return #a.resources > #b.resources end
  return a.title < b.title
end

local function gather()
  local plan, by_title, silent, count = {}, {}, {}, 0
  local function add(f)
    if (RANK[f.severity] or 0) < RANK[var.least] then return end
    local key = f.from .. f.severity .. f.title
    local row = by_title[key]
    if not row then
      row = {severity = f.severity, title = f.title, from = f.from, remedy = f.remedy, control = f.control,
        resources = {}}
      by_title[key], plan[#plan + 1] = row, row
    end
    count = count + 1
    row.resources[#row.resources + 1] = f.resource
  end
  asked(silent, "GuardDuty", function() attacks(add) end)
  asked(silent, "Security Hub", function() deviations(add) end)
  for _, row in ipairs(plan) do table.sort(row.resources) end
  table.sort(plan, before)
  return {plan = plan, findings = count, silent = silent}
end

local function on(row)
  local n = #row.resources
  return row.resources[1] .. (n > 1 and (" and %d more"):format(n - 1) or "")
end

local function tell(found)
  for _, name in ipairs(found.silent) do print(name .. " is not on here, so nothing is known of it") end
  print(("%d open findings, %d things to do"):format(found.findings, #found.plan))
  for i, row in ipairs(found.plan) do
    if i > var.worst then break end
    print(("  %s %s (%s)\n    on %s\n    do: %s"):format(row.severity, row.title, row.from, on(row), row.remedy))
  end
  if #found.plan > var.worst then
    print(("  ... and %d more: tidelock run playbooks/runbooks/findings.lua --output json"):format(
      #found.plan - var.worst))
  end
  return found
end

local found = step "list the open findings" {
  run = function() return tell(gather()) end,
  probe = function() return false end,                                -- killed on the way: it only looks
}

output {findings = found.plan, open = found.findings, silent = found.silent}
