--- What an error means for whoever meets it: the exit code, and the sentence with what to do next. Loaded when there
-- is one to tell of.
local remedy = {}

local ACCESS <const> = {AccessDenied = true, AccessDeniedException = true, UnauthorizedOperation = true,
  AccessDeniedFault = true, AuthorizationError = true, AuthorizationErrorException = true,
  UnauthorizedAccess = true, ["Client.UnauthorizedOperation"] = true}

local EXPIRED <const> = "The credentials have expired. Sign in again (aws sso login, or a new role "
  .. "session), then repeat the command."
local UNKNOWN_KEY <const> = "AWS does not know this access key. Check AWS_ACCESS_KEY_ID or the profile, "
  .. "and that key, partition and endpoint belong together; a temporary key needs its session token."
local SLOW_DOWN <const> = "AWS throttles this call. Wait, lower --concurrency, or set "
  .. "AWS_RETRY_MODE=adaptive and a larger AWS_MAX_ATTEMPTS."
local QUOTA <const> = "A quota is reached. Remove what is no longer needed, or ask for more: tidelock call "
  .. "service-quotas list-service-quotas names them, request-service-quota-increase asks."
local CLOCK <const> = "This machine's clock is wrong, or the request was long on its way. "
  .. "Check the time (timedatectl) and repeat."

-- What to do next, by error code.
local REMEDY <const> = {
  ExpiredToken = EXPIRED, ExpiredTokenException = EXPIRED, TokenRefreshRequired = EXPIRED,
  InvalidClientTokenId = UNKNOWN_KEY, UnrecognizedClientException = UNKNOWN_KEY,
  InvalidAccessKeyId = UNKNOWN_KEY, AuthFailure = UNKNOWN_KEY, InvalidToken = UNKNOWN_KEY,
  SignatureDoesNotMatch = "The secret key does not belong to this access key, the request was changed "
    .. "on its way, or the clock is wrong. Check the secret, a proxy in between, and the time.",
  InvalidSignatureException = "The signature was refused: check the secret key, and the time of this machine.",
  IncompleteSignature = "The request reached AWS without a whole signature: look for a proxy that drops headers.",
  MissingAuthenticationToken = "The request carried no credentials, or this endpoint is not the service's own.",
  RequestTimeTooSkewed = CLOCK, RequestExpired = CLOCK, RequestInTheFuture = CLOCK,
  OptInRequired = "This account has not subscribed to the service: enable it in the console first.",
  SubscriptionRequiredException = "This API needs a paid support plan, or the service is not enabled here.",
  NoSuchBucket = "Check the bucket's name and the account it is in.",
  connect = "Nothing answers there. Check the endpoint (AWS_ENDPOINT_URL, --endpoint-url), the network "
    .. "and HTTPS_PROXY; against a sandbox, see that it is running (tidelock sandbox).",
  dns = "The host's name cannot be found. Check the region's spelling, the endpoint, and the network's DNS.",
  tls = "The server's certificate was not accepted. Behind a company proxy set AWS_CA_BUNDLE to its "
    .. "certificate file; check the clock too.",
  timeout = "No answer came in time. Check the network path (VPC endpoint, security group, proxy), then repeat.",
  closed = "The connection broke before the whole answer had come. Repeating is safe for reads; "
    .. "before repeating a write, look whether it was done.",
  proxy = "The proxy refused. Check HTTPS_PROXY, its user and password, and NO_PROXY.",
  too_large = "The answer is larger than the limit; ask for less at a time, or write it to a file.",
  protocol = "What answered does not speak HTTP as AWS does. Check the endpoint's scheme (http or https) and port.",
}

local NETWORK <const> = {connect = true, dns = true, tls = true, timeout = true, closed = true,
  proxy = true, protocol = true}
local DENIED <const> = {NoCredentials = true, MissingAuthenticationToken = true}

--- The exit code of a program that ends with it.
function remedy.exit(e)
  if e.code == "Usage" then return 64 end
  if NETWORK[e.code] then return 69 end
  if DENIED[e.code] or ACCESS[e.code] or REMEDY[e.code] == EXPIRED or REMEDY[e.code] == UNKNOWN_KEY then
    return 77
  end
  if e.status == 401 or e.status == 403 then return 77 end
  if e.retryable then return 69 end
  return 1
end

-- Policies above the account's own, by the words that AWS has for them, and who can change them.
local ABOVE <const> = {
  ["service control policy"] = "A service control policy of the organisation",
  ["resource control policy"] = "A resource control policy of the organisation",
  ["permissions boundary"] = "The permissions boundary of these credentials",
}

