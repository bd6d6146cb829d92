-- D13: what was ticked as done and never built. Here the DynamoDB endpoint and Trusted Advisor; the other parts have
-- specs with their playbooks.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D13", function()
  local host, names, text
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"network"}})
    local code
    code, text = host:apply "harden/costs"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: DynamoDB has an endpoint, and the route tables lead to it", function()
    for _, id in ipairs {names.route_tables.private_a, names.route_tables.private_b} do
      local found = false
      for _, route in ipairs(host.session.ec2:describe_route_tables {RouteTableIds = {id}}.RouteTables[1].Routes) do
        local endpoint = (route.GatewayId or ""):match "^vpce%-" and host.session.ec2:describe_vpc_endpoints {
          VpcEndpointIds = {route.GatewayId}}.VpcEndpoints[1].ServiceName
        found = found or endpoint == "com.amazonaws.us-east-1.dynamodb"
      end
      assert.is_true(found, id)
    end
  end)
  it("is avoided: advice on costs is asked for, and what was said is in the journal", function()
    assert.matches('check "somebody gives advice on costs": 1 asked', text, 1, true)
    local _, runs = host:run("runs", "last")
    assert.matches("ask for advice", runs, 1, true)
  end)
end)
