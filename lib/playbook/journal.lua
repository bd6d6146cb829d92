--- The journal of a run: JSON lines, each on the disk before the next thing happens. docs/reference/journal.md.
local bytes = require "playbook.bytes"
local fault = require "playbook.fault"

local journal = {}
journal.__index = journal

local function time() return require "tidelock.loop".time() end

local function stamp(seconds)
  local whole = math.floor(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(math.floor((seconds - whole) * 1000))
end

-- What is neither a string nor a table, as it may be written.
local function plain(value)
  local kind = type(value)
  if kind == "userdata" then return value == require "tidelock.json".null and value or "<secret>" end
  if kind == "function" or kind == "thread" then return "<" .. kind .. ">" end
  if value ~= value or value == math.huge or value == -math.huge then return tostring(value) end
  return value
end

-- What may be written: secrets become "<secret>", what JSON cannot hold is said. No record fails for what it holds.
local function clean(value, depth)
  if type(value) == "string" then return bytes.said(value) end
  if type(value) ~= "table" then return plain(value) end
  if depth > 40 then return "..." end
  local meta = getmetatable(value)
  if meta == "unknown" or meta == "handle" then return "(known after apply)" end
  local fits = bytes.fits(value)
  local out = setmetatable({}, fits and type(meta) == "table" and not meta.__index and meta or nil)
  for k, v in next, value do out[fits and k or bytes.key(k)] = clean(v, depth + 1) end
  return out
end
journal.clean = function(value) return clean(value, 1) end

-- What need not be kept before the run goes on, only before the next record that must: without it a resumed run looks
-- again where it would not have had to. A step's start is kept at once: not all that a step does is a call.
local SOON <const> = {answer = true, ["resource.start"] = true, ["resource.done"] = true, ["resource.fail"] = true,
  ["step.error"] = true, ["step.skipped"] = true, ["step.left"] = true, value = true, check = true}

--- A journal that appends to `file` (file:write(bytes, soon) -> true | nil, err; kept when it returns, but where `soon`
-- lets it wait for the next).
-- `records` are those it has already.
function journal.new(file, records)
  local self = setmetatable({file = file, records = records or {}, n = #(records or {})}, journal)
  self.by = {}
  for _, record in ipairs(self.records) do
    record.value = bytes.unpack(record.value)
    self:note(record)
  end
  return self
end

-- The last record of each kind and name: what a resumed run asks for.
function journal:note(record)
  if record.name then self.by[record.kind .. " " .. record.name] = record end
  self.last = record
end

--- The last record of that kind and name, or nil.
function journal:find(kind, name) return self.by[kind .. " " .. name] end

-- A record as its line. What a step returned is not only read by people: it is handed on when the run is resumed.
local function line_of(record)
  local out = clean(record, 1)
  if record.value ~= nil then out.value = bytes.pack(record.value) end
  return require "tidelock.json".encode(out, {sort = true}) .. "\n"
end

--- Appends one record; raises where it cannot be kept, so that nothing happens that is not in the journal.
function journal:write(record)
  self.n = self.n + 1
  record.n, record.at = self.n, stamp(time())
  local ok, err = self.file:write(line_of(record), SOON[record.kind])
  if not ok then
    local what, remedy = type(err) == "table" and err.message or tostring(err), type(err) == "table" and err.remedy
      or "Free some space or give another place (TIDELOCK_STATE)"
    if self.n == 1 then                          -- there is nothing to go on with
      fault.fail(69, "The journal cannot be written (%s), so nothing was done. %s, then start anew.", what, remedy)
    end
    fault.fail(69, "The journal cannot be written (%s), so nothing more is done: what is not in the journal must not be"
      .. " in AWS. %s, then: tidelock resume %s", what, remedy, self.run or "RUN")
  end
  self:note(record)
  return record
end

-- Why a table's own form cannot be kept as it is, or nil.
local function unfit(value, path)
  if not bytes.fits(value) then
    return ("%s is a table whose keys are neither all text nor 1 to n without a gap, which the journal cannot keep")
      :format(path)
  end
  if bytes.is_packed(value) then
    return ("%s has a member $base64, by which the journal marks bytes; call it something else"):format(path)
  end
end

local function unkept(value, path, depth)
  local kind = type(value)
  if kind == "number" and (value ~= value or math.abs(value) == math.huge) then
    return ("%s is %s, which the journal cannot keep"):format(path, tostring(value))
  end
  if kind == "nil" or kind == "string" or kind == "boolean" or kind == "number" then return end
  if kind == "userdata" then
    if value == require "tidelock.json".null then return end
    return ("%s is a secret; a step returns its ARN and version instead, because the journal keeps step values")
      :format(path)
  end
  if kind ~= "table" or depth > 32 then return ("%s is a %s, which the journal cannot keep"):format(path, kind) end
  local why = unfit(value, path)
  if why then return why end
  for k, v in next, value do
    why = unkept(v, path .. "." .. tostring(k), depth + 1)
    if why then return why end
  end
end

--- Why the journal cannot keep a step's value, or nil. `path` is what the value is called in the sentence.
function journal.refusal(value, path) return unkept(value, path, 1) end

--- The records of a journal's text. A line that a kill cut in two is left out; the second result tells.
function journal.parse(text)
  local json, out, cut = require "tidelock.json", {}, 0
  for line in (text .. (text:sub(-1) == "\n" and "" or "\n")):gmatch "(.-)\n" do
    if line ~= "" then
      local record = json.decode(line)
      if type(record) == "table" and record.kind then out[#out + 1] = record else cut = cut + 1 end
    end
  end
  return out, cut
end

--- How a run stands by its records: "done", "failed", "parked", "undone", "interrupted", "open" (it never ended) or
-- "empty" (it never began).
function journal.state(records)
  if #records == 0 then return "empty" end
  for i = #records, 1, -1 do
    local kind = records[i].kind
    if kind == "end" then return records[i].result end
    if kind == "resume" or kind == "run" then break end
  end
  return "open"
end

return journal
