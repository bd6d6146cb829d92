-- CBOR answers, by shape; and what is taken must be CBOR to another reader too.
local read_cbor = require "support.cbor"

local function accepted(output, body)
  if output and body ~= "" then read_cbor(body) end
end

return require "fuzz.bodies" (accepted, "smithy-rpc-v2-cbor", "smithy-rpc-v2-cbor-query-compatible")
