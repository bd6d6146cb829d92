-- run.lua -- runs the specs: each file in a process of its own, two side by side; one file alone runs right here.
-- usage: tidelua spec/run.lua [busted options] [file or folder ...]
local fs = require "tidelock.fs"
local loop = require "tidelock.loop"

-- ## Here: busted in the main task, held to its end: nothing parked, nothing open

--- What a finished run left behind, as sentences.
local function leftovers(tasks)
  for _ = 1, 3 do collectgarbage() loop.sleep(0.01) end  -- close callbacks run inside a turn of the loop
  local stats, faults = loop.stats(), {}
  if stats.tasks > tasks then faults[#faults + 1] = stats.tasks - tasks .. " task(s) still parked" end
  if stats.handles > 0 then faults[#faults + 1] = stats.handles .. " handle(s) of the loop still open" end
  return faults
end

local function references()
  local n = 0
  for key in pairs(debug.getregistry()) do if math.type(key) == "integer" then n = n + 1 end end
  return n
end

local function run_here()
  local whole = arg[1] == nil or arg[1]:sub(1, 1) ~= "-"     -- with options of busted a file may be left out whole
  table.insert(arg, 1, "--output=spec/support/report.lua")
  if whole then table.insert(arg, 2, "-Xoutput=whole") end
  table.insert(arg, 1, "--pattern=_spec")
  local tasks, refs, code = loop.stats().tasks, references(), nil
  local exit = os.exit
  os.exit = function(status)  -- luacheck: ignore 122
    code = status == true and 0 or tonumber(status) or 1
    error("exit", 0)
  end
  local ok, err = pcall(require("busted.runner"), {standalone = false})
  os.exit = exit  -- luacheck: ignore 122
  if not ok and code == nil then error(err, 0) end
  local faults = leftovers(tasks)
  if references() > refs then faults[#faults + 1] = "the registry holds references that it did not hold before" end
  for _, fault in ipairs(faults) do io.stderr:write("spec run: ", arg[#arg], ": ", fault, "\n") end
  return #faults > 0 and 1 or code or 0
end

-- ## Beside: a process a file, so that no heap, no server and no leak of one file weighs on the next

-- The spec files of a path; what of it cannot be read goes to `faults`, so that all is told at once.
local function collect(path, files, faults)
  local stat, err = fs.stat(path)
  if stat and stat.type == "file" then files[#files + 1] = path return end
  local names
  if stat then names, err = fs.list(path) end
  if not names then faults[#faults + 1] = err.message return end
  for _, name in ipairs(names) do
    local child = path .. "/" .. name
    local kind = (fs.stat(child) or {}).type                -- a spec beside this one may take its own away meanwhile
    if kind == "folder" then collect(child, files, faults)
    elseif kind and name:find "_spec%.lua$" then files[#files + 1] = child end
  end
end

local function self_path()
  return assert(fs.realpath "/proc/self/exe")
end

--- The output of one file's run; prints its line at once and keeps the rest.
local function run_file(file, options, total, bad)
  local proc = require "tidelock.proc"
  local command = {self_path(), "spec/run.lua"}
  table.move(options, 1, #options, #command + 1, command)
  command[#command + 1] = file
  local result = assert(proc.run(command))
  local passed, failed, skipped = result.stdout:match "(%d+) passed, (%d+) failed, (%d+) skipped\n$"
  local text = "\n" .. result.stdout               -- what a spec prints itself is seen where it is run alone
  io.write(text:match "\n(ok   [^\n]*\n)" or text:match "\n(FAIL [^\n]*\n)" or "FAIL " .. file .. " printed nothing\n")
  io.flush()
  total[1], total[2] = total[1] + (tonumber(passed) or 0), total[2] + (tonumber(failed) or 1)
  total[3] = total[3] + (tonumber(skipped) or 0)
  if result.code ~= 0 or result.signal then
    if (tonumber(failed) or 1) == 0 then total[2] = total[2] + 1 end
    local how = result.signal and "signal " .. result.signal or "exit code " .. result.code
    bad[#bad + 1] = ("\n%s: %s\n%s%s"):format(file, how, result.stdout, result.stderr)
  end
end

local function run_beside(files, options)
  local total, bad = {0, 0, 0}, {}
  require("task").map(files, function(file) run_file(file, options, total, bad) end,
    {concurrency = tonumber(os.getenv "SPEC_JOBS") or 2})
  io.write(table.concat(bad))
  io.write(("\n%d passed, %d failed, %d skipped\n"):format(table.unpack(total)))
  return #bad > 0 and 1 or 0
end

local files, options, paths, faults = {}, {}, {}, {}
for _, word in ipairs(arg) do
  table.insert(word:sub(1, 1) == "-" and options or paths, word)
end
for _, path in ipairs(#paths > 0 and paths or {"spec"}) do
  local before = #files + #faults
  collect(path, files, faults)
  if #files + #faults == before then faults[#faults + 1] = "in " .. path .. " is no spec, a file like NAME_spec.lua" end
end
if #faults > 0 then
  io.stderr:write("spec run: no spec was run: ", table.concat(faults, "; "), ". Give files or folders of specs.\n")
  return 64
end
if #files == 1 then return run_here() end
return run_beside(files, options)
