--- What a run did, gathered from the engine's events: as JUnit XML for a CI, as Markdown, as one HTML page.
local story = {}
story.__index = story

--- The formats, by how a file's name ends.
story.FORMATS = {xml = "junit", md = "markdown", html = "html"}

local DONE <const> = {create = "created", update = "updated", replace = "replaced", delete = "deleted",
  none = "as declared"}
local MARK <const> = {pass = "✅", fail = "❌", error = "⚠️", skip = "⏭️"}

local function reason(err)
  if type(err) == "table" and not getmetatable(err) then return tostring(err.message or err.code or "?") end
  return tostring(err)
end

--- An empty story of a playbook's run; it is filled by `story:event`.
function story.new(playbook) return setmetatable({playbook = playbook, rows = {}, open = {}}, story) end

-- The addresses of what a resource leans on.
local function leans_on(node)
  local out = {}
  for other in pairs(node.deps or {}) do out[#out + 1] = other.address end
  table.sort(out)
  return out
end

-- ## From events to rows: {group =, name =, result = "pass" | "fail" | "error" | "skip", text =, seconds =, began =}

local function add(self, group, name, result, text, event)
  local row = {group = group, name = name, result = result, text = text or "", seconds = event.seconds or 0,
    began = event.time - (event.seconds or 0), after = event.node and leans_on(event.node)}
  self.rows[#self.rows + 1] = row
  return row
end

local LISTEN <const> = {
  ["run.start"] = function(self, e)
    self.run, self.account, self.region, self.began = e.run, e.account, e.region, e.time
  end,
  ["resource.done"] = function(self, e) add(self, "resources", e.node.address, "pass", DONE[e.action], e) end,
  ["resource.same"] = function(self, e) add(self, "resources", e.node.address, "pass", e.node.why, e) end,
  ["resource.fail"] = function(self, e) add(self, "resources", e.node.address, "fail", reason(e.error), e) end,
  ["resource.skip"] = function(self, e) add(self, "resources", e.node.address, "skip", e.why, e) end,
  ["step.start"] = function(self, e) self.open[e.name] = e.time end,
  ["step.done"] = function(self, e)
    self.open[e.name] = nil
    add(self, "steps", e.name, "pass", "done", e)
  end,
  ["step.fail"] = function(self, e)
    local began = self.open[e.name] or e.time
    self.open[e.name] = nil
    add(self, "steps", e.name, "fail", reason(e.error), {time = e.time, seconds = e.time - began})
  end,
  ["step.skip"] = function(self, e) add(self, "steps", e.name, "skip", e.why or "not needed (when)", e) end,
  ["undo.start"] = function(self, e) add(self, "steps", "undo of " .. e.name, "pass", "undone", e) end,
  ["park.done"] = function(self, e) add(self, "steps", e.name, "pass", "parked long enough", e) end,
  check = function(self, e)
    add(self, "checks", e.name, e.result.result, tostring(e.result.evidence or ""), e)
  end,
  ["run.end"] = function(self, e)
    self.result, self.message, self.ended = e.result, e.message, e.time
  end,
}

--- Takes an event of the engine.
function story:event(event)
  local listen = LISTEN[event.kind]
  if listen then listen(self, event) end
end

-- A step that had begun and of which nothing more was heard.
local function close_open(self, now)
  local names = {}
  for name in pairs(self.open) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    add(self, "steps", name, self.result == "parked" and "skip" or "error", "it did not come to its end",
      {time = now, seconds = now - self.open[name]})
  end
  self.open = {}
end

local ENDS <const> = {done = "pass", parked = "skip", undone = "fail", failed = "fail", interrupted = "error"}

--- Nothing more comes: `err` is what the command raised, if it did. How the run ended is a row of its own.
function story:finish(err)
  local now = require "tidelock.loop".time()
  self.began, self.ended = self.began or now, self.ended or now
  close_open(self, now)
  local result = err and "error" or ENDS[self.result or ""] or "error"
  local text = err and reason(err) or self.message or self.result or "it did not begin"
  add(self, "run", "the run comes to its end", result, text, {time = self.ended, seconds = self.ended - self.began})
  self.verdict = err and "ended with an error" or self.result or "did not begin"
end

local GROUPS <const> = {"resources", "steps", "checks", "run"}

local function in_groups(self)
  local by, out = {}, {}
  for _, name in ipairs(GROUPS) do by[name] = {} end
  for _, row in ipairs(self.rows) do table.insert(by[row.group], row) end
  for _, name in ipairs(GROUPS) do
    if #by[name] > 0 then out[#out + 1] = {name = name, rows = by[name]} end
  end
  return out
end

local function counts(rows)
  local n = {pass = 0, fail = 0, error = 0, skip = 0}
  for _, row in ipairs(rows) do n[row.result] = n[row.result] + 1 end
  return n
end

local function stamp(seconds, format) return os.date(format or "!%Y-%m-%d %H:%M:%S UTC", math.floor(seconds)) end

local function place(self)
  return ("%s%s%s"):format(self.playbook, self.account and " on account " .. self.account or "",
    self.region and ", " .. self.region or "")
end

-- ## JUnit

local junit = {}

local function x(text) return require "report.junit".escape(text) end

local function numbers(rows)
  local n = counts(rows)
  return ('tests="%d" failures="%d" errors="%d" skipped="%d"'):format(#rows, n.fail, n.error, n.skip)
end

local function inner(row)
  if row.result == "fail" then return ('<failure message="%s"/>'):format(x(row.text)) end
  if row.result == "error" then return ('<error message="%s"/>'):format(x(row.text)) end
  if row.result == "skip" then return ('<skipped message="%s"/>'):format(x(row.text)) end
  return ("<system-out>%s</system-out>"):format(x(row.text))
end

function junit.text(self)
  local out = {'<?xml version="1.0" encoding="UTF-8"?>', ('<testsuites name="%s" %s time="%.3f">'):format(
    x("tidelock " .. self.playbook), numbers(self.rows), self.ended - self.began)}
  for _, group in ipairs(in_groups(self)) do
    out[#out + 1] = ('  <testsuite name="%s" %s timestamp="%s">'):format(x(self.playbook .. " " .. group.name),
      numbers(group.rows), stamp(self.began, "!%Y-%m-%dT%H:%M:%S"))
    for _, row in ipairs(group.rows) do
      out[#out + 1] = ('    <testcase classname="%s" name="%s" time="%.3f">%s</testcase>'):format(
        x(self.playbook .. "." .. group.name), x(row.name), row.seconds, inner(row))
    end
    out[#out + 1] = "  </testsuite>"
  end
  out[#out + 1] = "</testsuites>\n"
  return table.concat(out, "\n")
end

-- ## Markdown

local markdown = {}

function markdown.text(self)
  local m = require "report.markdown".escape
  local out = {("# Run of %s"):format(m(place(self))), "", ("%s, run %s: **%s**, %.1f s"):format(stamp(self.began),
    m(self.run or "-"), m(self.verdict), self.ended - self.began)}
  for _, group in ipairs(in_groups(self)) do
    out[#out + 1] = ("\n## %s\n\n| | what | how | seconds |\n|---|---|---|--:|"):format(group.name)
    for _, row in ipairs(group.rows) do
      out[#out + 1] = ("| %s | %s | %s | %.1f |"):format(MARK[row.result], m(row.name), m(row.text), row.seconds)
    end
  end
  return table.concat(out, "\n") .. "\n"
end

-- ## HTML: a page that needs nothing else, with a bar for when each thing was worked on

local html = {}

local STYLE <const> = [[
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1c1e21;--soft:#5f6670;--line:#dcdfe3;--pass:#1d7a46;
--fail:#b3261e;--error:#b4540a;--skip:#7b828c}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1d2026;--ink:#e7e9ec;--soft:#a0a7b1;--line:#343a43;
--pass:#6fcf97;--fail:#ff8a80;--error:#ffb070;--skip:#8b929c}}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1.2rem 1rem 3rem;background:var(--bg);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}h1{font-size:1.45rem;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .6rem}.soft{color:var(--soft);font-size:.9rem}
.row{background:var(--card);border:1px solid var(--line);border-left:.35rem solid var(--line);border-radius:.5rem;
margin:.4rem 0;padding:.45rem .7rem;overflow-wrap:anywhere}.row small{color:var(--soft);margin-left:.4rem}
.pass{border-left-color:var(--pass)}.fail{border-left-color:var(--fail)}.error{border-left-color:var(--error)}
.skip{border-left-color:var(--skip)}.time{height:.35rem;border-radius:.2rem;background:var(--line);margin-top:.35rem}
.time i{display:block;height:100%;min-width:2px;border-radius:.2rem;background:currentColor;opacity:.6}
@media print{.row{break-inside:avoid}}]]

local function h(text) return (x(text):gsub("&#10;", "<br>"):gsub("'", "&#39;")) end

local function bar(self, row)
  local whole = math.max(self.ended - self.began, 0.001)
  local from = math.min(math.max((row.began - self.began) / whole, 0), 1)
  local long = math.min(row.seconds / whole, 1 - from)
  return ('<div class="time"><i style="margin-left:%.2f%%;width:%.2f%%"></i></div>'):format(from * 100, long * 100)
end

-- Resources and steps in the order in which they came; checks stand in their own list.
local function drawn(self)
  local out = {}
  for _, row in ipairs(self.rows) do
    if row.group == "resources" or row.group == "steps" then
      out[#out + 1] = {name = row.name, kind = row.after and "resource" or "step", result = row.result,
        text = row.text, after = row.after}
    end
  end
  return require "report.picture".html(out, h)
end

function html.text(self)
  local title = h("Run of " .. place(self))
  local out = {'<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    ("<title>%s</title><style>%s%s</style></head><body><h1>%s</h1>"):format(title, STYLE,
      require "report.picture".STYLE, title),
    ('<p class="soft">%s, run %s</p><p><b>%s</b>, %.1f s</p>'):format(h(stamp(self.began)), h(self.run or "-"),
      h(self.verdict), self.ended - self.began), drawn(self)}
  for _, group in ipairs(in_groups(self)) do
    out[#out + 1] = ("<h2>%s</h2>"):format(group.name)
    for _, row in ipairs(group.rows) do
      out[#out + 1] = ('<div class="row %s"><b>%s</b> %s<small>%.1f s</small>%s</div>'):format(row.result, h(row.name),
        h(row.text), row.seconds, bar(self, row))
    end
  end
  out[#out + 1] = "</body></html>\n"
  return table.concat(out, "\n")
end

local FORMS <const> = {junit = junit, markdown = markdown, html = html}

--- The story as text of a format: "junit", "markdown" or "html". `finish` comes first.
function story:text(format) return FORMS[format].text(self) end

return story
