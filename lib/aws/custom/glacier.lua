--- Glacier: the account is "-" (one's own) by default; archives carry the tree of their hashes.
local MIB <const> = 1048576

-- SHA-256 of each MiB, then of each pair of hashes, up to one.
local function tree_hash(digest, body)
  local level = {}
  for at = 1, math.max(#body, 1), MIB do level[#level + 1] = digest.sha256(body:sub(at, at + MIB - 1)) end
  while #level > 1 do
    local above = {}
    for i = 1, #level, 2 do
      above[#above + 1] = level[i + 1] and digest.sha256(level[i] .. level[i + 1]) or level[i]
    end
    level = above
  end
  return digest.hex(level[1])
end

local UPLOADS <const> = {UploadArchive = true, UploadMultipartPart = true}

return {
  input = function(call, given)
    if given.accountId == nil then given.accountId = "-" end
    if UPLOADS[call.op.name] and given.checksum == nil and type(given.body) == "string" then
      given.checksum = tree_hash(call.client.world.digest, given.body)
    end
    return given
  end,
  request = function(call, req)
    req.headers["x-amz-glacier-version"] = call.client.model.metadata.apiVersion
    if UPLOADS[call.op.name] then
      local digest = call.client.world.digest
      req.headers["x-amz-content-sha256"] = digest.hex(digest.sha256(req.body or ""))
    end
  end,
}
