--- Tokens with which a walk over pages goes on later: the aws CLI's own form, base64 of JSON.
local digest = require "tidelock.digest"
local json = require "tidelock.json"

local token = {}

token.TRUNCATED = "boto_truncate_amount"     -- how many items of the page were seen
local ENCODED <const> = "boto_encoded_keys"  -- paths of values that are bytes: base64 within the JSON

-- A copy with bytes that are not text in base64; their paths are added to `paths`.
local function armour(value, path, paths)
  if type(value) == "string" and not utf8.len(value) then
    paths[#paths + 1] = json.array(table.move(path, 1, #path, 1, {}))
    return digest.base64(value)
  end
  if type(value) ~= "table" then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, each in pairs(value) do
    path[#path + 1] = type(key) == "number" and key - 1 or key
    copy[key] = armour(each, path, paths)
    path[#path] = nil
  end
  return copy
end

local function step(key) return type(key) == "number" and key + 1 or key end

-- Undoes `armour`. Paths come from outside: one that leads nowhere is left alone.
local function bare(tokens, paths)
  for _, path in ipairs(paths) do
    if type(path) ~= "table" then path = {} end
    local at = tokens
    for i = 1, #path - 1 do at = type(at) == "table" and at[step(path[i])] or nil end
    local last = #path > 0 and step(path[#path])
    if type(at) == "table" and last and type(at[last]) == "string" then
      at[last] = digest.unbase64(at[last]) or at[last]
    end
  end
end

-- One member as the aws CLI writes it; those that are not there are null.
local function member(name, value)
  return json.encode(name) .. ": " .. json.encode(value == nil and json.null or value, {sort = true})
end

--- Text of the tokens by input member (and of TRUNCATED): the aws CLI's own, to the blank.
-- @param tokens {member = token}
-- @param inputs the names of the input members, in the rule's order
function token.encode(tokens, inputs)
  local paths, out = {}, {}
  local copy = armour(tokens, {}, paths)
  for i, name in ipairs(inputs) do out[i] = member(name, copy[name]) end
  if copy[token.TRUNCATED] then out[#out + 1] = member(token.TRUNCATED, copy[token.TRUNCATED]) end
  if #paths > 0 then out[#out + 1] = member(ENCODED, json.array(paths)) end
  return digest.base64("{" .. table.concat(out, ", ") .. "}")
end

-- Tokens as they were encoded, or nil where the text is none of ours.
local function decoded(text)
  local ok, bytes = pcall(digest.unbase64, text)
  local tokens = ok and bytes and json.decode(bytes, {null = false})
  if type(tokens) ~= "table" then return nil end
  if type(tokens[ENCODED]) == "table" then bare(tokens, tokens[ENCODED]) end
  tokens[ENCODED] = nil
  return tokens
end

local function has(list, name)
  for _, each in ipairs(list) do
    if each == name then return true end
  end
  return false
end

--- Tokens by input member: of `encode`'s text, or the service's own token where there is one input.
-- @return the tokens; or nil and why not
function token.decode(text, inputs)
  if type(text) ~= "string" or text == "" then return nil, "the starting token is not text" end
  local tokens = decoded(text)
  local ours = tokens ~= nil
  for name in pairs(tokens or {}) do ours = ours and (name == token.TRUNCATED or has(inputs, name)) end
  if not ours then
    if #inputs == 1 then return {[inputs[1]] = text} end
    return nil, "the starting token is none that an earlier walk gave"
  end
  local seen = tokens[token.TRUNCATED]
  if seen ~= nil and not (math.type(seen) == "integer" and seen >= 0) then
    return nil, "the starting token was changed since an earlier walk gave it"
  end
  return tokens
end

return token
