--- No key waits for its end unnoticed.
local control = require "checks"

return control {
  id = "kms-no-pending-deletion", title = "No customer key waits for deletion", severity = "critical", fsbp = "KMS.3",
  subjects = "kms.key", needs = {},
  command = "tidelock call kms cancel-key-deletion --key-id {name} --region {region}",
  means = "On that day all that the key encrypts is lost for ever.",
  todo = "Cancel the deletion unless it is certain that nothing needs the key.",
  test = function(live)
    return control.judge(live.KeyState ~= "PendingDeletion", live.KeyState or "?", "it waits for deletion")
  end,
}
