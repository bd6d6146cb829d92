--- Controls: the constructor that a control's file calls, and the registry that finds the files.
-- A control reads one subject and judges it. It never writes, and what it could not read is never a pass.
local contains = require "lists".contains
local glob = require "glob"
local suggest = require "suggest"

local checks = {}

--- From the worst to the least.
checks.SEVERITIES = {"critical", "high", "medium", "low"}

local RANK <const> = {critical = 4, high = 3, medium = 2, low = 1}

local FIELDS <const> = {id = "string", title = "string", severity = "string", fsbp = "string", hub = "string",
  cis = "string", requirement = "string", subjects = "string", needs = "table", read = "function", absent = "table",
  test = "function", remedy = "string", means = "string", todo = "string", command = "string", tags = "table",
  vars = "table"}
local REQUIRED <const> = {"id", "title", "severity", "subjects", "needs", "test", "means", "todo"}

-- ## Verdicts

local function verdict(result)
  return function(text, ...)
    if select("#", ...) > 0 then text = text:format(...) end
    return {result = result, evidence = text or ""}
  end
end

--- What a test returns: pass("why"), fail("what was read, %d", 3), warn, skip. The text is the evidence.
checks.pass = verdict "pass"

--- As checks.pass: the control is not met.
checks.fail = verdict "fail"

--- As checks.pass: met, but somebody should look.
checks.warn = verdict "warn"

--- As checks.pass: there was nothing to check.
checks.skip = verdict "skip"

--- For what was answered, but does not say what is asked: raises, so that it is an error and neither pass nor fail.
function checks.unknown(text, ...)
  if select("#", ...) > 0 then text = text:format(...) end
  error({code = "Unknown", message = text}, 0)
end

--- pass(text) if `ok`, else fail(otherwise).
function checks.judge(ok, text, otherwise)
  if ok then return checks.pass(text) end
  return checks.fail(otherwise)
end

-- ## The constructor

local function words_of(text)
  local out = {}
  for word in (text or ""):gmatch "[^,%s]+" do out[#out + 1] = word end
  return out
end

--- Makes a control of a declaration. Fields:
-- id (its first word is the service); title (the good state, as a sentence without a stop); severity; ids, by commas:
-- fsbp (the best practices standard's), hub (Security Hub's that are not in it), cis (the benchmark's, 3.0),
-- requirement; subjects (a name of checks.subjects); needs (IAM actions besides those that list the subjects);
-- read(aws, subject, world) -> live (without it live is the subject as listed);
-- absent {error code = what that means}: a fail; every other refusal is an error. Where another playbook makes
-- what is not there: {says = what that means, remedy = that playbook};
-- test(live, subject, world) -> verdict; means (what a failure means to people); todo (what to do);
-- remedy (playbook that does it), vars (of that playbook, as text, where it does it only when told so); command (a
-- command line that shows or does it; {name} is the subject's).
function checks.new(d)
  for name, value in pairs(d) do
    if not FIELDS[name] then error(("%s: a control has no field %s"):format(tostring(d.id), tostring(name)), 2) end
    if type(value) ~= FIELDS[name] then
      error(("%s: %s must be a %s"):format(tostring(d.id), name, FIELDS[name]), 2)
    end
  end
  for _, name in ipairs(REQUIRED) do
    if d[name] == nil then error(("%s: a control needs %s"):format(tostring(d.id), name), 2) end
  end
  if not RANK[d.severity] then error(("%s: there is no severity %s"):format(d.id, d.severity), 2) end
  d.service, d.tags, d.absent = d.id:match "^%w+", d.tags or {}, d.absent or {}
  d.requirements, d.fsbp_ids, d.cis_ids = words_of(d.requirement), words_of(d.fsbp), words_of(d.cis)
  d.hub_ids = words_of(d.hub)
  return d
end

setmetatable(checks, {__call = function(_, d) return checks.new(d) end})

--- 4 for critical, 1 for low.
function checks.rank(severity) return RANK[severity] or 0 end

-- ## The registry

local loaded

--- All controls, in the order of the catalog.
function checks.all()
  if loaded then return loaded end
  loaded = {}
  for _, group in ipairs(require "checks.catalog") do
    for _, name in ipairs(group) do
      if name ~= group[1] then loaded[#loaded + 1] = require(("checks.%s.%s"):format(group[1], name)) end
    end
  end
  return loaded
end

-- How each filter of the command line looks at a control.
local LOOK <const> = {
  id = function(control, wanted) return glob.fits(wanted, control.id) end,
  service = function(control, wanted) return control.service == wanted end,
  severity = function(control, wanted) return control.severity == wanted end,
  requirement = function(control, wanted)
    for _, id in ipairs(control.requirements) do
      if id == wanted or id:find("^" .. wanted:gsub("%.", "%%.") .. "%.") then return true end
    end
    return false
  end,
  tag = function(control, wanted)
    return contains(control.tags, wanted) or contains(control.fsbp_ids, wanted)
      or contains(control.hub_ids, wanted) or contains(control.cis_ids, wanted)
      or wanted == "fsbp" and #control.fsbp_ids > 0 or wanted == "cis" and #control.cis_ids > 0
  end,
}

local function known_values(kind)
  local out, seen = {}, {}
  for _, control in ipairs(checks.all()) do
    local values = kind == "requirement" and control.requirements or kind == "tag" and control.tags
      or {control[kind]}
    for _, value in ipairs(values) do
      if not seen[value] then out[#out + 1] = value end
      seen[value] = true
    end
  end
  return out
end

-- All words that fit no control, at once.
local function refuse_unknown(filters, fits)
  local faults = {}
  for _, kind in ipairs {"id", "tag", "severity", "service", "requirement"} do
    for _, wanted in ipairs(filters[kind] or {}) do
      if not fits[kind .. wanted] then
        faults[#faults + 1] = ("no control has the %s %q%s"):format(kind, wanted,
          suggest.phrase(wanted, known_values(kind)))
      end
    end
  end
  if #faults > 0 then
    error({code = "Usage", exit = 64, usage = true, message = table.concat(faults, "; ")}, 0)
  end
end

--- The controls that every given filter lets through: {id = {...}, tag =, severity =, service =, requirement =}, each a
-- list of which one must fit. Raises, with the nearest name, where a word fits no control at all.
function checks.select(filters)
  local out, fits = {}, {}
  for _, control in ipairs(checks.all()) do
    local keep = true
    for kind, list in pairs(filters) do
      local any = false
      for _, wanted in ipairs(list) do
        if LOOK[kind](control, wanted) then
          any = true
          fits[kind .. wanted] = true
        end
      end
      keep = keep and any
    end
    if keep then out[#out + 1] = control end
  end
  refuse_unknown(filters, fits)
  return out
end

--- The IAM actions that these controls need, sorted: what a read-only role for them allows.
function checks.actions(controls)
  local subjects, out, seen = require "checks.subjects", {}, {}
  local function add(list)
    for _, action in ipairs(list or {}) do
      if not seen[action] then out[#out + 1] = action end
      seen[action] = true
    end
  end
  for _, control in ipairs(controls) do
    add(control.needs)
    add(subjects[control.subjects].needs)
  end
  table.sort(out)
  return out
end

return checks
