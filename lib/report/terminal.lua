--- Plans, progress and summaries as a person reads them. Returns lines; who prints them is the command's business.
local compare = require "resources.compare"
local data = require "report.data"
local planner = require "playbook.planner"
local playbook = require "playbook"
local redact = require "playbook.redact"
local unknown = require "playbook.unknown"
local visible = require "visible"

local terminal = {}

local SYMBOL <const> = {create = "+", update = "~", replace = "-/+", delete = "-", none = "="}
local COLOR <const> = {create = "green", update = "yellow", replace = "red", delete = "red", none = "dim"}
local MANY <const> = 24                                  -- values beyond which a new property is only counted

local line <const> = visible.line

local WIDE <const> = 100                                 -- characters of an output's line

local function shown(value) return line(require "playbook.show".text(value)) end

local function is_list(t) return type(t) == "table" and #t > 0 end

local function is_map(t) return type(t) == "table" and #t == 0 and next(t) ~= nil end

local function join(path, key)
  if math.type(key) then return ("%s[%d]"):format(path, key) end
  return path == "" and tostring(key) or path .. "." .. tostring(key)
end

-- Leaves of two trees side by side: rows {path, before, after}; equal leaves are left out.
local function leaves(rows, path, before, after, depth)
  if depth > 12 or not ((is_map(before) or is_list(before)) or (is_map(after) or is_list(after))) then
    if before ~= after and not (before ~= nil and after ~= nil and compare.equal(after, before)) then
      rows[#rows + 1] = {path = path, before = before, after = after}
    end
    return
  end
  local b, a = type(before) == "table" and before or {}, type(after) == "table" and after or {}
  local keys = {}
  for k in next, b do keys[k] = true end
  for k in next, a do keys[k] = true end
  for _, key in ipairs(compare.sorted_keys(keys)) do
    -- a member that only AWS gives is no part of the change
    if a[key] ~= nil or #a > 0 or #b > 0 then
      leaves(rows, join(path, key), b[key], a[key], depth + 1)
    end
  end
end

-- A whole document that is new is no change to read through: it is counted.
local function fold(rows, from, name)
  local n = #rows - from
  if n <= MANY then return end
  for i = #rows, from + 1, -1 do rows[i] = nil end
  rows[from + 1] = {path = name, folded = ("(%d values; --output json has them)"):format(n)}
end

local function rows_of_new(node, models)
  local rows, want = {}, data.show(redact.properties(node.type, models, (unknown.resolve(node.want))))
  for _, name in ipairs(compare.sorted_keys(want)) do
    if not (name == "name" and #node.type.keys == 1) then
      local from = #rows
      leaves(rows, name, nil, want[name], 1)
      fold(rows, from, name)
    end
  end
  return rows
end

local function rows_of(node, models)
  if node.action == "create" then return rows_of_new(node, models) end
  local rows = {}
  for _, change in ipairs(node.changes or {}) do
    local n = #rows
    local before, after = redact.change(node.type, models, change.name, change.before,
      (unknown.resolve(change.after)))
    before, after = data.show(before), data.show(after)
    if node.type.rules[change.name] == "policy" then
      before, after = compare.policy(before), compare.policy(after)
    end
    leaves(rows, change.name, before, after, 1)
    if node.type.rules[change.name] == "map" and before and after then
      for _, key in ipairs(compare.sorted_keys(before)) do
        if after[key] == nil and not key:find "^aws:" then
          rows[#rows + 1] = {path = join(change.name, key), before = before[key]}
        end
      end
    end
    if #rows == n then rows[n + 1] = {path = change.name, before = before, after = after} end
    if change.replaces then rows[#rows].note = "forces replacement" end
  end
  return rows
end

local function row_line(p, row, width, create)
  local left = "      " .. p.pad(line(row.path), width) .. "  "
  if create then return left .. (row.folded or shown(row.after)) end
  local note = row.note and p:text("red", "  # " .. row.note) or ""
  return left .. p:text("red", shown(row.before)) .. " -> " .. p:text("green", shown(row.after)) .. note
end

local function node_lines(out, p, node, width, options)
  local quiet = options.quiet
  local action = node.action
  local why = action == "none" and node.why or action .. ", " .. node.why
  if node.taken_from then why = why .. "; it belongs to playbook " .. node.taken_from end
  if node.adopts then why = why .. "; found without owner, it becomes this playbook's" end
  local address = p.pad(line(node.address), width)
  out[#out + 1] = ("%s %s  %s"):format(p:text(COLOR[action], p.pad(SYMBOL[action], 3)),
    action == "none" and address or p:text("bold", address), p:text("dim", line(why)))
  if action == "none" or action == "delete" or quiet and action == "create" then return end
  local rows, most = rows_of(node, options.models), 0
  for _, row in ipairs(rows) do most = math.max(most, p.width(line(row.path))) end
  for _, row in ipairs(rows) do out[#out + 1] = row_line(p, row, most, action == "create") end
end

local function widest(nodes)
  local width = 0
  for _, node in ipairs(nodes) do width = math.max(width, #line(node.address)) end
  return math.min(width, 60)
end

local function plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

--- "21 reads, 0 writes, 0.4 s"
function terminal.cost(engine)
  return ("%s, %s, %.2f s"):format(plural(engine.recorder.reads, "read"), plural(engine.recorder.writes, "write"),
    engine.seconds or 0)
end

local BARRIER <const> = {step = "step", approve = "approve", park = "park", wait_until = "wait until", check = "check",
  find = "find"}

local function barrier_line(p, entry)
  local extra = entry.kind == "park" and (", %s"):format(require "playbook.vars".span(entry.seconds)) or ""
  return p:text("cyan", ">   " .. BARRIER[entry.kind]) .. (" %s%s"):format(shown(entry.name), extra)
end

--- The title line: which playbook, which account, where.
function terminal.title(engine, p)
  local known = engine.identity.known
  local account = engine.account and (engine.account.name or engine.account.prefix)
  return ("%s%s%s, %s"):format(p:text("bold", line(engine.program.header.name)), account and " on " .. line(account)
    or "", known and (" (account %s)"):format(line(known.id)) or "", line(engine.region))
end

--- The whole plan. Options: quiet (only what changes; what is new by its name alone).
function terminal.plan(engine, p, options)
  local out = {terminal.title(engine, p), ""}
  local all = playbook.all_nodes(engine)
  local width, how = widest(all), {quiet = options.quiet, models = engine.models}
  for _, entry in ipairs(engine.sequence) do
    if entry.kind == "resources" then
      if entry.after and #entry.nodes > 0 and not engine.without_steps then
        out[#out + 1] = p:text("dim", ("    after %s %s:"):format(BARRIER[entry.after.kind], shown(entry.after.name)))
      end
      for _, node in ipairs(entry.nodes) do
        if not (options.quiet and node.action == "none") then node_lines(out, p, node, width, how) end
      end
    elseif not engine.without_steps then
      out[#out + 1] = barrier_line(p, entry)
    end
  end
  for _, node in ipairs(engine.orphans or {}) do node_lines(out, p, node, width, how) end
  if #all == 0 and #engine.sequence == 0 then out[#out + 1] = "    the playbook declares nothing" end
  local n = planner.counts(all)
  out[#out + 1] = ""
  out[#out + 1] = ("Plan: %d to create, %d to update, %d to replace, %d to delete, %d unchanged. %s."):format(n.create,
    n.update, n.replace, n.delete, n.none, terminal.cost(engine))
  return out
end

local DONE <const> = {create = "created", update = "updated", replace = "replaced", delete = "deleted",
  none = "unchanged"}
local DOING <const> = {create = "creating", update = "updating", replace = "replacing", delete = "deleting"}

local function reason(err)
  if type(err) == "table" and not getmetatable(err) then return err.message or err.code or "?" end
  return tostring(err)
end
terminal.reason = reason

--- A line for an event of the engine, or nil where there is nothing to say.
function terminal.event(event, p)
  local node = event.node
  if event.kind == "resource.done" then
    return ("%s %s  %s in %.1f s"):format(p:text(COLOR[event.action], p.pad(SYMBOL[event.action], 3)),
      line(node.address),
      DONE[event.action], event.seconds)
  elseif event.kind == "resource.fail" then
    return ("%s %s  failed while %s: %s"):format(p:text("red", "x  "), line(node.address),
      DOING[event.action] or "looking at it", visible.text(reason(event.error)))
  elseif event.kind == "resource.skip" then
    return ("%s %s  not done: %s"):format(p:text("yellow", "!  "), line(node.address), line(event.why))
  elseif event.text or event.line then
    return visible.text(event.text or event.line)
  end
end

local function checks_line(checks, p)
  local n = {pass = 0, fail = 0, error = 0, skip = 0}
  for _, check in ipairs(checks) do n[check.result] = n[check.result] + 1 end
  local bad = n.fail + n.error > 0 and "red" or "green"
  local skipped = n.skip > 0 and (", %d skipped"):format(n.skip) or ""
  return p:text(bad, ("Checks: %d passed, %d failed, %d could not be made%s."):format(n.pass, n.fail, n.error, skipped))
end

-- What became of the resources, and of the steps, whose writes are their own.
local function done_line(s, engine, p)
  local failed = s.failed > 0 and p:text("red", (", %d failed"):format(s.failed)) or ""
  local skipped = s.skipped > 0 and (", %d not done"):format(s.skipped) or ""
  local touched = s.created + s.updated + s.replaced + s.deleted + s.failed + s.skipped
  local steps = ""
  if s.steps > 0 then
    steps = (" %s run, with %s by them."):format(plural(s.steps, "step"), plural(s.step_writes, "write"))
  elseif s.step_writes > 0 then                                -- of a check that sends a message, of an undo
    steps = (" %s by the playbook's own calls."):format(plural(s.step_writes, "write"))
  end
  if touched > 0 then
    return ("Applied: %d created, %d updated, %d replaced, %d deleted, %d unchanged%s%s.%s %s."):format(s.created,
      s.updated, s.replaced, s.deleted, s.unchanged, failed, skipped, steps, terminal.cost(engine))
  elseif steps == "" then
    return ("Nothing was changed: %d as declared. %s."):format(s.unchanged, terminal.cost(engine))
  end
  return ("No resource was changed: %d as declared.%s %s."):format(s.unchanged, steps, terminal.cost(engine))
end

-- A table that is too long for a line has a line a member.
local function output_lines(out, name, value, indent)
  local text = ("%s%s = %s"):format(indent, line(tostring(name)), shown(value))
  if type(value) ~= "table" or #text <= WIDE or next(value) == nil then
    out[#out + 1] = text
    return
  end
  out[#out + 1] = ("%s%s:"):format(indent, line(tostring(name)))
  for _, key in ipairs(compare.sorted_keys(value)) do output_lines(out, key, value[key], indent .. "  ") end
end

--- The last lines of an apply.
function terminal.summary(engine, p)
  local s = playbook.summary(engine)
  local out = {}
  local checks = engine.workflow and engine.workflow.checks or {}
  if #checks > 0 then out[1] = checks_line(checks, p) end
  local only_looked = s.writes == 0 and s.steps == 0 and s.failed + s.skipped + s.unchanged == 0
  if only_looked and #checks > 0 then
    out[1] = ("%s %s."):format(out[1], terminal.cost(engine))
  else
    out[#out + 1] = done_line(s, engine, p)
  end
  local outputs = playbook.outputs(engine)
  for _, name in ipairs(compare.sorted_keys(outputs)) do output_lines(out, name, outputs[name], "  ") end
  return out
end

return terminal
