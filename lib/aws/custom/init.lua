--- Where a service departs from its model: a file a service, each up to four functions.
--   input (call, input) -> input      before the endpoint and the codec; a copy, free to change
--   request (call, request)           what is about to be signed, changed in place
--   response (call, response) -> response, region    before decoding; a region asks to go there once
--   output (call, output, response) -> output
-- `call` is {client=, op=, input=, target=}.
local custom = {}

local FILES <const> = {s3 = "s3", iam = "iam", cloudformation = "cloudformation", ec2 = "ec2",
  autoscaling = "autoscaling", route53 = "route53", glacier = "glacier", apigateway = "apigateway",
  machinelearning = "machinelearning", cloudsearchdomain = "cloudsearchdomain", rds = "rds", neptune = "rds",
  docdb = "rds", dynamodb = "dynamodb", ["cognito-identity"] = "anonymous", sts = "anonymous"}

local NONE <const> = {}

--- The functions for a service, an empty table where it keeps to its model.
function custom.of(service)
  local file = FILES[service]
  return file and require("aws.custom." .. file) or NONE
end

return custom
