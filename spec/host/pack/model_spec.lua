-- model_spec.lua -- what the compiler makes of a model.
local model = require "pack.model"
local models = require "tidelock.models"
local order = require "pack.order"
local snake = require "pack.snake"

local function metadata(more)
  local t = {apiVersion = "2012-11-05", endpointPrefix = "moon", serviceId = "Moon", protocol = "json",
             targetPrefix = "Moon", jsonVersion = "1.0"}
  for key, value in pairs(more or {}) do t[key] = value end
  return t
end

local function service(shapes, operations, more)
  return assert(models.load(model.compile {metadata = metadata(more), shapes = shapes, operations = operations or {}}))
end

describe("pack.snake", function()
  local names = {
    CreateQueue = "create_queue", DescribeDBInstances = "describe_db_instances", ListWebACLs = "list_web_acls",
    UpdateGatewayARNs = "update_gateway_arns", GetObjectAcl = "get_object_acl",
    AssumeRoleWithSAML = "assume_role_with_saml",
    CreateCachediSCSIVolume = "create_cached_iscsi_volume", ListHITs = "list_hits",
    ListHITsForQualificationType = "list_hits_for_qualification_type", ExecutePartiQLBatch = "execute_partiql_batch",
    CreateOAuth2Token = "create_oauth2_token", SendWhatsAppMessage = "send_whatsapp_message",
    CreateOAuth2TokenWithTokenExchange = "create_o_auth2_token_with_token_exchange",
    GetOTelEnrichment = "get_otel_enrichment", DescribeTrustedAdvisorChecks = "describe_trusted_advisor_checks",
    PutBucketIntelligentTieringConfiguration = "put_bucket_intelligent_tiering_configuration",
    ModifyEBSDefaultKMSKeyId = "modify_ebs_default_kms_key_id", TestDNSAnswer = "test_dns_answer",
    already_snake = "already_snake",
  }
  it("writes names as boto3 does, its exceptions with them", function()
    for name, want in pairs(names) do assert.equal(want, snake(name)) end
  end)
end)

describe("pack.order", function()
  it("keeps the written order of members, whatever they and their documentation are called", function()
    local text = [[{"metadata": {"x": [1, {"shapes": {}}]}, "shapes": {
      "Moon": {"documentation": "say \"members\": {\"A\": \\", "members": {
        "shape": {"shape": "String", "documentation": "\\"}, "Face": {"shape": "Face"}, "members": {"shape": "List"}}},
      "Face": {"type": "structure", "members": {}}, "List": {"type": "list", "member": {"shape": "String"}}}}]]
    local tbl = {shapes = {Moon = {members = {shape = {}, Face = {}, members = {}, Added = {}}}, Face = {members = {}},
                           List = {}}}
    assert.same({Moon = {"shape", "Face", "members", "Added"}, Face = {}}, order.members(text, tbl))
  end)
end)

