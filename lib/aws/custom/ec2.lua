--- EC2: user data and console output travel in base64; a snapshot's copy needs a signed URL of its source.
local function input(call, given)
  local digest = call.client.world.digest
  if call.op.name == "RunInstances" and type(given.UserData) == "string" then
    given.UserData = digest.base64(given.UserData)
  end
  if call.op.name == "CopySnapshot" and not call.presigning and given.PresignedUrl == nil
      and type(given.SourceRegion) == "string" then
    local c = call.client
    local there = c.session:derive {region = given.SourceRegion}
    local copy = {}
    for k, v in pairs(given) do copy[k] = v end
    copy.DestinationRegion = copy.DestinationRegion or c.settings:region()
    given.DestinationRegion = copy.DestinationRegion
    given.PresignedUrl = there:client("ec2"):presign("copy_snapshot", copy)
  end
  return given
end

local function output(call, out)
  if call.op.name == "GetConsoleOutput" and type(out.Output) == "string" then
    out.Output = call.client.world.digest.unbase64(out.Output) or out.Output
  end
  return out
end

return {input = input, output = output}
