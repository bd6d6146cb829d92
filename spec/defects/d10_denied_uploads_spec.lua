-- D10: policies that deny an upload without encryption headers, and so all who rely on default encryption.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("D10", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"storage"}})
    local code, text = host:apply("harden/storage", "--approve", "close open buckets", "--var", "encryption=aws:kms")
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: all that a policy denies is plain HTTP", function()
    for _, bucket in ipairs(names.buckets) do
      for _, s in ipairs(json.decode(host.session.s3:get_bucket_policy {Bucket = bucket}.Policy).Statement) do
        if s.Effect == "Deny" then assert.same({Bool = {["aws:SecureTransport"] = "false"}}, s.Condition, bucket) end
      end
    end
  end)
  it("is avoided: an upload without a header is taken, and encrypted by the bucket's default", function()
    host.session.s3:put_object {Bucket = names.own_policy, Key = "a", Body = "text"}
    local found = host.session.s3:get_object {Bucket = names.own_policy, Key = "a"}
    assert.equal("aws:kms", found.ServerSideEncryption)
  end)
end)