describe("pack.model", function()
  local shapes = {
    Text = {type = "string", sensitive = true, min = 3, enum = {"b", "a"}},
    When = {type = "timestamp", timestampFormat = "iso8601"},
    Ratio = {type = "double", min = 0.5, max = 1.5}, Blob = {type = "blob", streaming = true},
    Moon = {type = "structure", required = {"When"}, payload = "Body", members = {
      When = {shape = "When"}, Name = {shape = "Text", locationName = "name", location = "header"},
      Body = {shape = "Blob"}, Inner = {shape = "Moon"}, Named = {shape = "Wired"}}},
    Wired = {type = "structure", locationName = "wired", members = {}, xmlNamespace = {uri = "urn:x", prefix = "p"}},
    List = {type = "list", member = {shape = "Text", locationName = "item"}, flattened = true},
    Plain = {type = "list", member = {shape = "Text"}},
    Map = {type = "map", key = {shape = "Text"}, value = {shape = "List", locationName = "v"}},
    Gone = {type = "structure", exception = true, error = {code = "Gone.Moon", httpStatusCode = 410},
            retryable = {throttling = true}, members = {}},
  }

  it("describes a structure with its members' traits, those of their shapes merged in", function()
    local moon = service(shapes):shape "Moon"
    assert.same({name = "Moon", type = "structure", payload = "Body", members = {
      {name = "Body", shape = "Blob", type = "blob", wire = "Body", streaming = true},
      {name = "Inner", shape = "Moon", type = "structure", wire = "Inner"},
      {name = "Name", shape = "Text", type = "string", wire = "name", location = "header", sensitive = true},
      {name = "Named", shape = "Wired", type = "structure", wire = "wired", nsuri = "urn:x", nsprefix = "p"},
      {name = "When", shape = "When", type = "timestamp", wire = "When", stamp = "iso8601", required = true},
    }}, moon)
  end)

  it("describes lists, maps, scalars and exceptions", function()
    local s = service(shapes)
    assert.same({name = "List", type = "list", flattened = true, member = "Text", items = {
      {name = "member", shape = "Text", type = "string", wire = "item", sensitive = true}}}, s:shape "List")
    assert.is_nil(s:shape "Plain".items[1].wire)
    assert.same({"Text", "List"}, {s:shape "Map".key, s:shape "Map".value})
    assert.same({"key", "v"}, {s:shape "Map".items[1].wire, s:shape "Map".items[2].wire})
    assert.same({name = "Text", type = "string", sensitive = true, min = 3, enum = {"b", "a"}}, s:shape "Text")
    assert.same({0, 2}, {s:shape "Ratio".min, s:shape "Ratio".max})
    assert.same({name = "Gone", type = "structure", exception = true, code = "Gone.Moon", status = 410,
                 retryable = true, throttling = true, members = {}}, s:shape "Gone")
  end)

  it("keeps what an operation says of itself", function()
    local op = service({
      In = {type = "structure", payload = "Data", members = {
        Bucket = {shape = "Text", contextParam = {name = "Bucket"}}, Token = {shape = "Text", idempotencyToken = true},
        Data = {shape = "Blob"}}},
      Out = {type = "structure", members = {Events = {shape = "Stream"}}},
      Stream = {type = "structure", eventstream = true, members = {}}, Text = {type = "string"}, Blob = {type = "blob"},
      Gone = {type = "structure", members = {}, exception = true},
    }, {PutFace = {
      name = "PutFace", http = {method = "PUT", requestUri = "/{Bucket}", responseCode = 202}, input = {shape = "In"},
      output = {shape = "Out"}, errors = {{shape = "Gone"}}, endpoint = {hostPrefix = "data."}, authtype = "none",
      httpChecksum = {requestAlgorithmMember = "Token", requestChecksumRequired = true}, unsignedPayload = true,
      staticContextParams = {Kind = {value = true}}, deprecated = true, deprecatedMessage = "use another moon",
      requestcompression = {encodings = {"gzip"}}, readonly = true,
    }}):operation "put_face"
    local facts = {}
    for _, key in ipairs {"name", "snake", "method", "uri", "code", "input", "output", "errors",
        "host_prefix", "authtype", "checksum", "static_params", "context_params", "idempotency",
        "deprecated_message"} do facts[key] = op[key] end
    assert.same({
      name = "PutFace", snake = "put_face", method = "PUT", uri = "/{Bucket}", code = 202,
      input = "In", output = "Out", errors = {"Gone"}, host_prefix = "data.", authtype = "none",
      static_params = {Kind = {value = true}}, context_params = {Bucket = "Bucket"},
      checksum = {requestAlgorithmMember = "Token", requestChecksumRequired = true},
      idempotency = {"Token"}, deprecated_message = "use another moon",
    }, facts)
    for _, flag in ipairs {"no_auth", "unsigned_payload", "checksum_required", "streaming_input", "event_output",
        "readonly", "gzip", "deprecated"} do assert.is_true(op[flag], flag) end
    for _, flag in ipairs {"streaming_output", "event_input", "idempotent"} do assert.is_false(op[flag], flag) end
    assert.is_nil(op.auth)
  end)

  it("speaks JSON or Query where a model offers CBOR beside it, and keeps the list", function()
    local cbor <const> = "smithy-rpc-v2-cbor"
    local function pick(...) return service({}, {}, {protocol = cbor, protocols = {...}}).protocol end
    assert.same({"json", "json", "query", "rest-json", cbor},
      {pick(cbor, "json"), pick(cbor, "json", "query"), pick(cbor, "query"), pick(cbor, "rest-json"), pick(cbor)})
    local s = service({}, {}, {protocol = cbor, protocols = {cbor, "query"}})
    assert.equal("query", s.metadata.protocol)
    assert.same({cbor, "query"}, s.metadata.protocols)
  end)

  it("refuses a broken model with a sentence", function()
    local function why(tbl)
      local ok, err = pcall(model.compile, tbl)
      assert.is_false(ok)
      return err
    end
    assert.equal("Moon.Face refers to the shape Nowhere, which the model does not have",
      why {metadata = metadata(), operations = {},
           shapes = {Moon = {type = "structure", members = {Face = {shape = "Nowhere"}}}}})
    assert.equal("Orbit refers to the shape Nowhere, which the model does not have",
      why {metadata = metadata(), shapes = {}, operations = {Orbit = {input = {shape = "Nowhere"}}}})
    assert.equal("the shape Moon has the type cheese, which is unknown",
      why {metadata = metadata(), operations = {}, shapes = {Moon = {type = "cheese"}}})
    assert.equal("the protocol smoke is unknown",
      why {metadata = metadata {protocol = "smoke"}, shapes = {}, operations = {}})
  end)

  it("gives the same bytes for the same model", function()
    local tbl = {metadata = metadata(), shapes = shapes, operations = {Look = {input = {shape = "Moon"}}}}
    assert.equal(model.compile(tbl), model.compile(tbl))
  end)
end)
