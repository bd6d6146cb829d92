-- D13: ticked boxes are no evidence. Finding aggregation and the conformance pack were ticked and built nowhere; here
-- they are there, and AWS Config's role has the policy that the original named wrongly.
local hardening = require "support.hardening"

describe("D13", function()
  local host, session
  setup(function()
    host = hardening.start()
    session = host.session
    local code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: the findings of all regions are gathered in one", function()
    local arn = session.securityhub:list_finding_aggregators {}.FindingAggregators[1].FindingAggregatorArn
    local live = session.securityhub:get_finding_aggregator {FindingAggregatorArn = arn}
    assert.same({"ALL_REGIONS", "us-east-1"}, {live.RegionLinkingMode, live.FindingAggregationRegion})
  end)
  it("is avoided: the conformance pack is rolled out, from a template that is there", function()
    local pack = session.config:describe_conformance_packs {}.ConformancePackDetails[1]
    assert.equal("example-cis", pack.ConformancePackName)
    local status = session.config:describe_conformance_pack_status {}.ConformancePackStatusDetails[1]
    assert.equal("CREATE_COMPLETE", status.ConformancePackState)
  end)
  it("is avoided: AWS Config works as its own role, which needs no policy of ours", function()
    local recorder = session.config:describe_configuration_recorders {}.ConfigurationRecorders[1]
    assert.equal("AWSServiceRoleForConfig", recorder.roleARN:match "[^/]+$")
    assert.is_true(session.config:describe_configuration_recorder_status {}.ConfigurationRecordersStatus[1].recording)
  end)
end)
