--- 2.2: a finding of severity 7, 8.9 or 9.5 reaches somebody by itself.
local chain = require "checks.chain"
local control = require "checks"

-- Findings as GuardDuty sends them, as far as rules look at them.
local function probes(world)
  local out = {}
  for i, severity in ipairs {7.0, 8.9, 9.5} do
    out[i] = {name = ("%g"):format(severity), event = chain.event("aws.guardduty", "GuardDuty Finding", {
      schemaVersion = "2.0", accountId = world.id, region = world.region, partition = world.partition,
      id = "16afba5c5c43e07c9e3e5e2e544e95df", type = "CryptoCurrency:EC2/BitcoinTool.B!DNS", severity = severity,
      title = "A probe of tidelock check", description = "This event is only held against the pattern.",
      service = {archived = false, count = 1, serviceName = "guardduty"}}, world)}
  end
  return out
end

return control {
  id = "guardduty-notified", title = "A GuardDuty finding reaches somebody by itself", severity = "high",
  requirement = "2.2", subjects = "account", needs = chain.needs,
  remedy = "harden/security-services",
  command = "tidelock call events list-rules --region {region}",
  means = "GuardDuty sees an attack, and nobody is told.",
  todo = "Add an EventBridge rule for GuardDuty findings of severity 7 and more, with a topic as its target.",
  read = chain.read("aws.guardduty", probes), test = chain.test "GuardDuty",
}
