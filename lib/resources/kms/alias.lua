--- kms.alias: a further name of a key. A kms.key has the alias that is its own name already.
local resource = require "resources"

return resource {
  type = "kms.alias",
  about = "A further name of a key",
  model = "create_alias", key = "AliasName",
  provides = {"arn"},
  tags = false,
  absent = {"NotFoundException"},

  check = function(want)
    if type(want.name) == "string" and not want.name:find "^alias/" then return {'name must begin with "alias/"'} end
  end,

  normal = function(want)       -- AWS shows the key's id, whether it was given by id or by ARN
    if type(want.TargetKeyId) == "string" then want.TargetKeyId = want.TargetKeyId:match "[^/]*$" end
    return want
  end,

  read = function(aws, want)
    for a in aws.kms:items("list_aliases", {}) do
      if a.AliasName == want.name then return {name = want.name, arn = a.AliasArn, TargetKeyId = a.TargetKeyId} end
    end
  end,

  all = function(aws)
    local out, named = {}, {}
    for alias in aws.kms:items("list_aliases", {}) do
      local id = alias.TargetKeyId
      if named[id or ""] and not alias.AliasName:find "^alias/aws/" then out[#out + 1] = {name = alias.AliasName} end
      if id then named[id] = true end
    end
    return out
  end,

  create = function(aws, want)
    aws.kms:create_alias {AliasName = want.name, TargetKeyId = want.TargetKeyId}
    return {arn = aws.arn("kms", want.name)}
  end,

  update = function(aws, _, want) aws.kms:update_alias {AliasName = want.name, TargetKeyId = want.TargetKeyId} end,

  delete = function(aws, live) aws.kms:delete_alias {AliasName = live.name} end,
}
