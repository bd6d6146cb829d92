--- Credentials that a program of the user's prints: credential_process in the profile.
local shape = require "aws.credentials.shape"

return {
  name = "process",
  find = function(ctx, name)
    local command = ctx.config:profile(name).credential_process
    local label = name or ctx.config:profile_name()
    if not command then return nil, ("profile %s has no credential_process"):format(label) end
    local source = ("the credential_process of profile %s"):format(label)
    if not ctx.world.run then
      shape.fail(("The profile %s uses credential_process, and this build cannot start programs.")
        :format(label), "Use another profile.")
    end
    local text, why = ctx.world.run(command)
    if not text then shape.fail(("%s failed: %s."):format(source, why)) end
    local answer = shape.json(ctx, text, source)
    if answer.Version ~= 1 then
      shape.fail(("%s printed Version %s."):format(source, tostring(answer.Version)),
        'It must print {"Version": 1, "AccessKeyId": ..., "SecretAccessKey": ...}.')
    end
    return shape.new(ctx, source, {id = answer.AccessKeyId, key = answer.SecretAccessKey,
      token = answer.SessionToken, expires = answer.Expiration, account = answer.AccountId})
  end,
}
