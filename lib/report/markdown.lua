--- Findings as Markdown, for an issue, a pull request or a wiki.
local findings = require "report.findings"

local markdown = {}

local MARK <const> = {fail = "❌", error = "⚠️", warn = "👀", skip = "⏭️", pass = "✅"}

-- Text in a table's cell or a line: nothing of it is taken for markup.
local function m(text)
  return (tostring(text or ""):gsub("[\\`*_{}%[%]<>|#]", "\\%0"):gsub("\n", " "))
end
markdown.escape = m

local function code(text) return "`" .. tostring(text):gsub("`", "'") .. "`" end

local function bad(group)
  local out = {}
  for _, result in ipairs(group.results) do
    if result.result ~= "pass" and result.result ~= "skip" and not result.known then out[#out + 1] = result end
  end
  return out
end

local function section(out, report, group)
  local list = bad(group)
  if #list == 0 then return end
  local first = list[1]
  out[#out + 1] = ("### %s %s (%s, %s)\n"):format(MARK[group.worst], m(group.title), group.severity, code(group.id))
  for _, result in ipairs(list) do
    out[#out + 1] = ("- %s %s: %s"):format(MARK[result.result], code(findings.subject(report, result)),
      m(result.evidence))
  end
  out[#out + 1] = ("\n**Means:** %s\n\n**To do:** %s"):format(m(first.means), m(first.todo))
  local commands = findings.commands(report, list)
  if #commands > 0 then out[#out + 1] = ("\n```sh\n%s\n```"):format(table.concat(commands, "\n")) end
  local ids = {}
  for _, row in ipairs {{"FSBP", first.fsbp}, {"Security Hub", first.hub}, {"CIS", first.cis},
    {"Requirement", first.requirement}} do
    if row[2] then ids[#ids + 1] = row[1] .. " " .. row[2] end
  end
  if #ids > 0 then out[#out + 1] = "\n" .. m(table.concat(ids, " · ")) end
  out[#out + 1] = ""
end

--- The report as text.
function markdown.text(report)
  local out = {"# Checks of " .. m(findings.place(report)), "", findings.time(report) .. "  ",
    m(findings.verdict(report)), "", "| service | failed | error | warning | passed | skipped |",
    "|---|--:|--:|--:|--:|--:|"}
  for _, row in ipairs(findings.services(report)) do
    out[#out + 1] = ("| %s | %d | %d | %d | %d | %d |"):format(m(row.service), row.fail, row.error, row.warn, row.pass,
      row.skip)
  end
  out[#out + 1] = ""
  for _, group in ipairs(findings.groups(report)) do section(out, report, group) end
  return table.concat(out, "\n") .. "\n"
end

return markdown
