--- The functions of JMESPath: their types, and what they do.
local json = require "tidelock.json"
local values = require "aws.jmespath.values"

local functions = {of = {}, names = {}}

local null <const>, array = values.null, values.array

local function plain(v)
  if v == null then return nil end
  return v
end

local function fail(code, why) error({code = code, why = why}, 0) end

-- ## Types of arguments

-- All of one kind: the kind; nil where an element is of another (and where there is none).
local function kind_of_all(list)
  local kind = nil
  for _, x in ipairs(list) do
    local each = values.type(x)
    if kind and each ~= kind then return nil end
    kind = each
  end
  return kind
end

local function is_array(v) return values.is_array(v) or (type(v) == "table" and next(v) == nil) end

local function array_of(kinds)
  return function(v)
    if not is_array(v) then return false end
    if #v == 0 then return true end
    local kind = kind_of_all(v)
    return kind ~= nil and kinds[kind] == true
  end
end

-- An empty table without a mark may be either, so functions that take an array take it too.
local TYPES <const> = {
  any = function() return true end,
  number = function(v) return type(v) == "number" end,
  string = function(v) return type(v) == "string" end,
  array = is_array,
  object = values.is_object,
  ["array or string"] = function(v) return type(v) == "string" or is_array(v) end,
  ["array, object or string"] = function(v) return type(v) == "string" or type(v) == "table" end,
  ["array of numbers"] = array_of {number = true},
  ["array of strings"] = array_of {string = true},
  ["array of numbers or of strings"] = array_of {number = true, string = true},
}

-- ## What they do

local function utf8_reverse(s)
  local parts, n = {}, 0
  for char in s:gmatch(utf8.charpattern) do n = n + 1 parts[n] = char end
  for i = 1, n // 2 do parts[i], parts[n + 1 - i] = parts[n + 1 - i], parts[i] end
  return table.concat(parts)
end

-- The element whose key comes first by `before`; keys are numbers or strings, all of one kind.
local function best(list, keys, before)
  local at = 1
  for i = 2, #list do
    if before(keys[i], keys[at]) then at = i end
  end
  return plain(list[at])
end

-- Sorts without moving equal ones past each other.
local function sorted(list, keys)
  local order, out = {}, {}
  for i = 1, #list do order[i] = i end
  table.sort(order, function(a, b)
    if keys[a] == keys[b] then return a < b end
    return keys[a] < keys[b]
  end)
  for i, at in ipairs(order) do out[i] = list[at] end
  return array(out)
end

local function keys_by(name, list, of)
  local keys, kind = {}, nil
  for i, x in ipairs(list) do
    keys[i] = of(plain(x))
    local each = type(keys[i])
    if (each ~= "number" and each ~= "string") or (kind and kind ~= each) then
      fail("invalid-type", ("%s compares what its expression gives, and element %d gives a %s"):format(name, i - 1,
        values.type(keys[i])))
    end
    kind = each
  end
  return keys
end

local function less(a, b) return a < b end
local function more(a, b) return a > b end

local function sum(list)
  local total = 0
  for _, x in ipairs(list) do total = total + x end
  return total
end

local function contains(subject, wanted)
  if type(subject) == "string" then return type(wanted) == "string" and subject:find(wanted, 1, true) ~= nil end
  for _, x in ipairs(subject) do
    if values.equal(x, wanted) then return true end
  end
  return false
end

local function length(v)
  if type(v) == "string" then return utf8.len(v) or #v end
  if values.is_array(v) then return #v end
  local n = 0
  for _ in pairs(v) do n = n + 1 end
  return n
end

local function to_number(v)
  if type(v) == "number" then return v end
  if type(v) ~= "string" or not v:find "^%-?%d+%.?%d*[eE]?[+-]?%d*$" then return nil end
  return tonumber(v)
end

local function to_string(v)
  if type(v) == "string" then return v end
  if v == nil then return "null" end
  return json.encode(v, {sort = true})
end

local function map(of, list)
  local out = {}
  for i, x in ipairs(list) do
    local y = of(plain(x))
    if y == nil then y = null end
    out[i] = y
  end
  return array(out)
end

