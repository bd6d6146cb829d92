--- Credentials of an EC2 instance's role, from its metadata service (version 2: with a session token).
local endpoint = require "aws.endpoint"
local shape = require "aws.credentials.shape"

local ROLES <const> = "/latest/meta-data/iam/security-credentials/"
local EXTEND <const> = 15 * 60

local function base(ctx)
  local url = ctx.config:get "ec2_metadata_service_endpoint"
  if not url then
    local mode = ctx.config:get "ec2_metadata_service_endpoint_mode"
    url = mode and mode:lower() == "ipv6" and "http://[fd00:ec2::254]" or "http://169.254.169.254"
  end
  local scheme, host, path = endpoint.split(url)
  if not scheme then
    shape.fail(("The metadata endpoint %q is not a URL."):format(url), "Correct AWS_EC2_METADATA_SERVICE_ENDPOINT.")
  end
  return scheme, host, path
end

-- One request to the service; the body, or nil and why.
local function ask(ctx, method, path, headers)
  local scheme, host, prefix = base(ctx)
  local timeout = ctx.config:get "metadata_service_timeout" or 1
  local tries = ctx.config:get "metadata_service_num_attempts" or 1
  local response, why = shape.fetch(ctx, {method = method, scheme = scheme, host = host, path = prefix .. path,
    query = "", headers = headers}, timeout, tries)
  if not response then return nil, why end
  if response.status ~= 200 then return nil, "it answered with status " .. response.status end
  return response.body
end

-- Keys of the past are used on: the service keeps giving the last ones while it cannot renew them.
local function ending(ctx, text)
  local at = text and require "aws.date".iso(text)
  local now = ctx.world.clock()
  if at and at <= now then return now + EXTEND end
  return text
end

return {
  name = "instance metadata",
  find = function(ctx)
    if ctx.config:get "ec2_metadata_disabled" then return nil, "AWS_EC2_METADATA_DISABLED is set" end
    local token, why = ask(ctx, "PUT", "/latest/api/token", {["X-aws-ec2-metadata-token-ttl-seconds"] = "21600"})
    if not token then return nil, "this is no EC2 instance with a role (" .. why .. ")" end
    local headers = {["X-aws-ec2-metadata-token"] = token}
    local roles
    roles, why = ask(ctx, "GET", ROLES, headers)
    local role = roles and roles:match("^%s*([^\r\n]+)")
    if not role then return nil, "the instance has no role (" .. (why or "it lists none") .. ")" end
    local text
    text, why = ask(ctx, "GET", ROLES .. role, headers)
    if not text then return nil, "the instance's role gave no keys (" .. why .. ")" end
    local answer = shape.json(ctx, text, "the metadata service")
    if answer.Code and answer.Code ~= "Success" then
      return nil, ("the metadata service says %s for the role %s"):format(tostring(answer.Code), role)
    end
    return shape.new(ctx, "instance role " .. role, {id = answer.AccessKeyId, key = answer.SecretAccessKey,
      token = answer.Token, expires = ending(ctx, answer.Expiration), account = answer.AccountId})
  end,
}
