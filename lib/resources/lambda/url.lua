--- lambda.url: an address of a function's own, for HTTP.
local resource = require "resources"

local function id(want) return {FunctionName = want.FunctionName, Qualifier = want.Qualifier} end

return resource {
  type = "lambda.url",
  about = "An HTTPS address that calls a function",
  model = "create_function_url_config", key = {"FunctionName", "Qualifier"},
  required = {"FunctionName", "Qualifier", "AuthType"},
  tags = false,
  provides = {"url"},
  defaults = {InvokeMode = "BUFFERED", Cors = false},
  absent = {"ResourceNotFoundException"},

  normal = function(want) return resource.none(want, {"Cors"}) end,

  read = function(aws, want)
    local live = aws.lambda:get_function_url_config(id(want))
    return {FunctionName = want.FunctionName, Qualifier = want.Qualifier, url = live.FunctionUrl,
      AuthType = live.AuthType, InvokeMode = live.InvokeMode or "BUFFERED",
      Cors = live.Cors and next(live.Cors) and live.Cors or nil}
  end,

  all = function(aws)
    local out = {}
    for func in aws.lambda:items("list_functions", {}) do
      for one in aws.lambda:items("list_function_url_configs", {FunctionName = func.FunctionName}) do
        local qualifier = one.FunctionArn:match ":function:[^:]+:(.+)$"
        out[#out + 1] = {FunctionName = func.FunctionName, Qualifier = qualifier or "$LATEST", leave = not qualifier
          and "it is of the function itself, and lambda.url knows those of an alias" or nil}
      end
    end
    return out
  end,

  create = function(aws, want)
    local input = id(want)
    input.AuthType, input.InvokeMode = want.AuthType, want.InvokeMode
    input.Cors = want.Cors or nil
    return {url = aws.lambda:create_function_url_config(input).FunctionUrl}
  end,

  update = function(aws, live, want, changed)
    local input = id(live)
    input.AuthType, input.InvokeMode = want.AuthType, want.InvokeMode
    if changed.Cors then input.Cors = want.Cors or {} end
    aws.lambda:update_function_url_config(input)
  end,

  delete = function(aws, live) aws.lambda:delete_function_url_config(id(live)) end,
}
