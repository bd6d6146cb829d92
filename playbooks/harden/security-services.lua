--- What watches an account: GuardDuty, Security Hub, AWS Config, an access analyzer, a trail of every call, and the
-- rules that tell people. Nothing that exists is weakened: features, flags and settings that are not named here stay,
-- and what another account or an organisation looks after is left to it, and told.
playbook {
  name = "harden/security-services",
  about = "GuardDuty, Security Hub, Config, Access Analyzer, CloudTrail, findings by e-mail, and what is found first",
  vars = {
    severity = {"number", default = 7, min = 1, max = 10, about = "GuardDuty findings from here on are told, to 10"},
    runtime = {"boolean", default = true, about = "watch what runs in containers and machines (billed by vCPU)"},
    agents = {"list", default = {}, about = "where GuardDuty puts the agent by itself that watches there: fargate (in"
      .. " each new task, of whose memory it takes a part), ec2, eks"},
    cis = {"boolean", default = false, about = "check by the CIS benchmark 3.0 too"},
    pack = {"boolean", default = true, about = "judge by AWS Config's rules of CIS (billed by evaluation)"},
    global = {"boolean", default = true,
      about = "this is the account's first region: it records what belongs to none (IAM), and gathers all findings"},
    regions = {"string", default = "ALL_REGIONS", choices = {"ALL_REGIONS", "NO_REGIONS"},
      about = "whose findings Security Hub gathers in the first region"},
    data_events = {"boolean", default = true, about = "write down every write to S3, but those to the log bucket"},
    own_trail = {"boolean", default = true,
      about = "a trail of this account's own, even where another one of all regions records it already"},
    administered = {"boolean", default = false,
      about = "change GuardDuty and Security Hub here, although another account administers them"},
    keep = {"seconds", default = "14d", about = "how long findings that could not be delivered are kept"},
    findings = {"boolean", default = true, about = "list what GuardDuty and Security Hub have found so far"},
  },
}

local names = {analyzer = account.prefix .. "-access-analyzer", recorder = account.prefix .. "-config-recorder",
  channel = account.prefix .. "-config-delivery", pack = account.prefix .. "-cis",
  trail = account.prefix .. "-" .. account.env .. "-trail"}

-- ## What is there, and who looks after it

-- What a service that is not in the region, or not on yet, has: nothing.
local NOTHING = {InvalidAccessException = true, ResourceNotFoundException = true}

local DENIED = 77                                                -- the exit code of an error that is a refusal

-- What a service says, {} where it has nothing to say; into `out`, where it is not there and where it refuses.
local function ask(out, fn)
  local ok, value = pcall(fn)
  if ok then return value end
  if type(value) ~= "table" then error(value, 0) end
  if value.code == "dns" then
    table.insert(out.absent, value.service)
  elseif not NOTHING[value.code] and value.exit == DENIED then
    table.insert(out.refused, value)
  elseif not NOTHING[value.code] then
    error(value, 0)
  end
  return {}
end

-- The other account that administers a service in this one; a service says in more than one way that there is none.
local function administrator(fn)
  local ok, answer = pcall(fn)
  if not ok and not (type(answer) == "table" and NOTHING[answer.code]) then error(answer, 0) end
  local id = ok and (answer.Administrator or {}).AccountId
  return id and id ~= account.id and id or nil
end

local function guardduty()
  local id = (aws.guardduty:list_detectors {}.DetectorIds or {})[1]
  if not id then return {} end
  local out = {detector = id, administrator = administrator(function()
    return aws.guardduty:get_administrator_account {DetectorId = id}
  end)}
  for _, feature in ipairs(aws.guardduty:get_detector {DetectorId = id}.Features or {}) do
    for _, agent in ipairs(feature.AdditionalConfiguration or {}) do
      out.agents = out.agents or agent.Status == "ENABLED"
    end
  end
  return out
end

local function securityhub()
  local hub = aws.securityhub:describe_hub {}
  local out = {hub = hub.HubArn, administrator = administrator(function()
    return aws.securityhub:get_administrator_account {}
  end)}
  if out.administrator then return out end                     -- it gathers, in a region of its own
  local gathers = aws.securityhub:list_finding_aggregators {}.FindingAggregators[1]
  out.aggregator = gathers and gathers.FindingAggregatorArn:match "^arn:[^:]+:securityhub:([^:]+):"
  return out
