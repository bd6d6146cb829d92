--- s3.intelligent_tiering: which objects of a bucket move to the archive tiers, and after how many days unread.
local resource = require "resources"

-- A put replaces all of it: what the playbook does not give stays, such as which objects it is about.
local function put(aws, want, live)
  aws.s3:put_bucket_intelligent_tiering_configuration {Bucket = want.Bucket, Id = want.Id,
    IntelligentTieringConfiguration = {Id = want.Id, Status = want.Status, Filter = want.Filter or live and live.Filter,
      Tierings = want.Tierings}}
end

return resource {
  type = "s3.intelligent_tiering", about = "A bucket's archive tiers for what nobody reads",
  model = "put_bucket_intelligent_tiering_configuration", inside = "IntelligentTieringConfiguration",
  properties = {Bucket = {type = "string", required = true}},
  key = {"Bucket", "Id"}, tags = false,
  sets = {Tierings = "AccessTier"},
  absent = {"NoSuchConfiguration", "NoSuchBucket"},

  check = function(want)
    local least, out = {ARCHIVE_ACCESS = 90, DEEP_ARCHIVE_ACCESS = 180}, {}
    for i, tier in ipairs(want.Tierings or {}) do
      local days = least[tier.AccessTier]
      if days and math.type(tier.Days) == "integer" and (tier.Days < days or tier.Days > 730) then
        out[#out + 1] = ("Tierings[%d].Days is %d; for %s it is at least %d and at most 730"):format(i, tier.Days,
          tier.AccessTier, days)
      end
    end
    return out
  end,

  read = function(aws, want)
    local live = aws.s3:get_bucket_intelligent_tiering_configuration {Bucket = want.Bucket, Id = want.Id}
      .IntelligentTieringConfiguration
    live.Bucket = want.Bucket
    return live
  end,

  all = function(aws)
    local out = {}
    for _, bucket in ipairs(aws.s3:list_buckets {}.Buckets or {}) do
      local token
      repeat
        local got = aws.s3:list_bucket_intelligent_tiering_configurations {Bucket = bucket.Name,
          ContinuationToken = token}
        for _, one in ipairs(got.IntelligentTieringConfigurationList or {}) do
          out[#out + 1] = {Bucket = bucket.Name, Id = one.Id}
        end
        token = got.NextContinuationToken
      until not token
    end
    return out
  end,

  create = function(aws, want)
    put(aws, want)
    return {}
  end,

  update = function(aws, live, want) put(aws, want, live) end,

  delete = function(aws, live)
    aws.s3:delete_bucket_intelligent_tiering_configuration {Bucket = live.Bucket, Id = live.Id}
  end,
}
