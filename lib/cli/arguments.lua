--- An operation's input from words in the aws CLI's forms: options, JSON, shorthand, file://. Pure but for files.
local forms = require "cli.callforms"
local options = require "cli.options"
local suggest = require "suggest"

local arguments = {}

--- "QueueUrl" -> "queue-url", as botocore and the aws CLI write it.
function arguments.option_name(name)
  local head, plural = name:match "^(.-)(%u%u+s)$"
  if plural then name = head .. "-" .. plural:lower() end
  name = name:gsub("(.)(%u%l+)", "%1-%2"):gsub("([%l%d])(%u)", "%1-%2"):lower()
  return (name:gsub("^%-", ""):gsub("%-%-+", "-"))
end

local function bad(option, message, ...) options.usage(("--%s %s"):format(option, message:format(...))) end

-- ## Files and blobs

local function read_file(option, path)
  path = path:gsub("^~/", (os.getenv "HOME" or "") .. "/")
  local file, why = io.open(path, "rb")
  if not file then bad(option, "cannot be read: %s", why) end
  local text = file:read "a"
  file:close()
  return text
end

-- What a word says: itself, or what is in a file. The second result tells that it is raw bytes.
local function content(option, word)
  local kind, path = word:match "^(fileb?)://(.*)$"
  if not kind then return word, false end
  return read_file(option, path), kind == "fileb"
end

local function blob(option, text, raw)
  if type(text) ~= "string" then bad(option, "must have bytes as text, not %s", tostring(text)) end
  if raw == true or raw and raw() then return text end
  local bytes = require "tidelock.digest".unbase64((text:gsub("%s", "")))
  if not bytes then
    bad(option, "must be base64 (or fileb://PATH, or --cli-binary-format raw-in-base64-out)")
  end
  return bytes
end

-- ## Shorthand: Key=a,List=b,c,Nested={x=1,y=[2,3]}

local Short <const> = {}
Short.__index = Short

function Short:fail(message) bad(self.option, "is not well-formed at character %d: %s", self.at, message) end

function Short:peek(n) return self.text:sub(self.at, self.at + (n or 1) - 1) end

