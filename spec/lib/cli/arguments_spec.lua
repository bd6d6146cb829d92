local arguments = require "cli.arguments"
local models = require "tidelock.models"

local function op(service, name) return models.service(service):operation(name) end

local function parse(service, name, ...)
  local o = op(service, name)
  return (arguments.parse(o, o.service, {...}, {region = {value = "R"}}))
end

local function refused(...)
  local ok, err = pcall(parse, ...)
  assert.is_false(ok)
  assert.equal(64, err.exit)
  return err.message
end

describe("an option's name", function()
  for name, option in pairs {QueueUrl = "queue-url", MaxNumberOfMessages = "max-number-of-messages",
    DBInstanceIdentifier = "db-instance-identifier", ARNs = "arns", LoadBalancerArns = "load-balancer-arns",
    VpcId = "vpc-id", EC2TagSet =
    "ec2-tag-set", IPv6Address = "i-pv6-address", tags = "tags", SSESpecification = "sse-specification"} do
    it(("of %s is --%s, as the aws CLI writes it"):format(name, option), function()
      assert.equal(option, arguments.option_name(name))
    end)
  end
end)

describe("values", function()
  it("are text, numbers and flags by the shape", function()
    assert.same({QueueUrl = "u", MaxNumberOfMessages = 3},
      parse("sqs", "receive_message", "--queue-url", "u", "--max-number-of-messages", "3"))
    assert.same({TableName = "t", DeletionProtectionEnabled = true},
      parse("dynamodb", "update_table", "--table-name", "t", "--deletion-protection-enabled"))
    assert.same({DeletionProtectionEnabled = false},
      parse("dynamodb", "update_table", "--no-deletion-protection-enabled"))
  end)
  it("of lists stand one after the other, or as JSON", function()
    assert.same({AttributeNames = {"All", "x"}}, parse("sqs", "get_queue_attributes", "--attribute-names", "All", "x"))
    assert.same({AttributeNames = {"All"}}, parse("sqs", "get_queue_attributes", "--attribute-names", '["All"]'))
  end)
  it("of structures are shorthand, with lists, nesting and quotes", function()
    assert.same({AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"},
      {AttributeName = "sk", AttributeType = "S"}}}, parse("dynamodb", "create_table", "--attribute-definitions",
      "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=S"))
    assert.same({Filters = {{Name = "tag:a", Values = {"x", "y z"}}}},
      parse("ec2", "describe_instances", "--filters", "Name=tag:a,Values=x,'y z'"))
    assert.same({NotificationConfiguration = {QueueConfigurations = {
      {QueueArn = "a", Events = {"s3:ObjectCreated:*"}}}}},
      parse("s3", "put_bucket_notification_configuration", "--notification-configuration",
        "QueueConfigurations=[{QueueArn=a,Events=[s3:ObjectCreated:*]}]"))
  end)
  it("of a shorthand keep their backslashes, but one before what would end them", function()
    local function value(text)
      return parse("ec2", "describe_instances", "--filters", "Name=n,Values=" .. text).Filters[1].Values
    end
    assert.same({[[C:\dir\d+]]}, value [[C:\dir\d+]])
    assert.same({[[a\\b]], "c"}, value [[a\\b,c]])
    assert.same({"a,b", "c"}, value [[a\,b,c]])
    assert.same({[[a"b]], "c"}, value [["a\"b" ,c]])
  end)
  it("of a shorthand may stand in a file", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write "\0\1,="
    file:close()
    assert.same({{Name = "n", Values = {"\0\1,="}}}, parse("ec2", "describe_instances", "--filters",
      "Name=n,Values@=file://" .. path).Filters)
    for _, kind in ipairs {"b", ""} do
      local key = parse("dynamodb", "get_item", "--table-name", "t", "--key", ("k={%s@=file%s://%s}"):format(
        kind == "b" and "B" or "S", kind, path)).Key
      assert.same({k = {[kind == "b" and "B" or "S"] = "\0\1,="}}, key)
    end
    os.remove(path)
  end)
  it("of a shorthand stand there once", function()
    assert.matches('there is a second "Name"; between the values of a list stands a blank, not a comma',
      refused("ec2", "describe_instances", "--filters", "Name=a,Values=b,Name=c,Values=d"), 1, true)
  end)
  it("of a shorthand keep their types: numbers and booleans, false too", function()
    assert.same({SSESpecification = {Enabled = false}},
      parse("dynamodb", "update_table", "--sse-specification", "Enabled=false"))
    assert.same({ProvisionedThroughput = {ReadCapacityUnits = 5, WriteCapacityUnits = 6}},
      parse("dynamodb", "update_table", "--provisioned-throughput", "ReadCapacityUnits=5,WriteCapacityUnits=6"))
  end)
  it("of maps are names and values", function()
    assert.same({Attributes = {VisibilityTimeout = "30", DelaySeconds = "1"}},
      parse("sqs", "create_queue", "--attributes", "VisibilityTimeout=30,DelaySeconds=1"))
    assert.same({tags = {a = "b=c"}}, parse("sqs", "create_queue", "--tags", "a=b=c"))
  end)
  it("of blobs are base64, or a file's bytes", function()
    assert.same({Data = "hi"}, parse("kinesis", "put_record", "--data", "aGk="))
    local path = os.tmpname()
    local f = assert(io.open(path, "wb"))
    f:write "\0\1raw"
    f:close()
    assert.same({Data = "\0\1raw"}, parse("kinesis", "put_record", "--data", "fileb://" .. path))
    os.remove(path)
  end)
  it("of a body that streams name its file; of a body that does not, they are bytes as of other blobs", function()
    local path = os.tmpname()
    assert.same({path = path}, parse("s3", "put_object", "--bucket", "b", "--key", "k", "--body", path).Body)
    assert.matches("must be a path to a file", refused("s3", "put_object", "--body", "/nowhere"))
    os.remove(path)
    for _, of in ipairs {{"lambda", "invoke", "--payload"}, {"bedrock-runtime", "invoke_model", "--body"}} do
      local o = op(of[1], of[2])
      local name = o:input_shape().payload
      local words = {of[3], '{"a":1}', of[1] == "lambda" and "--function-name" or "--model-id", "f"}
      assert.equal('{"a":1}', arguments.parse(o, o.service, words, {}, true)[name])
      words[2] = "eyJhIjoxfQ=="
      assert.equal('{"a":1}', arguments.parse(o, o.service, words, {}, false)[name])
    end
  end)
  it("come from files", function()
    local path = os.tmpname()
    local f = assert(io.open(path, "w"))
    f:write '{"DelaySeconds": "5"}\n'
    f:close()
    assert.same({Attributes = {DelaySeconds = "5"}}, parse("sqs", "create_queue", "--attributes", "file://" .. path))
    os.remove(path)
  end)
end)

