local arguments = require "cli.arguments"
local forms = require "cli.callforms"
local models = require "tidelock.models"

local function op(service, name) return models.service(service):operation(name) end

local function parse(service, name, ...)
  local o = op(service, name)
  local input = arguments.parse(o, o.service, {...}, {})
  forms.complete(o, input)
  return input
end

local function refused(...)
  local ok, err = pcall(parse, ...)
  assert.is_false(ok)
  assert.equal(64, err.exit)
  return err.message
end

describe("options that the aws CLI names otherwise", function()
  local CASES <const> = {
    {"eks", "create_cluster", "version", "kubernetes-version"}, {"ec2", "run_instances", "no-disable-api-termination",
      "enable-api-termination"}, {"ec2", "create_image", "no-no-reboot", "reboot"},
    {"ec2", "create_network_acl_entry", "no-egress", "ingress"},
    {"sns", "subscribe", "endpoint", "notification-endpoint"}, {"ses", "send_email", "source", "from"},
    {"pinpoint", "update_sms_template", "version", "template-version"},
    {"codepipeline", "get_pipeline", "version", "pipeline-version"}, {"ecs", "update_service",
      "no-enable-execute-command", "disable-execute-command"},
  }
  for _, case in ipairs(CASES) do
    local service, name, from, to = table.unpack(case)
    it(("%s %s: --%s"):format(service, name, to), function()
      local o = op(service, name)
      local by = arguments.options(o, o.service)
      assert.is_table(by[to])
      assert.is_nil(by[from])
    end)
  end
  it("give way to the options that every command has", function()
    for _, names in ipairs {{"stepfunctions", "send_task_success", "output", "task-output"},
      {"glue", "get_unfiltered_table_metadata", "region", "resource-region"},
      {"datapipeline", "query_objects", "query", "objects-query"}} do
      local o = op(names[1], names[2])
      local by = arguments.options(o, o.service)
      assert.is_nil(by[names[3]])
      assert.is_table(by[names[4]])
    end
  end)
  it("are named so where they are missing", function()
    assert.equal("UpdateClusterVersion has no option --nam; did you mean \"--name\"? "
      .. "UpdateClusterVersion needs --kubernetes-version", refused("eks", "update_cluster_version", "--nam", "n"))
  end)
end)

describe("a rule of a security group", function()
  it("is said in words", function()
    assert.same({GroupId = "sg-1", IpPermissions = {{IpProtocol = "tcp", FromPort = 22, ToPort = 25,
      IpRanges = {{CidrIp = "10.0.0.0/8"}}}}}, parse("ec2", "authorize_security_group_ingress", "--group-id", "sg-1",
      "--protocol", "tcp", "--port", "22-25", "--cidr", "10.0.0.0/8"))
    assert.same({GroupId = "sg-1", IpPermissions = {{IpProtocol = "-1", FromPort = -1, ToPort = -1,
      UserIdGroupPairs = {{GroupId = "sg-2", UserId = "1"}}}}}, parse("ec2", "revoke_security_group_egress",
      "--group-id", "sg-1", "--protocol", "all", "--port", "all", "--source-group", "sg-2", "--group-owner", "1"))
  end)
  it("is refused with all that is wrong with it, and beside the whole", function()
    local message = refused("ec2", "authorize_security_group_ingress", "--group-id", "g", "--protocol", "tpc",
      "--port", "http")
    assert.truthy(message:find('--protocol takes tcp, udp, icmp, icmpv6, all or a number from -1 to 255, not "tpc"', 1,
      true))
    assert.truthy(message:find('--port takes FROM or FROM-TO (22, 22-25) or all, not "http"', 1, true))
    assert.equal("--cidr says a part of --ip-permissions, which is there too; keep one of them",
      refused("ec2", "authorize_security_group_ingress", "--group-id", "g", "--cidr", "1.1.1.1/32",
        "--ip-permissions", "IpProtocol=tcp"))
  end)
  it("of a network's list has its protocol by name", function()
    assert.equal("6", parse("ec2", "create_network_acl_entry", "--protocol", "tcp").Protocol)
    assert.equal("47", parse("ec2", "create_network_acl_entry", "--protocol", "47").Protocol)
  end)
end)

describe("run-instances", function()
  it("runs one unless --count says how many", function()
    local one, some = parse("ec2", "run_instances"), parse("ec2", "run_instances", "--count", "2:5")
    assert.same({1, 1, 2, 5}, {one.MinCount, one.MaxCount, some.MinCount, some.MaxCount})
    assert.equal('--count takes N or LEAST:MOST (1, 1:10), not "x"', refused("ec2", "run_instances", "--count", "x"))
  end)
  it("puts what is said of the network into the interface, where there is one", function()
    local plain = parse("ec2", "run_instances", "--subnet-id", "s")
    assert.same({"s", nil}, {plain.SubnetId, plain.NetworkInterfaces})
    local input = parse("ec2", "run_instances", "--subnet-id", "s", "--no-associate-public-ip-address",
      "--security-group-ids", "sg-1")
    assert.is_nil(input.SubnetId)
    assert.same({{DeviceIndex = 0, AssociatePublicIpAddress = false, SubnetId = "s", Groups = {"sg-1"}}},
      input.NetworkInterfaces)
  end)
end)

