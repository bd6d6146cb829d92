--- Suppressions: failures that somebody accepted, in the account file, with a reason, an owner and a last day.
local fits = require "glob".fits

local suppress = {}

local function covers(entry, result)
  return fits(entry.control, result.id) and (entry.subject == nil or fits(entry.subject, result.subject.name))
end

-- Whether a text is a day of the calendar, so that "2026-99-99" is not accepted for ever.
local function is_day(text)
  local y, m, d = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)$"
  return y ~= nil and os.date("%Y-%m-%d", os.time {year = y, month = m, day = d, hour = 12}) == text
end

--- What is wrong with an entry on the day `today` ("2026-11-25"), or nil.
function suppress.fault(entry, today)
  for _, name in ipairs {"control", "reason", "owner", "expires"} do
    if type(entry[name]) ~= "string" or entry[name] == "" then
      return ("the suppression of %s has no %s: nothing is accepted without"):format(entry.control or "?", name)
    end
  end
  if not is_day(entry.expires) then
    return ("the suppression of %s expires on %q, which is no date such as 2026-12-31"):format(entry.control,
      entry.expires)
  end
  if entry.expires < today then
    return ("the suppression of %s by %s expired on %s (%s)"):format(entry.control, entry.owner, entry.expires,
      entry.reason)
  end
end

local function finding(entry, why, severity)
  return {id = "suppression-valid", title = "Every suppression has a reason, an owner and a day that is still to come",
    severity = severity, service = "suppression", result = "fail", evidence = why,
    subject = {type = "account.suppression", name = entry.control or "?"},
    means = "A failure that somebody accepted for a while is accepted no longer.",
    todo = "Repair what the control says, or renew the suppression in the account file."}
end

--- Applies the entries to results: a failure that a valid entry covers becomes a skip that says by whom; an entry that
-- has expired or lacks a part adds a failure of its own, as severe as the worst control it names.
function suppress.apply(entries, results, now)
  local today = os.date("!%Y-%m-%d", now // 1 | 0)
  local checks = require "checks"
  for _, entry in ipairs(entries or {}) do
    local why, worst, touched = suppress.fault(entry, today), "low", false
    for i = 1, #results do
      local result = results[i]
      if type(entry.control) == "string" and result.id ~= "suppression-valid" and covers(entry, result) then
        touched = true
        if checks.rank(result.severity) > checks.rank(worst) then worst = result.severity end
        if not why and (result.result == "fail" or result.result == "warn") then
          result.was, result.result = result.result, "skip"
          result.suppressed = {reason = entry.reason, owner = entry.owner, expires = entry.expires}
          result.evidence = ("%s. Accepted by %s until %s: %s"):format(result.evidence, entry.owner, entry.expires,
            entry.reason)
        end
      end
    end
    if why and (touched or type(entry.control) ~= "string") then
      results[#results + 1] = finding(entry, why, worst)
    end
  end
  return results
end

return suppress