describe("a mistake", function()
  it("in an option's name is answered with the nearest", function()
    assert.equal('CreateQueue has no option --queue-nme; did you mean "--queue-name"?',
      refused("sqs", "create_queue", "--queue-nme", "x"))
  end)
  it("in a value says what it must be", function()
    assert.matches("must be a whole number", refused("sqs", "receive_message", "--max-number-of-messages", "x"))
    assert.matches("is not JSON", refused("sqs", "create_queue", "--attributes", "{bad"))
    assert.matches("is not well%-formed", refused("sqs", "create_queue", "--attributes", "novalue"))
    assert.matches("takes one value", refused("sqs", "create_queue", "--queue-name", "a", "b"))
    assert.matches("cannot be read", refused("sqs", "create_queue", "--attributes", "file:///nowhere"))
    assert.matches("must be base64", refused("kinesis", "put_record", "--data", "***"))
  end)
  it("comes with all the others of the line, and with what is missing", function()
    assert.equal('ReceiveMessage has no option --visibilty-timeout; did you mean "--visibility-timeout"? '
      .. '--max-number-of-messages must be a whole number, not "x". ReceiveMessage has no option --zzz. '
      .. "ReceiveMessage needs --queue-url", refused("sqs", "receive_message", "--visibilty-timeout", "3",
        "--max-number-of-messages", "x", "--zzz", "1", "2"))
    assert.equal("CreateQueue has no option --zzz",
      refused("sqs", "create_queue", "--zzz", "--queue-name", "a"))
    local ok, err = pcall(arguments.check_required, op("sqs", "create_queue"), {QueueNme = "x", tags = {a = 1}})
    assert.is_false(ok)
    assert.equal('CreateQueue needs --queue-name. tags.a must be text, not a whole number. '
      .. 'QueueNme is not known here; did you mean "QueueName"?', err.message)
  end)
  it("of a missing option names all that are missing", function()
    local ok, err = pcall(arguments.check_required, op("dynamodb", "put_item"), {})
    assert.is_false(ok)
    assert.matches("needs %-%-table%-name, %-%-item", err.message)
  end)
end)