-- "... with an explicit deny in a service control policy", "... because no service control policy allows ...": what is
-- allowed in IAM does not help then.
local function forbidden_above(message, action)
  for name, who in pairs(ABOVE) do
    if message:find(name, 1, true) then
      return ("%s does not allow %s, and a statement beside it does not change that: ask who looks after it.")
        :format(who, action)
    end
  end
end

-- "... is not authorized to perform: sqs:ListQueues on resource: arn:..." names what to allow.
local function access_remedy(e)
  local action = e.message:match("perform: ([%w%-]+:[%w*]+)")
  local resource = e.message:match("on resource: (%S+)")
  if not action and e.service and e.operation_name then
    action = require "aws.action".of(e.service, e.operation_name)
  end
  if not action then return "Ask for the missing permission, or use other credentials (--profile)." end
  local above = forbidden_above(e.message, action)
  if above then return above end
  if e.message:find("explicit deny", 1, true) then
    return ("An explicit deny forbids %s: look in the policy it names; allowing it elsewhere does not help.")
      :format(action)
  end
  resource = resource and resource:gsub("[.,]+$", "")
  return ("Allow %s%s to these credentials in IAM, or use others (--profile). The statement to add:"
    .. ' {"Effect":"Allow","Action":"%s","Resource":"%s"}.'):format(action, resource and " on " .. resource or "",
    action, resource or "*")
end

-- The transport's own advice, where what it says fits better than what the code alone does.
local function transport_remedy(e)
  if not e.next then return nil end
  local message = e.message or ""
  local about_server = message:find("certificate", 1, true) and not message:find("client certificate", 1, true)
  local better = e.code == "proxy" or message:find("proxy", 1, true) or message:find("handshake", 1, true)
  if better or e.code == "tls" and not about_server then
    return e.next:gsub("^%l", string.upper) .. "."
  end
end

-- The host has the region's name in it, and the region is in no list: new, or misspelt.
local function region_remedy(e)
  local named = e.region and e.endpoint and e.endpoint:find("." .. e.region .. ".", 1, true)
  if e.code ~= "dns" or not named then return nil end
  local region = require "aws.region"
  if region.is_known(e.region) then return nil end
  local phrase = region.phrase(e.region)
  return ("The host's name cannot be found, and %s is no region that tidelock knows%s Check its spelling; of a new one,"
    .. " that the service is there, and the network's DNS."):format(e.region, phrase == "" and "." or phrase)
end

-- LimitExceededException, InstanceQuotaExceeded, MaximumNumberOfTrailsExceededException: each service has its own.
local function is_quota(code)
  return code == "TooManyBuckets" or code:find "Exceeded" ~= nil
    and (code:find "Limit" or code:find "Quota" or code:find "^Max") ~= nil
end

local function remedy_of(e)
  if e.remedy then return e.remedy end
  if e.code == "tls" and (e.message or ""):find "^the CA file" then
    return "Point AWS_CA_BUNDLE, or ca_bundle of the profile, at a readable file of certificates (PEM)."
  end
  local own = transport_remedy(e) or region_remedy(e)
  if own then return own end
  if ACCESS[e.code] then return access_remedy(e) end
  if REMEDY[e.code] then return REMEDY[e.code] end
  if e.throttled then return SLOW_DOWN end
  if is_quota(e.code) then return QUOTA end
  if e.retryable and e.status then return "This is a fault of the service; repeat the command after a while." end
  return nil
end

local function where(e)
  local parts = {}
  if e.endpoint then parts[#parts + 1] = e.endpoint end
  if e.region then parts[#parts + 1] = e.region end
  if #parts == 0 then return "" end
  return " (" .. table.concat(parts, ", ") .. ")"
end

-- One full stop at the end, however the service ended its own.
local function stop(text)
  text = text:gsub("%s+$", "")
  if text:find("[.!?]$") then return text end
  return text .. "."
end

--- The sentence: what was tried, on what, why it failed, what to do next.
function remedy.sentence(self)
  local parts = {}
  if self.operation then
    local code = self.code ~= self.message and not NETWORK[self.code] and self.code .. ": " or ""
    parts[1] = ("%s.%s%s failed: %s"):format(self.service, self.operation, where(self),
      stop(code .. self.message))
  else
    parts[1] = stop(self.message)
  end
  local tries = self.attempts or 0
  if tries > 1 then parts[#parts + 1] = ("Tried %d times."):format(tries) end
  if self.gave_up then parts[#parts + 1] = stop(self.gave_up) end
  if self.request_id then parts[#parts + 1] = ("Request id %s."):format(self.request_id) end
  local next_step = remedy_of(self)
  if next_step then parts[#parts + 1] = next_step end
  return table.concat(parts, " ")
end

return remedy
