--- Customer keys are renewed each year.
local control = require "checks"

return control {
  id = "kms-rotation", title = "Customer keys rotate", severity = "medium", hub = "KMS.4", cis = "3.6",
  subjects = "kms.key", needs = {"kms:GetKeyRotationStatus"},
  command = "tidelock call kms enable-key-rotation --key-id {name} --region {region}",
  means = "Ever more data hangs on one key material.",
  todo = "Switch rotation on; nothing has to be encrypted again.",
  absent = {UnsupportedOperationException = "it cannot rotate"},
  read = function(aws, subject)
    local key = subject.raw
    if key.KeyState ~= "Enabled" or (key.KeySpec or "SYMMETRIC_DEFAULT") ~= "SYMMETRIC_DEFAULT"
      or key.Origin == "EXTERNAL" then
      return {skip = ("state %s, %s, origin %s"):format(key.KeyState, key.KeySpec or "?", key.Origin or "?")}
    end
    return aws.kms:get_key_rotation_status {KeyId = subject.name}
  end,
  test = function(live)
    if live.skip then return control.skip(live.skip) end
    return control.judge(live.KeyRotationEnabled == true, "it rotates", "rotation is off")
  end,
}
