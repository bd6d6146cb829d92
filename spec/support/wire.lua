-- wire.lua -- reads bodies and expected values of the protocol tests into plain comparable values.
local digest = require "tidelock.digest"
local json = require "tidelock.json"

local wire = {}

local SPECIAL <const> = {NaN = "NaN", Infinity = math.huge, ["-Infinity"] = -math.huge}

local function unescape(s)
  return (s:gsub("+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end))
end

--- The pairs of a form or query string, decoded, in a fixed order.
function wire.pairs_of(form)
  local list = {}
  for pair in form:gmatch "[^&]+" do
    local k, v = pair:match "^([^=]*)=?(.*)$"
    list[#list + 1] = unescape(k) .. "=" .. unescape(v)
  end
  table.sort(list)
  return list
end

-- ## XML as a tree: attributes by name, like-named children in order, text of leaves

local ENTITIES <const> = {lt = "<", gt = ">", amp = "&", quot = '"', apos = "'"}

local function decode(text)
  return (text:gsub("&#x(%x+);", function(h) return utf8.char(tonumber(h, 16)) end)
    :gsub("&#(%d+);", function(d) return utf8.char(tonumber(d)) end):gsub("&(%a+);", ENTITIES))
end

local function attributes(text)
  local t = {}
  for name, value in text:gmatch '([%w:_-]+)%s*=%s*"([^"]*)"' do t[name] = decode(value) end
  return t
end

-- Entries of a map come in any order: siblings that are pairs are put in one.
local function print_node(node)
  local names, out = {}, {node.text or ""}
  for name in pairs(node.children) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    for _, child in ipairs(node.children[name]) do out[#out + 1] = name .. "(" .. print_node(child) .. ")" end
  end
  return table.concat(out)
end

local function is_pair(node)
  local n = 0
  for _, list in pairs(node.children) do n = n + #list end
  return n == 2
end

local function settle(children)
  for _, list in pairs(children) do
    local pairs_only = true
    for _, node in ipairs(list) do
      settle(node.children)
      pairs_only = pairs_only and is_pair(node)
    end
    if pairs_only then table.sort(list, function(a, b) return print_node(a) < print_node(b) end) end
  end
  return children
end

--- A small reader for the bodies that this project writes and the vectors hold: no comments, no doctype.
function wire.xml(text)
  local stack = {{children = {}}}
  for before, close, name, attrs, empty in text:gmatch "([^<]*)<(/?)([%w:_-]+)([^>]-)(/?)>" do
    local top = stack[#stack]
    if close == "/" then
      if next(top.children) == nil then top.text = decode(before) end
      stack[#stack] = nil
    else
      local node = {attrs = attributes(attrs), children = {}}
      local list = top.children[name] or {}
      top.children[name] = list
      list[#list + 1] = node
      if empty == "/" then node.text = "" else stack[#stack + 1] = node end
    end
  end
  return settle(stack[1].children)
end

-- ## CBOR as plain values

local function cbor_item(s, at)
  local first = s:byte(at)
  local major, info = first >> 5, first & 31
  local n
  at = at + 1
  if info < 24 then n = info
  elseif info < 28 then n, at = string.unpack(">I" .. (1 << (info - 24)), s, at) end
  if major == 0 then return n, at end
  if major == 1 then return -1 - n, at end
  if major == 2 or major == 3 then
    if info ~= 31 then return s:sub(at, at + n - 1), at + n end
    local parts = {}
    while s:byte(at) ~= 0xff do parts[#parts + 1], at = cbor_item(s, at) end
    return table.concat(parts), at + 1
  end
  if major == 4 or major == 5 then
    local t, i = {}, 0
    while info == 31 and s:byte(at) ~= 0xff or info ~= 31 and i < n do
      local k, v
      i = i + 1
      if major == 5 then k, at = cbor_item(s, at) end
      v, at = cbor_item(s, at)
      t[k or i] = v
    end
    return t, info == 31 and at + 1 or at
  end
  if major == 6 then
    local v
    v, at = cbor_item(s, at)
    return {tag = n, value = v}, at
  end
  if info == 20 or info == 21 then return info == 21, at end
  if info == 22 or info == 23 then return json.null, at end
  local size = info == 26 and 4 or 8
  if info == 25 then return "half:" .. n, at end
  local v = string.unpack(size == 4 and ">f" or ">d", s, at - size)
  if v ~= v then v = "NaN" end
  return v, at
end

function wire.cbor(bytes)
  if bytes == "" then return nil end
  return (cbor_item(bytes, 1))
end

-- ## Values: what the vectors write, as this library gives and takes them

local function each_member(service, shape, value, fn)
  local t = {}
  if value == nil or value == json.null then return value end
  if shape.type == "structure" and shape.document then return value end
  if shape.type == "structure" and type(value) == "table" then
    local types = {}
    for _, m in ipairs(shape.members) do types[m.name] = m.shape end
    for k, v in pairs(value) do
      if types[k] then t[k] = each_member(service, service:shape(types[k]), v, fn) else t[k] = v end
    end
    return t
  elseif shape.type == "list" and type(value) == "table" then
    for i, v in ipairs(value) do t[i] = each_member(service, service:shape(shape.member), v, fn) end
    return t
  elseif shape.type == "map" and type(value) == "table" then
    for k, v in pairs(value) do t[k] = each_member(service, service:shape(shape.value), v, fn) end
    return t
  end
  return fn(shape, value)
end

--- The caller's value of an input case. Blobs are text in the vectors, and in base64 for CBOR alone.
function wire.input(service, op, params)
  local cbor = service.metadata.protocol:find "cbor"
  if not op.input then return params end
  return each_member(service, service:shape(op.input), params, function(shape, value)
    if shape.type == "blob" and cbor then return digest.unbase64(value) or value end
    return value
  end)
end

local function number(value)
  if SPECIAL[value] then return SPECIAL[value] end
  return value
end

--- What an output case expects: special floats as numbers, blobs as bytes.
function wire.expected(service, name, value)
  if not name then return wire.plain(value) end
  return wire.plain(each_member(service, service:shape(name), value, function(shape, v)
    if shape.type == "float" or shape.type == "double" then return number(v) end
    return v
  end))
end

--- The same without marks, floats that are whole as integers, NaN as a word.
function wire.plain(value)
  if type(value) == "number" then
    if value ~= value then return "NaN" end
    return math.tointeger(value) or value
  end
  if type(value) ~= "table" then return value end
  local t = {}
  for k, v in pairs(value) do t[k] = wire.plain(v) end
  return t
end

return wire
