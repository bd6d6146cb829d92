-- Criterion 2.5: nothing here depends on X-Ray, and a task that does is found. (What a run's trace holds is shown by
-- spec/lib/report/otlp_spec.lua.)
local hardening = require "support.hardening"

local SEARCH <const> = "grep -rniE 'x-?ray[-_ ]?(sdk|daemon|recorder)|aws[-_]xray' lib playbooks host modules"
  .. " --include=*.lua --include=*.c --include=*.h"

-- Lines of the program and its playbooks that name its SDK or daemon, but for the control that looks for it.
local function named()
  local out, list = {}, assert(io.popen(SEARCH))
  for line in list:lines() do
    if not line:find "^lib/checks/" and not line:find("ecs-no-xray-daemon", 1, true) then out[#out + 1] = line end
  end
  list:close()
  return out
end

describe("tracing", function()
  local host
  setup(function() host = hardening.start() end)
  teardown(function() host:close() end)

  local function register(family, image)
    host.session.ecs:register_task_definition {family = family, containerDefinitions = {
      {name = "app", image = "app:1", memory = 128}, {name = "traces", image = image, memory = 64}}}
  end

  it("2.5 needs no X-Ray SDK and no daemon in the program and its playbooks", function() assert.same({}, named()) end)

  it("2.5 passes for a task with an OpenTelemetry collector, and names one with the X-Ray daemon", function()
    register("example-new", "public.ecr.aws/aws-observability/aws-otel-collector:v0.40.0")
    local code, text = host:run("check", "ecs-no-xray-daemon", hardening.ACCOUNT)
    assert.equal(0, code, text)
    register("example-old", "public.ecr.aws/xray/aws-xray-daemon:3.x")
    code, text = host:run("check", "ecs-no-xray-daemon", hardening.ACCOUNT)
    assert.is_true(code ~= 0)
    assert.matches("example%-old:1: container traces runs the X%-Ray daemon", text)
    assert.is_nil(text:find("example-new", 1, true))
  end)
end)
