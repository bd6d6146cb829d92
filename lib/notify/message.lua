--- What is told: a subject for a mail, a text for a person, data for a program. Pure.
local change_of = require "notify.change"
local checks = require "checks"
local findings = require "report.findings"

local message = {}

local SUBJECT_MOST <const> = 99          -- characters: SNS takes fewer than 100, ASCII only
local MANY <const> = 25                  -- failures told one by one
local WORD <const> = {fail = "", error = "could not be checked: ", warn = "look at it: "}

local function counted(n, one, many) return ("%d %s"):format(n, n == 1 and one or many or one .. "s") end

-- "example: 3 new failures, 1 gone, 1 account left"
local function headline(change, report)
  local said = {}
  if #change.new > 0 then said[1] = counted(#change.new, "new failure") end
  if #change.gone > 0 then said[#said + 1] = ("%d gone"):format(#change.gone) end
  local leavers = #change_of.leavers(change)
  if leavers > 0 then said[#said + 1] = counted(leavers, "account") .. " left" end
  if #said == 0 then said[1] = change.same > 0 and counted(change.same, "failure") .. " as before" or "all is well" end
  return ("%s: %s"):format(report.account_name or report.account or "account", table.concat(said, ", "))
end

local function by_severity(results)
  local out = table.move(results, 1, #results, 1, {})
  local place = {}
  for i, result in ipairs(out) do place[result] = i end
  table.sort(out, function(a, b)
    local x, y = checks.rank(a.severity), checks.rank(b.severity)
    if x ~= y then return x > y end
    return place[a] < place[b]
  end)
  return out
end

local function lines_of(out, report, result)
  out[#out + 1] = ("%s  %s"):format(result.severity:upper(), result.title)
  out[#out + 1] = ("  %s: %s%s"):format(result.subject.name, WORD[result.result], result.evidence or "")
  if result.todo then out[#out + 1] = "  to do: " .. result.todo end
  local command = result.means and findings.command(report, result)
  if command then out[#out + 1] = "  " .. command end
end

local function text_of(change, report)
  local out = {("Checks of %s, %s"):format(findings.place(report), findings.time(report)), ""}
  for i, result in ipairs(by_severity(change.new)) do
    if i > MANY then
      out[#out + 1] = ("and %d more"):format(#change.new - MANY)
      break
    end
    lines_of(out, report, result)
  end
  if #change.gone > 0 then out[#out + 1] = "" end
  for i, old in ipairs(change.gone) do
    if i > MANY then
      out[#out + 1] = ("and %d more are gone"):format(#change.gone - MANY)
      break
    end
    out[#out + 1] = ("gone: %s (%s), there since %s"):format(old.title, old.name or "?",
      os.date("!%Y-%m-%d", (old.since or 0) // 1 | 0))
  end
  for i, one in ipairs(change_of.leavers(change)) do
    if i == 1 then out[#out + 1] = "" end
    out[#out + 1] = ("left the organization: account %s; %s told of it before, and forgotten now"):format(one.account,
      counted(one.failures, "failure was", "failures were"))
  end
  if change.same > 0 then
    out[#out + 1] = ""
    out[#out + 1] = counted(change.same, "failure was", "failures were") .. " told before and still there."
  end
  if change.unseen > 0 then
    out[#out + 1] = ""
    out[#out + 1] = counted(change.unseen, "failure", "failures") .. " told before could not be looked at this time."
  end
  out[#out + 1] = ""
  out[#out + 1] = findings.verdict(report)
  return table.concat(out, "\n")
end

local function row(result)
  return {id = result.id, title = result.title, severity = result.severity, result = result.result,
    evidence = result.evidence, subject = result.subject.name, arn = result.subject.arn, region = result.region,
    todo = result.todo}
end

local function worst(change)
  local first = by_severity(change.new)[1]
  return first and first.severity or "none"
end

--- The message of a change. `report` is of report.findings.
-- @return {subject = at most 99 ASCII characters, text =, severity =, data = "tidelock.alert/1" for a webhook}
function message.of(change, report)
  local array = require "tidelock.json".array
  local new, gone, left = array {}, array {}, array(change_of.leavers(change))
  for i, result in ipairs(change.new) do new[i] = row(result) end
  for i, old in ipairs(change.gone) do
    gone[i] = {id = old.id, title = old.title, severity = old.severity, subject = old.name, since = old.since}
  end
  local head = headline(change, report)
  local subject = ("tidelock: " .. head):gsub("[^\32-\126]", "?"):sub(1, SUBJECT_MOST)
  return {subject = subject, text = text_of(change, report), severity = worst(change),
    data = {format = "tidelock.alert/1", summary = head, time = findings.time(report), account = report.account,
      account_name = report.account_name, regions = report.regions, severity = worst(change), new = new, gone = gone,
      left = left, same = change.same, exit = report.exit}}
end

return message
