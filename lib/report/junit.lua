--- Findings as JUnit XML: a suite for each control, a case for each subject, as every CI shows them.
local findings = require "report.findings"

local junit = {}

local ENTITIES <const> = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}

--- Text as XML takes it: entities, no control characters, no broken UTF-8.
function junit.escape(text)
  text = tostring(text or "")
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return (text:gsub("[%z\1-\8\11\12\14-\31]", "?"):gsub('[&<>"]', ENTITIES):gsub("\n", "&#10;"))
end
local x <const> = junit.escape

local function body(report, result)
  local lines = {result.evidence, "means: " .. result.means, "to do: " .. result.todo}
  local command = findings.command(report, result)
  if command then lines[#lines + 1] = "command: " .. command end
  return table.concat(lines, "\n")
end

local function inner(report, result)
  local kind = result.result
  if result.known then return '<skipped message="in the baseline"/>' end
  if kind == "fail" or kind == "warn" then
    return ('<failure type="%s" message="%s">%s</failure>'):format(result.severity, x(result.evidence),
      x(body(report, result)))
  elseif kind == "error" then
    return ('<error type="%s" message="%s"/>'):format(result.severity, x(result.evidence))
  elseif kind == "skip" then
    return ('<skipped message="%s"/>'):format(x(result.evidence))
  end
  return ("<system-out>%s</system-out>"):format(x(result.evidence))
end

local function counts(results)
  local n = {failures = 0, errors = 0, skipped = 0}
  for _, result in ipairs(results) do
    local kind = result.result
    if result.known or kind == "skip" then n.skipped = n.skipped + 1
    elseif kind == "error" then n.errors = n.errors + 1
    elseif kind ~= "pass" then n.failures = n.failures + 1 end
  end
  return ('tests="%d" failures="%d" errors="%d" skipped="%d"'):format(#results, n.failures, n.errors, n.skipped)
end

--- The report as text.
function junit.text(report)
  local out = {'<?xml version="1.0" encoding="UTF-8"?>',
    ('<testsuites name="tidelock check" %s time="%.3f">'):format(counts(report.results), report.seconds or 0)}
  for _, group in ipairs(findings.groups(report)) do
    out[#out + 1] = ('  <testsuite name="%s" %s timestamp="%s">'):format(x(group.id), counts(group.results),
      os.date("!%Y-%m-%dT%H:%M:%S", (report.started or 0) // 1 | 0))
    for _, result in ipairs(group.results) do
      out[#out + 1] = ('    <testcase classname="%s" name="%s">%s</testcase>'):format(
        x(group.service .. "." .. group.id), x(("%s: %s"):format(findings.subject(report, result), group.title)),
        inner(report, result))
    end
    out[#out + 1] = "  </testsuite>"
  end
  out[#out + 1] = "</testsuites>\n"
  return table.concat(out, "\n")
end

return junit
