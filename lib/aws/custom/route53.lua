--- Route 53 answers with "/hostedzone/Z1" and wants "Z1" back.
local IDS <const> = {ResourceId = true, DelegationSetId = true, ChangeId = true}

return {
  input = function(call, given)
    local shape = call.op:input_shape()
    for _, member in ipairs(shape and shape.members or {}) do
      local value = given[member.name]
      if IDS[member.shape] and type(value) == "string" then
        given[member.name] = value:match("([^/]*)$")
      end
    end
    return given
  end,
}
