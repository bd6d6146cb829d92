-- Event streams: any bytes, whole and in pieces; and, as hardly any would have a right checksum, in right frames.
local digest = require "tidelock.digest"
local eventstream = require "tidelock.eventstream"

local function collect(bytes, size)
  local d, list = eventstream.decoder(), {}
  for at = 1, #bytes, size do
    local more, err = d:feed(bytes:sub(at, at + size - 1))
    if not more then return list, err.code end
    table.move(more, 1, #more, #list + 1, list)
  end
  local _, last = d:finish()
  return list, last and last.code
end

local function same(a, b)
  if type(a) ~= "table" then return a == b end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function frame(headers, payload)
  local prelude = (">I4I4"):pack(16 + #headers + #payload, #headers)
  prelude = prelude .. digest.crc32(prelude)
  local all = prelude .. headers .. payload
  return all .. digest.crc32(all)
end

-- Headers lose their widths in Lua but not their values.
local function there_and_back(message)
  for _, value in pairs(message.headers) do
    if math.type(value) == "float" or type(value) == "string" and #value > 32767 then return end
  end
  local again = assert(eventstream.decoder():feed(eventstream.encode(message)))
  assert(same(message, again[1]), "a message changes on its way to bytes and back")
end

local function target(bytes)
  local size = #bytes > 0 and bytes:byte() % 31 + 1 or 1
  for _, stream in ipairs {bytes, bytes:rep(2), frame(bytes:sub(2, 1 + size), bytes:sub(2 + size)), frame(bytes, "")} do
    local whole, why = collect(stream, math.max(#stream, 1))
    local pieces, reason = collect(stream, size)
    assert(same(whole, pieces), "pieces give other messages than the whole")
    assert(why == reason, "pieces break for another reason than the whole")
    for _, message in ipairs(whole) do there_and_back(message) end
  end
end

local function seeds()
  local headers = {{"a", true, "true"}, {"b", -1, "byte"}, {"c", 2, "short"}, {"d", 3, "int"}, {"e", 4, "long"},
    {"f", "bytes", "bytes"}, {":event-type", "text", "string"}, {"h", 12.5, "timestamp"},
    {"i", "30313233-3435-3637-3839-616263646566", "uuid"}, {"j", false, "false"}}
  local list = {eventstream.encode {}, eventstream.encode {payload = "{}"}}
  for i = 1, #headers do
    local message = eventstream.encode {headers = table.move(headers, 1, i, 1, {}), payload = "payload"}
    list[#list + 1] = message
    list[#list + 1] = message:sub(13, -12)   -- the headers alone
  end
  return list
end

return target, seeds
