--- Operations that exist to get credentials, and so carry none.
local OPEN <const> = {GetId = true, GetOpenIdToken = true, UnlinkIdentity = true,
  GetCredentialsForIdentity = true, AssumeRoleWithSAML = true, AssumeRoleWithWebIdentity = true}

return {
  request = function(call) call.unsigned = OPEN[call.op.name] end,
}