function Short:quoted(mark)
  local out = {}
  self.at = self.at + 1
  while true do
    local c = self:peek()
    if c == "" then self:fail("a quote is not closed") end
    self.at = self.at + 1
    if c == mark then return table.concat(out) end
    if c == "\\" and self:peek() ~= "" then
      c = self:peek()
      self.at = self.at + 1
      if c ~= mark and c ~= "\\" then c = "\\" .. c end
    end
    out[#out + 1] = c
  end
end

function Short:plain(stop)
  local out = {}
  while true do
    local c = self:peek()
    if c == "" or stop:find(c, 1, true) then break end
    self.at = self.at + 1
    local after = self:peek()
    if c == "\\" and after ~= "" and stop:find(after, 1, true) then    -- other backslashes are the value's own
      c = after
      self.at = self.at + 1
    end
    out[#out + 1] = c
  end
  return (table.concat(out):gsub("^%s+", ""):gsub("%s+$", ""))
end

function Short:blanks() self.at = self.text:find("%S", self.at) or #self.text + 1 end

-- Bytes of a file that are no text in base64.
local Bytes <const> = {}

function Short:value(stop)
  self:blanks()
  local c = self:peek()
  if c == '"' or c == "'" then
    local text = self:quoted(c)
    self:blanks()
    return text
  end
  if c == "[" then return self:list() end
  if c == "{" then return self:hash() end
  local text = self:plain(stop)
  if not self.from_file then return text end
  local bytes, raw = content(self.option, text)
  return raw and setmetatable({bytes}, Bytes) or bytes
end

function Short:list()
  local out = {}
  self.at = self.at + 1
  while self:peek() ~= "]" do
    if self:peek() == "" then self:fail("[ is not closed") end
    out[#out + 1] = self:value ",]"
    if self:peek() == "," then self.at = self.at + 1 end
  end
  self.at = self.at + 1
  return out
end

function Short:hash()
  self.at = self.at + 1
  local out = self:pairs "}"
  if self:peek() ~= "}" then self:fail("{ is not closed") end
  self.at = self.at + 1
  return out
end

-- A word after a comma that has no = belongs to the list of the key before it.
function Short:is_key() return self.text:find("^%s*[%w%-_.#/: %*]+@?=", self.at) ~= nil end

function Short:pairs(close)
  local out = {}
  while self:peek() ~= "" and self:peek() ~= close do
    local key = self.text:match("^%s*([^=,{}%[%]]+)=", self.at)
    if not key then self:fail("expected name=value") end
    key, self.from_file = key:match "^%s*(.-)%s*(@?)%s*$"
    self.from_file = self.from_file ~= ""                             -- key@=file://PATH
    if out[key] ~= nil then
      self:fail(("there is a second %q; between the values of a list stands a blank, not a comma"):format(key))
    end
    self.at = self.text:find("=", self.at, true) + 1
    local value = self:value("," .. close)
    while self:peek() == "," and not (function()
      local at = self.at
      self.at = at + 1
      local yes = self:is_key()
      self.at = at
      return yes
    end)() do
      self.at = self.at + 1
      if self:peek() == close or self:peek() == "" then break end
      if type(value) ~= "table" or not value.listed then value = {value, listed = true} end
      value[#value + 1] = self:value("," .. close)
    end
    if type(value) == "table" then value.listed = nil end
    out[key] = value
    if self:peek() == "," then self.at = self.at + 1 end
  end
  return out
end

local function shorthand(option, text)
  local parser = setmetatable({option = option, text = text, at = 1}, Short)
  local value = parser:pairs ""
  if parser.at <= #text then parser:fail("something is left over") end
  return value
end

-- ## Values by shape

local coerce

local function to_number(option, value, whole)
  local n = tonumber(value)
  if whole then n = math.tointeger(n) end
  if not n then bad(option, "must be a %snumber, not %q", whole and "whole " or "", tostring(value)) end
  return n
end

local scalar <const> = {
  integer = function(_, option, value) return to_number(option, value, true) end,
  boolean = function(_, option, value)
    if type(value) == "boolean" then return value end
    if value ~= "true" and value ~= "false" then bad(option, "must be true or false, not %q", tostring(value)) end
    return value == "true"
  end,
  blob = function(state, option, value) return blob(option, value, state.raw_blobs) end,
  timestamp = function(_, _, value) return tonumber(value) or value end,
  string = function(_, _, value) return type(value) == "table" and value or tostring(value) end,
}
scalar.long = scalar.integer
scalar.double = function(_, option, value) return to_number(option, value) end
scalar.float, scalar.bigdecimal = scalar.double, scalar.double

-- Events to a service are a list; one alone may stand for itself.
local function events(state, option, shape, value, depth)
  if type(value) ~= "table" then bad(option, "must be a list of events as JSON, not %q", tostring(value)) end
  if #value == 0 and next(value) ~= nil then value = {value} end
  local out = {}
  for i, event in ipairs(value) do out[i] = coerce(state, option, shape, event, depth + 1, true) end
  return out
end

-- The one member of a structure that has no other.
local function lone(shape) return shape.type == "structure" and #shape.members == 1 and shape.members[1] or nil end

-- Structures of EC2 that are but {Value = true or false} are flags on a command line.
local function is_flag(model, shape)
  local only = lone(shape)
  return only ~= nil and only.name == "Value" and model:shape(only.shape).type == "boolean"
end

-- A tree out of JSON or shorthand, given the types that the shape asks for. JSON's own values are kept.
function coerce(state, option, shape, value, depth, is_event)
  if depth > 64 then bad(option, "is nested too deep") end
  if shape.document or value == nil then return value end
  if value == require "tidelock.json".null then return nil end       -- as skeletons have it: not given
  if getmetatable(value) == Bytes then
    value = value[1]
    if shape.type == "blob" then return value end
  end
  if shape.eventstream and not is_event then return events(state, option, shape, value, depth) end
  if shape.type == "structure" then
    if type(value) ~= "table" then bad(option, "must be name=value pairs or JSON, not %q", tostring(value)) end
    local out = {}
    local shapes = {}
    for _, member in ipairs(shape.members) do shapes[member.name] = member.shape end
    for key, v in pairs(value) do
      if shapes[key] then v = coerce(state, option, state.model:shape(shapes[key]), v, depth + 1) end
      out[key] = v
    end
    return out
  elseif shape.type == "list" then
    if type(value) ~= "table" or (next(value) ~= nil and #value == 0) then value = {value} end
    local out = setmetatable({}, getmetatable(value))
    local item = state.model:shape(shape.member)
    for i, v in ipairs(value) do out[i] = coerce(state, option, item, v, depth + 1) end
    return out
  elseif shape.type == "map" then
    if type(value) ~= "table" then bad(option, "must be name=value pairs or JSON, not %q", tostring(value)) end
    local out, inner = {}, state.model:shape(shape.value)
    for key, v in pairs(value) do out[key] = coerce(state, option, inner, v, depth + 1) end
    return out
  end
  local convert = scalar[shape.type]
  if not convert then return value end
  return convert(state, option, value)
end

local function json_value(option, text)
  local value, err = require "tidelock.json".decode(text)
  if value == nil then bad(option, "is not JSON: %s", err and err.message or "nothing in it") end
  return value
end

local function looks_like_json(text) return text:find "^%s*[%[{]" ~= nil end

-- A word of shorthand; where there is but one member, it may go without its name.
local function short_of(option, shape, text)
  local only = lone(shape)
  if only and not text:find("=", 1, true) then return {[only.name] = text} end
  return shorthand(option, text)
end

local function compound(state, option, shape, words)
  local first, raw = content(option, words[1])
  if looks_like_json(first) and (#words == 1 or raw) and (shape.type ~= "list" or first:find "^%s*%[") then
    return coerce(state, option, shape, json_value(option, first), 1)
  end
  if shape.type ~= "list" then
    if shape.document then return json_value(option, first) end
    return coerce(state, option, shape, short_of(option, shape, first), 1)
  end
  local item, out = state.model:shape(shape.member), {}
  local deep = item.type == "structure" or item.type == "map" or item.type == "list"
  for i, word in ipairs(words) do
    local text = content(option, word)
    local value = text
    if looks_like_json(text) then
      value = json_value(option, text)
    elseif deep then
      value = short_of(option, item, text)
    end
    out[i] = coerce(state, option, item, value, 2)
  end
  return out
end

local function single(state, option, shape, words)
  if #words > 1 then bad(option, "takes one value, not also %q; quote it if it has blanks", words[2]) end
  local text, raw = content(option, words[1])
  if shape.type == "blob" then return blob(option, text, raw or state.raw_blobs) end
  if shape.type == "string" and words[1]:find "^file://" then text = text:gsub("\n$", "") end
  return scalar[shape.type](state, option, text)
end

-- ## The operation's options

--- The name of a member's option of this operation.
function arguments.name_of(op, member) return forms.name(op, arguments.option_name(member)) end

local made = setmetatable({}, {__mode = "k"})                        -- a call asks for them more than once

--- The operation's options: name -> {member=, shape=}. Not to be changed.
function arguments.options(op, model)
  if made[op] then return made[op] end
  local by = {}
  local input = op:input_shape()
  for _, member in ipairs(input and input.members or {}) do
    local name, shape = arguments.name_of(op, member.name), model:shape(member.shape)
    by[name] = {member = member, shape = shape}
    local no = shape.type == "boolean" and forms.name(op, "no-" .. arguments.option_name(member.name))
      or is_flag(model, shape) and "no-" .. name
    if no then by[no] = {member = member, shape = shape, negative = true} end
  end
  forms.add(op, by)
  made[op] = by
  return by
end

local COMPOUND <const> = {structure = true, list = true, map = true}

-- The words that belong to the option at `i`: all up to the next of a list, else one; of a flag, true or false alone.
local function take_words(words, i, shape)
  local out = {}
  while words[i + 1] and not words[i + 1]:find "^%-%-%a" and (shape.type == "list" or #out == 0) do
    if shape.type == "boolean" and words[i + 1] ~= "true" and words[i + 1] ~= "false" then break end
    i = i + 1
    out[#out + 1] = words[i]
  end
  return out, i
end

-- A word that no option takes: where the body of the answer goes, for operations that have one.
local function stray(op, words, i, outfile)
  if op.streaming_output and not outfile then return words[i] end
  local before = words[i - 1] and words[i - 1]:sub(1, 2) ~= "--" and words[i - 2] or nil
  local name = before and before:match "^%-%-([^=]+)$"
  if name then bad(name, "takes one value, not also %q; quote it if it has blanks", words[i]) end
  options.usage(("what is %q for? Options of %s begin with --"):format(words[i], op.name))
end

-- The body of a streaming upload is a file, named with file:// or without, which is never held in memory.
local function body_file(name, word)
  local path = word:gsub("^fileb?://", ""):gsub("^~/", (os.getenv "HOME" or "") .. "/")
  local file <close>, why = io.open(path, "rb")
  if not file then bad(name, "must be a path to a file: %s", why) end
  return {path = path}
end

-- ## What is wrong, all at once

local function add(faults, message) faults[#faults + 1] = message end

-- Tells of options that must be there and are not. `given`: members that are, but were refused.
local function add_missing(faults, op, input, given)
  local out = {}
  local shape = op:input_shape()
  for _, member in ipairs(shape and shape.members or {}) do
    if member.required and input[member.name] == nil and not given[member.name] and not member.idempotency then
      out[#out + 1] = "--" .. arguments.name_of(op, member.name)
    end
  end
  if #out > 0 then add(faults, ("%s needs %s"):format(op.name, table.concat(out, ", "))) end
end

--- Refuses an input that lacks what must be there; what else is wrong with it is told in the same breath.
function arguments.check_required(op, input)
  local faults, rest = {}, {}
  forms.complete(op, input)
  add_missing(faults, op, input, {})
  if #faults == 0 then return end
  local body = op.streaming_input and op:input_shape().payload
  for name, value in pairs(input) do
    rest[name] = name == body and "" or value               -- a file, perhaps
  end
  for _, fault in ipairs(require "aws.input".faults(op, rest)) do
    local told = fault.message == "is required" and not fault.path:find "[.%[]"
    if not told then add(faults, fault.path .. " " .. fault.message) end
  end
  options.tell(faults)
end

-- ## The words of a line

-- What one option says.
local function value_of(state, name, option, values)
  local member, shape = option.member, option.shape
  if shape.type == "boolean" and (#values == 0 or option.negative) then
    return not option.negative
  elseif (#values == 0 or option.negative) and is_flag(state.model, shape) then
    return {Value = not option.negative}
  elseif #values == 0 then
    if shape.type ~= "list" or option.put then bad(name, "needs a value") end
    return require "tidelock.json".array {}
  elseif shape.type == "blob" and (member.streaming or shape.streaming) then
    return body_file(name, values[1])
  elseif option.put and shape.type == "list" then
    return values
  elseif COMPOUND[shape.type] then
    return compound(state, name, shape, values)
  end
  return single(state, name, shape, values)
end

-- Puts what one option says into the input; of a short one when all the others are in.
local function give(state, name, option, values)
  local member = option.member.name
  state.given[member] = true
  local value = value_of(state, name, option, values)
  if option.put then
    table.insert(state.short, {name = name, option = option, value = value})
  else
    state.input[member] = value
  end
end

-- A part of a member beside the whole of it would be lost, or the whole.
local function put_short(state, short)
  local member = short.option.member.name
  if state.whole[member] and not short.option.beside then
    bad(short.name, "says a part of --%s, which is there too; keep one of them", arguments.name_of(state.op, member))
  end
  short.option.put(state.input, short.value)
end

local function put_shorts(state)
  state.whole = {}
  for name in pairs(state.input) do state.whole[name] = true end
  for _, short in ipairs(state.short) do options.attempt(state.faults, put_short, state, short) end
end

-- A word that is an option of the program, for options.parse, with the value behind it. Where its last word is.
local function set_aside(state, words, i, option)
  local rest = state.rest
  rest[#rest + 1] = words[i]
  if not option.value or words[i]:find("=", 1, true) or not words[i + 1] then return i end
  rest[#rest + 1] = words[i + 1]
  return i + 1
end

-- An option that nobody knows, with the words behind it. Where its last word is.
local function unknown(state, words, i, name, known)
  local names = {}
  for other, option in pairs(state.by) do
    if not option.negative then names[#names + 1] = "--" .. other end
  end
  for other in pairs(known) do names[#names + 1] = "--" .. other end
  table.sort(names)
  local word = "--" .. name
  add(state.faults, ("%s has no option %s%s"):format(state.op.name, word, suggest.phrase(word, names)))
  local meant = state.by[(suggest.nearest(word, names) or ""):sub(3)]
  if meant then state.given[meant.member.name] = true end                 -- one slip is told once
  while words[i + 1] and not words[i + 1]:find "^%-%-%a" do i = i + 1 end
  return i
end

-- The whole input may still come from elsewhere, or is not wanted.
local function is_partial(rest)
  for _, word in ipairs(rest) do
    if word:find "^%-%-cli%-input%-json" or word:find "^%-%-generate%-cli%-skeleton" then return true end
  end
  return false
end

--- Splits words into those of `known` options (for options.parse) and the operation's input. All that is wrong with
-- them is told at once.
-- @param raw_blobs whether blobs are written as they are, not in base64: a boolean, or a function that tells
-- @return input, rest of the words, the file for the answer's body
function arguments.parse(op, model, words, known, raw_blobs)
  local by = arguments.options(op, model)
  local state = {op = op, model = model, raw_blobs = raw_blobs, by = by, input = {}, given = {}, rest = {}, faults = {},
    short = {}}
  local i, outfile = 1, nil
  while i <= #words do
    local name, joined = words[i]:match "^%-%-([^=]+)=?(.*)$"
    local option = name and by[name]
    if known[name or ""] then
      i = set_aside(state, words, i, known[name])
    elseif option then
      local values = {joined}
      if not words[i]:find("=", 1, true) then values, i = take_words(words, i, option.shape) end
      options.attempt(state.faults, give, state, name, option, values)
    elseif name then
      i = unknown(state, words, i, name, known)
    else
      outfile = options.attempt(state.faults, stray, op, words, i, outfile) or outfile
    end
    i = i + 1
  end
  put_shorts(state)
  if #state.faults > 0 and not is_partial(state.rest) then
    forms.complete(op, state.input)
    add_missing(state.faults, op, state.input, state.given)
  end
  options.tell(state.faults)
  return state.input, state.rest, outfile
end

--- The whole input of `--cli-input-json` (text or file://) with what the options gave on top.
function arguments.with_json(op, model, text, input, raw_blobs)
  local value = json_value("cli-input-json", (content("cli-input-json", text)))
  local shape = op:input_shape()
  local base = shape and coerce({model = model, raw_blobs = raw_blobs}, "cli-input-json", shape, value, 1) or value
  for name, v in pairs(input) do base[name] = v end
  return base
end

-- ## Skeleton

local EMPTY <const> = {string = "", integer = 0, long = 0, double = 0.0, float = 0.0, boolean = true,
  timestamp = "1970-01-01T00:00:00"}

-- `named`: texts are their members' names, as in the skeleton of an output.
local function skeleton(model, shape, open, named)
  if open[shape.name] then return {} end
  open[shape.name] = true
  local out
  if shape.type == "structure" then
    out = {}
    for _, member in ipairs(shape.members) do
      out[member.name] = skeleton(model, model:shape(member.shape), open, named and member.name)
    end
  elseif shape.type == "list" then
    out = {skeleton(model, model:shape(shape.member), open, named)}
  elseif shape.type == "map" then
    out = {KeyName = skeleton(model, model:shape(shape.value), open, named)}
  elseif shape.type == "string" and named then
    out = named
  elseif shape.enum then
    out = shape.enum[1]
  elseif shape.type == "blob" then
    out = require "tidelock.json".null
  else
    out = EMPTY[shape.type]
  end
  open[shape.name] = nil
  return out
end

--- A value of the shape with every member in it, for --generate-cli-skeleton.
function arguments.skeleton(model, shape, named)
  return shape and skeleton(model, shape, {}, named and shape.name) or {}
end

return arguments
