--- Faults of a playbook or an account file: collected, each with file and line, and raised together.
local fault = {}

local Fault <const> = {__name = "playbook.fault"}
Fault.__index = Fault

--- The line of the nearest frame that runs one of `sources` (chunk name -> path): path, line.
function fault.here(sources)
  for level = 2, 60 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    local path = sources[info.source]
    if path then return path, info.currentline end
  end
end

--- A list of faults, empty.
function fault.list() return {} end

--- Adds one, and returns it, unless the same stands at the same place already.
function fault.add(list, file, line, message)
  for _, f in ipairs(list) do
    if f.file == file and f.line == line and f.message == message then return end
  end
  list[#list + 1] = {file = file, line = line, message = message}
  return list[#list]
end

local function sentence(f)
  local where = f.file or ""
  if f.line then where = where .. ":" .. f.line end
  return where == "" and f.message or where .. ": " .. f.message
end

local function order(a, b)
  if (a.file or "") ~= (b.file or "") then return (a.file or "") < (b.file or "") end
  if (a.line or 0) ~= (b.line or 0) then return (a.line or 0) < (b.line or 0) end
  return a.message < b.message
end

--- The error object of some faults: `exit` 65 unless told, `faults`, and tostring gives a line for each.
function fault.error(list, exit)
  table.sort(list, order)
  return setmetatable({faults = list, exit = exit or 65, code = "BadPlaybook"}, Fault)
end

--- Raises them all if there is any.
function fault.raise(list, exit)
  if #list > 0 then error(fault.error(list, exit), 0) end
end

function Fault:__tostring()
  local out = {}
  for i, f in ipairs(self.faults) do out[i] = sentence(f) end
  local ending = self.resume and ("What was done stays. Put it right, then: %s --changed"):format(self.resume)
    or "Nothing was sent."
  if #out > 1 then out[#out + 1] = ("%d faults. %s"):format(#out, ending) end
  if #out == 1 then out[1] = out[1] .. (out[1]:find "[.!?]$" and "" or ".") .. " " .. ending end
  return table.concat(out, "\n")
end

--- Notes that the faults were met in a run, which had begun to work: so its error says, with the command to resume it.
function fault.of_run(value, resume)
  if fault.is(value) then value.resume = resume end
end

--- Whether a raised value is such an error.
function fault.is(value) return getmetatable(value) == Fault end

--- One failure that is not a fault of the text: exit code and sentence.
function fault.fail(exit, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(setmetatable({exit = exit, message = message, code = "Failed"},
    {__tostring = function(e) return e.message end, __name = "playbook.failure"}), 0)
end

return fault
