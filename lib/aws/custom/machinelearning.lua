--- Machine Learning: predictions go to the endpoint that the model has, not to the service's.
local endpoint = require "aws.endpoint"

return {
  request = function(call, req)
    local url = call.op.name == "Predict" and call.input.PredictEndpoint
    if not url then return end
    local scheme, host, path = endpoint.split(url)
    if scheme then req.scheme, req.host, req.path = scheme, host, path == "" and "/" or path end
  end,
}
