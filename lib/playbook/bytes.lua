--- Bytes that are no text, in JSON: what a request held is said, what a step returned is kept to the last byte.
local bytes = {}

local SHORT <const> = 1024                   -- bytes of a blob that a record holds whole
local LONG <const> = 65536                   -- bytes of a text that it does
local MARK <const> = "$base64"               -- the one member of the table that stands for bytes in a kept value

--- Whether a string is text that JSON can hold (UTF-8).
function bytes.is_text(s) return utf8.len(s) ~= nil end

--- What stands for a string in a record that people read: the text itself, {base64 =} for at most 1,024 bytes that are
-- no text, and for what is longer, or is a text of more than 65,536 bytes, {bytes = how many, sha256 = in hex}.
function bytes.said(s)
  local digest, is_text = require "tidelock.digest", bytes.is_text(s)
  if is_text and #s <= LONG then return s end
  if not is_text and #s <= SHORT then return {base64 = digest.base64(s)} end
  return {bytes = #s, sha256 = digest.hex(digest.sha256(s))}
end

--- A key of a table as text: a number or a truth by its name, bytes that are no text by `\xHH`.
function bytes.key(key)
  local text = tostring(key)
  if bytes.is_text(text) then return text end
  return (text:gsub("[\x80-\xff]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

--- Whether a table's keys are 1 to n without a gap (a list), or all text (a map): what JSON can hold.
function bytes.fits(t)
  local texts, numbers = 0, 0
  for key in next, t do
    if type(key) == "string" and bytes.is_text(key) then
      texts = texts + 1
    elseif math.type(key) == "integer" and key >= 1 then
      numbers = numbers + 1
    else
      return false
    end
  end
  return numbers == 0 or (texts == 0 and numbers == #t)
end

--- The value as JSON can keep it whole: strings that are no text become {["$base64"] = text}.
function bytes.pack(value)
  if type(value) == "string" and not bytes.is_text(value) then
    return {[MARK] = require "tidelock.digest".base64(value)}
  end
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, inner in next, value do out[key] = bytes.pack(inner) end
  return out
end

--- The value that was packed.
function bytes.unpack(value)
  if type(value) ~= "table" then return value end
  local packed = rawget(value, MARK)
  if type(packed) == "string" then return require "tidelock.digest".unbase64(packed) end
  for key, inner in next, value do value[key] = bytes.unpack(inner) end
  return value
end

--- Whether a table has the member that stands for bytes, and so cannot be told from them.
function bytes.is_packed(value) return type(value) == "table" and rawget(value, MARK) ~= nil end

return bytes
