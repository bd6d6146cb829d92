--- Findings as one HTML page that needs nothing else: no request, no script, dark and light, readable on a phone.
local checks = require "checks"
local escape = require "report.junit".escape
local findings = require "report.findings"

local html = {}

local function h(text) return (escape(text):gsub("&#10;", "<br>"):gsub("'", "&#39;")) end

local STYLE <const> = [[
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1c1e21;--soft:#5f6670;--line:#dcdfe3;--critical:#b3261e;
--high:#b4540a;--medium:#8a6d00;--low:#2a62a8;--pass:#1d7a46;--skip:#7b828c;--code:#f0f1f3}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1d2026;--ink:#e7e9ec;--soft:#a0a7b1;--line:#343a43;
--critical:#ff8a80;--high:#ffb070;--medium:#e6cc60;--low:#8ab8f0;--pass:#6fcf97;--skip:#8b929c;--code:#262a31}}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1.2rem 1rem 3rem;background:var(--bg);
color:var(--ink);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.45rem;margin:.2rem 0}h2{font-size:1.1rem;margin:2rem 0 .6rem}
p{margin:.3rem 0}.soft{color:var(--soft);font-size:.9rem}.cards{display:grid;gap:.6rem;margin:1rem 0;
grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr))}.card{background:var(--card);border:1px solid var(--line);
border-radius:.5rem;padding:.6rem .8rem}.card b{display:block;font-size:1.7rem;line-height:1.2}
details{background:var(--card);border:1px solid var(--line);border-left-width:.35rem;border-radius:.5rem;margin:.5rem 0;
padding:.55rem .8rem}summary{cursor:pointer;overflow-wrap:anywhere}summary small{color:var(--soft);margin-left:.4rem}
details.critical{border-left-color:var(--critical)}details.high{border-left-color:var(--high)}
details.medium{border-left-color:var(--medium)}details.low{border-left-color:var(--low)}
details.good{border-left-color:var(--pass)}.tag{font-size:.75rem;font-weight:600;text-transform:uppercase;
letter-spacing:.03em;margin-right:.45rem}.critical>.tag,.critical .tag{color:var(--critical)}
.high .tag{color:var(--high)}.medium .tag{color:var(--medium)}.low .tag{color:var(--low)}.good .tag{color:var(--pass)}
ul{margin:.5rem 0;padding-left:1.1rem}li{overflow-wrap:anywhere}pre{background:var(--code);border-radius:.4rem;
padding:.5rem .7rem;overflow-x:auto;font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:right;padding:.25rem .4rem;
border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}.bar{display:flex;height:.6rem;
border-radius:.3rem;overflow:hidden;background:var(--line);min-width:5rem}.bar i{display:block}
.n-fail,.n-error{color:var(--critical)}.n-warn{color:var(--medium)}.n-pass{color:var(--pass)}.n-skip{color:var(--skip)}
.b-fail,.b-error{background:var(--critical)}.b-warn{background:var(--medium)}.b-pass{background:var(--pass)}
.b-skip{background:var(--skip)}.f-fail,.f-error{fill:var(--critical)}.f-error{opacity:.6}.f-warn{fill:var(--medium)}
.f-pass{fill:var(--pass)}svg{display:block;width:100%;height:auto}svg.trend,svg.map{max-width:34rem}
svg text{fill:var(--ink);font-size:11px}@media(max-width:34rem){.wide{display:none}body{font-size:15px}}
@media print{details{break-inside:avoid}}]]

local KINDS <const> = {{"fail", "failed"}, {"error", "not checked"}, {"warn", "to look at"}, {"pass", "passed"},
  {"skip", "skipped"}}

