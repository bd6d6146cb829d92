--- S3: names of buckets, keys in listings, redirects between regions, errors that come with status 200.
local error_of = require "aws.error"

local LISTS <const> = {ListObjects = true, ListObjectsV2 = true, ListObjectVersions = true}
local DECODED <const> = {"Prefix", "Delimiter", "Marker", "NextMarker", "StartAfter", "KeyMarker",
  "NextKeyMarker"}
local COPIES <const> = {CopyObject = true, UploadPartCopy = true}
local SSE <const> = {"SSECustomerKey", "CopySourceSSECustomerKey"}
-- Answers that may hold an error under status 200: S3 had to say something before it was done.
local LATE <const> = {CopyObject = true, UploadPartCopy = true, CompleteMultipartUpload = true}

local function check_bucket(call, bucket)
  if bucket == nil or type(bucket) ~= "string" then return end    -- the codec says what is wrong
  if bucket:find("^arn:") or #bucket <= 255 and bucket:find("^[%w.%-_]+$") then return end
  error_of.usage(("s3.%s: %q is not the name of a bucket; it has letters, digits, '.', '-' and '_' only, or is an ARN.")
    :format(call.op.snake, bucket))
end

local function quote(text)
  return (text:gsub("[^%w%-._~/]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- {Bucket=, Key=, VersionId=} or "bucket/key?versionId=x" -> what the header carries.
local function copy_source(source)
  if type(source) == "string" then
    local path, version = source:match("^(.-)(%?versionId=.+)$")
    return quote(path or source) .. (version or "")
  end
  if type(source) ~= "table" or not (source.Bucket and source.Key) then return source end
  local text = quote(source.Bucket .. (source.Bucket:find("^arn:") and "/object/" or "/") .. source.Key)
  return source.VersionId and text .. "?versionId=" .. source.VersionId or text
end

-- The caller gives the key's bytes; the header wants them in base64, and their MD5 beside.
local function customer_key(call, input, member)
  local key = input[member]
  if type(key) ~= "string" or input[member .. "MD5"] then return end
  local digest = call.client.world.digest
  input[member] = digest.base64(key)
  input[member .. "MD5"] = digest.base64(digest.md5(key))
end

local function input(call, given)
  check_bucket(call, given.Bucket)
  local name = call.op.name
  if LISTS[name] and given.EncodingType == nil then
    given.EncodingType, call.decode_keys = "url", true
  end
  if COPIES[name] then given.CopySource = copy_source(given.CopySource) end
  for _, member in ipairs(SSE) do customer_key(call, given, member) end
  local trait = not call.presigning and call.op.checksum
  local mode = trait and trait.requestValidationModeMember
  if mode and given[mode] == nil and call.client.settings:get "response_checksum_validation" ~= "when_required" then
    given[mode] = "ENABLED"
  end
  if not call.client.url then call.region = call.client.regions and call.client.regions[given.Bucket] end
  return given
end

-- The endpoint rules have put the bucket into the URL already: before the host, or as its first part.
local function request(call, req)
  if not call.op.uri:find("^/{Bucket}") then return end
  local base = call.target.path
  local rest = req.path:sub(#base + 1)
  local without = rest:match("^/[^/]*(.*)$")
  req.path = base .. (without == "" and base == "" and "/" or without)
end

-- The region that a refusal names, if it is another than the one asked.
local function elsewhere(call, response)
  local bucket = call.input.Bucket
  if not bucket or call.client.url then return nil end
  local status = response.status
  if status ~= 301 and status ~= 307 and status ~= 400 and status ~= 403 then return nil end
  local region = response.headers["x-amz-bucket-region"]
    or (response.body or ""):match("<Region>([%w%-]+)</Region>")
  if not region or region == call.target.auth.region then return nil end
  call.client.regions = call.client.regions or {}
  call.client.regions[bucket] = region
  return region
end

local function response(call, answer)
  if answer.status == 200 and LATE[call.op.name] and (answer.body or ""):find("<Error>", 1, true) then
    answer.status = 500
  end
  return answer, elsewhere(call, answer)
end

local function unquote(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end))
end

local function decode_list(list, member)
  for _, item in ipairs(list or {}) do
    if item[member] then item[member] = unquote(item[member]) end
  end
end

local function decode_keys(out)
  for _, member in ipairs(DECODED) do
    if out[member] then out[member] = unquote(out[member]) end
  end
  decode_list(out.Contents, "Key")
  decode_list(out.CommonPrefixes, "Prefix")
  decode_list(out.Versions, "Key")
  decode_list(out.DeleteMarkers, "Key")
end

local function output(call, out, answer)
  if call.decode_keys and out.EncodingType == "url" then decode_keys(out) end
  if call.op.name == "GetBucketLocation" then   -- the text of the root element, which no member holds
    local text = answer.body:match("<LocationConstraint[^>]*>([^<]*)</LocationConstraint>")
    out.LocationConstraint = text ~= "" and text or nil
  end
  return out
end

return {input = input, request = request, response = response, output = output}
