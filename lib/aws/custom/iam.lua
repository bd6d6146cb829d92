--- IAM sends policy documents percent-encoded; they arrive as the tables they are.
local DOCUMENTS <const> = {PolicyDocument = true, AssumeRolePolicyDocument = true, Document = true}

local function unquote(text)
  return (text:gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end))
end

local function decode(json, value)
  for key, inner in pairs(value) do
    if type(inner) == "table" then
      decode(json, inner)
    elseif DOCUMENTS[key] and type(inner) == "string" then
      local document = json.decode(unquote(inner))
      if document ~= nil then value[key] = document end   -- what is no JSON stays as it came
    end
  end
end

return {
  output = function(call, out)
    decode(call.client.world.json, out)
    return out
  end,
}
