--- Findings for Security Hub, in its own format (ASFF): new failures, and those that have passed.
-- Source: Security Hub API, BatchImportFindings; user guide, "AWS Security Finding Format".
local securityhub = {}

local BATCH <const> = 100
local LABEL <const> = {critical = "CRITICAL", high = "HIGH", medium = "MEDIUM", low = "LOW"}
local STATUS <const> = {fail = "FAILED", error = "NOT_AVAILABLE", warn = "WARNING", pass = "PASSED"}

--- What our findings' GeneratorId begins with: controls that read Security Hub leave these out.
securityhub.GENERATOR = "tidelock/"

local function stamp(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time // 1 | 0) end

local function cut(text, most) return #text <= most and text or text:sub(1, most - 3) .. "..." end

-- The same finding has the same id in every run, so that an import updates it.
local function id_of(about, key) return ("tidelock/%s/%s"):format(about.region, key) end

local function finding(about, key, one)
  return {SchemaVersion = "2018-10-08", Id = id_of(about, key), GeneratorId = securityhub.GENERATOR .. one.id,
    ProductArn = ("arn:%s:securityhub:%s:%s:product/%s/default"):format(about.partition or "aws", about.region,
      about.account, about.account),
    AwsAccountId = about.account, Types = {"Software and Configuration Checks/AWS Security Best Practices"},
    CreatedAt = stamp(one.since), UpdatedAt = stamp(about.now), Severity = {Label = LABEL[one.severity] or "LOW"},
    Title = cut(one.title, 256), Description = cut(one.text ~= "" and one.text or one.title, 1024),
    Resources = {{Type = "Other", Id = one.arn or one.name or "account", Region = one.resource_region,
      Partition = about.partition}},
    Compliance = {Status = one.status}, RecordState = one.over and "ARCHIVED" or "ACTIVE",
    Remediation = one.todo and {Recommendation = {Text = cut(one.todo, 512)}} or nil}
end

--- The findings of a change. about: account, region, partition, now (epoch).
function securityhub.findings(change, about, key_of)
  local out = {}
  for _, result in ipairs(change.new) do
    local key = key_of(result)
    out[#out + 1] = finding(about, key, {id = result.id, title = result.title, severity = result.severity,
      since = change.memory[key].since, text = result.evidence or "", todo = result.todo, arn = result.subject.arn,
      name = result.subject.name, resource_region = result.region, status = STATUS[result.result]})
  end
  local function over(old, text, status)
    out[#out + 1] = finding(about, old.key, {id = old.id, title = old.title, severity = old.severity, since = old.since,
      text = text, name = old.name, status = status, over = true})
  end
  for _, old in ipairs(change.gone) do over(old, "It fails no longer.", "PASSED") end
  for _, old in ipairs(change.left) do over(old, "Its account left the organization.", "NOT_AVAILABLE") end
  return out
end

local function refused(answer)
  local first = answer.FailedFindings and answer.FailedFindings[1] or {}
  return ("Security Hub refused %d of the findings: %s"):format(answer.FailedCount,
    first.ErrorMessage or first.ErrorCode or "it does not say why")
end

--- Imports findings. Returns true, or nil and why.
function securityhub.import(aws, findings)
  for from = 1, #findings, BATCH do
    local batch = table.move(findings, from, math.min(from + BATCH - 1, #findings), 1, {})
    local answer = aws.securityhub:batch_import_findings {Findings = batch}
    if (answer.FailedCount or 0) > 0 then return nil, refused(answer) end
  end
  return true
end

return securityhub
