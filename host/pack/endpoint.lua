--- Compiles an endpoint rule set (decision trees) to a flat program over numbered registers (modules/endpoint.h).
local endpoint = {}

local MAGIC <const>, VERSION <const> = 0x454c4454, 1
local NOWHERE <const>, MAXREGS <const>, MAXPIECES <const>, MAXCODE <const> = 0xFF, 128, 64, 65536
local NOT <const>, PLAIN <const> = 1, 2
local END <const>, ENDPOINT <const>, ERROR <const>, VALUE <const> = 0, 1, 2, 3
local KIND <const> = {none = 0, string = 1, register = 2, bool = 3, integer = 4, template = 5, array = 6, object = 7}

-- By the rules' own names; getAttr and not are no ops: an operand carries an attribute, a flag inverts.
local OP <const> = {
  isSet = 4, stringEquals = 5, booleanEquals = 5, ["aws.partition"] = 6, ["aws.parseArn"] = 7, parseURL = 8,
  isValidHostLabel = 9, ["aws.isVirtualHostableS3Bucket"] = 10, substring = 11, uriEncode = 12, split = 13,
  ite = 14, coalesce = 15,
}
local ATTR <const> = {
  name = 2, dnsSuffix = 3, dualStackDnsSuffix = 4, implicitGlobalRegion = 5, supportsFIPS = 6, supportsDualStack = 7,
  partition = 8, service = 9, region = 10, accountId = 11, resourceId = 12,
  scheme = 13, authority = 14, path = 15, normalizedPath = 16, isIp = 17,
}
local ELEMENT <const>, RESOURCEID <const> = 1, 12
local TYPE <const> = {string = 0, boolean = 1, stringarray = 2}

local function fail(...) error(string.format(...), 0) end

local function word(kind, payload) return KIND[kind] << 28 | (payload & 0xFFFFFFF) end

