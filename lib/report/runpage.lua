--- One run as its journal tells it, as an HTML page that needs nothing else: its end, a picture, and every record.
local picture = require "report.picture"

local runpage = {}

local function h(text) return (require "report.junit".escape(text):gsub("&#10;", "<br>"):gsub("'", "&#39;")) end

local STYLE <const> = [[
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1c1e21;--soft:#5f6670;--line:#dcdfe3;--pass:#1d7a46;
--fail:#b3261e;--error:#b4540a;--skip:#7b828c}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1d2026;--ink:#e7e9ec;--soft:#a0a7b1;--line:#343a43;
--pass:#6fcf97;--fail:#ff8a80;--error:#ffb070;--skip:#8b929c}}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1.2rem 1rem 3rem;background:var(--bg);
color:var(--ink);font:15px/1.5 system-ui,sans-serif}h1{font-size:1.45rem;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .6rem}p{margin:.3rem 0;overflow-wrap:anywhere}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%}td{padding:.15rem .8rem .15rem 0;vertical-align:top;overflow-wrap:anywhere}
td:first-child{white-space:nowrap;color:var(--soft);font-size:.85rem}
@media(max-width:34rem){td{display:block}td:first-child{padding-top:.4rem}}]]

-- ## What the picture shows: how each resource and each step came out, by the last that the journal says of it

local STEPS <const> = {["step.start"] = "error", ["step.done"] = "pass", ["step.failed"] = "fail",
  ["step.skipped"] = "skip", ["step.left"] = "skip", ["park"] = "skip", ["park.done"] = "pass", ["approve"] = "pass"}
local RESOURCES <const> = {["resource.start"] = "error", ["resource.done"] = "pass", ["resource.fail"] = "fail"}
local UNENDED <const> = "it did not come to its end"

local function text_of(r)
  if r.kind == "resource.done" then return ("%s, %.1f s"):format(r.action, r.seconds or 0) end
  if r.kind == "resource.start" or r.kind == "step.start" then return UNENDED end
  if r.kind == "step.skipped" or r.kind == "step.left" then return r.why or "left out" end
  return r.message or r.kind:match "%.(%w+)$" or r.kind
end

--- What was done, in the order in which it began, as `picture.html` takes it.
function runpage.drawn(records)
  local out, by = {}, {}
  for _, r in ipairs(records) do
    local kind = RESOURCES[r.kind] and "resource" or STEPS[r.kind] and (r.kind:match "^(%a+)")
    if kind and r.name then
      local key = (kind == "resource" and "r " or "s ") .. r.name
      local row = by[key]
      if not row then
        row = {name = r.name, kind = kind, after = r.after}
        out[#out + 1], by[key] = row, row
      end
      row.result, row.text = RESOURCES[r.kind] or STEPS[r.kind], text_of(r)
    end
  end
  return out
end

--- The page. about: id, state, by (who); `line` makes a record one line of text: "when  what".
function runpage.text(records, about, line)
  local head = records[1] or {}
  local title = h("Run " .. about.id)
  local out = {'<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    ("<title>%s</title><style>%s%s</style></head><body><h1>%s</h1>"):format(title, STYLE, picture.STYLE, title),
    ("<p>Playbook <b>%s</b>, account %s, region %s, begun %s by %s on %s: <b>%s</b>.</p>"):format(
      h(head.playbook or "?"), h(head.account or "?"), h(head.region or "?"), h(head.at or "?"), h(about.by),
      h(head.host or "?"), h(about.state)), picture.html(runpage.drawn(records), h), "<h2>The journal</h2><table>"}
  for _, record in ipairs(records) do
    local at, text = line(record):match "^(%S*)%s*(.*)$"
    out[#out + 1] = ("<tr><td>%s</td><td>%s</td></tr>"):format(h(at), h(text))
  end
  out[#out + 1] = "</table></body></html>"
  return table.concat(out, "\n")
end

return runpage
