--- s3.bucket_settings: settings of a bucket that somebody else made. The bucket stays theirs: no tag, never deleted.
local merge = require "resources.merge"
local parts = require "resources.s3.parts"
local resource = require "resources"

return resource {
  type = "s3.bucket_settings",
  about = "Settings of a bucket that is there already, whoever made it; statements and rules are merged into its own",
  key = "Bucket", tags = false,
  also = parts.OPERATIONS,
  properties = {PolicyStatements = "document", LifecycleRules = parts.RULES},
  documents = {PolicyStatements = "policy"},
  sets = {LifecycleRules = "ID"},
  provides = {"arn"},
  absent = {"NoSuchBucket", "404", "NotFound"},

  normal = merge.normal,
  check = parts.check,
  protected = function() return "it is settings of a bucket that is not the playbook's own; they stay as they are" end,

  read = function(aws, want)
    local readers = parts.readers(aws, want)
    if next(readers) == nil then readers.there = function() return aws.s3:head_bucket {Bucket = want.name} end end
    local live = parts.seen(resource.all(readers), want)
    live.name, live.arn, live.there = want.name, aws.arn("s3", want.name, "", ""), nil
    return live
  end,

  create = function(_, want)
    error({code = "NoSuchBucket", message = ("there is no bucket %s whose settings could be changed; it was deleted"
      .. " meanwhile, or is to be made first with ensure.s3.bucket"):format(want.name)}, 0)
  end,

  update = function(aws, live, want, changed) parts.set(aws, want, changed, live) end,

  delete = function(_, live)
    error({code = "Protected", message = ("the settings of bucket %s are not taken back: that would weaken it")
      :format(live.name)}, 0)
  end,
}