describe("short options", function()
  it("of CloudWatch make one datum", function()
    assert.same({Namespace = "n", MetricData = {{MetricName = "m", Value = 3.5, Unit = "Count", Dimensions = {
      {Name = "a", Value = "b"}, {Name = "c", Value = "d=e"}}}}}, parse("cloudwatch", "put_metric_data", "--namespace",
      "n", "--metric-name", "m", "--value", "3.5", "--unit", "Count", "--dimensions", "a=b,c=d=e"))
    assert.same({Sum = 3, SampleCount = 2.5}, parse("cloudwatch", "put_metric_data", "--statistic-values",
      "Sum=3,SampleCount=2.5").MetricData[1].StatisticValues)
    assert.equal('--value must be a number, not "x"', refused("cloudwatch", "put_metric_data", "--namespace", "n",
      "--value", "x"))
  end)
  it("of SES make a letter", function()
    assert.same({Source = "a", Destination = {ToAddresses = {"b", "c"}}, Message = {Subject = {Data = "s"},
      Body = {Text = {Data = "t"}}}}, parse("ses", "send_email", "--from", "a", "--to", "b", "c", "--subject", "s",
      "--text", "t"))
  end)
  it("of CloudFront name paths, and each call is another", function()
    local function batch()
      return parse("cloudfront", "create_invalidation", "--distribution-id", "E", "--paths", "/a",
        "/b*").InvalidationBatch
    end
    local first = batch()
    assert.same({Quantity = 2, Items = {"/a", "/b*"}}, first.Paths)
    assert.not_equal(first.CallerReference, batch().CallerReference)
  end)
  it("stand beside the rest of their structure", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "wb"))
    file:write "PK\0\1"
    file:close()
    assert.same({ImageUri = "u", ZipFile = "PK\0\1"}, parse("lambda", "create_function", "--zip-file",
      "fileb://" .. path, "--code", "ImageUri=u").Code)
    assert.same({Bytes = "PK\0\1"}, parse("rekognition", "detect_labels", "--image-bytes", "fileb://" .. path).Image)
    os.remove(path)
    assert.same({name = "d", recordingGroup = {allSupported = true}}, parse("config", "put_configuration_recorder",
      "--configuration-recorder", "name=d", "--recording-group", "allSupported=true").ConfigurationRecorder)
    assert.same({revisionType = "S3", s3Location = {bucket = "b", key = "k"}}, parse("codedeploy", "create_deployment",
      "--s3-location", "bucket=b,key=k").revision)
  end)
  it("are words for states", function()
    assert.same({"TERMINATED"}, parse("emr", "list_clusters", "--terminated").ClusterStates)
  end)
end)

describe("a structure of one member", function()
  it("is its member's value", function()
    assert.same({{InstanceId = "i-1"}, {InstanceId = "i-2"}}, parse("elb", "register_instances_with_load_balancer",
      "--instances", "i-1", "i-2").Instances)
    assert.same({Value = "m5.large"}, parse("ec2", "modify_instance_attribute", "--instance-type",
      "m5.large").InstanceType)
    assert.same({Value = "m5.large"}, parse("ec2", "modify_instance_attribute", "--instance-type",
      "Value=m5.large").InstanceType)
  end)
  it("that is true or false is a flag", function()
    assert.same({EnableDnsHostnames = {Value = true}, EnableDnsSupport = {Value = false}}, parse("ec2",
      "modify_vpc_attribute", "--enable-dns-hostnames", "--no-enable-dns-support"))
    assert.same({DisableApiTermination = {Value = false}, EbsOptimized = {Value = false}}, parse("ec2",
      "modify_instance_attribute", "--no-disable-api-termination", "--ebs-optimized", '{"Value":false}'))
  end)
end)

it("every call but one of these does without the file of short options", function()
  package.loaded["cli.callshort"] = nil
  for _, names in ipairs {{"ec2", "describe_regions"}, {"sqs", "list_queues"}, {"lambda", "invoke"}} do
    arguments.options(op(names[1], names[2]), models.service(names[1]))
  end
  assert.is_nil(package.loaded["cli.callshort"])
end)

it("every short option fits its operation's model", function()
  local encode = require "tidelock.codec".encode
  for _, case in ipairs {
    {"ec2", "revoke_security_group_ingress", "--port", "443", "--protocol", "tcp", "--source-group", "name"},
    {"ec2", "run_instances", "--secondary-private-ip-addresses", "10.0.0.1", "10.0.0.2",
      "--secondary-private-ip-address-count", "2", "--associate-public-ip-address", "--count", "1"},
    {"cloudwatch", "put_metric_data", "--namespace", "n", "--metric-name", "m", "--timestamp", "2024-01-01",
      "--storage-resolution", "1", "--statistic-values", "Sum=1,Minimum=1,Maximum=1,SampleCount=1"},
    {"ses", "send_email", "--from", "a", "--cc", "b", "--bcc", "c", "--subject", "s", "--html", "<p>"},
    {"emr", "list_clusters", "--active"},
    {"cloudfront", "create_invalidation", "--distribution-id", "E", "--paths", "/"},
    {"translate", "translate_document", "--document-content", "QQ==", "--document", "ContentType=text/plain",
      "--source-language-code", "en", "--target-language-code", "de"},
    {"translate", "import_terminology", "--name", "n", "--merge-strategy", "OVERWRITE", "--data-file", "QQ==",
      "--terminology-data", "Format=CSV"},
    {"rekognition", "compare_faces", "--source-image-bytes", "QQ==", "--target-image-bytes", "QQ=="},
    {"lambda", "publish_layer_version", "--layer-name", "l", "--zip-file", "QQ=="},
  } do
    local input = parse(table.unpack(case))
    local encoded, fault = encode(op(case[1], case[2]), input)
    assert.is_nil(fault)
    assert.is_table(encoded)
  end
end)
