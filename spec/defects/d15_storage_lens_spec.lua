-- D15: Storage Lens with its paid metrics, and an export to a bucket that nobody made.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D15", function()
  it("is avoided: hardening switches on nothing that is paid for by the object, and names no bucket there is not",
    function()
      local host = hardening.start()
      account.build(host, {only = {"storage"}})
      for _, name in ipairs {"harden/storage", "harden/costs"} do
        local code, text = host:apply(name, "--approve", "close open buckets")
        assert.equal(0, code, text)
      end
      local found = host.session.s3control:list_storage_lens_configurations {AccountId = host.account}
      assert.same({}, found.StorageLensConfigurationList or {})
      local n = 0
      for _, bucket in ipairs(host.session.s3:list_buckets {}.Buckets) do
        n = n + 1
        assert.is_nil(host.session.s3:get_bucket_logging {Bucket = bucket.Name}.LoggingEnabled)
      end
      assert.equal(12, n)
      host:close()
    end)
end)