local function cards(out, report)
  out[#out + 1] = '<div class="cards">'
  for _, kind in ipairs(KINDS) do
    out[#out + 1] = ('<div class="card"><b class="n-%s">%d</b>%s</div>'):format(kind[1], report.count[kind[1]], kind[2])
  end
  out[#out + 1] = "</div>"
end

local function bar(row)
  local total, out = 0, {}
  for _, kind in ipairs(KINDS) do total = total + row[kind[1]] end
  for _, kind in ipairs(KINDS) do
    local n = row[kind[1]]
    if n > 0 then
      out[#out + 1] = ('<i class="b-%s" style="width:%.1f%%" title="%d %s"></i>'):format(kind[1], n / total * 100, n,
        kind[2])
    end
  end
  return '<div class="bar">' .. table.concat(out) .. "</div>"
end

local function severities(out, report)
  out[#out + 1] = '<h2>By severity</h2><table><tr><th>severity</th><th>failed or not checked</th></tr>'
  for _, severity in ipairs(checks.SEVERITIES) do
    out[#out + 1] = ('<tr class="%s"><td><span class="tag">%s</span></td><td>%d</td></tr>'):format(severity, severity,
      report.count.by[severity])
  end
  out[#out + 1] = "</table>"
end

local function services(out, report)
  out[#out + 1] = "<h2>By service</h2><table><tr><th>service</th><th>failed</th><th>passed</th>"
    .. '<th class="wide">skipped</th><th>share</th></tr>'
  for _, row in ipairs(findings.services(report)) do
    out[#out + 1] = ('<tr><td>%s</td><td>%d</td><td>%d</td><td class="wide">%d</td><td>%s</td></tr>'):format(
      h(row.service), row.fail + row.error + row.warn, row.pass, row.skip, bar(row))
  end
  out[#out + 1] = "</table>"
end

local WORD <const> = {error = "could not be checked: ", warn = "look at it: ", pass = "", fail = "", skip = "skipped: "}

local function evidence(out, report, list)
  out[#out + 1] = "<ul>"
  for _, result in ipairs(list) do
    out[#out + 1] = ("<li><b>%s</b> %s%s</li>"):format(h(findings.subject(report, result)), WORD[result.result],
      h(result.evidence))
  end
  out[#out + 1] = "</ul>"
end

local function ids(result)
  local out = {result.id}
  if result.fsbp then out[#out + 1] = "FSBP " .. result.fsbp end
  if result.hub then out[#out + 1] = "Security Hub " .. result.hub end
  if result.cis then out[#out + 1] = "CIS " .. result.cis end
  if result.requirement then out[#out + 1] = "requirement " .. result.requirement end
  return h(table.concat(out, " · "))
end

local function parted(group)
  local bad, good = {}, {}
  for _, result in ipairs(group.results) do
    local fine = result.result == "pass" or result.result == "skip" or result.known
    local list = fine and good or bad
    list[#list + 1] = result
  end
  return bad, good
end

local function failure(out, report, group, bad)
  local first = bad[1]
  out[#out + 1] = ('<details class="%s"%s><summary><span class="tag">%s</span>%s<small>%d of %d</small></summary>')
    :format(group.severity, group.severity == "critical" and ' open=""' or "", group.severity, h(group.title), #bad,
      #group.results)
  evidence(out, report, bad)
  out[#out + 1] = ("<p><b>Means</b> %s</p><p><b>To do</b> %s</p>"):format(h(first.means), h(first.todo))
  local commands = findings.commands(report, bad)
  if #commands > 0 then out[#out + 1] = ("<pre>%s</pre>"):format(h(table.concat(commands, "\n"))) end
  out[#out + 1] = ('<p class="soft">%s</p></details>'):format(ids(first))
end

local function success(out, report, group, good)
  local word = (group.n.pass or 0) > 0 and "passed" or "skipped"
  out[#out + 1] = ('<details class="good"><summary><span class="tag">%s</span>%s<small>%s</small></summary>')
    :format(word, h(group.title), h(group.id))
  evidence(out, report, good)
  out[#out + 1] = "</details>"
end

local function history(out, report)
  if not report.trend or #report.trend < 2 then return end
  out[#out + 1] = "<h2>The last runs</h2>" .. require "report.trend".svg(report.trend)
end

local function overview(out, report)
  out[#out + 1] = '<h2>All that was looked at</h2><p class="soft">A square a thing: red where something is not so.</p>'
    .. require "report.map".svg(report.results, h)
end

--- The report as text.
function html.text(report)
  local out = {'<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    ("<title>Checks of %s</title><style>%s</style></head><body>"):format(h(findings.place(report)), STYLE),
    ("<h1>Checks of %s</h1>"):format(h(findings.place(report))),
    ('<p class="soft">%s</p><p>%s</p>'):format(h(findings.time(report)), h(findings.verdict(report)))}
  cards(out, report)
  history(out, report)
  local groups, any = findings.groups(report), false
  out[#out + 1] = "<h2>What is not so</h2>"
  for _, group in ipairs(groups) do
    local bad = parted(group)
    if #bad > 0 then
      any = true
      failure(out, report, group, bad)
    end
  end
  if not any then out[#out + 1] = "<p>Nothing: all is as it should be.</p>" end
  overview(out, report)
  severities(out, report)
  services(out, report)
  out[#out + 1] = "<h2>What is as it should be, and what was skipped</h2>"
  for _, group in ipairs(groups) do
    local _, good = parted(group)
    if #good > 0 then success(out, report, group, good) end
  end
  out[#out + 1] = "</body></html>\n"
  return table.concat(out, "\n")
end

return html
