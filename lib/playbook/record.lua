--- What a run writes to its journal beside its steps: beginning, calls, answers, resources, end; its keys in the store.
local playbook = require "playbook"
local redact = require "playbook.redact"
local show = require "playbook.show"

local record = {}

--- The SHA-256 of a text, in hex.
function record.hash(text)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(text or ""))
end

--- A file's path from the root, as far as there is such a file.
function record.absolute(path)
  return path and (require "tidelock.fs".realpath(path) or path)
end
local absolute <const> = record.absolute

--- The texts that an engine has run beside its own playbook's, all that is included: {path = SHA-256}, or nil.
function record.parts(engine)
  local out = {}
  for path, text in pairs(engine.texts) do
    if path ~= engine.program.path then out[absolute(path)] = record.hash(text) end
  end
  return next(out) and out
end

--- The paths of what `engine` includes with another text than when `parts` were noted, sorted.
function record.other_parts(parts, engine)
  local now, out = record.parts(engine) or {}, {}
  for path, hash in pairs(parts or {}) do
    if now[path] and now[path] ~= hash then out[#out + 1] = path end
  end
  table.sort(out)
  return out
end

--- Who started this process, as far as it knows: a task of a scheduler has no name, but a number.
function record.user()
  for _, name in ipairs {"USER", "LOGNAME"} do
    local value = os.getenv(name)
    if value and value ~= "" then return value end
  end
  return "uid " .. require "tidelock.fs".uid()
end

--- What is locked: an account and a region.
function record.lock_key(engine)
  local known = engine.identity.known
  return (known and known.id or "account") .. "/" .. (engine.region or "region")
end

--- What a run that has not ended is marked under: that, and the playbook.
function record.open_key(engine) return record.lock_key(engine) .. "/" .. engine.program.header.name end

--- A run has ended: its playbook may begin anew, unless another run of it is open by now (--new).
function record.close(engine, store, id)
  local key = record.open_key(engine)
  local open = store:open_run(key)
  if open and open.run == id then store:mark_open(key, nil) end
end

--- {address = action} of all that the plan showed.
function record.agreed(engine)
  local out = {}
  for _, node in ipairs(playbook.all_nodes(engine)) do out[node.address] = node.action end
  return out
end

--- Has every write of the engine's calls, and every answer, written to the journal.
function record.watch(engine, journal)
  engine.recorder.before = function(call, input)
    local written = journal:write {kind = "call", service = call.service, operation = call.operation,
      address = call.node and call.node.address,
      input = redact.input(engine.models, call.service, call.operation, input)}
    call.record = written.n
  end
  engine.recorder.after = function(call, err)
    journal:write {kind = "answer", call = call.record, service = call.service, operation = call.operation,
      request_id = call.request_id or (type(err) == "table" and err.request_id or nil), requests = call.requests,
      error = err and (type(err) == "table" and (err.code or err.message) or tostring(err)) or nil}
  end
end

-- What it leans on, by address: a run's page draws it.
local function leans_on(node)
  local out = {}
  for other in pairs(node.deps) do out[#out + 1] = other.address end
  table.sort(out)
  return #out > 0 and out or nil
end

--- Has the journal hear of every event first: nothing is shown that it does not know.
function record.tell(engine, journal)
  local function note(event)
    local node = event.node
    if event.kind == "resource.start" then
      local t, models = node.type, engine.models
      journal:write {kind = "resource.start", name = node.address, action = event.action, after = leans_on(node),
        before = redact.properties(t, models, node.live), changes = redact.changes(t, models, show.changes(node))}
    elseif event.kind == "resource.done" then
      journal:write {kind = "resource.done", name = node.address, action = event.action, seconds = event.seconds}
    elseif event.kind == "resource.fail" then
      journal:write {kind = "resource.fail", name = node.address, action = event.action,
        message = type(event.error) == "table" and event.error.message or tostring(event.error)}
    end
  end
  local emit = engine.emit
  engine.emit = require "playbook.events".stream {note, emit}
  emit {kind = "run.start", run = journal.run, playbook = engine.program.header.name, region = engine.region,
    account = engine.identity.known and engine.identity.known.id}
end

-- What of a playbook was asked for, where that is not all of it or more.
local function scope(engine)
  local o = engine.options or {}
  return {target = o.target, exclude = o.exclude, prune = o.prune}
end

--- A new run's journal, its first record written.
function record.begin(engine, options, id)
  local journal = options.store:create(id)
  local loaded = engine.loaded
  local known = engine.identity.known or {}
  journal:write {kind = "run", run = id, format = "tidelock.journal/1", playbook = engine.program.header.name,
    file = absolute(loaded.path), source = record.hash(engine.program.text), parts = record.parts(engine),
    vars = loaded.given_vars or {},
    account_file = absolute(loaded.account_path),
    account_source = loaded.account_text and record.hash(loaded.account_text),
    account = known.id, who = known.arn, user = record.user(), host = require "tidelock.fs".hostname(),
    region = engine.region, again = engine.again, steps = playbook.has_barriers(engine), agreed = record.agreed(engine),
    scope = scope(engine), unsafe = engine.unsafe, instructions = engine.context.instructions}
  return journal
end

--- Writes and tells the end of a run.
function record.finish(engine, journal, result, exit, message)
  journal:write {kind = "end", result = result, exit = exit, message = message}
  engine.emit {kind = "run.end", result = result, exit = exit, message = message}
end

return record
