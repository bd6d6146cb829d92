--- 7.1: what is rarely read costs less.
local control = require "checks"

return control {
  id = "s3-intelligent-tiering", title = "Named buckets have Intelligent-Tiering", severity = "low",
  requirement = "7.1", subjects = "s3.bucket", needs = {"s3:GetIntelligentTieringConfiguration"},
  remedy = "harden/storage",
  command = "tidelock call s3 list-bucket-intelligent-tiering-configurations --bucket {name}",
  means = "Objects that nobody reads are paid for as if everybody did.",
  todo = "Add an Intelligent-Tiering configuration for the whole bucket.",
  read = function(aws, subject, world)
    for _, name in ipairs(world.account.buckets or {}) do
      if name == subject.name then
        return aws.s3:list_bucket_intelligent_tiering_configurations({Bucket = name})
          .IntelligentTieringConfigurationList or {}
      end
    end
    return {unnamed = true}
  end,
  test = function(live)
    if live.unnamed then return control.skip("the account file does not name it under buckets") end
    for _, one in ipairs(live) do
      if one.Status == "Enabled" then return control.pass("configuration %s is on", one.Id) end
    end
    return control.fail("no configuration is on")
  end,
}
