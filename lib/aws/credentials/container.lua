--- Credentials of an ECS task or EKS pod, from the agent that its environment names.
local endpoint = require "aws.endpoint"
local shape = require "aws.credentials.shape"

local ECS_HOST <const> = "169.254.170.2"
local PLAIN_HOSTS <const> = {[ECS_HOST] = true, ["169.254.170.23"] = true, ["[fd00:ec2::23]"] = true,
  localhost = true, ["[::1]"] = true}

-- Plain http may go to the agent and to this machine only: the answer is a secret.
local function check_host(scheme, host)
  local name = host:match("^(%[.-%])") or host:match("^[^:]+")
  if scheme == "https" or PLAIN_HOSTS[name] or name:find("^127%.%d+%.%d+%.%d+$") then return end
  shape.fail(("AWS_CONTAINER_CREDENTIALS_FULL_URI points at http://%s; secrets do not travel there unencrypted.")
    :format(host), "Use https, or an address of this machine.")
end

local function target(ctx)
  local relative = ctx.config:env "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
  if relative then
    if relative:sub(1, 1) ~= "/" then
      shape.fail("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash.", "ECS sets it: leave it alone.")
    end
    return "http", ECS_HOST, relative
  end
  local full = ctx.config:env "AWS_CONTAINER_CREDENTIALS_FULL_URI"
  if not full then return nil end
  local scheme, host, path = full:match("^(https?)://([^/?#]+)([^#]*)")
  if not scheme or not endpoint.is_host(host) then
    shape.fail("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL.", "It must be http://HOST/PATH or https.")
  end
  check_host(scheme, host)
  return scheme, host, path
end

local function token(ctx)
  local path = ctx.config:env "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
  local text = path and shape.file(ctx, path, "the container's authorization token")
    or ctx.config:env "AWS_CONTAINER_AUTHORIZATION_TOKEN"
  if text and text:find("[\r\n]") then
    shape.fail("The container's authorization token has a line break in it.")
  end
  return text
end

return {
  name = "container",
  find = function(ctx)
    local scheme, host, rest = target(ctx)
    if not scheme then return nil, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set" end
    local path, query = rest:match("^([^?]*)%??(.*)$")
    local request = {method = "GET", scheme = scheme, host = host, path = path == "" and "/" or path,
      query = query, headers = {Accept = "application/json", Authorization = token(ctx)}}
    local response, why = shape.fetch(ctx, request, 2, 3)
    local source = ("the container's agent at %s"):format(host)
    if not response or response.status ~= 200 then
      shape.fail(("%s gave no credentials: %s."):format(source,
        why or "it answered with status " .. response.status), "Check the task's role.")
    end
    local answer = shape.json(ctx, response.body, source)
    return shape.new(ctx, source, {id = answer.AccessKeyId, key = answer.SecretAccessKey,
      token = answer.Token, expires = answer.Expiration, account = answer.AccountId})
  end,
}
