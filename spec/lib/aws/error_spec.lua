local errors = require "aws.error"

local function call(fields)
  fields.service, fields.operation, fields.operation_name = "sqs", "list_queues", "ListQueues"
  fields.endpoint, fields.region = "http://127.0.0.1:1", "eu-west-1"
  return errors.new(fields)
end

describe("aws.error", function()
  it("says what was tried, on what, why it failed and what to do", function()
    local e = call {code = "ThrottlingException", message = "Rate exceeded", status = 400, attempts = 3,
      request_id = "abc", retryable = true, throttled = true}
    assert.equal("sqs.list_queues (http://127.0.0.1:1, eu-west-1) failed: ThrottlingException: Rate exceeded. "
      .. "Tried 3 times. Request id abc. AWS throttles this call. Wait, lower --concurrency, or set "
      .. "AWS_RETRY_MODE=adaptive and a larger AWS_MAX_ATTEMPTS.", tostring(e))
    assert.equal(69, e.exit)
  end)

  it("names the action to allow, from AWS's words or from the operation", function()
    local e = call {code = "AccessDenied", status = 403,
      message = "User: arn:aws:iam::1:user/u is not authorized to perform: sqs:ListQueues "
        .. "on resource: arn:aws:sqs:r:1:q"}
    assert.matches("Allow sqs:ListQueues on arn:aws:sqs:r:1:q to these credentials", tostring(e))
    assert.equal(77, e.exit)
    assert.matches("Allow sqs:ListQueues to these", tostring(call {code = "AccessDenied", message = "no",
      status = 403}))
    assert.matches("explicit deny forbids sqs:ListQueues", tostring(call {code = "AccessDeniedException", status = 400,
      message = "x is not authorized to perform: sqs:ListQueues with an explicit deny in an identity-based policy"}))
  end)

  it("advises no statement in IAM where the organisation or a boundary forbids it", function()
    for _, row in ipairs {{"with an explicit deny in a service control policy", "A service control policy"},
      {"because no service control policy allows the sqs:ListQueues action", "A service control policy"},
      {"with an explicit deny in a resource control policy", "A resource control policy"},
      {"because no permissions boundary allows the sqs:ListQueues action", "The permissions boundary"}} do
      local text = tostring(call {code = "AccessDenied", status = 403,
        message = "User: arn:aws:iam::1:user/u is not authorized to perform: sqs:ListQueues " .. row[1]})
      assert.matches(row[2] .. ".* does not allow sqs:ListQueues, and a statement beside it", text)
      assert.is_nil(text:find("The statement to add", 1, true))
    end
  end)

  it("says of a quota what to do, by whatever name a service calls it, and of throttling something else", function()
    for _, code in ipairs {"LimitExceededException", "ServiceQuotaExceededException", "VpcEndpointLimitExceeded",
      "MaximumNumberOfTrailsExceededException", "MaxNumberOfConformancePacksExceededException", "TooManyBuckets",
      "NodeQuotaForCustomerExceeded"} do
      assert.matches("A quota is reached", tostring(call {code = code, message = "m", status = 400}))
    end
    assert.is_nil(tostring(call {code = "RequestLimitExceeded", message = "m", status = 400, throttled = true,
      retryable = true}):find "quota")
  end)

  local REMEDIES <const> = {{"ExpiredToken", "Sign in again", 77}, {"InvalidClientTokenId", "access key", 77},
    {"connect", "Nothing answers", 69}, {"dns", "name cannot be found", 69}, {"tls", "AWS_CA_BUNDLE", 69},
    {"timeout", "No answer", 69}, {"RequestTimeTooSkewed", "clock", 1}, {"proxy", "HTTPS_PROXY", 69}}
  for _, row in ipairs(REMEDIES) do
    it("has a remedy and an exit code for " .. row[1], function()
      local e = call {code = row[1], message = "m"}
      assert.matches(row[2], tostring(e))
      assert.equal(row[3], e.exit)
    end)
  end

  it("never shows a session token that a service echoes", function()
    local e = call {code = "SignatureDoesNotMatch", status = 403,
      detail = {CanonicalRequest = "x-amz-security-token:IQoJb3Jp\nhost:h"},
      message = "The Canonical String should have been\nx-amz-security-token:IQoJb3Jp\n"
        .. "X-Amz-Security-Token=IQoJb3Jp&a=b"}
    assert.is_nil((tostring(e) .. e.message .. e.detail.CanonicalRequest):find("IQoJb3Jp", 1, true))
    assert.matches("<secret>", e.message)
  end)

  it("is recognised, and a mistake of the program's text exits 64", function()
    local ok, e = pcall(errors.usage, "There is no such thing.")
    assert.is_false(ok)
    assert.is_true(errors.is(e))
    assert.same({"Usage", 64, "There is no such thing."}, {e.code, e.exit, tostring(e)})
    assert.is_false(errors.is {code = "Usage"})
  end)
end)
