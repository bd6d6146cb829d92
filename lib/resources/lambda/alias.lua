--- lambda.alias: a name for one version of a function; moving it is a roll-out, moving it back a rollback.
local resource = require "resources"

return resource {
  type = "lambda.alias",
  about = "A name for one version of a function",
  model = "create_alias", key = {"FunctionName", "Name"},
  tags = false,
  provides = {"arn"},
  defaults = {Description = "", RoutingConfig = false},
  absent = {"ResourceNotFoundException"},

  normal = function(want) return resource.none(want, {"RoutingConfig"}) end,

  read = function(aws, want)
    local live = aws.lambda:get_alias {FunctionName = want.FunctionName, Name = want.Name}
    return {FunctionName = want.FunctionName, Name = live.Name, arn = live.AliasArn,
      FunctionVersion = live.FunctionVersion, Description = live.Description or "",
      RoutingConfig = live.RoutingConfig and next(live.RoutingConfig.AdditionalVersionWeights or {})
        and live.RoutingConfig or nil}
  end,

  all = function(aws)
    local out = {}
    for func in aws.lambda:items("list_functions", {}) do
      for one in aws.lambda:items("list_aliases", {FunctionName = func.FunctionName}) do
        out[#out + 1] = {FunctionName = func.FunctionName, Name = one.Name}
      end
    end
    return out
  end,

  create = function(aws, want)
    local made = aws.lambda:create_alias {FunctionName = want.FunctionName, Name = want.Name,
      FunctionVersion = want.FunctionVersion, Description = want.Description, RoutingConfig = want.RoutingConfig or nil}
    return {arn = made.AliasArn}
  end,

  update = function(aws, live, want, changed)
    aws.lambda:update_alias {FunctionName = live.FunctionName, Name = live.Name,
      FunctionVersion = want.FunctionVersion, Description = want.Description,
      RoutingConfig = changed.RoutingConfig and (want.RoutingConfig or {AdditionalVersionWeights = {}}) or nil}
  end,

  delete = function(aws, live)
    aws.lambda:delete_alias {FunctionName = live.FunctionName, Name = live.Name}
  end,
}
