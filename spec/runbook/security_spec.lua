-- The security runbook, end to end: the account that nobody has hardened, the playbooks, what a person does, what is
-- accepted for a while; then one thing after the other is switched off, and exactly its control fails. `make soak` does
-- that for every control, `make test` for those that the plan asks of the runbook by name.
local checks = require "checks"
local each = require "runbook.each"
local hardened = require "runbook.hardened"
local switches = require "runbook.switches"

local ALL <const> = os.getenv "TIDELOCK_SOAK" ~= nil
local NAMED <const> = {"dynamodb-tables-expected", "sqs-queues-expected", "elasticache-encryption-at-rest",
  "elasticache-encryption-in-transit", "cloudtrail-multi-region", "rds-force-ssl"}

-- What the cache fails in until its migration.
local CACHE <const> = {["elasticache-encryption-at-rest"] = true, ["elasticache-encryption-in-transit"] = true,
  ["elasticache-auth"] = true, ["elasticache-failover"] = true, ["elasticache-backups"] = true,
  ["secretsmanager-redis-token"] = true}

local function day(days) return os.date("!%Y-%m-%d", os.time() + days * 86400) end

local function accepted(control, reason, expires, subject)
  return {control = control, subject = subject, reason = reason, owner = "ops", expires = expires or day(30)}
end

-- What no playbook can do, and somebody has accepted until it is done.
local PEOPLE <const> = {
  accepted("iam-root-mfa", "the key is in the safe, who has it is back next week"),
  accepted("rds-encrypted", "restored with a key in the next maintenance window"),
  accepted("secretsmanager-rotation", "these change when those do who gave them to us", nil, "example*"),
}

local function and_cache(expires)
  local out = table.move(PEOPLE, 1, #PEOPLE, 1, {})
  out[#out + 1] = accepted("elasticache-*", "its migration comes later", expires, "example-redis-production")
  out[#out + 1] = accepted("secretsmanager-redis-token", "its migration comes later", expires)
  return out
end

local function ids(map)
  local out = {}
  for id in pairs(map) do out[#out + 1] = id end
  table.sort(out)
  return out
end

describe("the security runbook", function()
  local host
  setup(function() host = hardened.start() end)
  teardown(function() host:close() end)

  local function run() return host:run("run", "playbooks/runbooks/security.lua", "--account", host.file) end
  -- The controls that its page says are not so.
  local function told(text)
    local out = {}
    for id in text:gmatch "\n    %l+, ([%w-]+): not so" do out[id] = true end
    return ids(out)
  end

  it("asks every control there is", function()
    local asked = {}
    local filter = {controls = "id", service = "service", requirement = "requirement", tag = "tag"}
    local function check(_)
      return function(spec)
        for name, kind in pairs(filter) do
          local words = type(spec[name]) == "string" and {spec[name]} or spec[name]
          for _, control in ipairs(words and checks.select {[kind] = words} or {}) do asked[control.id] = true end
        end
      end
    end
    local words = {playbook = function() end, check = check}
    function words.include(name) assert(loadfile(("playbooks/%s.lua"):format(name), "t", words))() end
    words.include "runbooks/security"
    for _, control in ipairs(checks.all()) do assert.is_true(asked[control.id] or false, control.id) end
  end)

  it("exits 1 on the account that nobody has hardened, and lists all that fails, with what to do", function()
    local code, text = run()
    assert.equal(1, code)
    local failing = each.failing(host)
    assert.is_true(#ids(failing) > 50, "only " .. #ids(failing))
    assert.same(ids(failing), told(text))
    assert.matches("critical, cloudtrail-multi-region: not so", text, 1, true)
    assert.matches("repair: tidelock plan playbooks/harden/storage.lua --account", text, 1, true)
  end)

  it("finds exactly the cache wanting once all is provisioned and hardened, and some is accepted", function()
    hardened.harden(host)
    hardened.account_file(host, PEOPLE)
    assert.same(ids(CACHE), ids(each.failing(host)))
    local code, text = run()
    assert.equal(1, code)
    assert.same(ids(CACHE), told(text))
    assert.matches("Accepted by ops until " .. day(30) .. ": restored with a key", text, 1, true)
  end)
  it("exits 0 once the cache is accepted too, until a day that is still to come", function()
    hardened.account_file(host, and_cache(day(0)))
    assert.same({}, each.failing(host))
    local code, text = run()
    assert.equal(0, code, text)
    assert.matches("its migration comes later", text)
  end)
  it("fails the day after, with what was accepted and that it is so no longer", function()
    hardened.account_file(host, and_cache(day(-1)))
    local failing = ids(CACHE)
    table.insert(failing, "suppression-valid")
    table.sort(failing)
    assert.same(failing, ids(each.failing(host)))
    local code, text = run()
    assert.equal(1, code)
    assert.matches("the suppression of elasticache-* by ops expired on " .. day(-1), text, 1, true)
  end)

  it("finds exactly the cache wanting with nothing accepted, once people have done what no playbook can", function()
    hardened.account_file(host)
    each.by_people(host)
    assert.same(ids(CACHE), ids(each.failing(host)))
    local code, text = run()
    assert.equal(1, code)
    assert.same(ids(CACHE), told(text))
  end)

  describe("in an account where all is well", function()
    setup(function() each.complete(host) end)

    it("passes every control, and exits 0", function()
      assert.same({}, each.failing(host))
      local code, text = run()
      assert.equal(0, code, text)
    end)

    local function case(id)
      local never = switches.rows[id].never
      it(never and ("does not fail for %s: %s"):format(id, never)
        or ("fails in exactly %s when its one thing is switched off, and in nothing when it is on again"):format(id),
        function()
          local failing, expected = each.off(host, id)
          each.on(host, id)
          for other, evidence in pairs(failing) do
            assert.is_true(expected[other] or false, other .. " fails too: " .. evidence)
          end
          for other in pairs(expected) do assert.is_string(failing[other], other .. " does not fail") end
        end)
    end
    for _, control in ipairs(checks.all()) do
      for _, named in ipairs(NAMED) do
        if ALL or named == control.id then
          case(control.id)
          break
        end
      end
    end

    it("passes every control again at the end", function() assert.same({}, each.failing(host)) end)
    it("has a switch for every control, and none for what is no control", function()
      local known = {}
      for _, control in ipairs(checks.all()) do
        known[control.id] = true
        assert.is_table(switches.rows[control.id], control.id)
      end
      for id in pairs(switches.rows) do assert.is_true(known[id] or false, id) end
    end)
  end)
end)