-- Interned strings, each padded to a word; offset 0 is the empty one.
local function texts()
  local self = {parts = {("\0"):rep(8)}, known = {[""] = 0}, size = 8}
  function self.add(s)
    local at = self.known[s]
    if not at then
      local bytes = string.pack("<s4x", s)
      bytes = bytes .. ("\0"):rep(-#bytes & 3)
      at, self.known[s] = self.size, self.size
      self.parts[#self.parts + 1], self.size = bytes, self.size + #bytes
    end
    return at
  end
  return self
end

-- ## Operands

-- A register and what a path such as "resourceId[1]" takes of it.
local function attribute(register, path)
  local name, index = path:match "^([%w]*)%[(%-?%d+)%]$"
  name = name or path
  index = index and math.tointeger(tonumber(index))
  local attr = name == "" and ELEMENT or ATTR[name]
  if not attr or (index and attr ~= ELEMENT and attr ~= RESOURCEID) or (index and (index > 127 or index < -127)) then
    fail("getAttr takes the path %q, which this compiler does not know", path)
  end
  return word("register", register | attr << 8 | ((index or -128) & 0xFF) << 16)
end

local function reference(c, name, path)
  local register = c.scope[name]
  if not register then return word("none", 0) end
  return path and attribute(register, path) or word("register", register | 0x80 << 16)
end

-- Pieces of a template: literal text, and {name} or {name#path}; doubled braces are braces.
local function pieces(c, text)
  local list, literal, at = {}, "", 1
  local function flush()
    if literal ~= "" then list[#list + 1], literal = word("string", c.texts.add(literal)), "" end
  end
  while at <= #text do
    local double = text:match("^{{", at) or text:match("^}}", at)
    local name, path, after = text:match("^{([%w_]+)#?([^{}]*)}()", at)
    if double then
      literal, at = literal .. double:sub(1, 1), at + 2
    elseif name then
      flush()
      list[#list + 1], at = reference(c, name, path ~= "" and path or nil), after
    elseif text:find("^[{}]", at) then
      fail("the template %q is not closed", text)
    else
      local run = text:match("^[^{}]+", at)
      literal, at = literal .. run, at + #run
    end
  end
  flush()
  if #list > MAXPIECES then fail("the template %q has more than %d pieces", text, MAXPIECES) end
  return list
end

-- Words behind the code; they are moved there at the end, so that an index is only known by its block.
local function block(c, words)
  local key = table.concat(words, ",")
  local at = c.blocks[key]
  if not at then
    at = #c.data
    table.move(words, 1, #words, at + 1, c.data)
    c.blocks[key] = at
  end
  return at
end

local function text_operand(c, text)
  if not text:find "[{}]" then return word("string", c.texts.add(text)) end
  local list = pieces(c, text)
  if #list == 0 then return word("string", 0) end
  for _, piece in ipairs(list) do
    if piece == word("none", 0) then return piece end   -- a name that is never set here
  end
  if #list == 1 and list[1] >> 28 == KIND.string then return list[1] end
  table.insert(list, 1, #list)
  return word("template", block(c, list))
end

local function literal(c, value)
  local kind = math.type(value) or type(value)
  if kind == "string" then return text_operand(c, value) end
  if kind == "boolean" then return word("bool", value and 1 or 0) end
  if kind == "integer" and value >= -2^27 and value < 2^27 then return word("integer", value) end
  fail("a rule holds a %s where text, a boolean or an integer may stand", kind)
end

-- ## Instructions

local function new_register(c)
  if c.free >= MAXREGS then fail("the rules need more than %d registers", MAXREGS) end
  c.free = c.free + 1
  c.most = math.max(c.most, c.free)
  return c.free - 1
end

-- `fail` is a list of code positions to be patched with where to go on.
local function emit(c, op, flags, dst, args, fails)
  local at = #c.code
  c.code[at + 1] = op | flags << 8 | #args << 16 | dst << 24
  c.code[at + 2] = 0
  table.move(args, 1, #args, at + 3, c.code)
  if fails then fails[#fails + 1] = at + 2
  elseif op > ERROR then c.code[at + 2] = #c.code end
end

local call

local function operand(c, value)
  if type(value) ~= "table" then return literal(c, value) end
  if value.ref then return reference(c, value.ref) end
  if value.fn == "getAttr" and type(value.argv[1]) == "table" and value.argv[1].ref then
    return reference(c, value.argv[1].ref, value.argv[2])
  end
  if not value.fn then fail "a rule holds a table that is neither a reference nor a function" end
  local register = new_register(c)
  call(c, value, PLAIN, register)
  return word("register", register | 0x80 << 16)
end

-- Op, operands and inversion of a function call.
local function resolve(c, it)
  if it.fn == "not" then
    local inner = it.argv[1]
    if type(inner) ~= "table" or not inner.fn or inner.fn == "getAttr" then return VALUE, {operand(c, inner)}, true end
    local op, args, inverted = resolve(c, inner)
    return op, args, not inverted
  end
  if it.fn == "getAttr" then
    local from = it.argv[1]
    if from.ref then return VALUE, {reference(c, from.ref, it.argv[2])}, false end
    local register = new_register(c)
    call(c, from, PLAIN, register)
    return VALUE, {attribute(register, it.argv[2])}, false
  end
  local op = OP[it.fn] or fail("the rules use the function %q, which this compiler does not know", it.fn)
  local args = {}
  for i, value in ipairs(it.argv) do args[i] = operand(c, value) end
  return op, args, false
end

function call(c, it, flags, dst, fails)
  local op, args, inverted = resolve(c, it)
  emit(c, op, flags | (inverted and NOT or 0), dst, args, fails)
end

-- A condition: its value is kept where it has a name; temporary registers are free again behind it.
local function condition(c, it, fails)
  local register = it.assign and new_register(c)
  local free = c.free
  call(c, it, 0, register or NOWHERE, fails)
  c.free = free
  if register then c.scope[it.assign] = register end
end

-- ## Properties and rules

local function keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function node(c, value, out)
  if type(value) ~= "table" or value.ref or value.fn then
    out[#out + 1] = operand(c, value)
  elseif #value > 0 then
    out[#out + 1] = word("array", #value)
    for _, item in ipairs(value) do node(c, item, out) end
  else
    local names = keys(value)
    out[#out + 1] = word("object", #names)
    for _, name in ipairs(names) do
      out[#out + 1] = word("string", c.texts.add(name))
      node(c, value[name], out)
    end
  end
  return out
end

local function tree(c, value)
  if not value or next(value) == nil then return word("none", 0) end
  return word("template", block(c, node(c, value, {})))
end

local rules

local function rule(c, it)
  local fails, scope, free = {}, c.scope, c.free
  c.scope = setmetatable({}, {__index = scope})
  for _, each in ipairs(it.conditions or {}) do condition(c, each, fails) end
  if it.rules then rules(c, it.rules)
  elseif it.endpoint then
    local e = it.endpoint
    emit(c, ENDPOINT, 0, NOWHERE, {operand(c, e.url), tree(c, e.properties), tree(c, e.headers)})
  elseif it.error then emit(c, ERROR, 0, NOWHERE, {operand(c, it.error)})
  else fail("a rule of type %q is neither a tree, an endpoint nor an error", tostring(it.type)) end
  for _, at in ipairs(fails) do c.code[at] = #c.code end
  c.scope, c.free = scope, free
end

function rules(c, list)
  for _, it in ipairs(list) do rule(c, it) end
end

local function parameter(c, name, it)
  local type_of = TYPE[it.type:lower()] or fail("the parameter %s is of type %q", name, it.type)
  local fallback = word("none", 0)
  if it.default ~= nil then
    if type(it.default) == "table" then fail("the parameter %s has a list for its default", name) end
    fallback = type(it.default) == "string" and word("string", c.texts.add(it.default)) or literal(c, it.default)
  end
  local register = new_register(c)
  c.scope[name] = register
  return string.pack("<I4I4I4I4I4", c.texts.add(name), type_of, it.required and 1 or 0,
    c.texts.add(it.builtIn or ""), fallback)
end

-- Templates and trees are known by their place in `data`, which comes behind the code.
local function relocate(c)
  local ncode, at = #c.code, 1
  while at <= ncode do
    local nargs = c.code[at] >> 16 & 0xFF
    for i = at + 2, at + 1 + nargs do
      if c.code[i] >> 28 == KIND.template then c.code[i] = c.code[i] + ncode end
    end
    at = at + 2 + nargs
  end
  for _, i in ipairs(c.nested) do c.data[i] = c.data[i] + ncode end
  table.move(c.data, 1, #c.data, ncode + 1, c.code)
end

-- Templates inside trees are operands too; counts of templates and literals are never of that kind.
local function nested(c)
  local list = {}
  for i, value in ipairs(c.data) do
    if value >> 28 == KIND.template then list[#list + 1] = i end
  end
  return list
end

--- Compiles a decoded endpoint-rule-set-1.json to the bytes that `tidelock.endpoint.load` takes.
-- Raises a sentence where the rules use what the program could not do.
function endpoint.compile(set)
  if type(set) ~= "table" or type(set.rules) ~= "table" then fail "this is no endpoint rule set: it has no rules" end
  local c = {texts = texts(), code = {}, data = {}, blocks = {}, scope = {}, free = 0, most = 0}
  local params = {}
  for i, name in ipairs(keys(set.parameters or {})) do params[i] = parameter(c, name, set.parameters[name]) end
  rules(c, set.rules)
  emit(c, END, 0, NOWHERE, {})
  local ncode = #c.code
  if ncode > MAXCODE then fail("the rules compile to %d words, and %d are the most", ncode, MAXCODE) end
  c.nested = nested(c)
  relocate(c)
  local words = {}
  for i, value in ipairs(c.code) do words[i] = string.pack("<I4", value) end
  return string.pack("<I4I4I4I4I4I4I4", MAGIC, VERSION, #params, c.most, ncode, #words, c.texts.size)
    .. table.concat(params) .. table.concat(words) .. table.concat(c.texts.parts)
end

return endpoint
