--- s3.object: a text in a bucket. Its bytes are not read back: their hash, kept beside them, tells whether they differ.
local resource = require "resources"

local HASH <const> = "tidelock-sha256"

local function hash_of(want)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(want.Body))
end

-- The hash stands for the body, which a diff would otherwise have to read.
local function spelt(want)
  if type(want.Body) ~= "string" then return want end
  want.Hash = hash_of(want)
  return want
end

local function put(aws, want)
  aws.s3:put_object {Bucket = want.Bucket, Key = want.Key, Body = want.Body, ContentType = want.ContentType,
    Metadata = {[HASH] = hash_of(want)}}
end

return resource {
  type = "s3.object",
  about = "A text in a bucket",
  key = {"Bucket", "Key"},
  properties = {Bucket = {type = "string", required = true}, Key = {type = "string", required = true},
    Body = {type = "string", required = true}, ContentType = "string"},
  tags = false,
  secrets = {"Body"},                                    -- long, and in the journal already by its hash
  defaults = {ContentType = "binary/octet-stream"},
  absent = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"},
  normal = spelt,

  read = function(aws, want)
    local found = aws.s3:head_object {Bucket = want.Bucket, Key = want.Key}
    return {Bucket = want.Bucket, Key = want.Key, ContentType = found.ContentType, Hash = (found.Metadata or {})[HASH]}
  end,
  create = function(aws, want)
    put(aws, want)
    return {}
  end,
  update = function(aws, _, want) put(aws, want) end,
  delete = function(aws, live) aws.s3:delete_object {Bucket = live.Bucket, Key = live.Key} end,
}
