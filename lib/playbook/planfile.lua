--- A plan in a file: what it was made from, and what was live then. It is carried out only if that still holds.
local compare = require "resources.compare"
local fault = require "playbook.fault"
local playbook = require "playbook"
local record = require "playbook.record"
local show = require "playbook.show"

local planfile = {}

local FORMAT <const> = "tidelock.planfile/1"

local hash <const>, absolute <const> = record.hash, record.absolute

-- What is live of that which is declared and handed on. A state that comes and goes (an instance that is backed up) is
-- neither.
local function lasting(node)
  if not (node.fields and next(node.fields)) then return node.live end
  local out = {}
  for name in pairs(node.fields) do out[name] = node.live[name] end
  return out
end

-- What is declared, but for what is left to others.
local function declared(node)
  local out = show.value(node.want)
  for _, name in ipairs(node.ignore or {}) do out[name] = nil end
  return out
end

-- What is live and what is to be done, without showing either: a plan file holds no values.
local function mark(node)
  return {address = node.address, action = node.action, why = node.why, want = hash(compare.canon(declared(node))),
    live = node.live and hash(compare.canon(lasting(node))) or "none"}
end

--- What a plan was made of beside its own text: {resources, parts}, each as a hash.
function planfile.basis(engine)
  local rows = {}
  for i, node in ipairs(playbook.all_nodes(engine)) do rows[i] = mark(node) end
  return {resources = require "tidelock.json".array(rows), parts = record.parts(engine)}
end

--- Writes the plan to `path`.
function planfile.save(path, engine, options)
  local loaded, plan = engine.loaded, planfile.basis(engine)
  plan.format, plan.file, plan.source = FORMAT, absolute(loaded.path), hash(engine.program.text)
  plan.account_file = absolute(loaded.account_path)
  plan.account_source = loaded.account_text and hash(loaded.account_text)
  plan.account = engine.identity.known and engine.identity.known.id
  plan.vars, plan.region, plan.options = loaded.given_vars, engine.region, options or {}
  local text = require "tidelock.json".encode(plan, {indent = 2, sort = true}) .. "\n"
  local ok, err = require "tidelock.fs".write(path, text)
  if not ok then fault.fail(69, "The plan cannot be saved: %s.", err.message) end
end

-- What must be in a plan for it to be carried out.
local HOLDS <const> = {file = "string", source = "string", region = "string", vars = "table", options = "table",
  resources = "table"}

local function is_whole(value)
  if type(value) ~= "table" or value.format ~= FORMAT then return false end
  for name, kind in pairs(HOLDS) do
    if type(value[name]) ~= kind then return false end
  end
  for _, row in ipairs(value.resources) do
    if type(row) ~= "table" or type(row.address) ~= "string" then return false end
  end
  return true
end

--- The plan saved at `path`, or nil where the file is a playbook.
function planfile.load(path)
  local text = require "playbook.textfile".read(path)
  if not (text and text:find "^%s*{") then return nil end        -- what is wrong with it is told of the playbook
  local value = require "tidelock.json".decode(text)
  if not is_whole(value) then
    fault.fail(65, "%s is no plan that this tidelock can read. Make it anew with: tidelock plan FILE.lua --out %s",
      path, path)
  end
  return value
end

--- Raises unless the files are those the plan was made from.
function planfile.check_sources(saved, loaded)
  if hash(loaded.program.text) ~= saved.source or (saved.account_source
      and hash(loaded.account_text or "") ~= saved.account_source) then
    fault.fail(65, "%s or its account file has changed since the plan was saved. Plan again.", saved.file)
  end
end

local function row_differs(row, now)
  if not now then return row.address .. " is no longer part of it" end
  if now.live ~= row.live then return ("%s is not as it was (now: %s)"):format(row.address, now.why) end
  if now.action ~= row.action then return ("%s would now be: %s"):format(row.address, now.action) end
  if now.want ~= row.want then return row.address .. " is declared otherwise" end
end

local function rows_differ(out, before, after)
  local fresh = {}
  for _, row in ipairs(after) do fresh[row.address] = row end
  for _, row in ipairs(before) do
    out[#out + 1] = row_differs(row, fresh[row.address])
    fresh[row.address] = nil
  end
  for address in pairs(fresh) do out[#out + 1] = address .. " is new" end
end

--- Sentences on what the plan in `engine` is made of otherwise than one with that basis, joined; nil where nothing is.
function planfile.differs(basis, engine)
  local fresh, out = planfile.basis(engine), {}
  rows_differ(out, basis.resources, fresh.resources)
  for _, path in ipairs(record.other_parts(basis.parts, engine)) do out[#out + 1] = path .. " has another text" end
  table.sort(out)
  return #out > 0 and table.concat(out, "; ") or nil
end

--- Raises unless the fresh plan in `engine` is the saved one.
function planfile.check_live(saved, engine)
  local why = planfile.differs(saved, engine)
  if why then
    fault.fail(1, "What is live or declared has changed since the plan was saved, so nothing was done: %s. Plan again.",
      why)
  end
end

return planfile
