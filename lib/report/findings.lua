--- What controls found, arranged for reports: counts, groups by control, and the page that a person reads.
local checks = require "checks"
local runner = require "checks.runner"
local words = require "checks.words"

local findings = {}

-- How many lines of subjects a page shows for one control.
local MANY <const> = 8
local NAMED <const> = 4                         -- regions that a heading names

local RANK <const> = {fail = 5, error = 4, warn = 3, skip = 2, pass = 1}

--- Makes a report of results. about: account, account_name, account_path, accounts (how many, of an
-- organization), regions, started (epoch), seconds, requests, version, fail_on, find_playbook(name) -> path or nil.
function findings.new(results, about)
  local report = {results = results, count = runner.count(results), exit = runner.exit(results, about.fail_on)}
  for name, value in pairs(about) do report[name] = value end
  return report
end

--- Results by control, the worst first: {id, title, severity, worst, results = {...}, n = {fail=, ...}}.
function findings.groups(report)
  local by, out = {}, {}
  for _, result in ipairs(report.results) do
    local group = by[result.id]
    if not group then
      group = {id = result.id, title = result.title, severity = result.severity, service = result.service,
        first = result, worst = "pass", results = {}, n = {}}
      by[result.id] = group
      group.index = #out + 1
      out[group.index] = group
    end
    group.results[#group.results + 1] = result
    group.n[result.result] = (group.n[result.result] or 0) + 1
    if RANK[result.result] > RANK[group.worst] then group.worst = result.result end
  end
  table.sort(out, function(a, b)
    if (a.worst == "pass" or a.worst == "skip") ~= (b.worst == "pass" or b.worst == "skip") then
      return not (a.worst == "pass" or a.worst == "skip")
    end
    local x, y = checks.rank(a.severity), checks.rank(b.severity)
    if x ~= y then return x > y end
    return a.index < b.index
  end)
  return out
end

--- Counts by service: sorted rows {service, pass=, fail=, warn=, skip=, error=}.
function findings.services(report)
  local by, out = {}, {}
  for _, result in ipairs(report.results) do
    local row = by[result.service]
    if not row then
      row = {service = result.service, pass = 0, fail = 0, warn = 0, skip = 0, error = 0}
      by[result.service] = row
      out[#out + 1] = row
    end
    row[result.result] = row[result.result] + 1
  end
  table.sort(out, function(a, b) return a.service < b.service end)
  return out
end

--- The command that repairs it, or shows it; the second value says which: "fix" or "look".
function findings.command(report, result)
  return words.command(result, report.account_path, report.find_playbook)
end

--- The commands for these results of one control, as words.commands.
function findings.commands(report, results)
  return words.commands(results, report.account_path, report.find_playbook)
end

--- "2026-11-25 01:30:00 UTC"
function findings.time(report) return os.date("!%Y-%m-%d %H:%M:%S UTC", (report.started or 0) // 1 | 0) end

-- Regions by name, as long as they fit a heading.
local function regions_of(report)
  local names = report.regions or {}
  return #names > NAMED and ("%d regions"):format(#names) or table.concat(names, ", ")
end

--- "account 123456789012 (example), eu-west-1"; "50 accounts of the organization of 123456789012, 38 regions"
function findings.place(report)
  if report.accounts then
    return ("%d accounts of the organization of %s, %s"):format(report.accounts, report.account or "?",
      #(report.regions or {}) > 0 and regions_of(report) or "all their regions")
  end
  return ("account %s%s, %s"):format(report.account or "?", report.account_name
    and (" (%s)"):format(report.account_name) or "", regions_of(report))
end

--- "12 failed, 1 could not be checked, 30 passed, 4 skipped"
function findings.sentence(count)
  local out = {}
  for _, row in ipairs {{"fail", "failed"}, {"error", "could not be checked"}, {"warn", "to be looked at"},
    {"pass", "passed"}, {"skip", "skipped"}} do
    if count[row[1]] > 0 or row[1] == "fail" then out[#out + 1] = ("%d %s"):format(count[row[1]], row[2]) end
  end
  return table.concat(out, ", ")
end

-- ## The page

local COLOR <const> = {critical = "red", high = "red", medium = "yellow", low = "blue"}
local WORD <const> = {fail = "", error = "could not be checked: ", warn = "look at it: "}

local function wrapped(out, first, text, width)
  local line, room = first, width or 100
  for word in text:gmatch "%S+" do
    if #line + 1 + #word > room and line:find "%S" then
      out[#out + 1] = line
      line = (" "):rep(#first)
    end
    line = line .. (line:find "%S$" and line ~= first and " " or "") .. word
  end
  out[#out + 1] = line
end

--- How a result's subject is called in this report: after its account and region, where the report has more than one.
function findings.subject(report, result)
  local said = {}
  if report.accounts then said[1] = result.account end
  if #(report.regions or {}) ~= 1 then said[#said + 1] = result.region end
  said[#said + 1] = result.subject.name
  return table.concat(said, " ")
end

local function subject_lines(out, p, report, group)
  local shown, left = 0, 0
  for _, result in ipairs(group.results) do
    if WORD[result.result] and not result.known then
      if shown < MANY then
        shown = shown + 1
        wrapped(out, "            ", ("%s: %s%s"):format(findings.subject(report, result),
          WORD[result.result], result.evidence))
      else
        left = left + 1
      end
    end
  end
  if left > 0 then out[#out + 1] = p:text("dim", ("            and %d more"):format(left)) end
end

local function bad_of(group)
  local out = {}
  for _, result in ipairs(group.results) do
    if WORD[result.result] and not result.known then out[#out + 1] = result end
  end
  return out
end

local function group_lines(out, p, report, group)
  local bad = bad_of(group)
  if #bad == 0 then return end
  out[#out + 1] = ("%s  %s  %s"):format(p:text(COLOR[group.severity], p.pad(group.severity:upper(), 8)),
    p:text("bold", "Not so: " .. group.title), p:text("dim", group.id))
  subject_lines(out, p, report, group)
  if group.worst ~= "error" then
    wrapped(out, "    means:  ", bad[1].means)
    wrapped(out, "    to do:  ", bad[1].todo)
  end
  local commands, kind = findings.commands(report, bad)
  for _, command in ipairs(commands) do
    out[#out + 1] = (kind == "fix" and "    repair: " or "    try:    ") .. p:text("cyan", command)
  end
  out[#out + 1] = ""
end

--- The last line: what came of it all, and what the exit code says.
function findings.verdict(report)
  local n = report.count
  local cost = report.seconds and (" %d requests, %.2f s."):format(report.requests or 0, report.seconds) or ""
  local worst = {}
  for _, severity in ipairs(checks.SEVERITIES) do
    if n.by[severity] > 0 then worst[#worst + 1] = ("%d %s"):format(n.by[severity], severity) end
  end
  return ("Checks: %s%s.%s"):format(findings.sentence(n), #worst > 0 and (" (%s)"):format(table.concat(worst, ", "))
    or "", cost)
end

-- Where all was skipped nothing is known to be well: then it is told why.
local function is_all_skipped(n) return n.skip > 0 and n.pass + n.fail + n.warn + n.error == 0 end

--- Lines for a person: what failed, what it means, what to do, the command. With `all`, what passed too.
function findings.page(report, p, all)
  all = all or is_all_skipped(report.count)
  local out = {("%s, %s"):format(p:text("bold", "Checks of " .. findings.place(report)), findings.time(report)), ""}
  local groups = findings.groups(report)
  for _, group in ipairs(groups) do group_lines(out, p, report, group) end
  if all then
    for _, group in ipairs(groups) do
      for _, result in ipairs(group.results) do
        if not WORD[result.result] then
          out[#out + 1] = ("%s  %s  %s: %s"):format(p:text(result.result == "pass" and "green" or "dim",
            p.pad(result.result, 8)), group.id, findings.subject(report, result), result.evidence)
        end
      end
    end
    out[#out + 1] = ""
  end
  if report.known and report.known > 0 then
    out[#out + 1] = ("%d more failures are in the baseline and not shown."):format(report.known)
  end
  out[#out + 1] = findings.verdict(report)
  return out
end

return findings
