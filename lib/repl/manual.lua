--- The manual of a service or an operation, out of its model and, where it is there, its documentation.
-- Pure but for `manual.docs`, which opens the documentation's file.
local suggest = require "suggest"
local wrap = require "repl.wrap"

local manual = {}

local DEPTH <const> = 4                  -- structures in structures that a manual shows
local SENTENCE <const> = 200             -- characters of a text that is shortened to its beginning

-- ## Where the texts are

local function folder_of_program()
  local path = require "tidelock.fs".realpath "/proc/self/exe"
  return path and path:match "^(.*)/[^/]+$" or "."
end

--- The documentation, or nil and a line that says where it would be.
function manual.docs()
  local folder = folder_of_program()
  local places = {folder .. "/models.docs", (folder:match "^(.*)/[^/]+$" or "") .. "/share/tidelock/models.docs"}
  local docs = require "docs"
  local missing
  for _, path in ipairs(places) do
    local found, err = docs.open(path)
    if found then return found end
    if err.code ~= "missing" then missing = missing or err.message end
  end
  return nil, missing or ("The texts are not here: they would be in %s or %s (`make` builds them, `make install` "
    .. "copies them). What follows is from the models alone."):format(places[1], places[2])
end

-- ## Names

--- The service's model; or nil and a sentence with did-you-mean.
function manual.service_of(models, name)
  local model = models.service((name:gsub("_", "-"))) or models.service(name)
  if model then return model end
  return nil, ("there is no AWS service %q%s"):format(name, suggest.phrase(name, models.services()))
end

--- The names of a model's operations: "create-queue" (or with another mark than "-").
function manual.operations(model, mark)
  local out = {}
  for i, name in ipairs(model:operations()) do out[i] = (model:operation(name).snake:gsub("_", mark or "-")) end
  return out
end

--- The operation by any of its spellings; or nil and a sentence with did-you-mean.
function manual.operation_of(model, service, name)
  local op = model:operation((name:gsub("%-", "_"))) or model:operation(name)
  if op then return op end
  return nil, ("%s has no operation %q%s"):format(service, name, suggest.phrase(name, manual.operations(model)))
end

-- ## Types

local function type_of(model, shape)
  if shape.document then return "any JSON value" end
  if shape.type == "list" then return "list of " .. type_of(model, model:shape(shape.member)) end
  if shape.type == "map" then
    return ("map of %s to %s"):format(type_of(model, model:shape(shape.key)), type_of(model, model:shape(shape.value)))
  end
  if shape.type == "structure" and shape.union then return "structure, one member of" end
  return shape.type
end
manual.type_of = type_of

-- What a list or a map is of, at its bottom.
local function innermost(model, shape)
  for _ = 1, DEPTH do
    if shape.type == "list" then shape = model:shape(shape.member)
    elseif shape.type == "map" then shape = model:shape(shape.value)
    else break end
  end
  return shape
end

local function limits(shape)
  local what = (shape.type == "string" or shape.type == "blob") and "length" or shape.type == "list" and "items" or ""
  if not (shape.min or shape.max) then return nil end
  local range = shape.min and shape.max and ("%s to %s"):format(shape.min, shape.max)
    or shape.min and ("at least %s"):format(shape.min) or ("at most %s"):format(shape.max)
  return (what .. " " .. range):gsub("^ ", "")
end

