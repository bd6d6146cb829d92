--- tidelock call as a program: bodies in files, events, --query, what is told before anything is sent.
local eventstream = require "tidelock.eventstream"
local http = require "tidelock.http"
local json = require "tidelock.json"
local objects = require "support.objects"
local proc = require "tidelock.proc"
local server = require "support.server"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"

describe("tidelock call", function()
  local store, folder
  lazy_setup(function() store, folder = objects.start(), server.folder() end)
  lazy_teardown(function()
    store:stop()
    server.remove(folder)
  end)

  local function call(...)
    local env = {AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_PROFILE = false}
    for name, value in pairs(store.env) do env[name] = value end
    return assert(proc.run {HERE .. "/tidelock", "call", env = env, cwd = folder, ...})
  end
  local function refused(sentence, ...)
    local out = call(...)
    assert.equal(64, out.code, out.stderr)
    assert.matches(sentence, out.stderr, 1, true)
    assert.equal("", out.stdout)
  end
  local function write(name, text)
    local file <close> = assert(io.open(folder .. "/" .. name, "wb"))
    file:write(text)
  end

  it("puts a file, by its name alone or with a prefix", function()
    write("up", ("\0tide"):rep(100000))
    for _, body in ipairs {"up", "fileb://up", folder .. "/up"} do
      local out = call("s3", "put-object", "--bucket", "bkt", "--key", "k", "--body", body)
      assert.equal(0, out.code, out.stderr)
      assert.equal(500000, json.decode(json.decode(out.stdout).VersionId).length)
    end
    refused("--body must be a path to a file: nowhere: No such file", "s3", "put-object", "--bucket", "bkt",
      "--key", "k", "--body", "nowhere")
  end)

  it("gets an object into a file, under the aws CLI's name for S3 too, and prints what was said of it", function()
    for _, service in ipairs {"s3", "s3api"} do
      local out = call(service, "get-object", "--bucket", "bkt", "--key", "300000", "down")
      assert.equal(0, out.code, out.stderr)
      local said = json.decode(out.stdout)
      assert.same({300000, nil}, {said.ContentLength, said.Body})
      local file <close> = assert(io.open(folder .. "/down", "rb"))
      assert.equal(300000, file:seek "end")
      os.remove(folder .. "/down")
    end
  end)

  it("gets an object on standard output, and only that", function()
    local out = call("s3", "get-object", "--bucket", "bkt", "--key", "300000", "-")
    assert.same({0, 300000}, {out.code, #out.stdout})
    out = call("s3", "get-object", "--bucket", "bkt", "--key", "300000-wrong", "-")
    assert.equal(1, out.code)
    assert.matches("x-amz-checksum-crc32", out.stderr, 1, true)
  end)

  it("keeps no file of a body that was cut or changed", function()
    for _, key in ipairs {"300000-short", "300000-wrong"} do
      local out = call("s3", "get-object", "--bucket", "bkt", "--key", key, "down")
      assert.is_true(out.code == 1 or out.code == 69, out.stderr)
      assert.is_false(server.exists(folder .. "/down"))
      assert.is_false(server.exists(folder .. "/down.part"))
    end
  end)

  it("prints events as they come", function()
    local function event(name, payload)
      return eventstream.encode {payload = payload, headers = {[":message-type"] = "event", [":event-type"] = name,
        [":content-type"] = "application/json"}}
    end
    assert(http.send {method = "PUT", scheme = "http", host = store.url:match "//(.*)$", path = "/frames/",
      body = event("initial-response", "{}") .. event("sessionUpdate", '{"sessionResults":[{"message":"m1"}]}')})
    local out = call("logs", "start-live-tail", "--log-group-identifiers", "arn:aws:logs:eu-west-1:1:log-group:g",
      "--query", "sessionUpdate.sessionResults[].message")
    assert.same({0, '[\n    "m1"\n]\n'}, {out.code, out.stdout}, out.stderr)
  end)

  it("takes blobs in base64, or as they are where an option or the profile says so", function()
    write("config", "[profile raw]\ncli_binary_format = raw-in-base64-out\n")
    local words = {"kinesis", "put-record", "--data", "{x}", "--generate-cli-skeleton"}
    refused("must be base64", table.unpack(words))
    assert.equal(0, call("--cli-binary-format", "raw-in-base64-out", table.unpack(words)).code)
    local env = {AWS_CONFIG_FILE = folder .. "/config", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_PROFILE = false}
    local function code(...)
      return proc.run {HERE .. "/tidelock", "call", env = env, "--profile", "raw", ...}.code
    end
    assert.equal(0, code(table.unpack(words)))
    assert.equal(64, code("--cli-binary-format=base64", table.unpack(words)))
  end)

  it("waits by the names of the aws CLI, and names what there is to wait for", function()
    local out = call("s3", "wait", "object-exists", "--bucket", "bkt", "--key", "30")
    assert.same({0, ""}, {out.code, out.stdout}, out.stderr)
    refused("did you mean \"object-exists\"?", "s3", "wait", "object-exist", "--bucket", "b", "--key", "k")
    refused("s3 knows: bucket-exists", "s3", "wait")
    refused("HeadObject needs --key", "s3", "wait", "object-exists", "--bucket", "b")
  end)

  it("prints skeletons of input and output", function()
    for kind, text in pairs {input = '{\n    "QueueName": "",', output = '{\n    "QueueUrl": "QueueUrl"\n}\n'} do
      local out = call("sqs", "create-queue", "--generate-cli-skeleton", kind)
      assert.same({0, text}, {out.code, out.stdout:sub(1, #text)}, out.stderr)
    end
    refused("no YAML: input or output", "sqs", "create-queue", "--generate-cli-skeleton", "yaml-input")
  end)

  it("says what to do instead where the aws CLI has what is not here", function()
    refused("--cli-input-json file://PATH", "sqs", "list-queues", "--cli-input-yaml", "file://x")
    refused("give the authority's: --ca-bundle FILE", "sqs", "list-queues", "--no-verify-ssl")
    refused("tidelock call s3 list-buckets", "s3", "ls")
    refused("tidelock call ecr get-authorization-token", "ecr", "get-login-password")
    refused("tidelock call logs filter-log-events", "logs", "tail", "/aws/lambda/f", "--follow")
    refused("which operation of sqs?", "sqs")
  end)

  it("shows with --debug what goes over the wire, and no key", function()
    local out = call("s3", "head-object", "--bucket", "bkt", "--key", "30", "--debug")
    assert.equal(0, out.code, out.stderr)
    assert.matches("> HEAD http://", out.stderr, 1, true)
    assert.matches("Authorization: <secret>", out.stderr, 1, true)
    assert.matches("< 200 after ", out.stderr, 1, true)
    for _, part in ipairs {"Signature", "Credential", store.env.AWS_ACCESS_KEY_ID} do
      assert.is_nil(out.stderr:find(part, 1, true), out.stderr)
    end
  end)

  it("counts --max-items over all pages, also where the operation has an option of that name for one page", function()
    local function sent(...)
      return call("lambda", "list-functions", "--max-items", "5", "--debug", ...).stderr:match "> GET (%S+)"
    end
    assert.is_nil(sent():find "MaxItems")
    assert.matches("MaxItems=7", sent("--page-size", "7"), 1, true)
    assert.matches("MaxItems=5", sent "--no-paginate", 1, true)
    assert.matches("MaxItems=5", sent("--marker", "m"), 1, true)
    refused("leave out --no-paginate", "sqs", "list-queues", "--no-paginate", "--max-items", "5")
  end)

  it("tells a wrong line before anything is sent", function()
    refused("writes what it gets to a file: name it at the end", "s3", "get-object", "--bucket", "b", "--key", "k")
    refused("--query \"Contents[\":", "s3", "list-objects-v2", "--bucket", "b", "--query", "Contents[")
    refused("--key takes one value, not also \"b\"; quote it", "s3", "put-object", "--bucket", "b", "--key", "a", "b")
    refused("did you mean \"--bucket\"", "s3", "list-objects-v2", "--buckt", "b")
    refused("did you mean \"list-objects\"", "s3", "list-objcts")
    refused("--output", "s3", "list-buckets", "--output", "html")
  end)
end)