describe("--cli-input-json", function()
  local json = require "tidelock.json"
  local function whole(service, name, text)
    local o = op(service, name)
    return arguments.with_json(o, o.service, text, {}, false)
  end

  it("takes null for a member as not given, and bytes as base64", function()
    assert.same({QueueUrl = "u"}, whole("sqs", "SendMessage", '{"QueueUrl":"u","MessageBody":null}'))
    assert.same({Data = "\0\1"}, whole("kinesis", "PutRecord", '{"Data":"AAE="}'))
  end)

  it("refuses what fits no shape with a sentence", function()
    for _, text in ipairs {"5", "{", '{"Data":5}', '{"Data":{}}', '{"Data":"%"}'} do
      local ok, err = pcall(whole, "kinesis", "PutRecord", text)
      assert.is_false(ok, text)
      assert.equal(64, err.exit, text)
      assert.matches("--cli-input-json", err.message, 1, true)
    end
  end)

  it("takes every skeleton of every operation of these services", function()
    for _, service in ipairs {"sqs", "dynamodb", "ec2", "iam", "s3", "lambda", "kinesis", "cloudwatch", "route53"} do
      local model = models.service(service)
      for _, name in ipairs(model:operations()) do
        local o = model:operation(name)
        if o:input_shape() then
          local text = json.encode(arguments.skeleton(model, o:input_shape()))
          local ok, err = pcall(arguments.with_json, o, model, text, {}, false)
          assert.is_true(ok, service .. "." .. name .. ": " .. tostring(err and err.message or err))
        end
      end
    end
  end)
end)

describe("the words of a line", function()
  local function split(service, name, ...)
    local o = op(service, name)
    return arguments.parse(o, o.service, {...}, {})
  end

  it("that no option takes name the file for an answer's body", function()
    local input, _, outfile = split("s3", "GetObject", "--bucket", "b", "--key", "k", "out")
    assert.same({{Bucket = "b", Key = "k"}, "out"}, {input, outfile})
    input, _, outfile = split("s3", "GetObject", "out", "--bucket", "b", "--key", "k")
    assert.same({{Bucket = "b", Key = "k"}, "out"}, {input, outfile})
  end)

  it("belong to a flag only as true or false", function()
    assert.is_true((split("ec2", "DescribeVpcs", "--dry-run")).DryRun)
    assert.is_false((split("ec2", "DescribeVpcs", "--no-dry-run")).DryRun)
    assert.is_false((split("ec2", "DescribeVpcs", "--dry-run", "false")).DryRun)
  end)

  it("that are one too many are told", function()
    assert.matches("--queue-name takes one value, not also \"b\"; quote it",
      refused("sqs", "CreateQueue", "--queue-name", "a", "b"), 1, true)
    assert.matches("what is \"x\" for?", refused("sqs", "CreateQueue", "x"), 1, true)
  end)
end)