end

-- The recorder and the channel of others: those of services, and our own, are not meant.
local function config()
  local out = {}
  for _, r in ipairs(aws.config:describe_configuration_recorders {}.ConfigurationRecorders or {}) do
    if r.name ~= names.recorder and not r.servicePrincipal then
      local s = aws.config:describe_configuration_recorder_status {ConfigurationRecorderNames = {r.name}}
      out.recorder = {name = r.name, recording = s.ConfigurationRecordersStatus[1].recording,
        all = r.recordingGroup.allSupported, global = r.recordingGroup.includeGlobalResourceTypes}
    end
  end
  for _, c in ipairs(aws.config:describe_delivery_channels {}.DeliveryChannels or {}) do
    if c.name ~= names.channel then out.channel = c.name end
  end
  for p in aws.config:items("describe_conformance_packs", {}) do
    out.pack = out.pack or p.ConformancePackName == names.pack
  end
  return out
end

-- A region has one analyzer of the account.
local function analyzers()
  for a in aws.accessanalyzer:items("list_analyzers", {type = "ACCOUNT"}) do
    if a.name ~= names.analyzer then return {name = a.name, arn = a.arn, status = a.status} end
  end
  return {}
end

-- Trails of all regions: our own, and those of others, an organisation's above all.
local function trails()
  local out = {others = {}}
  for _, t in ipairs(aws.cloudtrail:describe_trails {}.trailList or {}) do
    local owner = t.TrailARN:match "^arn:[^:]+:cloudtrail:[^:]*:(%d+):"
    local ours = t.Name == names.trail and owner == account.id
    if ours and t.HomeRegion ~= account.region then
      out.home = {region = t.HomeRegion, arn = t.TrailARN}
    elseif ours then
      out.ours = true
    elseif t.IsMultiRegionTrail then
      local ok, status = pcall(function() return aws.cloudtrail:get_trail_status {Name = t.TrailARN} end)
      if not ok and not (type(status) == "table" and status.code) then error(status, 0) end
      table.insert(out.others, {name = t.Name, arn = t.TrailARN, owner = owner, logging = ok and status.IsLogging,
        why = not ok and status.message or nil,
        whose = t.IsOrganizationTrail and "the organisation's trail" or "the trail"})
    end
  end
  return out
end

local there = find "what is there" {run = function()
  local out = {absent = {}, refused = {}}
  out.guardduty, out.securityhub, out.config = ask(out, guardduty), ask(out, securityhub), ask(out, config)
  out.analyzer, out.trails = ask(out, analyzers), ask(out, trails)
  for i = 2, #out.refused do print(tostring(out.refused[i])) end                -- all of them at once
  if out.refused[1] then error(out.refused[1], 0) end
  out.refused = nil
  return out
end}

local function absent(service)
  for _, name in ipairs(there.absent or {}) do
    if name == service then
      print(("%s is not offered in %s, and is left out"):format(service, account.region))
      return true
    end
  end
end

-- Whether to leave a service to the account that administers it.
local function theirs(service)
  local who = (there[service] or {}).administrator
  if not who then return false end
  print(("%s is administered by account %s%s"):format(service, who, var.administered and ""
    or ", and left to it: ask there for what is missing, or give --var administered=true"))
  return not var.administered
end

-- ## Those who find

local function on(name) return {Name = name, Status = "ENABLED"} end

local features = {on "S3_DATA_EVENTS", on "EKS_AUDIT_LOGS", on "EBS_MALWARE_PROTECTION", on "RDS_LOGIN_EVENTS",
  on "LAMBDA_NETWORK_LOGS"}

-- What runs is seen by an agent beside it; without one this feature is on and sees nothing.
local AGENTS = {fargate = "ECS_FARGATE_AGENT_MANAGEMENT", ec2 = "EC2_AGENT_MANAGEMENT", eks = "EKS_ADDON_MANAGEMENT"}

local function runtime()
  local out, agents = on "RUNTIME_MONITORING", {}
  for i, name in ipairs(var.agents) do
    if not AGENTS[name] then error(("agents: %s is none of fargate, ec2 and eks"):format(name), 0) end
    agents[i] = on(AGENTS[name])
  end
  if #agents > 0 then out.AdditionalConfiguration = agents end
  if #agents == 0 and not (there.guardduty or {}).agents then
    print("GuardDuty sees what runs only where its agent is. It puts one into each new task of Fargate, beside the"
      .. " task's containers, with --var agents=fargate")
  end
  return out
