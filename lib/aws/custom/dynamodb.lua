--- DynamoDB sends the CRC32 of its body; an answer that differs was damaged, and is asked for again.
return {
  response = function(call, answer)
    local sum = answer.headers["x-amz-crc32"]
    if sum and not answer.headers["content-encoding"] then
      local ours = (">I4"):unpack(call.client.world.digest.crc32(answer.body or ""))
      if math.tointeger(tonumber(sum)) ~= ours then call.damaged = "x-amz-crc32" end
    end
    return answer
  end,
}