local function merge(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, x in pairs((select(i, ...))) do out[key] = x end
  end
  return out
end

local function not_null(...)
  for i = 1, select("#", ...) do
    local x = plain((select(i, ...)))
    if x ~= nil then return x end
  end
  return nil
end

local function reverse(v)
  if type(v) == "string" then return utf8_reverse(v) end
  local out, n = {}, #v
  for i = 1, n do out[i] = v[n + 1 - i] end
  return array(out)
end

local function define(name, types, run, variadic)
  functions.of[name] = {name = name, types = types, run = run, variadic = variadic}
  table.insert(functions.names, name)
end

define("abs", {"number"}, math.abs)
define("avg", {"array of numbers"}, function(list) return #list > 0 and sum(list) / #list or nil end)
define("ceil", {"number"}, math.ceil)
define("contains", {"array or string", "any"}, contains)
define("ends_with", {"string", "string"}, function(s, tail) return tail == "" or s:sub(-#tail) == tail end)
define("floor", {"number"}, math.floor)
define("join", {"string", "array of strings"}, function(glue, list) return table.concat(list, glue) end)
define("keys", {"object"}, values.keys)
define("length", {"array, object or string"}, length)
define("map", {"expression", "array"}, map)
define("max", {"array of numbers or of strings"}, function(list) return best(list, list, more) end)
define("max_by", {"array", "expression"}, function(list, of) return best(list, keys_by("max_by", list, of), more) end)
define("merge", {"object"}, merge, true)
define("min", {"array of numbers or of strings"}, function(list) return best(list, list, less) end)
define("min_by", {"array", "expression"}, function(list, of) return best(list, keys_by("min_by", list, of), less) end)
define("not_null", {"any"}, not_null, true)
define("reverse", {"array or string"}, reverse)
define("sort", {"array of numbers or of strings"}, function(list) return sorted(list, list) end)
define("sort_by", {"array", "expression"}, function(list, of) return sorted(list, keys_by("sort_by", list, of)) end)
define("starts_with", {"string", "string"}, function(s, head) return s:sub(1, #head) == head end)
define("sum", {"array of numbers"}, sum)
define("to_array", {"any"}, function(v)
  if values.is_array(v) then return v end
  if v == nil then v = null end
  return array {v}
end)
define("to_number", {"any"}, to_number)
define("to_string", {"any"}, to_string)
define("type", {"any"}, values.type)
define("values", {"object"}, values.items)

-- ## Calls

local function refuse(text, position, code, why)
  error({code = code, position = position, expression = text,
    message = ("The JMESPath expression %q does not fit the data: at position %d %s."):format(text, position, why)}, 0)
end

local function check(fn, i, v, refused)
  local wanted = fn.types[i] or fn.types[#fn.types]
  if wanted ~= "expression" and not TYPES[wanted](v) then
    local article = wanted:find "^a" and "an " or "a "
    refused("invalid-type", ("%s takes %s as argument %d, and got %s"):format(fn.name,
      wanted == "any" and "anything" or article .. wanted, i, values.type(v)))
  end
end

-- An argument is a function of the value, or {function}: an expression that the callee applies itself.
local function check_expressions(fn, args, refused)
  for i, arg in ipairs(args) do
    local wants = (fn.types[i] or fn.types[#fn.types]) == "expression"
    if wants ~= (type(arg) == "table") then
      refused("invalid-type", ("%s takes %s as argument %d"):format(fn.name,
        wants and "an expression (&...)" or "a value, not an expression (&...),", i))
    end
  end
end

--- A closure that evaluates the arguments and calls `fn`. Type errors are raised when it runs.
function functions.call(fn, args, text, position)
  local function refused(code, why) refuse(text, position, code, why) end
  check_expressions(fn, args, refused)
  local n, run = #args, fn.run
  local function invoke(...)
    local ok, result = pcall(run, ...)
    if ok then return result end
    if type(result) == "table" and result.why then refused(result.code, result.why) end
    error(result, 0)
  end
  local call = (fn.types[1] == "expression" or fn.types[2] == "expression") and invoke or run
  return function(v)
    local got = {}
    for i = 1, n do
      local arg = args[i]
      if type(arg) == "table" then
        got[i] = arg[1]
      else
        local x = arg(v)
        check(fn, i, x, refused)
        got[i] = x
      end
    end
    return call(table.unpack(got, 1, n))
  end
end

return functions
