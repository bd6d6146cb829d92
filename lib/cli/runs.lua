--- tidelock runs: lists runs, shows one as its journal tells it, exports it.
local journal = require "playbook.journal"
local options = require "cli.options"
local playing = require "cli.playing"
local visible = require "visible"

local function first(records) return records[1] or {} end

local function list(ctx, store)
  local rows = {}
  for _, id in ipairs(store:runs()) do
    local records = store:outline(id) or {}
    local head = first(records)
    rows[#rows + 1] = {run = id, playbook = head.playbook or "?", account = head.account or "?",
      region = head.region or "?", state = journal.state(records), began = head.at or "?"}
  end
  if ctx:wants_json() then
    ctx:print_json(require "tidelock.json".array(rows))
    return 0
  end
  if #rows == 0 then ctx:print "There are no runs yet." end
  for _, row in ipairs(rows) do
    ctx:print(visible.line(("%-25s %-12s %-26s %s %s"):format(row.run, row.state, row.playbook, row.account,
      row.region)))
  end
  return 0
end

-- Who it was: a name of this machine and the caller's name in AWS, of which one may be missing.
local function by(r)
  local caller = r.who and r.who:match "[^:]*$"
  return caller and r.user and ("%s (%s)"):format(r.user, caller) or r.user or caller or "nobody known"
end

local SAY <const> = {
  run = function(r) return ("%s on account %s, %s, by %s on %s"):format(r.playbook, r.account or "?", r.region or "?",
    by(r), r.host or "?") end,
  resume = function(r) return ("resumed by %s on %s"):format(by(r), r.host or "?") end,
  call = function(r) return ("%s.%s%s"):format(r.service, r.operation, r.address and " for " .. r.address or "") end,
  answer = function(r)
    return ("  answered%s%s"):format(r.error and " with " .. r.error or "",
      r.request_id and " (request " .. r.request_id .. ")" or "")
  end,
  ["resource.start"] = function(r) return ("%s %s"):format(r.action, r.name) end,
  ["resource.done"] = function(r) return ("%s %s done in %.1f s"):format(r.action, r.name, r.seconds) end,
  ["resource.fail"] = function(r) return ("%s %s failed: %s"):format(r.action, r.name, r.message) end,
  ["step.error"] = function(r) return ("step %q, try %d: %s"):format(r.name, r.try, r.message) end,
  ["step.failed"] = function(r) return ("step %q failed: %s"):format(r.name, r.message) end,
  check = function(r) return ("check %q: %s %s"):format(r.name, r.result, tostring(r.evidence or "")) end,
  ["end"] = function(r) return ("ended: %s%s"):format(r.result, r.message and " - " .. r.message or "") end,
}

local function line(record)
  local say = SAY[record.kind]
  local text = say and say(record) or record.kind .. (record.name and (" %q"):format(record.name) or "")
  return ("%s  %s"):format(record.at or "", visible.line((text:gsub("\n", " "))))
end

local function markdown(ctx, id, records)
  local head = first(records)
  ctx:print {"# Run " .. id, "", ("Playbook `%s`, account %s, region %s, begun %s by %s on %s: **%s**."):format(
    head.playbook or "?", head.account or "?", head.region or "?", head.at or "?", by(head), head.host or "?",
    journal.state(records)), "", "| when | what |", "|---|---|"}
  for _, record in ipairs(records) do
    local at, text = line(record):match "^(%S*)%s*(.*)$"
    ctx:print(("| %s | %s |"):format(at, (text:gsub("|", "\\|"))))
  end
end

local function html(ctx, id, records)
  ctx:print(require "report.runpage".text(records, {id = id, state = journal.state(records), by = by(first(records))},
    line))
end

local function show(args, ctx, store)
  local id = store:resolve(args[1])
  local records = id and (store:records(id) or {})    -- a folder alone is what a kill leaves before the first record
  if not records then options.usage(("there is no run %q; tidelock runs lists them"):format(args[1])) end
  if #records == 0 and not ctx:wants_json() then
    ctx:say("The journal of run %s is empty: its first record could not be kept (a full disk?), so nothing was done by"
      .. " it. Start anew.", id)
    return 1
  end
  if ctx:wants_json() then
    ctx:print_json(require "tidelock.json".array(records))
  elseif args.html or args.output == "html" then
    html(ctx, id, records)
  elseif args.markdown then
    markdown(ctx, id, records)
  else
    for _, record in ipairs(records) do ctx:print(line(record)) end
  end
  local seen = #records
  while args.follow and journal.state(records) == "open" do
    ctx.out:flush()
    require "tidelock.loop".sleep(0.5)
    records = store:records(id)
    for i = seen + 1, #records do ctx:print(line(records[i])) end
    seen = #records
  end
  return 0
end

-- What two runs did to each resource and step.
local function outcome(records)
  local out = {}
  for _, r in ipairs(records) do
    if r.name and r.kind:find "%.done$" or r.kind:find "%.fail" then out[r.name] = r.kind .. " " .. (r.action or "") end
  end
  return out
end

local function diff(args, ctx, store)
  local a, b = store:resolve(args[1]), store:resolve(args[2])
  if not (a and b) then options.usage "both runs must exist; tidelock runs lists them" end
  local one, two = outcome(store:records(a) or {}), outcome(store:records(b) or {})
  local names = {}
  for name in pairs(one) do names[name] = true end
  for name in pairs(two) do names[name] = true end
  local any = false
  for _, name in ipairs(require "playbook.vars".names(names)) do
    if one[name] ~= two[name] then
      any = true
      ctx:print(visible.line(("%-48s %s | %s"):format(name, one[name] or "-", two[name] or "-")))
    end
  end
  if not any then ctx:print "Both runs did the same." end
  return 0
end

local function run(args, ctx)
  local store = playing.store(args, ctx)
  if #args == 0 then return list(ctx, store) end
  if #args == 2 then return diff(args, ctx, store) end
  return show(args, ctx, store)
end

return {
  name = "runs",
  about = "List runs; show one; compare two",
  usage = "tidelock runs [RUN [RUN]] [--follow] [--markdown | --html]",
  options = {
    playing.STORE,
    {name = "follow", short = "f", about = "go on showing while it runs"},
    {name = "markdown", about = "as a Markdown page"},
    {name = "html", about = "as a page for a browser"},
  },
  queries = true, words = 2, outputs = {"json", "html"},
  run = run,
}
