-- A hardening playbook that was killed in a step: where running the step again does no harm, resume asks nobody.
local account = require "support.account"
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local json = require "tidelock.json"

local APPROVED <const> = {"--approve", "shorten log retention", "--approve", "close databases to the world",
  "--approve", "reboot example-postgres-production"}

-- How many steps each of them starts, on the account built here.
local STEPS <const> = {["harden/costs"] = 3, ["harden/logs"] = 4, ["harden/database"] = 4, ["runbooks/findings"] = 1}

describe("a hardening playbook that is killed in a step", function()
  local host
  setup(function()
    host = hardening.start()
    account.build(host, {only = {"data"}, encrypted = true})
    for name, days in pairs {["/ecs/new"] = false, ["/ecs/short"] = 3, ["/ecs/long"] = 3653} do
      host.session.logs:create_log_group {logGroupName = name}
      if days then host.session.logs:put_retention_policy {logGroupName = name, retentionInDays = days} end
    end
  end)
  teardown(function() host:close() end)

  local function journal_of(run) return host.state .. "/runs/" .. run .. "/journal.jsonl" end

  -- The journal up to the start of each step, as it stands after SIGKILL there: {{name =, text =}}.
  local function cuts(run)
    local out, lines = {}, {}
    for line in io.lines(journal_of(run)) do
      lines[#lines + 1] = line
      local record = json.decode(line)
      if record.kind == "step.start" then
        out[#out + 1] = {name = record.name, text = table.concat(lines, "\n") .. "\n"}
      end
    end
    return out
  end

  for name, steps in pairs(STEPS) do
    it("goes on by itself: " .. name, function()
      local before = {}
      for _, run in ipairs(fs.list(host.state .. "/runs") or {}) do before[run] = true end
      local code, text = host:apply(name, table.unpack(APPROVED))
      assert.equal(0, code, text)
      local run
      for _, one in ipairs(fs.list(host.state .. "/runs")) do run = not before[one] and one or run end
      local list = cuts(run)
      for _, cut in ipairs(list) do
        assert(fs.write(journal_of(run), cut.text))
        code, text = host:run("resume", run, table.unpack(APPROVED))
        assert.equal(0, code, cut.name .. "\n" .. text)
        assert.is_truthy(text:find(('step "%s" done'):format(cut.name), 1, true), text)
      end
      assert.equal(steps, #list)
    end)
  end
end)
