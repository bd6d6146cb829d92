--- How a run came out: its result, its exit code, and the sentence that says how to go on.
local playbook = require "playbook"
local shellword = require "shellword"
local sorted_keys = require "resources.compare".sorted_keys
local suggest = require "suggest"

local outcome = {}

--- The command that goes on with a run, with the place where runs are kept.
function outcome.resume(id, store) return ("tidelock resume %s%s"):format(tostring(id), store and store.words or "") end

--- The result, exit code and sentence of a run whose resources have been gone through.
function outcome.of(engine, id)
  local again = engine.again or engine.resume or outcome.resume(id)
  local failed, left = false, false
  for _, node in ipairs(playbook.all_nodes(engine)) do
    failed, left = failed or node.failed ~= nil, left or node.skipped ~= nil
  end
  if engine.recorder.interrupted and (failed or left) then
    return "interrupted", 130, ("The run was interrupted; what was in flight has ended. Go on with: %s"):format(again)
  end
  if failed then return "failed", 1, ("When the cause is gone, go on with: %s"):format(again) end
  return "done", 0
end

--- The exit code that a run's checks ask for: 1 where a critical one erred, 2 where another did, else 0.
function outcome.checked(flow)
  local exit = 0
  for _, check in ipairs(flow.checks) do
    if check.result ~= "pass" and check.result ~= "skip" then
      if check.severity == "critical" then return 1 end
      exit = 2
    end
  end
  return exit
end

-- The command that applies the playbook once more as it was applied, as far as vars are text or numbers.
local function apply_again(engine, flow)
  local words = {"tidelock apply " .. shellword(engine.loaded.path)}
  if engine.loaded.account_path then words[#words + 1] = "--account " .. shellword(engine.loaded.account_path) end
  local given = engine.loaded.given_vars or {}
  for _, name in ipairs(sorted_keys(given)) do
    local value = given[name]
    if type(value) ~= "table" then words[#words + 1] = "--var " .. shellword(name .. "=" .. tostring(value)) end
  end
  return table.concat(words, " ") .. (flow.store and flow.store.words or "")
end

--- What was left to a person, and the words that do it; nil where nothing was.
function outcome.left_out(flow, engine)
  local n, words = #flow.left, {}
  if n == 0 then return nil end
  for i, name in ipairs(flow.left) do words[i] = ("--approve %q"):format(name) end
  return ("%d step%s left out, waiting for a confirmation. Do %s with: %s %s"):format(n,
    n == 1 and " was" or "s were", n == 1 and "it" or "them", apply_again(engine, flow), table.concat(words, " "))
end

-- What waits for a person, by name: all that may be approved.
local function approvable(engine)
  local names = {}
  for _, entry in ipairs(engine.sequence) do
    if entry.kind == "approve" or entry.kind == "step" and entry.spec.confirm then names[#names + 1] = entry.name end
  end
  return names
end

-- The steps, by name: what a resumed run may be told of.
local function steps_of(engine)
  local names = {}
  for _, entry in ipairs(engine.sequence) do
    if entry.kind == "step" then names[#names + 1] = entry.name end
  end
  return names
end

-- A sentence for each name that is none of `names`.
local function misspelt(given, names, text)
  local known, out = {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for _, name in ipairs(sorted_keys(given or {})) do
    local meant = not known[name] and suggest.phrase(name, names)
    if meant then out[#out + 1] = text:format(name) .. (meant == "" and "." or meant) end
  end
  return out
end

--- What was approved or assumed and nothing in the planned `engine` asks for, as sentences; nil where all is asked for.
function outcome.not_asked(engine, options)
  local out = misspelt(options.approved, approvable(engine), "Nothing here asks for --approve %q")
  for _, line in ipairs(misspelt(options.assume, steps_of(engine), "No step here is called %q, as --assume says")) do
    out[#out + 1] = line
  end
  return #out > 0 and table.concat(out, "\n") or nil
end

return outcome
