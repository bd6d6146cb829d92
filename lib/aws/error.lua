--- The error object of lib/aws: fields for programs, and one sentence for a tired person.
local M = {}
M.__index = M

-- No secret may pass: some services echo the whole canonical request when a signature fails.
local function clean(text)
  if type(text) ~= "string" then return text end
  text = text:gsub("([Xx]%-[Aa]mz%-[Ss]ecurity%-[Tt]oken[=:]%s*)[^%s&;\"']+", "%1<secret>")
  return text
end

local function clean_all(value, depth)
  if type(value) == "string" then return clean(value) end
  if type(value) ~= "table" or depth > 8 then return value end
  for k, v in pairs(value) do value[k] = clean_all(v, depth + 1) end
  return value
end

--- The sentence: what was tried, on what, why it failed, what to do next.
function M:sentence() return require "aws.remedy".sentence(self) end

M.__tostring = M.sentence
M.__name = "aws.error"

--- An error object of `fields`: code, message, and what else is known of the call.
function M.new(fields)
  local e = setmetatable(fields, M)
  e.code = e.code or (e.status and tostring(e.status)) or "Unknown"
  e.message = clean(e.message or "no reason was given"):gsub('(did you mean "[^"]*"%?)%.', "%1")
  e.detail = clean_all(e.detail, 1)
  e.exit = e.exit or require "aws.remedy".exit(e)
  e.retryable = e.retryable or false
  e.attempts = e.attempts or 0
  return e
end

--- Whether `value` is such an object.
function M.is(value) return getmetatable(value) == M end

--- Raises a mistake of the program's own text: unknown name, wrong type. Exit code 64.
function M.usage(message, fields)
  fields = fields or {}
  fields.code, fields.message, fields.exit = "Usage", message, 64
  error(M.new(fields), 0)
end

return M
