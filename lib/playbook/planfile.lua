--- A plan in a file: what it was made from, and what was live then. It is carried out only if that still holds.
local compare = require "resources.compare"
local fault = require "playbook.fault"
local playbook = require "playbook"

local planfile = {}

local FORMAT <const> = "tidelock.planfile/1"

local function hash(text)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(text))
end

-- What is live and what is to be done, without showing either: a plan file holds no values.
local function mark(node)
  return {address = node.address, action = node.action, live = node.live and hash(compare.canon(node.live)) or "none",
    why = node.why}
end

local function absolute(path) return path and (require "tidelock.fs".realpath(path) or path) end

--- Writes the plan to `path`.
function planfile.save(path, engine, options)
  local loaded, rows = engine.loaded, {}
  for i, node in ipairs(playbook.all_nodes(engine)) do rows[i] = mark(node) end
  local json = require "tidelock.json"
  local text = json.encode({format = FORMAT, file = absolute(loaded.path), source = hash(engine.program.text),
    account_file = absolute(loaded.account_path), account_source = loaded.account_text and hash(loaded.account_text),
    vars = loaded.given_vars, region = engine.region, options = options or {}, resources = json.array(rows)},
    {indent = 2, sort = true}) .. "\n"
  local ok, err = require "tidelock.fs".write(path, text)
  if not ok then fault.fail(69, "The plan cannot be saved: %s.", err.message) end
end

--- The plan saved at `path`, or nil where the file is a playbook.
function planfile.load(path)
  local text = require "playbook.textfile".read(path)
  if not (text and text:find "^%s*{") then return nil end        -- what is wrong with it is told of the playbook
  local value = require "tidelock.json".decode(text)
  if type(value) ~= "table" or value.format ~= FORMAT then
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

--- Raises unless the fresh plan in `engine` is the saved one.
function planfile.check_live(saved, engine)
  local fresh, out = {}, {}
  for _, node in ipairs(playbook.all_nodes(engine)) do fresh[node.address] = mark(node) end
  for _, row in ipairs(saved.resources) do
    local now = fresh[row.address]
    if not now then
      out[#out + 1] = row.address .. " is no longer part of it"
    elseif now.live ~= row.live then
      out[#out + 1] = row.address .. " is not as it was (now: " .. now.why .. ")"
    elseif now.action ~= row.action then
      out[#out + 1] = ("%s would now be: %s"):format(row.address, now.action)
    end
    fresh[row.address] = nil
  end
  for address in pairs(fresh) do out[#out + 1] = address .. " is new" end
  if #out > 0 then
    table.sort(out)
    fault.fail(1, "What is live has changed since the plan was saved, so nothing was done: %s. Plan again.",
      table.concat(out, "; "))
  end
end

return planfile
