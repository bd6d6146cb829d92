--- By what AWS Config judges what it records: rules of AWS's own, under CIS's chapters, as one conformance pack. Whose
-- the recorder is makes no difference.
playbook {
  name = "harden/config-rules",
  about = "AWS Config's rules of CIS, as a conformance pack (billed by evaluation)",
  vars = {after = {"string", default = "", about = "address of what must be there first: that something is recorded"}},
}

if var.after == "" then
  find "a recorder" {run = function()
    if not aws.config:describe_configuration_recorders {}.ConfigurationRecorders[1] then
      error(("AWS Config records nothing in %s, and rules judge what is recorded. First: tidelock apply"
        .. " playbooks/harden/config.lua --account %s"):format(account.region, account.file), 0)
    end
    return true
  end}
end

local RULES = {
  ["root-no-keys"] = "IAM_ROOT_ACCESS_KEY_CHECK", ["root-mfa"] = "ROOT_ACCOUNT_MFA_ENABLED",
  ["root-hardware-mfa"] = "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED", ["console-mfa"] = "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
  ["password-policy"] = "IAM_PASSWORD_POLICY", ["unused-credentials"] = "IAM_USER_UNUSED_CREDENTIALS_CHECK",
  ["keys-rotated"] = "ACCESS_KEYS_ROTATED", ["users-no-policies"] = "IAM_USER_NO_POLICIES_CHECK",
  ["no-admin-policies"] = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
  ["s3-account-block"] = "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC",
  ["s3-bucket-block"] = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", ["s3-tls-only"] = "S3_BUCKET_SSL_REQUESTS_ONLY",
  ["disks-encrypted"] = "EC2_EBS_ENCRYPTION_BY_DEFAULT", ["rds-encrypted"] = "RDS_STORAGE_ENCRYPTED",
  ["rds-not-public"] = "RDS_INSTANCE_PUBLIC_ACCESS_CHECK", ["efs-encrypted"] = "EFS_ENCRYPTED_CHECK",
  ["trail-all-regions"] = "MULTI_REGION_CLOUD_TRAIL_ENABLED",
  ["trail-to-logs"] = "CLOUD_TRAIL_CLOUD_WATCH_LOGS_ENABLED",
  ["trail-validated"] = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED",
  ["trail-encrypted"] = "CLOUD_TRAIL_ENCRYPTION_ENABLED", ["s3-data-events"] = "CLOUDTRAIL_S3_DATAEVENTS_ENABLED",
  ["keys-rotate"] = "CMK_BACKING_KEY_ROTATION_ENABLED", ["vpc-flow-logs"] = "VPC_FLOW_LOGS_ENABLED",
  ["ssh-closed"] = "INCOMING_SSH_DISABLED", ["default-group-closed"] = "VPC_DEFAULT_SECURITY_GROUP_CLOSED",
}
local PARAMETERS = {
  IAM_PASSWORD_POLICY = {MinimumPasswordLength = "14", PasswordReusePrevention = "24"},
  IAM_USER_UNUSED_CREDENTIALS_CHECK = {maxCredentialUsageAge = "45"}, ACCESS_KEYS_ROTATED = {maxAccessKeyAge = "90"},
}

local function template()
  local out = {}
  for rule, identifier in pairs(RULES) do
    out[rule:gsub("%A", "")] = {Type = "AWS::Config::ConfigRule", Properties = {
      ConfigRuleName = account.prefix .. "-" .. rule, InputParameters = PARAMETERS[identifier],
      Source = {Owner = "AWS", SourceIdentifier = identifier}}}
  end
  return {Resources = out}
end

ensure.config.conformance_pack {name = account.prefix .. "-cis", TemplateBody = template(),
  after = var.after ~= "" and var.after or nil}
