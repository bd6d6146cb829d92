-- run.lua -- every vector suite under $TIDELOCK_CONFORMANCE: a line a suite, then the counting line alone.
-- usage: tidelua spec/conformance/run.lua [suite ...]
local proc = require "tidelock.proc"

local ROOT <const> = os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance"
local WITHOUT <const> = os.getenv "TIDELOCK_NO_VECTORS" == "1"

-- The vectors' folder, the specs that read them, and the fewest cases that must run: a suite that
-- silently finds none is a failure.
local SUITES <const> = {
  {name = "protocols", folder = "protocols", specs = {"spec/conformance/protocols_spec.lua"}, least = 700},
  {name = "endpoints", folder = "endpoints", specs = {"spec/conformance/endpoints_spec.lua"}, least = 2000},
  {name = "jmespath", folder = "jmespath", specs = {"spec/conformance/jmespath_spec.lua"}, least = 800},
  {name = "sigv4", folder = "sigv4/v4", specs = {"spec/modules/sigv4_spec.lua"}, least = 38},
  {name = "sigv4a", folder = "sigv4/v4a", specs = {"spec/modules/sigv4a_spec.lua"}, least = 40},
}

local function present(folder)
  local out = assert(proc.run {"find", folder, "-maxdepth", "2", "-type", "f", "-name", "*.*", "-print", "-quit",
    stderr = "null"})
  return out.stdout ~= ""
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- passed, failed, skipped and what was printed, by running the suite's specs in a process of their own.
local function run(suite)
  local command = {"sh", "-c", 'exec "$(readlink /proc/$PPID/exe)" spec/run.lua "$@"', "tidelua"}
  for _, spec in ipairs(suite.specs) do
    if not exists(spec) then return 0, 1, 0, "there is no " .. spec end
    command[#command + 1] = spec
  end
  local out, err = proc.run(command)
  if not out then return 0, 1, 0, err.message end
  local passed, failed, skipped = out.stdout:match "(%d+) passed, (%d+) failed, (%d+) skipped\n*$"
  if not passed then
    local how = out.signal and "signal " .. out.signal or "code " .. out.code
    return 0, 1, 0, ("the run ended with %s before it had counted\n%s%s"):format(how, out.stdout, out.stderr)
  end
  passed, failed, skipped = math.tointeger(passed), math.tointeger(failed), math.tointeger(skipped)
  if out.code ~= 0 and failed == 0 then
    return passed, 1, skipped, ("the run ended with code %d\n%s"):format(out.code, out.stderr)
  end
  if failed == 0 and passed < suite.least then
    return passed, 1, skipped, ("%d cases passed, and at least %d must run"):format(passed, suite.least)
  end
  return passed, failed, skipped, out.stdout
end

local function wanted(name)
  if #arg == 0 then return true end
  for _, each in ipairs(arg) do if each == name then return true end end
  return false
end

local total = {0, 0, 0}
for _, suite in ipairs(SUITES) do
  if wanted(suite.name) then
    local counts, text
    if present(ROOT .. "/" .. suite.folder) then
      local passed, failed, skipped
      passed, failed, skipped, text = run(suite)
      counts = {passed, failed, skipped}
    elseif WITHOUT then
      counts, text = {0, 0, 1}, nil
    else
      counts = {0, 1, 0}
      text = ("its vectors are not under %s/%s: set TIDELOCK_CONFORMANCE to their folder, or"
        .. " TIDELOCK_NO_VECTORS=1 to do without"):format(ROOT, suite.folder)
    end
    print(("%-4s %-12s %5d passed, %d failed, %d skipped"):format(counts[2] > 0 and "FAIL" or "ok", suite.name,
      table.unpack(counts)))
    if counts[2] > 0 then print("  " .. text:gsub("\n", "\n  ")) end
    for i, n in ipairs(counts) do total[i] = total[i] + n end
  end
end
print(("%d passed, %d failed, %d skipped"):format(table.unpack(total)))
return total[2] > 0 and 1 or 0