local function traits(model, member, shape)
  local out = {type_of(model, shape)}
  if member.required then out[#out + 1] = "required" end
  if member.idempotency then out[#out + 1] = "made up when not given" end
  if member.streaming or shape.streaming then out[#out + 1] = "streamed" end
  if member.deprecated or shape.deprecated then out[#out + 1] = "deprecated" end
  out[#out + 1] = limits(shape)
  return table.concat(out, ", ")
end

-- ## Members

local function append(out, lines) table.move(lines, 1, #lines, #out + 1, out) end

local function first_sentence(text)
  local sentence = text:gsub("\n.*$", ""):match "^(.-[.!?])%s" or text:gsub("\n.*$", "")
  sentence = sentence:gsub(", where:$", "."):gsub(":$", ".")
  if #sentence <= SENTENCE then return sentence end
  return sentence:sub(1, SENTENCE):gsub("%s+%S*$", "") .. " ..."
end

local members

local function member_lines(page, out, shape, member, indent, open)
  local model, docs = page.model, page.docs
  local inner = model:shape(member.shape)
  local name = #open == 0 and page.naming(member.name) or member.name
  out[#out + 1] = ("%s%s  (%s)"):format(indent, name, traits(model, member, inner))
  local deeper = indent .. "    "
  local text = docs and (docs.members and docs.members[shape.name] or {})[member.name]
    or docs and docs.shapes and docs.shapes[member.shape]
  if text then append(out, wrap.lines(#open == 0 and text or first_sentence(text), deeper, page.width)) end
  local bottom = innermost(model, inner)
  local values = inner.enum or bottom.enum
  if not values and inner.type == "map" then values = model:shape(inner.key).enum end
  if values then
    append(out, wrap.lines((inner.type == "map" and not bottom.enum and "Keys: " or "Values: ")
      .. table.concat(values, ", "), deeper, page.width))
  end
  if bottom.type == "structure" and not bottom.document then members(page, out, bottom, deeper, open) end
end

-- The members of a structure inside those of `open`, but none that is inside itself.
function members(page, out, shape, indent, open)
  if #open >= DEPTH then return end
  for _, name in ipairs(open) do
    if name == shape.name then
      out[#out + 1] = indent .. "(as above: " .. shape.name .. ")"
      return
    end
  end
  local inside = table.move(open, 1, #open, 1, {})
  inside[#inside + 1] = shape.name
  for _, member in ipairs(shape.members) do member_lines(page, out, shape, member, indent, inside) end
end

local function plain(name) return name end

local function section(page, out, title, shape, naming, none)
  append(out, {"", title, ""})
  if not shape or #shape.members == 0 then
    out[#out + 1] = "  " .. none
    return
  end
  page.naming = naming
  for i, member in ipairs(shape.members) do
    member_lines(page, out, shape, member, "  ", {})
    if i < #shape.members and page.docs then out[#out + 1] = "" end
  end
end

-- ## Synopses

local function cli_synopsis(op, how, indent, width)
  local words, shape = {how.call}, op:input_shape()
  for _, required in ipairs {true, false} do
    for _, member in ipairs(shape and shape.members or {}) do
      if (member.required or false) == required then
        local word = how.word(member, op.service:shape(member.shape))
        words[#words + 1] = required and word or "[" .. word .. "]"
      end
    end
  end
  local glued = {}
  for i, word in ipairs(words) do glued[i] = word:gsub(" ", "\1") end   -- an option stays with its value
  local out = {}
  for i, line in ipairs(wrap.lines(table.concat(glued, " "), indent, width)) do
    out[i] = (i > 1 and "    " or "") .. line:gsub("\1", " ")
  end
  return out
end

local SAMPLE <const> = {integer = "1", long = "1", double = "1.0", float = "1.0", boolean = "true", structure = "{...}",
  list = "{...}", map = "{...}", timestamp = '"2026-01-31T00:00:00Z"'}

local function lua_synopsis(op, how, indent)
  local words, shape, optional = {}, op:input_shape(), false
  for _, member in ipairs(shape and shape.members or {}) do
    local inner = op.service:shape(member.shape)
    if member.required and not member.idempotency then
      words[#words + 1] = ("%s = %s"):format(member.name,
        SAMPLE[inner.type] or inner.enum and ("%q"):format(inner.enum[1]) or '"..."')
    else
      optional = true
    end
  end
  if optional then words[#words + 1] = "..." end
  return {("%s%s{%s}"):format(indent, how.call, table.concat(words, ", "))}
end

--- How an operation is written on the command line; `option` turns a member's name into an option's.
function manual.cli(service, op, option)
  return {
    call = ("tidelock call %s %s"):format(service, (op.snake:gsub("_", "-"))),
    member = function(name) return "--" .. option(name) end,
    word = function(member, shape)
      if shape.type == "boolean" then return ("--%s | --no-%s"):format(option(member.name), option(member.name)) end
      return ("--%s %s"):format(option(member.name), shape.type == "list" and "VALUE ..." or "VALUE")
    end,
    synopsis = cli_synopsis,
  }
end

--- How it is written in Lua.
function manual.lua(service, op)
  return {call = ("aws.%s:%s"):format((service:gsub("%-", "_")), op.snake), member = plain, synopsis = lua_synopsis}
end

-- ## The pages

local function paginated(op)
  local ok, all = pcall(op.service.paginators, op.service)
  return ok and all and (all.pagination or all)[op.name] ~= nil
end

local function errors(page, out, op)
  if #op.errors == 0 then return end
  append(out, {"", "ERRORS", ""})
  for _, name in ipairs(op.errors) do
    local shape = page.model:shape(name)
    local text = page.docs and page.docs.shapes and page.docs.shapes[name]
    out[#out + 1] = "  " .. (shape.code or name)
    if text then append(out, wrap.lines(first_sentence(text), "      ", page.width)) end
  end
end

--- The manual of an operation: lines. `how` is manual.cli or manual.lua of it; `docs` the service's texts or nil,
-- `note` the line that says why there are none.
function manual.operation(service, op, docs, how, width, note)
  local page = {model = op.service, docs = docs, width = width}
  local out = {("%s %s"):format(service, (op.snake:gsub("_", "-")))}
  if note then append(out, {"", table.unpack(wrap.lines(note, "", width))}) end
  local text = docs and docs.operations and docs.operations[op.name]
  if text then append(out, {"", table.unpack(wrap.lines(text, "  ", width))}) end
  if op.deprecated then append(out, {"", "  AWS has marked this operation as deprecated."}) end
  append(out, {"", "USAGE", ""})
  append(out, how.synopsis(op, how, "  ", width))
  if paginated(op) then append(out, {"", "  Its answer comes in pages; tidelock call joins them, aws.SERVICE:items(...)"
    .. " iterates over them."}) end
  section(page, out, "INPUT", op:input_shape(), how.member, "It takes no input.")
  section(page, out, "OUTPUT", op:output_shape(), plain, "It answers nothing but that it was done.")
  errors(page, out, op)
  return out
end

--- The manual of a service: lines.
function manual.service(service, model, docs, width, note)
  local meta = model.metadata
  local out = {("%s: %s (API version %s)"):format(service, meta.serviceFullName or service, meta.apiVersion or "?")}
  if note then append(out, {"", table.unpack(wrap.lines(note, "", width))}) end
  local about = docs and docs.about or ""
  if about ~= "" then append(out, {"", table.unpack(wrap.lines(about, "  ", width))}) end
  append(out, {"", "OPERATIONS", ""})
  append(out, wrap.columns(manual.operations(model), "  ", width))
  append(out, {"", ("One of them: tidelock help %s OPERATION. Call it: tidelock call %s OPERATION, or aws.%s:operation"
    .. "{...} in Lua."):format(service, service, (service:gsub("%-", "_")))})
  return out
end

return manual