end

if var.runtime then features[#features + 1] = runtime() end

local detector = {id = (there.guardduty or {}).detector}
if not absent "guardduty" and not theirs "guardduty" then
  detector = ensure.guardduty.detector {
    Enable = true, FindingPublishingFrequency = "FIFTEEN_MINUTES", Features = features,
  }
end

-- Before the standards, which look by what is recorded.
local recorder, recording = (there.config or {}).recorder, nil
if recorder then
  print(("AWS Config: the recorder %s is there already, and left as it is%s%s%s"):format(recorder.name,
    recorder.recording and "" or (". It does not record: tidelock call config start-configuration-recorder"
      .. " --configuration-recorder-name %s --region %s"):format(recorder.name, account.region),
    recorder.all and "" or ". It does not record all kinds of resources",
    (recorder.global or not var.global or not recorder.all) and "" or ". It does not record global resources (IAM)"))
elseif not absent "config" then
  include("harden/config", {global = var.global, channel = there.config and there.config.channel})
  recording = "config.recording/" .. names.recorder
end
-- Rules judge what is recorded: where somebody has stopped the recorder they wait for it, but none is taken away.
if var.pack and (recording or recorder and (recorder.recording or there.config.pack)) then
  include("harden/config-rules", {after = recording or ""})
elseif var.pack and recorder then
  print "AWS Config: the rules of CIS wait until something is recorded; run this again then"
end

local hub = {arn = (there.securityhub or {}).hub}
if not absent "securityhub" and not theirs "securityhub" then
  hub = ensure.securityhub.hub {ControlFindingGenerator = "SECURITY_CONTROL", AutoEnableControls = true}
  local standards = {"aws-foundational-security-best-practices/v/1.0.0"}
  if var.cis then standards[2] = "cis-aws-foundations-benchmark/v/3.0.0" end
  for _, name in ipairs(standards) do
    ensure.securityhub.standard {
      StandardsArn = "arn:" .. account.partition .. ":securityhub:" .. account.region .. "::standards/" .. name,
      after = {hub, recording},
    }
  end
  local region = (there.securityhub or {}).aggregator
  if region and region ~= account.region then
    print(("Security Hub gathers the findings of regions in %s already, and goes on so"):format(region))
  elseif var.global then
    ensure.securityhub.finding_aggregator {RegionLinkingMode = var.regions, after = hub}
  end
end

local analyzer = there.analyzer or {}
if analyzer.name then
  print(("Access Analyzer: %s looks at this account already, and goes on so%s"):format(analyzer.name,
    analyzer.status == "ACTIVE" and "" or ". Its status is " .. analyzer.status))
elseif not absent "accessanalyzer" then
  analyzer = ensure.accessanalyzer.analyzer {name = names.analyzer, type = "ACCOUNT"}
end

-- ## Those who tell

local told = include("harden/findings", {severity = var.severity, keep = var.keep})

-- ## The trail

local other
for _, t in ipairs((there.trails or {}).others or {}) do
  local what = ("%s %s of account %s"):format(t.whose, t.name, t.owner)
  if t.logging then
    other = other or t.arn
    print(what .. " records all regions already" .. (there.trails.ours and "" or var.own_trail
      and "; the own one beside it is billed as a second copy (--var own_trail=false makes none)" or ""))
  else
    print(what .. (t.why and ": whether it records cannot be seen from here: " .. t.why or " is not logging"))
  end
end

local trail, home = other, (there.trails or {}).home
if home then
  print(("The trail %s is at home in %s, and records this region too%s"):format(names.trail, home.region,
    var.global and (". If that is the account's first region, give --var global=false in this one: what belongs to no"
      .. " region (IAM) is recorded once then, and findings are gathered there") or ""))
  trail = home.arn
elseif var.own_trail or there.trails and there.trails.ours or not other then
  trail = include("harden/trail", {data_events = var.data_events}).trail
end

-- ## What they have found so far: GuardDuty needs some minutes, Security Hub up to two hours

local found
if var.findings then found = include("runbooks/findings").open end

output {detector = detector.id, hub = hub.arn, analyzer = analyzer.arn, trail = trail, topics = told.topics,
  open_findings = found}
