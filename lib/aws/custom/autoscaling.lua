--- Auto Scaling: user data travels in base64.
return {
  input = function(call, given)
    if call.op.name == "CreateLaunchConfiguration" and type(given.UserData) == "string" then
      given.UserData = call.client.world.digest.base64(given.UserData)
    end
    return given
  end,
}
