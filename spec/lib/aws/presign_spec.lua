--- URLs that carry their signature, and the ones that copies between regions carry inside their input.
local aws = require "aws"
local world = require "support.world"

local NOW <const> = 1700000000

local function session(transport)
  return aws.session {environ = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s",
    AWS_SESSION_TOKEN = "tok"}, files = function() return nil end, clock = function() return NOW end,
      transport = transport}
end

local function fields(query)
  local t = {}
  for name, value in query:gmatch "([^&=]+)=([^&]*)" do
    t[name] = value:gsub("%+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end)
  end
  return t
end

describe("aws.presign", function()
  it("signs an S3 URL for the seconds asked, session token and all", function()
    local url = session().s3:presign("get_object", {Bucket = "bkt", Key = "a/b c"}, {expires = 60})
    local base, query = url:match("^(.-)%?(.*)$")
    assert.equal("https://bkt.s3.eu-west-1.amazonaws.com/a/b%20c", base)
    local f = fields(query)
    assert.same({"60", "20231114T221320Z", "AKID/20231114/eu-west-1/s3/aws4_request", "tok", "host"},
      {f["X-Amz-Expires"], f["X-Amz-Date"], f["X-Amz-Credential"], f["X-Amz-Security-Token"], f["X-Amz-SignedHeaders"]})
    assert.matches("^%x+$", f["X-Amz-Signature"])
  end)

  it("turns a query service's form into a URL", function()
    local url = session().sts:presign("get_caller_identity", {})
    local f = fields(url:match("%?(.*)$"))
    assert.same({"GetCallerIdentity", "2011-06-15", "3600"}, {f.Action, f.Version, f["X-Amz-Expires"]})
    assert.matches("^https://sts.eu%-west%-1.amazonaws.com/%?", url)
  end)

  it("refuses what a URL cannot carry, and times beyond AWS's own", function()
    local s = session()
    assert.matches("cannot be presigned", tostring(world.raised(s.sqs.presign, s.sqs, "list_queues")))
    for _, expires in ipairs {0, 604801, 1.5} do
      local err = world.raised(s.s3.presign, s.s3, "list_buckets", {}, {expires = expires})
      assert.matches("1 second to 7 days", tostring(err))
    end
  end)

  it("refuses a bad input with its faults", function()
    local s3 = session().s3
    assert.matches("Key is required", tostring(world.raised(s3.presign, s3, "get_object", {Bucket = "bkt"})))
  end)

  it("gives an RDS copy from another region the URL that it needs", function()
    local sent
    local s = session(function(request)
      sent = request
      return nil, {code = "connect", message = "stop"}
    end)
    pcall(s.rds.copy_db_snapshot, s.rds, {SourceDBSnapshotIdentifier = "arn:aws:rds:us-west-2:1:snapshot:s",
      TargetDBSnapshotIdentifier = "t", SourceRegion = "us-west-2"})
    local form = fields(sent.body)
    assert.equal("rds.eu-west-1.amazonaws.com", sent.host)
    assert.is_nil(form.SourceRegion)
    local url = form.PreSignedUrl
    assert.matches("^https://rds.us%-west%-2.amazonaws.com/%?", url)
    local inner = fields(url:match("%?(.*)$"))
    assert.same({"CopyDBSnapshot", "eu-west-1", "AKID/20231114/us-west-2/rds/aws4_request", "t"},
      {inner.Action, inner.DestinationRegion, inner["X-Amz-Credential"], inner.TargetDBSnapshotIdentifier})
  end)

  it("gives an EC2 copy from another region the URL that it needs", function()
    local sent
    local s = session(function(request)
      sent = request
      return nil, {code = "connect", message = "stop"}
    end)
    pcall(s.ec2.copy_snapshot, s.ec2, {SourceRegion = "us-west-2", SourceSnapshotId = "snap-1"})
    local form = fields(sent.body)
    assert.same({"us-west-2", "eu-west-1"}, {form.SourceRegion, form.DestinationRegion})
    local inner = fields(form.PresignedUrl:match("^https://ec2.us%-west%-2.amazonaws.com/%?(.*)$"))
    assert.same({"CopySnapshot", "eu-west-1"}, {inner.Action, inner.DestinationRegion})
  end)
end)
