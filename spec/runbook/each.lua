-- each.lua -- in a hardened account where every control passes, one thing is switched off, and what fails is looked at;
-- then on again, by the playbook that the control names as its remedy where it names one.
local checks = require "checks"
local hardened = require "runbook.hardened"
local json = require "tidelock.json"
local switches = require "runbook.switches"

local each = {}

--- What fails in the account now: {[id] = evidence of one}. What could not be checked fails too.
function each.failing(host)
  local code, text = host:run("check", "--account", host.file, "--output", "json", "--quiet")
  local report = json.decode(text:match "{.*}") or error("check gave no report: " .. text)
  local out = {}
  for _, r in ipairs(report.results) do
    if r.result ~= "pass" and r.result ~= "skip" then
      out[r.id] = ("%s %s: %s"):format(r.result, r.subject.name, r.evidence)
    end
  end
  assert((code == 0) == (next(out) == nil), "the exit code and the results differ: " .. code)
  return out
end

--- Mends what the playbooks leave to people.
function each.by_people(host)
  hardened.people(host, {root_mfa = true})
  hardened.encrypted_database(host)
  hardened.rotate_all(host)
end

--- The migration that comes later; then nothing is left.
function each.complete(host)
  hardened.encrypted_cache(host)
  hardened.rotating_secret(host, "example/redis/auth-token")
  host.kept = {}
end

local function by_id(id)
  for _, control in ipairs(checks.all()) do
    if control.id == id then return control end
  end
end

-- As the report's line of repair says: the playbook, and what it must be told.
local function repair(host, control)
  local words = {}
  if control.remedy == "provision/rate-limiter" then words = {"--var", "program=" .. host.program} end
  for name, value in pairs(control.vars or {}) do
    words[#words + 1], words[#words + 2] = "--var", name .. "=" .. value
  end
  hardened.apply(host, assert(control.remedy, control.id .. " names no remedy"), table.unpack(words))
end

--- Switches one off: what fails then, and what is to fail.
function each.off(host, id)
  local row = assert(switches.rows[id], "no row of switches.lua switches " .. id)
  row.off(host)
  local expected = {[id] = not row.never or nil}
  for _, other in ipairs(row.also or {}) do expected[other] = true end
  return each.failing(host), expected
end

--- And on again.
function each.on(host, id)
  local row, control = switches.rows[id], by_id(id)
  local function remedy() repair(host, control) end
  if row.on == switches.REMEDY then remedy() else row.on(host, remedy) end
end

return each
