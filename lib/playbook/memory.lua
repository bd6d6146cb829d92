--- keep and recall: what one run of a playbook leaves for later ones, of this account and region, beside the journals.
local bytes = require "playbook.bytes"

local memory = {}

local function place(engine, name)
  local known = engine.identity.known
  return ("%s-%s-%s"):format(known and known.id or "account", engine.region or "region", name)
end

local function store_of(engine, word, name)
  local misplaced <const> = word .. " belongs into a step's or a check's function, where a run is there to remember it"
  if not engine.in_step then error(misplaced, 3) end
  if engine.in_step.only_looks then require "playbook.find".wrong(engine, misplaced) end
  if type(name) ~= "string" or name == "" then error(word .. " takes a name first", 3) end
  return engine.workflow.store
end

--- The words keep(name, value) and recall(name); the value is JSON, as a step's is.
function memory.words(engine)
  local json = require "tidelock.json"
  local function keep(name, value)
    local store = store_of(engine, "keep", name)
    local why = require "playbook.journal".refusal(value, "what is kept as " .. name)
    if why then error(why, 2) end
    store:keep(place(engine, name), json.encode(bytes.pack(value), {sort = true}))
    return value
  end
  local function recall(name)
    local text = store_of(engine, "recall", name):recall(place(engine, name))
    if text == nil then return nil end
    return bytes.unpack((json.decode(text)))
  end
  return keep, recall
end

return memory
