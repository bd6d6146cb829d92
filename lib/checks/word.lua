--- The playbook's `check "name" {controls = {...}}`: a check whose test is a set of controls.
local checks = require "checks"
local runner = require "checks.runner"
local words = require "checks.words"

local word = {}

local FILTERS <const> = {controls = "id", service = "service", requirement = "requirement", tag = "tag"}

local function listed(value) return type(value) == "table" and value or {value} end

--- Whether a check's table names controls.
function word.names_controls(spec)
  if type(spec) ~= "table" then return false end
  for name in pairs(FILTERS) do
    if spec[name] ~= nil then return true end
  end
  return false
end

local CONTROLS <const> = setmetatable({}, {__mode = "k"})   -- of each spec that was made here

--- The controls of a check's spec, or nil where it has a test of its own.
function word.controls(spec) return CONTROLS[spec] end

-- One memory for all checks of a run, so that what several look at is read once.
local function world_of(engine)
  engine.checking = engine.checking or runner.worlds {region = engine.region, account = engine.account,
    account_id = engine.identity.known and engine.identity.known.id,
    client = function() return engine.recorder:client() end}
  return engine.checking
end

local function summary(n)
  local out = {}
  for _, row in ipairs {{"fail", "not so"}, {"error", "could not be checked"}, {"warn", "to be looked at"},
    {"pass", "as it should be"}, {"skip", "skipped"}} do
    if n[row[1]] > 0 then out[#out + 1] = ("%d %s"):format(n[row[1]], row[2]) end
  end
  return table.concat(out, ", ")
end

local function skipped(results)
  local out, seen = {}, {}
  for _, result in ipairs(results) do
    local why = ("%s: %s"):format(result.subject.name, result.evidence)
    if result.result == "skip" and not seen[why] then out[#out + 1] = why end
    seen[why] = true
  end
  return #out > 0 and " (" .. table.concat(out, "; ", 1, math.min(#out, 3)) .. ")" or ""
end

--- The engine's spec of such a check: test() -> passed, text. Its severity and findings are known once it has run.
-- Raises where a word names no control.
function word.spec(engine, given)
  local filters = {}
  for name, kind in pairs(FILTERS) do
    if given[name] ~= nil then filters[kind] = listed(given[name]) end
  end
  local controls = checks.select(filters)
  local spec = {}
  CONTROLS[spec] = controls
  function spec.test()
    local results = runner.run(controls, {worlds = world_of(engine), account = engine.account})
    spec.findings = results
    local n, exit = runner.count(results), runner.exit(results, given.severity)
    spec.severity = exit == 1 and "critical" or "warning"
    local text = summary(n)
    if exit == 0 then return n.pass > 0 or n.skip == 0 or "skip", text .. skipped(results) end
    local lines = words.failures(results, engine.account_path, words.find_playbook)
    text = text .. "\n" .. table.concat(lines, "\n")
    if n.fail + n.warn == 0 then error({code = "Unknown", message = text}, 0) end
    return false, text
  end
  return spec
end

return word
