--- The trace of --debug: what was sent and what came, and never what lets somebody in.
local wire = require "cli.wire"

local function watched(answer, err)
  local lines, bodies = {}, {}
  local clock = 0
  local world = {transport = function() return answer, err end, monotonic = function()
    clock = clock + 0.25
    return clock
  end}
  wire.watch(world, bodies, function(line) lines[#lines + 1] = line end)
  return world, lines, bodies
end

local REQUEST <const> = {method = "PUT", scheme = "https", host = "s3.example", path = "/k",
  query = "partNumber=1&X-Amz-Signature=hush&X-Amz-Security-Token=hush&X-Amz-Credential=hush", body = "hush",
  headers = {Authorization = "hush", ["X-Amz-Security-Token"] = "hush", ["X-Amz-Date"] = "20230101T000000Z",
    ["x-amz-server-side-encryption-customer-key"] = "hush", Cookie = "hush", ["x-amz-sso_bearer_token"] = "hush"}}

describe("a trace of the wire", function()
  it("tells method, address, headers, status, time and sizes, without a secret", function()
    local world, lines, bodies = watched {status = 200, body = "hush!",
      headers = {["set-cookie"] = "hush", date = "today"}}
    assert.equal(200, world.transport(REQUEST, {}).status)
    local text = table.concat(lines, "\n")
    assert.is_nil(text:find("hush", 1, true), text)
    assert.equal("> PUT https://s3.example/k?partNumber=1&X-Amz-Signature=<secret>&X-Amz-Security-Token=<secret>"
      .. "&X-Amz-Credential=<secret>, 4 bytes", lines[1])
    assert.matches("X-Amz-Date: 20230101T000000Z", text, 1, true)
    assert.matches("\n< 200 after 250 ms, 5 bytes\n<   date: today\n", text, 1, true)
    assert.same({"hush!"}, bodies)
  end)

  it("tells that nothing came, and keeps no text of a refusal", function()
    local world, lines = watched(nil, {message = "nothing listens"})
    assert.is_nil((world.transport(REQUEST, {})))
    assert.equal("< nothing after 250 ms: nothing listens", lines[#lines])
    local other, _, bodies = watched {status = 403, headers = {}, body = "no"}
    other.transport(REQUEST, {})
    assert.same({}, bodies)
  end)
end)
