--- Answers that a plan has had: what another part of it asks again, word for word, is not sent again.
-- Parts that each run alone too ask the same at their beginning: which buckets, clusters and queues there are. Whoever
-- asks twice himself waits for something to change, and is sent for. What is kept are the bytes that came: each asker
-- has tables of his own of them.
local loop = require "tidelock.loop"

local answers = {}
answers.__index = answers

local LIMIT <const> = 60                     -- seconds for which an answer counts as just had
local LARGE <const> = 256 * 1024             -- bytes: what is larger costs more to keep than to ask again
local ROOM <const> = 8 * 1024 * 1024         -- bytes in all: an account of thousands of buckets is asked twice

-- What is the same again when it is asked again, and may lie in memory for the time of a plan.
local LOOKS <const> = {"^describe_", "^list_", "^get_", "^head_", "^batch_get_"}
local NOT <const> = {"secret_value", "random_password", "_token$", "iterator$", "^get_records$", "^get_parameter",
  "^get_object"}

local function any(patterns, name)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return false
end

local function may_repeat(call, request, options)
  if not (call and call.read and call.node) or options and options.to then return false end
  if request.body ~= nil and type(request.body) ~= "string" then return false end
  return any(LOOKS, call.operation) and not any(NOT, call.operation)
end

-- All of a request but when it is sent: of its signature whose it is, and for which service and region.
local function words_of(request)
  local names, out = {}, {request.scheme or "", request.host or "", request.method or "", request.path or "",
    request.query or "", request.body or ""}
  for name in pairs(request.headers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = request.headers[name]
    if name == "Authorization" then value = value:match "Credential=([^,]+)" or value end
    if name ~= "X-Amz-Date" then out[#out + 1] = name .. ":" .. value end
  end
  return table.concat(out, "\n")
end

--- A memory for one plan.
function answers.new() return setmetatable({had = {}, bytes = 0}, answers) end

--- What came for this request when somebody else asked, or nil; and the key to keep its answer by, if that may be kept.
function answers:find(call, request, options)
  if not may_repeat(call, request, options) then return nil end
  local key = words_of(request)
  local entry = self.had[key]
  if not entry or entry.by[call.node] or loop.now() > entry.ends then return nil, key end
  entry.by[call.node] = true
  local out = {}
  for name, value in pairs(entry.response) do out[name] = value end
  return out, key
end

--- Keeps an answer. Refusals are not kept: they may be gone when they are asked for again.
function answers:keep(key, call, response)
  if response.status ~= 200 or type(response.body) ~= "string" or #response.body > LARGE then return end
  self.bytes = self.bytes + #key + #response.body
  if self.bytes > ROOM then return end
  local kept = {}
  for name, value in pairs(response) do kept[name] = value end
  self.had[key] = {response = kept, by = {[call.node] = true}, ends = loop.now() + LIMIT}
end

return answers
