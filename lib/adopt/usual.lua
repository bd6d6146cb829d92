--- What AWS fills in for everybody and nobody writes down, where it is no default of the type: older resources may have
-- another, and a playbook that says nothing of it leaves it alone. What guards anything is not among them. Pure.
local compare = require "resources.compare"

local usual = {}

local COST_TYPES <const> = {IncludeCredit = true, IncludeDiscount = true, IncludeOtherSubscription = true,
  IncludeRecurring = true, IncludeRefund = true, IncludeSubscription = true, IncludeSupport = true, IncludeTax = true,
  IncludeUpfront = true, UseAmortized = false, UseBlended = false}

-- A value, or a list of them under `any`; true for any value at all.
local USUAL <const> = {
  ["sqs.queue"] = {MaximumMessageSize = {any = {262144, 1048576}}, KmsDataKeyReusePeriodSeconds = {any = {300}}},
  ["kms.key"] = {KeySpec = {any = {"SYMMETRIC_DEFAULT"}}, Origin = {any = {"AWS_KMS"}},
    KeyUsage = {any = {"ENCRYPT_DECRYPT"}}, MultiRegion = {any = {false}}},
  ["budgets.budget"] = {TimePeriod = true, CostTypes = {any = {COST_TYPES}}},
  ["rds.instance"] = {CACertificateIdentifier = true, PreferredBackupWindow = true, PreferredMaintenanceWindow = true},
  ["ecs.task_definition"] = {enableFaultInjection = {any = {false}}},
}

--- Whether this value of a type's property goes without saying.
function usual.is(type_name, name, value)
  local row = USUAL[type_name] and USUAL[type_name][name]
  if row == true then return true end
  for _, one in ipairs(row and row.any or {}) do
    if compare.canon(one) == compare.canon(value) then return true end
  end
  return false
end

return usual
