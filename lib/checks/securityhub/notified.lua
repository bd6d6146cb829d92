--- 2.3: a failed control of high or critical severity reaches somebody by itself.
local chain = require "checks.chain"
local control = require "checks"

-- Findings as Security Hub sends them, as far as rules look at them.
local function probes(world)
  local out = {}
  for i, label in ipairs {"HIGH", "CRITICAL"} do
    out[i] = {name = label, event = chain.event("aws.securityhub", "Security Hub Findings - Imported", {
      findings = require "tidelock.json".array {{SchemaVersion = "2018-10-08", AwsAccountId = world.id,
        Region = world.region, Title = "A probe of tidelock check", Severity = {Label = label},
        ProductName = "Security Hub", RecordState = "ACTIVE", Compliance = {Status = "FAILED"},
        Workflow = {Status = "NEW"}, WorkflowState = "NEW"}}}, world)}
  end
  return out
end

return control {
  id = "securityhub-notified", title = "A Security Hub finding reaches somebody by itself", severity = "high",
  requirement = "2.3", subjects = "account", needs = chain.needs,
  remedy = "harden/security-services",
  command = "tidelock call events list-rules --region {region}",
  means = "Security Hub sees what is wrong, and nobody is told.",
  todo = "Add an EventBridge rule for failed findings of high and critical severity, with a topic as its target.",
  read = chain.read("aws.securityhub", probes), test = chain.test "Security Hub",
}
